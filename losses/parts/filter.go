package parts

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// This file defines weighted means of the windows of images, whose rows and columns
// are the last two axes.

// Filter is a weighted mean of each window of an image. It is two products with
// matrices that have the taps along a diagonal: for sides up to a thousand that costs
// less than a convolution in ONNX Runtime, takes a few nodes for windows of any size,
// and is there for float64, which has no convolution.
type Filter struct {
	taps []float64
	made map[tensor.Dim]losses.Value
}

// Gaussian is the Filter of a normal distribution.
func Gaussian(size int64, sigma float64) *Filter {
	taps, sum := make([]float64, size), 0.0
	for i := range taps {
		x := float64(i) - float64(size-1)/2
		taps[i] = math.Exp(-x * x / (2 * sigma * sigma))
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return &Filter{taps: taps, made: map[tensor.Dim]losses.Value{}}
}

// Of filters an image.
func (f *Filter) Of(x losses.Value) losses.Value {
	rank := x.Rank()
	return Across(x, f.matrix(x, x.Shape()[rank-2]), f.matrix(x, x.Shape()[rank-1]))
}

// Across multiplies the columns and the rows of an image by matrices.
func Across(x, columns, rows losses.Value) losses.Value {
	return columns.Transpose(1, 0).MatMul(x.MatMul(rows))
}

// matrix has a row for each pixel along an axis and a column for each window.
func (f *Filter) matrix(x losses.Value, size tensor.Dim) losses.Value {
	if m, ok := f.made[size]; ok {
		return m
	}
	n := int64(len(f.taps))
	windows, err := size.Add(tensor.D(1 - n))
	if err == nil {
		windows, err = windows.Clamp()
	}
	if err != nil {
		builder.Failf("filter", "%v", err)
	}
	// Which tap the pixel is in the window; -1 and n are the last one, a zero. Where the
	// image has no pixel for the last tap of a window, the run ends.
	b := x.B()
	number := b.Iota(2, 0, size).Sub(b.Iota(2, 1, windows))
	last := number.Like(float64(n - 1))
	if !size.Known() {
		last = last.Within(size)
	}
	number = number.Max(number.Like(-1)).Min(last.Shift(1))
	taps := append(slices.Clone(f.taps), 0)
	m := b.Constant(tensor.FromFloats(x.DType(), []int64{n + 1}, taps)).Gather(0, number)
	f.made[size] = m
	return m
}

// TorchGaussian writes the Gaussian filter of images z as a function of them.
func TorchGaussian(size int64, sigma float64, padding string) string {
	pad := map[string]string{
		"valid":   "z",
		"zeros":   fmt.Sprintf("F.pad(z, (%[1]d, %[1]d, %[1]d, %[1]d))", (size-1)/2),
		"reflect": fmt.Sprintf("F.pad(z, (%[1]d, %[1]d, %[1]d, %[1]d), 'reflect')", (size-1)/2),
	}[padding]
	return strings.NewReplacer("{size}", fmt.Sprint(size), "{half}", losses.Python(float64(size-1)/2), "{sigma}", losses.Python(sigma), "{pad}", pad).Replace(
		"(lambda w: lambda z: F.conv2d({pad}, w.expand(z.shape[1], 1, {size}, {size}), groups=z.shape[1]))((lambda g: torch.outer(g, g))((lambda k: k / k.sum())" +
			"(torch.exp(-(torch.arange({size}, dtype=input.dtype) - {half}) ** 2 / (2 * {sigma} ** 2)))))")
}

// Similarity compares two images by the means, variances and covariance of their
// windows (Wang et al., Image quality assessment: from error visibility to structural
// similarity, 2004).
type Similarity struct {
	C1, C2 float64
	Middle float64 // of the range of the images, from which variances are taken
}

// Maps are, for each window, 1 less how alike the means of x and y are, and 1 less their
// contrast and structure; f is the mean of each window. Both are written by the
// differences of the images: 2mn = m^2 + n^2 - (m - n)^2, and so for the covariance. What
// is left of similar images keeps its digits.
func (s Similarity) Maps(f func(losses.Value) losses.Value, x, y losses.Value) (means, structure losses.Value) {
	u, v := x.Shift(-s.Middle), y.Shift(-s.Middle)
	p, q := f(u), f(v)
	apart := p.Sub(q).Square()
	m, n := p.Shift(s.Middle), q.Shift(s.Middle)
	variances := f(u.Square().Add(v.Square())).Sub(p.Square().Add(q.Square()))
	means = apart.Div(m.Square().Add(n.Square()).Shift(s.C1))
	structure = f(x.Sub(y).Square()).Sub(apart).Div(variances.Shift(s.C2))
	return means, structure
}

// Unlike is 1 less the product of the similarities of which means and structure are 1
// less each.
func Unlike(means, structure losses.Value) losses.Value {
	return means.Add(structure).Sub(means.Mul(structure))
}

// Torch writes the product of both maps as a function of a filter and two images.
func (s Similarity) Torch() string {
	return fmt.Sprintf("(lambda f, x, y: (lambda m, n, a, b, c: (2 * m * n + %[1]s) / (m * m + n * n + %[1]s) * %[2]s)(f(x), f(y), f(x * x), f(y * y), f(x * y)))", losses.Python(s.C1), s.torchStructure())
}

// TorchStructure writes the second map alone.
func (s Similarity) TorchStructure() string {
	return fmt.Sprintf("(lambda f, x, y: (lambda m, n, a, b, c: %s)(f(x), f(y), f(x * x), f(y * y), f(x * y)))", s.torchStructure())
}

func (s Similarity) torchStructure() string {
	return fmt.Sprintf("((2 * (c - m * n) + %[1]s) / (a - m * m + b - n * n + %[1]s))", losses.Python(s.C2))
}
