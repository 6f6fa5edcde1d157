package conventions

import (
	"fmt"
	"math"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Expr is an expression over a framework's arrays: the name of an array, or a
// function of one, as "argmax(y_true)".
type Expr string

// function is what an expression may say of an array.
type function struct {
	numpy string // of {x}
	eval  func(x *tensor.Tensor) (*tensor.Tensor, error)
}

var functions = map[string]function{
	"argmax": {"np.argmax({x}, -1)", argmax},
	"ones":   {"np.ones(len({x}), {x}.dtype)", func(x *tensor.Tensor) (*tensor.Tensor, error) { return filled(x, 1, 1), nil }},
	"zeros":  {"np.zeros_like({x})", func(x *tensor.Tensor) (*tensor.Tensor, error) { return filled(x, 0, len(x.Dims)), nil }},
	"square": {"np.square({x})", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		return each(x, func(v float64) float64 { return v * v }), nil
	}},
	"column": {"{x}[:, None]", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		if len(x.Dims) == 0 {
			return nil, fmt.Errorf("a number has no axis")
		}
		dims := append([]int64{x.Dims[0], 1}, x.Dims[1:]...)
		return &tensor.Tensor{DType: x.DType, Dims: dims, Data: x.Data}, nil
	}},
	"flat": {"{x}.reshape(-1)", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		return &tensor.Tensor{DType: x.DType, Dims: []int64{int64(x.Len())}, Data: x.Data}, nil
	}},
	"nonzero": {"{x} != 0", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		out := tensor.New(tensor.Bool, x.Dims...)
		for i := range x.Len() {
			if x.Float(i) != 0 {
				out.SetInt(i, 1)
			}
		}
		return out, nil
	}},
	"signs": {"np.where(np.isin({x}, (0, 1)).all(), 2 * {x} - 1, {x})", signs},
	"sign": {"2 * {x} - 1", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		return each(x, func(v float64) float64 { return 2*v - 1 }), nil
	}},
	"log":   {"np.log({x})", func(x *tensor.Tensor) (*tensor.Tensor, error) { return each(x, math.Log), nil }},
	"float": {"{x}.astype(np.float32)", func(x *tensor.Tensor) (*tensor.Tensor, error) { return x.Cast(tensor.Float32), nil }},
	"sum": {"np.sum({x})", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		return total(x, func(v float64) float64 { return v }), nil
	}},
	"count": {"np.float32(np.count_nonzero({x}))", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		return total(x, func(v float64) float64 { return map[bool]float64{true: 1}[v != 0] }), nil
	}},
	"rows": {"np.float32(len({x}))", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		if len(x.Dims) == 0 {
			return nil, fmt.Errorf("a number has no rows")
		}
		return tensor.FromFloats(tensor.Float32, nil, []float64{float64(x.Dims[0])}), nil
	}},
	"number": {"{x}.reshape(())", func(x *tensor.Tensor) (*tensor.Tensor, error) {
		if x.Len() != 1 {
			return nil, fmt.Errorf("it is no single number")
		}
		return &tensor.Tensor{DType: x.DType, Dims: []int64{}, Data: x.Data}, nil
	}},
}

// cut splits an expression into a function and the rest of it.
func (e Expr) cut() (name string, rest Expr) {
	if i := strings.IndexByte(string(e), '('); i > 0 && strings.HasSuffix(string(e), ")") {
		return string(e[:i]), e[i+1 : len(e)-1]
	}
	return "", e
}

// Array is the array that the expression is of.
func (e Expr) Array() string {
	for {
		name, rest := e.cut()
		if name == "" {
			return string(rest)
		}
		e = rest
	}
}

// Of is the expression of another array.
func (e Expr) Of(array string) Expr {
	f, rest := e.cut()
	if f == "" {
		return Expr(array)
	}
	return Expr(f) + "(" + rest.Of(array) + ")"
}

// NumPy writes the expression for NumPy, with another name for its array.
func (e Expr) NumPy(name func(string) string) string {
	f, rest := e.cut()
	if f == "" {
		return name(string(rest))
	}
	if k, n, ok := strings.Cut(f, "_"); ok && k == "onehot" {
		return fmt.Sprintf("np.eye(%s, dtype=np.float32)[%s]", n, rest.NumPy(name))
	}
	return strings.ReplaceAll(functions[f].numpy, "{x}", rest.NumPy(name))
}

// Eval computes the expression.
func (e Expr) Eval(arrays func(string) *tensor.Tensor) (*tensor.Tensor, error) {
	f, rest := e.cut()
	if f == "" {
		if t := arrays(string(rest)); t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("there is no array %s", rest)
	}
	x, err := rest.Eval(arrays)
	if err != nil {
		return nil, err
	}
	if k, n, ok := strings.Cut(f, "_"); ok && k == "onehot" {
		return oneHot(x, n)
	}
	return functions[f].eval(x)
}

// signs makes -1 and 1 of labels where all are 0 or 1.
func signs(x *tensor.Tensor) (*tensor.Tensor, error) {
	for _, v := range x.Floats() {
		if v != 0 && v != 1 {
			return x, nil
		}
	}
	return each(x, func(v float64) float64 { return 2*v - 1 }), nil
}

func filled(x *tensor.Tensor, value float64, axes int) *tensor.Tensor {
	out := tensor.New(x.DType, x.Dims[:min(axes, len(x.Dims))]...)
	for i := range out.Len() {
		out.SetFloat(i, value)
	}
	return out
}

func each(x *tensor.Tensor, f func(float64) float64) *tensor.Tensor {
	out := tensor.New(x.DType, x.Dims...)
	for i := range x.Len() {
		out.SetFloat(i, f(x.Float(i)))
	}
	return out
}

func total(x *tensor.Tensor, f func(float64) float64) *tensor.Tensor {
	sum := 0.0
	for i := range x.Len() {
		sum += f(x.Float(i))
	}
	return tensor.FromFloats(tensor.Float32, nil, []float64{sum})
}

func argmax(x *tensor.Tensor) (*tensor.Tensor, error) {
	if len(x.Dims) == 0 || x.Dims[len(x.Dims)-1] == 0 {
		return nil, fmt.Errorf("it has no classes")
	}
	n := int(x.Dims[len(x.Dims)-1])
	out := tensor.New(tensor.Int64, x.Dims[:len(x.Dims)-1]...)
	for row := range out.Len() {
		best := math.Inf(-1)
		for i := range n {
			if v := x.Float(row*n + i); v > best {
				best = v
				out.SetInt(row, int64(i))
			}
		}
	}
	return out, nil
}

func oneHot(x *tensor.Tensor, classes string) (*tensor.Tensor, error) {
	n := int64(0)
	if _, err := fmt.Sscan(classes, &n); err != nil || n < 1 || n > 1<<20 {
		return nil, fmt.Errorf("%q is no number of classes", classes)
	}
	out := tensor.New(tensor.Float32, append(append([]int64{}, x.Dims...), n)...)
	for i := range x.Len() {
		c := x.Int(i)
		if c < 0 || c >= n {
			return nil, fmt.Errorf("label %d is none of %d classes", c, n)
		}
		out.SetFloat(i*int(n)+int(c), 1)
	}
	return out, nil
}
