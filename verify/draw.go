package verify

import (
	"fmt"
	"hash/fnv"
	"maps"
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

// of returns the size of one dim.
func (s Sizes) of(d tensor.Dim) int64 { return s.Of(tensor.Shape{d})[0] }

// Classes returns the number of classes that an input of labels names.
func (s Sizes) Classes(p *losses.Plan, labels losses.Port) int64 { return p.Classes(labels, s.of) }

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
	for letter, n := range p.LeastSizes() {
		if letter != "" {
			s[letter] = max(s[letter], n)
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
		p.Random(port, t, s.of, random)
		inputs[port.Name] = t
	}
	if p.GradOutput {
		t := tensor.New(p.LossDType, s.Of(gradOutput)...)
		losses.Positive.Random(t, generator(seed, p.Loss, "grad_output"))
		inputs["grad_output"] = t
	}
	for _, v := range p.Vectors() {
		t := tensor.New(v.DType, s.Of(v.Shape)...)
		losses.Real.Random(t, generator(seed, p.Loss, v.Name))
		inputs[v.Name] = t
	}
	return inputs
}

func generator(seed int, names ...string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(strings.Join(names, "/")))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(seed)))
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
