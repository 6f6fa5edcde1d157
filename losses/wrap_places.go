package losses

import (
	"iter"
	"slices"
)

// This file finds the elements that a mask leaves out, for tests and golden cases.

// BehindMask lists the elements of each input, grad_output included, that only
// losses use for which the mask is false, by flat index. dims are the sizes of the
// inputs, keeps the mask's elements. A plan without a mask has none.
func (p *Plan) BehindMask(dims map[string][]int64, keeps func(flat int) bool) map[string][]int {
	if p.layout == nil {
		return nil
	}
	each := make([]int64, p.layout.rank)
	for i, s := range p.layout.sizes {
		each[i] = dims[s.input][s.axis]
	}
	var kept [][]int64
	for at := range places(each) {
		if keeps(flatIndex(dims["mask"], alignedAxes(len(each), dims["mask"]), at)) {
			kept = append(kept, at)
		}
	}
	hidden := map[string][]int{}
	for _, in := range p.layout.covered {
		hidden[in.Name] = unused(dims[in.Name], in.axes, kept)
	}
	for _, in := range p.layout.common {
		if len(kept) == 0 {
			hidden[in.Name] = unused(dims[in.Name], nil, nil)
		}
	}
	if up, ok := dims["grad_output"]; ok && len(up) == len(each) && len(up) > 0 {
		hidden["grad_output"] = unused(up, alignedAxes(len(each), up), kept)
	}
	return hidden
}

// alignedAxes are the axes of an input that broadcasts to so many axes.
func alignedAxes(rank int, dims []int64) []int {
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = max(i-rank+len(dims), -1)
	}
	return axes
}

// unused lists the elements that none of the losses at these places uses. axes are
// the input's own for each axis of a place.
func unused(dims []int64, axes []int, used [][]int64) []int {
	var list []int
	flat := 0
	for at := range places(dims) {
		uses := func(place []int64) bool {
			for i, own := range axes {
				if own >= 0 && dims[own] > 1 && at[own] != place[i] {
					return false
				}
			}
			return true
		}
		if !slices.ContainsFunc(used, uses) {
			list = append(list, flat)
		}
		flat++
	}
	return list
}

// flatIndex is that of the element that the loss at a place uses.
func flatIndex(dims []int64, axes []int, place []int64) int {
	at := make([]int64, len(dims))
	for i, own := range axes {
		if own >= 0 && dims[own] > 1 {
			at[own] = place[i]
		}
	}
	flat := int64(0)
	for i, n := range dims {
		flat = flat*n + at[i]
	}
	return int(flat)
}

// places are the indices of all elements, in row-major order.
func places(dims []int64) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		count := int64(1)
		for _, n := range dims {
			count *= n
		}
		for flat := range count {
			at, rest := make([]int64, len(dims)), flat
			for i := len(dims) - 1; i >= 0; i-- {
				at[i], rest = rest%dims[i], rest/dims[i]
			}
			if !yield(at) {
				return
			}
		}
	}
}
