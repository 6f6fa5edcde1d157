package builder_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// TestErrors: a mistake gives an error with the author's file and line.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		f          func(b *builder.B, x, y, n Value) // x [N,D], y [M,D], n int64 [N]
	}{
		{"letters", "Add: cannot broadcast [N,D] with [M,D]: axis 0 is N and M", func(_ *builder.B, x, y, _ Value) { x.Add(y) }},
		{"dtypes", "Mul: operands have different dtypes: float64[N,D] and float32[N,D]", func(_ *builder.B, x, _, _ Value) { x.Mul(x.Cast(tensor.Float32)) }},
		{"integers", "Exp: needs a floating-point operand, got int64[N]", func(_ *builder.B, _, _, n Value) { n.Exp() }},
		{"booleans", "Add: needs numbers, got bool", func(_ *builder.B, x, _, _ Value) { x.Less(x).Add(x.Less(x)) }},
		{"logic", "And: needs bool operands, got float64[N,D]", func(_ *builder.B, x, _, _ Value) { x.And(x) }},
		{"condition", "Where: the condition is float64[N,D], want bool", func(_ *builder.B, x, _, _ Value) { builder.Where(x, x, x) }},
		{"axis", "Sum: axis 2 does not exist in float64[N,D]", func(_ *builder.B, x, _, _ Value) { x.SumOver(2) }},
		{"mask of rows", "Compress: the mask is float64[N,D], want a bool for each row of float64[N,D]", func(_ *builder.B, x, _, _ Value) { x.Compress(x) }},
		{"rows of no mask", "Uncompress: float64[N,D] does not have the rows that the mask keeps", func(_ *builder.B, x, _, n Value) { x.Uncompress(n.Less(n)) }},
		{"axis twice", "Sum: an axis is repeated in [1 -1]", func(_ *builder.B, x, _, _ Value) { x.SumOver(1, -1) }},
		{"squeeze", "Squeeze: axis 0 of float64[N,D] is not 1", func(_ *builder.B, x, _, _ Value) { x.Squeeze(0) }},
		{"unsqueeze", "Unsqueeze: axis 4 is out of place", func(_ *builder.B, x, _, _ Value) { x.Unsqueeze(4) }},
		{"transpose", "Transpose: [0 0] is no order", func(_ *builder.B, x, _, _ Value) { x.Transpose(0, 0) }},
		{"expand", "Expand: float64[N,D] does not broadcast to [M,D]", func(_ *builder.B, x, y, _ Value) { x.BroadcastTo(y.Shape()) }},
		{"unknown letter", "Shape: size Q occurs in no value of the graph", func(_ *builder.B, x, _, _ Value) { x.Sum().BroadcastTo(tensor.Of("Q")) }},
		{"reshape", "Reshape: [P,Q] has more than one new size", func(_ *builder.B, x, _, _ Value) { x.Reshape(tensor.Of("P", "Q")) }},
		{"matrices", "MatMul: ", func(_ *builder.B, x, y, _ Value) { x.MatMul(y) }},
		{"index dtype", "Pick: the index is float64[N,D], want int64 or int32", func(_ *builder.B, x, _, _ Value) { x.Pick(1, x) }},
		{"index shape", "Pick: int64[N] has no element per row", func(_ *builder.B, x, _, n Value) { x.Pick(1, n) }},
		{"bounds", "Clip: bounds 1 and 0 are out of order", func(_ *builder.B, x, _, _ Value) { x.Clip(1, 0) }},
		{"NaN bound", "Clip: bounds NaN and 0 are out of order", func(_ *builder.B, x, _, _ Value) { x.Clip(math.NaN(), 0) }},
		{"input too large", "Input: [1099511627776,N,1099511627776] has more elements than an array can have", func(b *builder.B, _, _, _ Value) { b.Input("z", f64, tensor.Of(1<<40, "N", 1<<40)) }},
		{"result too large", "Add: [1099511627776,1099511627776] has more elements than an array can have", func(b *builder.B, _, _, _ Value) {
			b.Input("z", f64, tensor.Of(1<<40, 1)).Add(b.Input("w", f64, tensor.Of(1, 1<<40)))
		}},
		{"no operand", "Add: operand 1 is missing", func(_ *builder.B, x, _, _ Value) { x.Add(Value{}) }},
		{"no dtype", `Input: input "z" has no dtype`, func(b *builder.B, _, _, _ Value) { b.Input("z", tensor.Undefined, nil) }},
		{"input twice", `Input: input "X" is declared twice`, func(b *builder.B, _, _, _ Value) { b.Input("X", f64, nil) }},
		{"input name", `Input: "1x" is not an identifier`, func(b *builder.B, _, _, _ Value) { b.Input("1x", f64, nil) }},
		{"output name", `Output: output "x" has the name of an input`, func(b *builder.B, x, _, _ Value) { b.Output("x", x) }},
		{"output of nothing", `Output: output "z" has no value`, func(b *builder.B, _, _, _ Value) { b.Output("z", Value{}) }},
		{"integer gradient", "Grad: int64[N] cannot be differentiated", func(_ *builder.B, x, _, n Value) { builder.Grad(x, x.Like(1), n) }},
		{"upstream", "Grad: the upstream gradient is float64[M,D], want float64[N,D]", func(_ *builder.B, x, y, _ Value) { builder.Grad(x, y, x) }},
		{"captured input", `cube: the value depends on input "y"`, func(_ *builder.B, x, y, _ Value) {
			z := builder.WithGradient("cube", x.Sum().Mul(y.Sum()), []Value{x}, func(dy Value) []Value { return []Value{dy} })
			builder.Grad(z, z.Like(1), x, y)
		}},
		{"failf", "Mine: 3 is wrong", func(*builder.B, Value, Value, Value) { builder.Failf("Mine", "%d is wrong", 3) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := builder.Build("test", func(b *builder.B) {
				x, y := b.Input("x", f64, tensor.Of("N", "D")), b.Input("y", f64, tensor.Of("M", "D"))
				c.f(b, x, y, b.Input("n", tensor.Int64, tensor.Of("N")))
				b.Output("out", x)
			})
			var e *builder.Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Op+": "+e.Msg, c.want) || !strings.HasPrefix(e.Pos, "error_test.go:") {
				t.Errorf("got %v, want %q at error_test.go", err, c.want)
			}
		})
	}
}

