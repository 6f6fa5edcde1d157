package infer

import "github.com/lossgen/lossgen/builder/tensor"

// This file moves the elements of short lists of several axes, as exporters do with the
// sizes of padding.

// sized returns the sizes of a list's axes, where they are known and it is not empty.
func sized(list []tensor.Dim, shape tensor.Shape) ([]int64, bool) {
	sizes, ok := shape.Known()
	n, counted := count(shape)
	return sizes, ok && counted && n > 0 && n == int64(len(list))
}

// turned puts elements into the order of other axes. It returns nil where a size is not
// known.
func turned(x Type, perm []int64) []tensor.Dim {
	sizes, ok := sized(x.Ints, x.Shape)
	if !ok {
		return nil
	}
	out := make([]tensor.Dim, len(x.Ints))
	for i := range out {
		rest, from := int64(i), int64(0)
		for k := len(perm) - 1; k >= 0; k-- {
			n := sizes[perm[k]]
			from += rest % n * inner(sizes, int(perm[k]))
			rest /= n
		}
		out[i] = x.Ints[from]
	}
	return out
}

// inner is how far apart neighbors along an axis are.
func inner(sizes []int64, axis int) int64 {
	n := int64(1)
	for _, d := range sizes[axis+1:] {
		n *= d
	}
	return n
}

// along picks n elements of an axis from start on by step, for each place on the others.
func along(list []tensor.Dim, shape tensor.Shape, axis int, start, step, n int64) []tensor.Dim {
	sizes, ok := sized(list, shape)
	if !ok {
		return nil
	}
	size, part := sizes[axis], int(inner(sizes, axis))
	numbers := make([]tensor.Dim, size)
	for i := range numbers {
		numbers[i] = tensor.D(int64(i))
	}
	out := []tensor.Dim{}
	for first := 0; first < len(list); first += int(size) * part {
		for _, i := range every(numbers, start, step, n) {
			at := first + int(i.Size)*part
			out = append(out, list[at:at+part]...)
		}
	}
	return out
}
