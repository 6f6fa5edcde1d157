package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file reads the text form of golden cases, which testdata/README.md
// describes. A folder of them may come from anywhere: nothing is believed before
// it is checked, and memory stays within a small multiple of the file.

const (
	maxGoldenFile = 16 << 20 // bytes; the largest of lossgen's own has 1/25 of it
	maxGoldenRank = 8
)

var (
	// Names of cases become names of folders, so that they hold no separator.
	caseName = regexp.MustCompile(`^[A-Za-z0-9_+-][A-Za-z0-9_.+-]*$`)
	portName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	headLine = regexp.MustCompile(`^golden cases of ([A-Za-z0-9_]+), made by (.+)$`)
)

// maxName bounds names and the producer, beside their patterns: a pattern that counts to
// 200 takes a millisecond of every program's start.
const maxName = 200

// goldenText reads the lines of a loss's file.
type goldenText struct {
	loss, producer string
	list           []*Golden
	names          map[string]bool // of the cases so far
	open           bool            // the last case has no line of its request yet
}

// readGoldens reads a file of golden cases. Errors name the file and the line.
func readGoldens(file, loss string, data []byte) ([]*Golden, error) {
	r := &goldenText{loss: loss, names: map[string]bool{}}
	n, rest := 0, string(data)
	var err error
	for more := true; more && err == nil; {
		var text string
		text, rest, more = strings.Cut(rest, "\n")
		if n++; more || text != "" { // nothing follows the last newline
			err = r.line(n, text)
		}
	}
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, n, err)
	}
	return r.list, nil
}

func (r *goldenText) line(n int, text string) error {
	if i := strings.IndexFunc(text, func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }); i >= 0 {
		return fmt.Errorf("%s at byte %d is not printable", quote(text[i:min(i+1, len(text))]), i+1)
	}
	switch {
	case n == 1:
		return r.head(text)
	case strings.HasPrefix(text, "-- ") || len(r.list) == 0:
		return r.begin(text)
	case r.open:
		r.open = false
		return r.last().facts(text)
	default:
		return r.last().array(text)
	}
}

func (r *goldenText) last() *Golden { return r.list[len(r.list)-1] }

func (r *goldenText) head(text string) error {
	m := headLine.FindStringSubmatch(text)
	if m == nil || len(m[2]) > maxName {
		return fmt.Errorf("%s, want: golden cases of %s, made by PRODUCER", quote(text), r.loss)
	}
	if m[1] != r.loss {
		return fmt.Errorf("the cases are of %s, want %s", quote(m[1]), r.loss)
	}
	r.producer = m[2]
	return nil
}

// begin begins a case.
func (r *goldenText) begin(text string) error {
	if len(r.list) > 0 {
		if err := r.end(); err != nil {
			return err
		}
	}
	name, ok := strings.CutPrefix(text, "-- ")
	name, closed := strings.CutSuffix(name, " --")
	switch {
	case !ok || !closed:
		return fmt.Errorf("%s, want: -- CASE --", quote(text))
	case !caseName.MatchString(name) || len(name) > maxName:
		return fmt.Errorf("%s is no name of a case: want letters, digits and _ . + -, no . first, 200 at most", quote(name))
	case r.names[name]:
		return fmt.Errorf("there are two cases %s", name)
	}
	r.names[name], r.open = true, true
	r.list = append(r.list, &Golden{Loss: r.loss, Case: name, Producer: r.producer, Float32: map[string]*tensor.Tensor{}})
	return nil
}

// end checks the last case, whose lines are all read.
func (r *goldenText) end() error {
	if len(r.list) == 0 {
		return errors.New("there are no cases")
	}
	c := r.last()
	switch {
	case r.open:
		return fmt.Errorf("the case %s has no line with its request", c.Case)
	case len(c.Inputs) == 0 || len(c.Outputs) == 0:
		return fmt.Errorf("the case %s has no inputs or no outputs", c.Case)
	}
	for _, name := range c.Grad {
		if c.input(name) == nil || find(c.Outputs, "grad_"+name) == nil {
			return fmt.Errorf("the case %s differentiates %s: there is no input or no gradient of that name", c.Case, quote(name))
		}
	}
	return nil
}

// facts reads the line of what a case is beside its arrays.
func (c *Golden) facts(text string) error {
	var f struct {
		DTypes, Grad []string
		Request      losses.Request
		Torch        map[string]string // for who reads the file
		Note         string
		Float32Error map[string]float64 `json:"float32_error"`
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("the case %s has no request in JSON here: %s", c.Case, clip(err.Error(), 200))
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("the case %s has more than one JSON value here", c.Case)
	}
	c.Request, c.Grad, c.Note, c.Float32Error = f.Request, f.Grad, f.Note, f.Float32Error
	if c.Request.Loss != "" {
		return fmt.Errorf("the case %s names its loss again", c.Case)
	}
	c.Request.Loss = c.Loss
	for _, name := range f.DTypes {
		t, err := tensor.ParseDType(name)
		if err != nil || !t.IsFloat() {
			return fmt.Errorf("the case %s is for files of %s, want float64, float32, float16 or bfloat16", c.Case, quote(name))
		}
		c.DTypes = append(c.DTypes, t)
	}
	return nil
}