func TestErrorLine(t *testing.T) {
	line := 0
	_, err := builder.Build("test", func(b *builder.B) {
		x := b.Input("x", f64, tensor.Of("N"))
		_, _, line, _ = runtime.Caller(0)
		x.Add(b.Input("y", f64, tensor.Of("M")))
	})
	want := fmt.Sprintf("error_test.go:%d: Add: cannot broadcast [N] with [M]: axis 0 is N and M", line+1)
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestBuildWithoutOutput(t *testing.T) {
	if _, err := builder.Build("empty", func(*builder.B) {}); err == nil || !strings.Contains(err.Error(), `graph "empty" has no output`) {
		t.Errorf("got %v", err)
	}
}

// TestForeignPanic: Build recovers from its own failures only.
func TestForeignPanic(t *testing.T) {
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("recovered %v, want mine", r)
		}
	}()
	builder.Build("test", func(*builder.B) { panic("mine") })
}

// TestValuesOutsideBuild: a value of a finished graph, or of another, is refused.
func TestValuesOutsideBuild(t *testing.T) {
	var x Value
	build(t, func(b *builder.B) { x = b.Input("x", f64, nil); b.Output("y", x) })
	_, err := builder.Build("other", func(b *builder.B) { b.Output("z", b.Input("x", f64, nil).Add(x)) })
	if err == nil || !strings.Contains(err.Error(), "belongs to another graph") {
		t.Errorf("a value of another graph: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a finished graph grows")
		}
	}()
	x.Exp()
}
