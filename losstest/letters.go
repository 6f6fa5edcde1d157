package losstest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

// letters asks for files whose letters have the names of sizes that only running
// tells, of results and of inputs: the numbers stay the same.
func letters(t *testing.T, h *harness) {
	for _, v := range h.shapeVariants() {
		f := h.file(t, v.request)
		p, in := f.plan, f.small(1)
		invented := inventedNames(t, p)
		want := make([]map[string]*tensor.Tensor, len(h.engines))
		for i, e := range h.engines {
			want[i] = run(t, e, f.data, in)
		}
		names := append(invented, "t0", "c0", p.Ports[0].Name, "N_", "max", "loss")
		for turn := range len(invented) + 1 {
			r, other := renamed(p, names, turn)
			twin := h.file(t, r).data
			for i, e := range h.engines {
				label := fmt.Sprintf("%s: %s: letters %v", v.name, e.Name(), other)
				got, err := open(t, e, twin).Run(t.Context(), in)
				if err != nil {
					t.Errorf("%s: %v", label, err)
					continue
				}
				same(t, label, got, want[i], verify.Tolerance{})
			}
		}
	}
}

// inventedNames are those that the file of a plan has, or would have, for sizes that
// only running tells.
func inventedNames(t *testing.T, p *losses.Plan) []string {
	t.Helper()
	g, err := p.Graph()
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`[a-z]+[?_][0-9]+`).FindAllString(g.String(), -1)
	for i, name := range names {
		names[i] = strings.Replace(name, "?", "_", 1)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// renamed returns the plan's request with other letters, and which: the names from
// one on, in turn.
func renamed(p *losses.Plan, names []string, first int) (losses.Request, map[string]string) {
	r, other := p.Request, map[string]string{}
	r.Shapes = map[string]string{}
	for _, port := range p.Ports {
		shape := slices.Clone(port.Shape)
		for i, d := range shape {
			if d.Known() {
				continue
			}
			if other[d.Sym] == "" {
				k := first + len(other)
				other[d.Sym] = names[k%len(names)] + strings.Repeat("_", k/len(names))
			}
			shape[i] = tensor.S(other[d.Sym])
		}
		r.Shapes[port.Name] = shape.List()
	}
	return r, other
}
