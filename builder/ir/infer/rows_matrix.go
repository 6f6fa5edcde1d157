package infer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file has products of matrices.

var matrixRows = map[string]row{
	"MatMul": {dtypes: "T:num T -> T", infer: matMul}, "Gemm": {dtypes: "T:num T T? -> T", infer: gemm},
	"Einsum": {dtypes: "T:num T... -> T", infer: einsum}, "Det": {dtypes: "T:float -> T", infer: det},
}

func matMul(c *call) ([]Type, error) {
	a, b := c.in[0].Shape, c.in[1].Shape
	if a == nil || b == nil {
		return nothing(), nil
	}
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("it multiplies %v by %v, want axes", a, b)
	}
	vectorA, vectorB := len(a) == 1, len(b) == 1
	if vectorA {
		a = tensor.Shape{tensor.D(1), a[0]}
	}
	if vectorB {
		b = tensor.Shape{b[0], tensor.D(1)}
	}
	rows, columns := len(a)-2, len(b)-1
	if inner := b[len(b)-2]; differ(a[rows+1], inner) {
		return nil, fmt.Errorf("it multiplies %v by %v: the inner sizes %v and %v differ", c.in[0].Shape, c.in[1].Shape, a[rows+1], inner)
	}
	out, err := broadcast(a[:rows], b[:columns-1])
	if err != nil {
		return nil, err
	}
	out = slices.Clone(out)
	if !vectorA {
		out = append(out, a[rows])
	}
	if !vectorB {
		out = append(out, b[columns])
	}
	return shaped(out), nil
}

func gemm(c *call) ([]Type, error) {
	a, b := c.in[0].Shape, c.in[1].Shape
	for i := range 2 {
		if err := c.rank(i, 2); err != nil {
			return nil, err
		}
	}
	if a == nil || b == nil {
		return shaped(unknowns(2)), nil
	}
	rows, inner, other, columns := a[0], a[1], b[0], b[1]
	if c.flag("transA") {
		rows, inner = inner, rows
	}
	if c.flag("transB") {
		other, columns = columns, other
	}
	if differ(inner, other) {
		return nil, fmt.Errorf("it multiplies %v by %v: the inner sizes %v and %v differ", a, b, inner, other)
	}
	out := tensor.Shape{rows, columns}
	if bias := c.arg(2).Shape; bias != nil {
		if sum, err := broadcast(out, bias); err != nil || len(sum) != 2 || differ(sum[0], rows) || differ(sum[1], columns) {
			return nil, fmt.Errorf("it adds %v to %v", bias, out)
		}
	}
	return shaped(out), nil
}

func det(c *call) ([]Type, error) {
	s := c.in[0].Shape
	if s == nil {
		return nothing(), nil
	}
	if len(s) < 2 || differ(s[len(s)-1], s[len(s)-2]) {
		return nil, fmt.Errorf("its input is %v, want square matrices", c.in[0])
	}
	return shaped(s[:len(s)-2]), nil
}

// einsum reads its equation: terms of letters, dots for axes that broadcast.
func einsum(c *call) ([]Type, error) {
	text := strings.ReplaceAll(c.text("equation", ""), " ", "")
	left, right, explicit := strings.Cut(text, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(c.in) {
		return nil, fmt.Errorf("equation %q has %d terms for %d inputs", text, len(terms), len(c.in))
	}
	sizes, times := map[rune]tensor.Dim{}, map[rune]int{}
	var dots []tensor.Shape
	for i, term := range terms {
		s := c.in[i].Shape
		if s == nil {
			return nothing(), nil
		}
		more, err := bindTerm(term, s, sizes, times)
		if err != nil {
			return nil, fmt.Errorf("equation %q, input %d is %v: %w", text, i, s, err)
		}
		if strings.Contains(term, "...") {
			dots = append(dots, more)
		}
		if len(dots) > 0 && len(dots[0]) != len(dots[len(dots)-1]) {
			return nil, fmt.Errorf("equation %q, input %d is %v: its dots are %d axes, others %d", text, i, s, len(more), len(dots[0]))
		}
	}
	between, err := broadcast(dots...)
	if err != nil {
		return nil, err
	}
	if !explicit {
		right = implicit(left, times)
	}
	out := tensor.Shape{}
	right = strings.ReplaceAll(right, "...", ".")
	for i, r := range right {
		if r == '.' {
			out = append(out, between...)
			continue
		}
		d, ok := sizes[r]
		if !ok || strings.ContainsRune(right[:i], r) {
			return nil, fmt.Errorf("equation %q has no letter %q for its result, or twice", text, string(r))
		}
		out = append(out, d)
	}
	return shaped(out), nil
}

// bindTerm gives the letters of a term an input's sizes, and returns the axes that
// its dots stand for.
func bindTerm(term string, s tensor.Shape, sizes map[rune]tensor.Dim, times map[rune]int) (tensor.Shape, error) {
	front, back, dotted := strings.Cut(term, "...")
	if more := len(s) - len(front) - len(back); more < 0 || more > 0 && !dotted {
		return nil, fmt.Errorf("%q has other axes", term)
	}
	places := slices.Concat(s[:len(front)], s[len(s)-len(back):])
	for i, r := range front + back {
		times[r]++
		d, ok := sizes[r]
		if !ok {
			sizes[r] = places[i]
			continue
		}
		both, err := broadcast(tensor.Shape{d}, tensor.Shape{places[i]})
		if err != nil {
			return nil, err
		}
		sizes[r] = both[0]
	}
	return s[len(front) : len(s)-len(back)], nil
}

// implicit is the result's term where the equation has none: dots first, then the
// letters that stand once, in their order.
func implicit(left string, times map[rune]int) string {
	out := ""
	if strings.Contains(left, "...") {
		out = "..."
	}
	for r := rune('A'); r <= 'z'; r++ {
		if times[r] == 1 {
			out += string(r)
		}
	}
	return out
}
