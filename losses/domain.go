package losses

import (
	"fmt"
	"math"
	"slices"
)

// This file holds the table of domains: what values an input may have. All that
// depends on them reads it: golden cases, the harness, random inputs, and, as JSON,
// the comparison with PyTorch.

// Domain names a row of the table.
type Domain string

// The domains; their rows say what each means.
const (
	Real      Domain = "real"
	Vector    Domain = "vector"
	Point     Domain = "point"
	Direction Domain = "direction"
	Unit      Domain = "unit"
	Interval  Domain = "interval"
	Positive  Domain = "positive"
	Weight    Domain = "weight"
	Time      Domain = "time"
	Simplex   Domain = "simplex"
	LogProb   Domain = "logprob"
	Box       Domain = "box"
	Signs     Domain = "sign"
	Event     Domain = "event"
	Grade     Domain = "grade"
	Class     Domain = "class"
	Group     Domain = "group"
	Labels    Domain = "labels"
	Lengths   Domain = "lengths"
	Mask      Domain = "mask"
	Tokens    Domain = "tokens"
)

// Of is what an input's domain leaves open.
type Of struct {
	Axis      string  // letter of the axis that the domain is about
	Sum       string  // lengths: letter of the axis that they divide among them, in shapes without Axis
	Option    string  // class: the option with the number of classes, where that is not the size of an axis
	More      int64   // class: how many classes there are beyond the size of the axis
	Ignored   string  // class: the option whose value is a label that does not count
	Except    string  // class: the option whose value is a class that no label names
	Unchecked bool    // class: PyTorch reads other memory where a label is no class
	Low, High float64 // interval: both ends belong to it; grade: High is the largest
}

// The kinds of elements.
const (
	kindFloat = "float"
	kindIndex = "index"
	kindBool  = "bool"
)

// domainRow is all that is known of a domain.
type domainRow struct {
	domain    Domain
	doc       string
	kind      string // of the elements
	low, high float64
	open      bool      // low itself is excluded
	only      []float64 // the only values, where they are few
	form      string    // what holds for values together; see the forms below
	classes   bool      // the axis is that of the classes: without a letter axis 1, or 0 at rank 1
	harmless  float64   // a number for which every loss is finite; 0 is the nearest to 0
	special   []float64 // numbers that stand out, for files of which nothing is known
	// fill says how golden inputs are filled: see testdata/README.md.
	fill func(u *use) string
	// edges are values that have golden cases of their own.
	edges func(of Of) map[string]float64
	// each makes a random value of a normal one; nil takes that itself. whole draws or
	// finishes all values together.
	each  func(u *use, i int, normal float64) float64
	whole func(u *use)
}

// What holds for values together.
const (
	formSum       = "sum"       // they sum to 1 along the axis
	formLogSum    = "log_sum"   // their exponentials do
	formNorm      = "norm"      // they are vectors of length 1
	formDirection = "direction" // they are vectors of more than one element
	formDistance  = "distance"  // they are coordinates of points
	formCorners   = "corners"   // they are boxes
	formTies      = "ties"      // equal ones are common
	formWhole     = "whole"     // they are whole numbers
	formEquality  = "equality"  // whether two are equal is all that counts
	formList      = "list"      // they end at the first -1
	formLength    = "length"    // they are at most the size of the axis
	formPrefix    = "prefix"    // they are true up to a place, at least once
)

var inf, nan = math.Inf(1), math.NaN()

// anyNumber are the edges of numbers without bounds.
var anyNumber = edges(map[string]float64{
	"nan": nan, "inf": inf, "minus_inf": -inf, "large": 1e4, "minus_large": -1e4, "minus_zero": math.Copysign(0, -1),
})

var outstanding = []float64{0, 0, 1, -1, 0.5, 1e4, -1e4, 1e-4, inf, -inf, nan}

