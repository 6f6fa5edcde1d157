package verify

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// Sizes gives letters their sizes.
type Sizes map[string]int64

// Of returns a shape with the sizes of its letters; letters without one are 2.
func (s Sizes) Of(shape tensor.Shape) []int64 {
	dims := make([]int64, len(shape))
	all := Sizes{}
	maps.Copy(all, s)
	for i, d := range shape {
		for _, letter := range d.Letters() {
			if _, ok := s[letter]; !ok {
				all[letter] = 2
			}
		}
		dims[i], _ = d.Eval(all) // small sizes, which do not overflow
	}
	return dims
}

// SmallSizes gives each letter of a plan a small size of its own, which varies
// with the seed.
func SmallSizes(p *losses.Plan, seed int) Sizes {
	s := Sizes{}
	for _, port := range p.Ports {
		for _, d := range port.Shape {
			if _, ok := s[d.Sym]; !ok && !d.Known() {
				s[d.Sym] = 2 + int64(len(s)+seed)%3
			}
		}
	}
	return s
}

// Draw returns random inputs for a plan's file, each from its declared domain:
// the same ones for the same plan, sizes and seed. gradOutput is the shape of
// the loss, where the file has an upstream gradient.
func Draw(p *losses.Plan, s Sizes, seed int, gradOutput tensor.Shape) map[string]*tensor.Tensor {
	inputs := map[string]*tensor.Tensor{}
	for _, port := range p.Ports {
		random := generator(seed, p.Loss, port.Name)
		t := tensor.New(port.DType, s.Of(port.Shape)...)
		if port.Domain.IsIndex() {
			drawLabels(t, p, port, s, random)
		} else {
			drawFloats(t, port.Domain, random)
		}
		inputs[port.Name] = t
	}
	if p.GradOutput {
		t := tensor.New(p.LossDType, s.Of(gradOutput)...)
		drawFloats(t, losses.Positive, generator(seed, p.Loss, "grad_output"))
		inputs["grad_output"] = t
	}
	return inputs
}

func generator(seed int, names ...string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(strings.Join(names, "/")))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(seed)))
}

// drawFloats fills t with values of a domain that have all digits, so that a
// place that reads a wrong element is seen.
func drawFloats(t *tensor.Tensor, d losses.Domain, random *rand.Rand) {
	for i := range t.Len() {
		v := random.NormFloat64()
		switch d {
		case losses.Signs:
			v = math.Copysign(1, v)
		case losses.Mask: // most are kept
			v = math.Max(0, math.Ceil(v+1))
		case losses.Unit:
			v = 0.05 + 0.9*random.Float64()
		case losses.Positive, losses.Weight:
			v = 0.1 + 1.9*random.Float64()
		case losses.Box: // x1, y1, x2, y2
			v = 3 * random.Float64()
			if i%4 >= 2 {
				v += t.Float(i-2) + 0.5
			}
		}
		t.SetFloat(i, v)
	}
	if d == losses.Simplex || d == losses.LogProb {
		normalize(t, d)
	}
}

// normalize makes t probabilities along the classes, or their logarithms.
func normalize(t *tensor.Tensor, d losses.Domain) {
	if len(t.Dims) == 0 || t.Len() == 0 {
		return
	}
	axis := min(1, len(t.Dims)-1)
	classes, inner := int(t.Dims[axis]), 1
	for _, n := range t.Dims[axis+1:] {
		inner *= int(n)
	}
	for start := range t.Len() {
		if start/inner%classes != 0 {
			continue
		}
		sum := 0.0
		for c := range classes {
			sum += math.Exp(t.Float(start + c*inner))
		}
		for c := range classes {
			at := start + c*inner
			v := t.Float(at) - math.Log(sum)
			if d == losses.Simplex {
				v = math.Exp(v)
			}
			t.SetFloat(at, v)
		}
	}
}

// drawLabels fills t with class labels, and makes about one in six the ignored
// one, where the loss has that. Lists of labels are ended by -1.
func drawLabels(t *tensor.Tensor, p *losses.Plan, port losses.Port, s Sizes, random *rand.Rand) {
	classes := max(Classes(p, port, s), 1)
	p, port = p.Part(port) // of a composition
	switch port.Domain {
	case losses.Labels:
		drawLists(t, classes, random)
		return
	case losses.Lengths:
		drawLengths(t, p, port, s)
		return
	}
	blank, hasBlank := p.Options["blank"].(int64)
	ignored, has := p.Options["ignore_index"].(int64)
	for i := range t.Len() {
		t.SetInt(i, random.Int64N(classes))
		if hasBlank && t.Int(i) == blank {
			t.SetInt(i, (blank+1)%classes)
		}
		if i > 0 && has && random.IntN(6) == 0 {
			t.SetInt(i, ignored)
		}
	}
}

// drawLists fills the rows of t with different labels, ended by -1.
func drawLists(t *tensor.Tensor, classes int64, random *rand.Rand) {
	if len(t.Dims) == 0 {
		return // the label 0
	}
	width := int(t.Dims[len(t.Dims)-1])
	for start := 0; start < t.Len(); start += width {
		labels := random.Perm(int(classes))
		labels = labels[:min(len(labels), 1+random.IntN(width))]
		for i := range width {
			t.SetInt(start+i, -1)
			if i < len(labels) {
				t.SetInt(start+i, int64(labels[i]))
			}
		}
	}
}

// drawLengths fills t with the lengths of sequences: all steps of the first
// input, or all labels of the second, which lie in rows or one sequence after
// the other.
func drawLengths(t *tensor.Tensor, p *losses.Plan, port losses.Port, s Sizes) {
	of := p.Ports[1]
	if port.Name == p.Ports[2].Name {
		of = p.Ports[0]
	}
	dims := s.Of(of.Shape)
	for i := range t.Len() {
		switch n := int64(t.Len()); {
		case of.Name == p.Ports[0].Name:
			t.SetInt(i, dims[0])
		case len(dims) == 1 && len(t.Dims) == 1:
			t.SetInt(i, (dims[0]+n-1-int64(i))/n) // they add up
		default:
			t.SetInt(i, dims[len(dims)-1])
		}
	}
}

// Classes returns the number of classes that an input of labels names: what the
// declaration says, or the size of the axis that it calls C.
func Classes(p *losses.Plan, labels losses.Port, s Sizes) int64 {
	p, labels = p.Part(labels)
	if labels.Classes > 0 {
		return labels.Classes
	}
	return s.Of(tensor.Shape{p.ClassDim()})[0]
}

// String lists the sizes, by letter.
func (s Sizes) String() string {
	var parts []string
	for letter, n := range s {
		parts = append(parts, fmt.Sprintf("%s=%d", letter, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
