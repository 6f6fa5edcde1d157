package conventions

import (
	"slices"
	"strings"
)

// This file makes calls with arguments that people give.

// grids are values that arguments of a name are tried with, beside their default.
var grids = map[string][]float64{
	"delta": sizes, "rho": sizes, "beta": sizes,
	"label_smoothing": {0.1, 0.2, 0.05, 0.01, 0.15, 0.3},
	"alpha":           {0.25, 0.5, 0.75, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9},
	"gamma":           {2, 1, 0, 0.5, 1.5, 3, 4, 5},
	"margin":          {1, 0.5, 0.1, 0.2, 0.3, 0, 0.05, 2},
	"eps":             small, "epsilon": small, "smooth": {1, 1e-5, 1e-6, 1e-7, 0.1, 10},
	"power": {1, 2, 1.5, 1.1, 1.9}, "p": {1, 2, 3},
}

var (
	sizes = []float64{1, 0.5, 0.1, 0.2, 0.25, 0.3, 0.4, 0.6, 0.75, 0.8, 0.9, 1.345, 1.5, 2, 3, 5, 10}
	small = []float64{1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12}
)

// Grid is the values that a number of a name is tried with.
func Grid(name string) []float64 { return grids[name] }

// maxVariants bounds the calls made of one declaration.
const maxVariants = 200

// Variant is a call with arguments that it may have been given.
type Variant struct {
	*Like
	Changed int // how many arguments differ from their defaults
}

// Variants are the calls with their defaults, with each switch the other way, and with
// one or two numbers of the grid. The first is that of the defaults.
func (c *Call) Variants() []Variant {
	list := []map[string]any{{}}
	for _, p := range c.params {
		if b, ok := p.def.(bool); ok {
			for _, given := range slices.Clone(list) {
				list = append(list, with(given, p.name, !b))
			}
		}
	}
	numbers := 0
	for _, p := range c.params {
		grid := grids[p.name]
		if _, ok := p.def.(string); ok || len(grid) == 0 {
			continue
		}
		for _, given := range slices.Clone(list) {
			for _, v := range grid {
				if numbers < 2 && len(list) < maxVariants && Literal(v) != Literal(p.def) {
					list = append(list, with(given, p.name, v))
				}
			}
		}
		numbers++
	}
	if name := "labels"; slices.ContainsFunc(c.params, func(p param) bool { return p.name == name }) {
		for _, n := range []int{2, 3, 4, 5, 6, 8, 10} {
			classes := []any{}
			for i := range n {
				classes = append(classes, float64(i))
			}
			list = append(list, with(nil, name, classes))
		}
	}
	var out []Variant
	for _, given := range list {
		if like, err := c.with(Args{call: c, given: given}); err == nil {
			out = append(out, Variant{like, len(given)})
		}
	}
	return out
}

func with(given map[string]any, name string, value any) map[string]any {
	out := map[string]any{name: value}
	for n, v := range given {
		out[n] = v
	}
	return out
}

// Reduced are the calls with the same arguments and another word for the reduction.
func (l *Like) Reduced() (list []*Like) {
	i := slices.IndexFunc(l.Call.params, func(p param) bool { return p.name == "reduction" })
	if i < 0 {
		return nil
	}
	for _, word := range []string{"mean", "sum", "mean_with_sample_weight", "weighted_sum", "weighted_mean"} {
		if word == l.Call.params[i].def || word == "mean" && l.Call.params[i].def == "sum_over_batch_size" {
			continue
		}
		if other, err := l.Call.with(Args{call: l.Call, given: with(l.args.given, "reduction", word)}); err == nil {
			list = append(list, other)
		}
	}
	return list
}

// Gather is the step by which the call leaves fewer losses than elements, "" for none.
func (f Form) Gather() string {
	for part := range strings.SplitSeq(f.Map["loss"], ",") {
		if strings.HasSuffix(part, "_last") || strings.HasSuffix(part, "_rest") {
			return part
		}
	}
	return ""
}