var domainTable = []domainRow{
	{
		domain: Real, doc: "any number",
		kind: kindFloat, low: -inf, high: inf, fill: fillAs("normal"), edges: anyNumber, special: outstanding,
	}, {
		domain: Vector, doc: "vectors along the axis, which have a direction: more than one element",
		kind: kindFloat, low: -inf, high: inf, form: formDirection, fill: fillAs("normal"), edges: anyNumber, special: outstanding,
	}, {
		domain: Point, doc: "points with their coordinates along the axis, between which distances are taken",
		kind: kindFloat, low: -inf, high: inf, form: formDistance, fill: fillAs("normal"), edges: anyNumber, special: outstanding,
	}, {
		domain: Direction, doc: "vectors of length 1 along the axis",
		kind: kindFloat, low: -1, high: 1, form: formNorm, fill: fillAxis("direction"),
		edges: edges(map[string]float64{"nan": nan, "zero": 0, "one": 1}), whole: drawDirections,
	}, {
		domain: Unit, doc: "from 0 to 1",
		kind: kindFloat, low: 0, high: 1, classes: true, fill: fillAs("uniform:0:1"),
		edges: edges(map[string]float64{"zero": 0, "one": 1}), each: drawUnit, harmless: 0.5, special: []float64{0, 1, 0.5, 1e-7},
	}, {
		domain: Interval, doc: "from the lower bound to the upper one",
		kind: kindFloat, fill: func(u *use) string { return fmt.Sprintf("uniform:%v:%v", u.of.Low, u.of.High) },
		edges: func(of Of) map[string]float64 { return map[string]float64{"nan": nan, "low": of.Low, "high": of.High} },
		each:  drawInterval,
	}, {
		domain: Positive, doc: "above 0",
		kind: kindFloat, low: 0, high: inf, open: true, fill: fillAs("positive"),
		edges: edges(map[string]float64{"nan": nan, "zero": 0, "large": 1e4, "inf": inf}), each: drawPositive,
		harmless: 1, special: []float64{1, 1e-6, 1e4},
	}, {
		domain: Weight, doc: "0 or above",
		kind: kindFloat, low: 0, high: inf, fill: fillAs("positive"), each: drawPositive,
		harmless: 1, special: []float64{0, 1, 1e-6, 1e4},
	}, {
		domain: Time, doc: "above 0, and often equal",
		kind: kindFloat, low: 0, high: inf, open: true, form: formTies, fill: fillAs("steps:0.25:3:0.25"),
		edges: edges(map[string]float64{"nan": nan, "large": 1e4}), each: drawTime, harmless: 1,
	}, {
		domain: Simplex, doc: "probabilities that sum to 1 over the classes",
		kind: kindFloat, low: 0, high: 1, form: formSum, classes: true, fill: fillAxis("simplex"),
		edges: edges(map[string]float64{"nan": nan, "zero": 0, "one": 1}), whole: drawSimplex, harmless: 0.5,
	}, {
		domain: LogProb, doc: "log-probabilities over the classes",
		kind: kindFloat, low: -inf, high: 0, form: formLogSum, classes: true, fill: fillAxis("logprob"),
		edges: anyNumber, whole: drawLogProb,
	}, {
		domain: Box, doc: "x1, y1, x2, y2 with x1 < x2 and y1 < y2",
		kind: kindFloat, low: -inf, high: inf, form: formCorners, fill: fillAs("boxes"), each: drawBox,
	}, {
		domain: Signs, doc: "-1 or 1",
		kind: kindFloat, low: -1, high: 1, only: []float64{-1, 1}, fill: fillAs("sign"), each: drawSign, harmless: 1,
	}, {
		domain: Event, doc: "whether something happened: 0 or 1",
		kind: kindFloat, low: 0, high: 1, only: []float64{0, 1}, fill: fillAs("binary"), each: drawEvent,
	}, {
		domain: Grade, doc: "a whole number from 0 to the upper bound, such as a relevance",
		kind: kindFloat, form: formWhole, fill: func(u *use) string { return fmt.Sprintf("class:%v", u.of.High+1) },
		edges: func(of Of) map[string]float64 { return map[string]float64{"lowest": 0, "highest": of.High} },
		each:  drawGrade,
	}, {
		domain: Class, doc: "a class, counted from 0",
		kind: kindIndex, low: 0, high: inf, classes: true, fill: fillCount("class"), whole: drawClasses,
	}, {
		domain: Group, doc: "the number of a group: whether two are equal is all that counts",
		kind: kindIndex, low: -inf, high: inf, form: formEquality, fill: fillAs("class:3"),
		edges: edges(map[string]float64{"negative": -7, "large": math.MaxInt32}), whole: drawGroups,
	}, {
		domain: Labels, doc: "a list of classes along the last axis, ended by -1",
		kind: kindIndex, low: -1, high: inf, form: formList, classes: true, fill: fillCount("labels"), whole: drawLists, harmless: -1,
	}, {
		domain: Lengths, doc: "how much of each sequence counts, at most the size of the axis",
		kind: kindIndex, low: 0, high: inf, form: formLength, fill: fillLengths, whole: drawLengths,
	}, {
		domain: Mask, doc: "true or false",
		kind: kindBool, low: 0, high: 1, fill: fillAs("binary"), each: drawMask,
	}, {
		domain: Tokens, doc: "which tokens of a sequence count: true up to a place along the axis, at least once",
		kind: kindBool, low: 0, high: 1, form: formPrefix, fill: fillAxis("prefix"), whole: drawPrefixes,
	},
}

func edges(values map[string]float64) func(Of) map[string]float64 {
	return func(Of) map[string]float64 { return values }
}

