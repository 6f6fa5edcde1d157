package verify

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file draws sizes and numbers beyond the small ones of [Draw], for files
// whose bytes prove nothing.

// wideElements bounds the elements of one input whose sizes are free.
const wideElements = 1 << 16

// wideSizes gives the letters of a plan sizes from 0 on. In most draws one letter,
// in turn, has a large one.
func wideSizes(p *losses.Plan, i int, random *rand.Rand) Sizes {
	letters := lettersOf(p)
	s := Sizes{}
	for k, letter := range letters {
		s[letter] = 1 + random.Int64N(9)
		switch {
		case i == 0:
			s[letter] = 3 + int64(k)
		case i == 1 && k == 0, i == 3 && k == len(letters)-1:
			s[letter] = 0
		case i == 2:
			s[letter] = 1
		case i >= 4 && k == i%len(letters):
			s[letter] = 0 // below, when the others are known
		}
	}
	if i >= 4 && len(letters) > 0 {
		large := letters[i%len(letters)]
		s[large] = 1
		most := max(wideElements/largestInput(p, s), 2)
		// Sizes are as often between 100 and 200 as between 1,000 and 2,000.
		s[large] = int64(math.Exp(random.Float64() * math.Log(float64(most))))
		if i < 4+2*len(letters) { // each letter is surely beyond what is small, twice
			s[large] = most/2 + random.Int64N(most/2+1)
		}
	}
	return s
}

// contradictions is how many ways there are to give an axis of an input a size that
// contradicts those of the others: 1, which would be broadcast, and another; and
// to give a label that no class has: from below, and from above.
func contradictions(p *losses.Plan) (n int) {
	for _, port := range p.Ports {
		n += wrongs(port)
	}
	return n
}

// wrongs counts those of one input.
func wrongs(port losses.Port) int {
	if port.NamesClasses() {
		return 2*len(port.Shape) + 2
	}
	return 2 * len(port.Shape)
}

// contradiction returns inputs of which one axis has a size of its own, or one
// label is wrong, and words for them.
func (f *file) contradiction(i int) (map[string]*tensor.Tensor, string) {
	inputs := f.draw(0)
	for _, port := range f.plan.Ports {
		if i >= wrongs(port) {
			i -= wrongs(port)
			continue
		}
		if i >= 2*len(port.Shape) {
			label := []int64{-3, f.small(0).Classes(f.plan, port)}[i%2]
			inputs[port.Name].SetInt(0, label)
			return inputs, fmt.Sprintf("the label %d in %s", label, port.Name)
		}
		shape := tensor.Of()
		for _, n := range f.small(0).Of(port.Shape) {
			shape = append(shape, tensor.D(n))
		}
		shape[i/2] = tensor.D([]int64{1, shape[i/2].Size + 1}[i%2])
		t := tensor.New(port.DType, Sizes{}.Of(shape)...)
		if port.DType.IsFloat() {
			f.plan.Random(port, t, f.small(0).of, generator(i, port.Name))
		}
		inputs[port.Name] = t
		return inputs, fmt.Sprintf("%s of %v", port.Name, shape)
	}
	return inputs, ""
}

// lettersOf lists the letters of a plan's inputs in order.
func lettersOf(p *losses.Plan) (letters []string) {
	seen := map[string]bool{}
	for _, port := range p.Ports {
		for _, d := range port.Shape {
			if !d.Known() && !seen[d.Sym] {
				seen[d.Sym] = true
				letters = append(letters, d.Sym)
			}
		}
	}
	return letters
}

// largestInput returns the elements of the largest input, at least 1.
func largestInput(p *losses.Plan, s Sizes) int64 {
	most := int64(1)
	for _, port := range p.Ports {
		most = max(most, elements(s.Of(port.Shape)))
	}
	return most
}

// elements multiplies sizes; beyond what can be counted it is a number that large.
func elements(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		if d > 0 && n > math.MaxInt64/64/d {
			return math.MaxInt64 / 64 // two of them, in bytes, can be added
		}
		n *= d
	}
	return n
}

// widen changes the numbers of an input by what the domain allows: in turn they
// stay, grow, become large, or some become those that stand out.
func widen(t *tensor.Tensor, d losses.Domain, i int, random *rand.Rand) {
	special, grows := d.Special()
	if special == nil {
		return
	}
	scale := []float64{1, 8, 64, 1}[i%4]
	for k := range t.Len() {
		if grows && scale != 1 {
			t.SetFloat(k, t.Float(k)*scale)
		}
		if i%4 == 3 && random.IntN(8) == 0 {
			t.SetFloat(k, special[random.IntN(len(special))])
		}
	}
}