// array reads the line of an array: role, name, for inputs a dtype, dimensions
// and numbers.
func (c *Golden) array(text string) error {
	role, text, _ := strings.Cut(text, " ")
	name, text, _ := strings.Cut(text, " ")
	dtype := tensor.Float64
	switch role {
	case "input":
		var kind string
		kind, text, _ = strings.Cut(text, " ")
		var err error
		if dtype, err = tensor.ParseDType(kind); err != nil || dtype != tensor.Float64 && dtype != tensor.Int64 && dtype != tensor.Bool {
			return fmt.Errorf("an input of type %s, want float64, int64 or bool", quote(kind))
		}
	case "output":
	case "float32":
		dtype = tensor.Float32
	default:
		return fmt.Errorf("%s begins no line of a case, want input, output or float32", quote(role))
	}
	if !portName.MatchString(name) || len(name) > maxName {
		return fmt.Errorf("%s is no name of an input or output", quote(name))
	}
	dims, text, _ := strings.Cut(text, " ")
	t, err := readNumbers(dtype, dims, text)
	if err != nil {
		return fmt.Errorf("%s %s: %w", role, name, err)
	}
	return c.add(role, name, t)
}

func (c *Golden) add(role, name string, t *tensor.Tensor) error {
	list := &c.Outputs
	if role == "input" {
		list = &c.Inputs
	}
	known := find(*list, name)
	if role != "float32" {
		if known != nil {
			return fmt.Errorf("there are two arrays %s %s", role, name)
		}
		*list = append(*list, Named{name, t})
		return nil
	}
	switch {
	case known == nil || !known.Shape().Equal(t.Shape()):
		return fmt.Errorf("float32 %s follows no output of that name and these dimensions", name)
	case c.Float32[name] != nil:
		return fmt.Errorf("there are two arrays float32 %s", name)
	}
	c.Float32[name] = t
	return nil
}

// readNumbers reads dimensions such as [2,3] and as many numbers.
func readNumbers(dtype tensor.DType, dims, text string) (*tensor.Tensor, error) {
	sizes, err := readDims(dims)
	if err != nil {
		return nil, err
	}
	n, err := tensor.Count(sizes)
	if err != nil || n > (len(text)+1)/2 {
		return nil, fmt.Errorf("there are fewer numbers than dimensions %s ask for", dims)
	}
	t := tensor.New(dtype, sizes...)
	more := text != ""
	for i := range n {
		var number string
		if number, text, more = strings.Cut(text, " "); !readNumber(t, i, number) {
			return nil, fmt.Errorf("number %d is %s, want %s", i+1, quote(number), numberForms[dtype])
		}
	}
	if more {
		return nil, fmt.Errorf("there are more numbers than dimensions %s ask for", dims)
	}
	return t, nil
}

func readDims(text string) ([]int64, error) {
	list, ok := strings.CutPrefix(text, "[")
	list, closed := strings.CutSuffix(list, "]")
	if !ok || !closed {
		return nil, fmt.Errorf("dimensions are %s, want a list such as [2,3]", quote(text))
	}
	if list == "" {
		return nil, nil
	}
	var sizes []int64
	for field := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseUint(field, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("dimension %s is no size", quote(field))
		}
		if sizes = append(sizes, int64(n)); len(sizes) > maxGoldenRank {
			return nil, fmt.Errorf("there are more than %d dimensions", maxGoldenRank)
		}
	}
	return sizes, nil
}

var numberForms = map[tensor.DType]string{
	tensor.Float64: "a decimal number in its range, nan, inf or -inf", tensor.Float32: "a decimal number in its range, nan, inf or -inf",
	tensor.Int64: "an integer", tensor.Bool: "0 or 1",
}

// readNumber sets an element to the number that a text means, and reports whether
// it means one.
func readNumber(t *tensor.Tensor, i int, text string) bool {
	switch t.DType {
	case tensor.Bool:
		if text == "1" {
			t.SetInt(i, 1)
		}
		return text == "0" || text == "1"
	case tensor.Int64:
		v, err := strconv.ParseInt(text, 10, 64)
		t.SetInt(i, v)
		return err == nil
	}
	v, ok := special[text]
	if !ok {
		var err error
		v, err = strconv.ParseFloat(text, 8*t.DType.Size())
		ok = err == nil && strings.Trim(text, "+-.0123456789e") == ""
	}
	t.SetFloat(i, v)
	return ok
}

// special are the numbers without digits. The NaN is PyTorch's, whose payload is zero.
var special = map[string]float64{"nan": math.Float64frombits(0x7FF8 << 48), "inf": math.Inf(1), "-inf": math.Inf(-1)}

// quote shows a piece of a file on one short line.
func quote(text string) string { return clip(strconv.QuoteToASCII(clip(text, 80)), 80) }

// clip cuts a long text.
func clip(text string, most int) string {
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