// The ways to say how golden inputs are filled: as they are, along the axis, with
// numbers below a count.
func fillAs(text string) func(*use) string { return func(*use) string { return text } }

func fillAxis(name string) func(*use) string {
	return func(u *use) string { return fmt.Sprintf("%s:%d", name, u.axis) }
}

func fillCount(name string) func(*use) string {
	return func(u *use) string { return fmt.Sprintf("%s:%d", name, u.size) }
}

func fillLengths(u *use) string {
	if u.sum {
		return fmt.Sprintf("parts:%d", u.size)
	}
	return fmt.Sprintf("class:%d", u.size+1)
}

// row returns the domain's row of the table; one that is no number's for a name
// that stands in none, which [Def.Check] reports.
func (d Domain) row() domainRow {
	i := slices.IndexFunc(domainTable, func(r domainRow) bool { return r.domain == d })
	if i < 0 {
		return domainRow{domain: d, fill: fillAs("")}
	}
	return domainTable[i]
}

// Domains lists all domains.
func Domains() []Domain {
	var list []Domain
	for _, r := range domainTable {
		list = append(list, r.domain)
	}
	return list
}

// Doc says what the domain means.
func (d Domain) Doc() string { return d.row().doc }

// IsIndex reports whether values of the domain are integers.
func (d Domain) IsIndex() bool { return d.row().kind == kindIndex }

// isBool reports whether they are true or false.
func (d Domain) isBool() bool { return d.row().kind == kindBool }

// isFree reports whether any number goes.
func (d Domain) isFree() bool {
	r := d.row()
	return r.kind == kindFloat && math.IsInf(r.low, -1) && math.IsInf(r.high, 1) && r.form != formCorners
}

// Special returns numbers of the domain that stand out, nil where there are none that
// matter, and whether a multiple of a number is one of the domain's, too.
func (d Domain) Special() (special []float64, grows bool) {
	r := d.row()
	return r.special, math.IsInf(r.high, 1)
}

// bounds are the smallest and the largest number of the input.
func (in Input) bounds() (low, high float64) {
	r := in.Domain.row()
	if r.low == 0 && r.high == 0 { // which the input says itself
		return in.Of.Low, in.Of.High
	}
	return r.low, r.high
}

// harmless is a number of the input's domain for which every loss is finite.
func (in Input) harmless() float64 {
	if h := in.Domain.row().harmless; h != 0 {
		return h
	}
	low, high := in.bounds()
	return min(max(0, low), high)
}

// NamesClasses reports whether the input holds classes, so that a number that is none
// of them ends the run.
func (in Input) NamesClasses() bool {
	r := in.Domain.row()
	return r.kind == kindIndex && r.classes
}

// checkDomains finds inputs whose domain says too little, or what the shapes and
// options do not have.
func checkDomains(s Spec, options []Option) error {
	for _, in := range s.Inputs {
		if err := in.checkDomain(s.Shapes, options); err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
	}
	return nil
}

func (in Input) checkDomain(shapes []Shapes, options []Option) error {
	row := in.Domain.row()
	if row.doc == "" {
		return fmt.Errorf("there is no domain %q", in.Domain)
	}
	for _, letter := range []string{in.Of.Axis, in.Of.Sum} {
		if letter != "" && !usesLetter(shapes, letter) {
			return fmt.Errorf("no shape has the axis %q that it is about", letter)
		}
	}
	for _, name := range []string{in.Of.Option, in.Of.Ignored, in.Of.Except} {
		if name != "" && !slices.ContainsFunc(options, func(o Option) bool { return o.Name == name && o.Kind == "int" }) {
			return fmt.Errorf("there is no option %q of a whole number", name)
		}
	}
	bounded := in.Domain == Interval || in.Domain == Grade
	counted := row.kind == kindIndex && row.form != formEquality
	about := row.form == formNorm || row.form == formDirection || row.form == formPrefix
	switch {
	case bounded && !(in.Of.Low < in.Of.High):
		return fmt.Errorf("a domain %s has a lower bound below its upper one", in.Domain)
	case counted && in.Of.Axis == "" && in.Of.Option == "" && (in.Domain != Lengths || in.Of.Sum == ""):
		return fmt.Errorf("a domain %s names the axis, or the option, that bounds it", in.Domain)
	case about && in.Of.Axis == "":
		return fmt.Errorf("a domain %s names its axis", in.Domain)
	}
	return nil
}

// usesLetter reports whether a letter stands in one of the shapes.
func usesLetter(shapes []Shapes, letter string) bool {
	for _, pattern := range shapes {
		for _, shape := range pattern {
			if slices.Contains(tokens(shape), letter) {
				return true
			}
		}
	}
	return false
}
