package main

import (
	"slices"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losstest"
	"github.com/lossgen/lossgen/verify"
)

var catalog = append(all.Losses(), Domains)

// TestUsers: every domain has an input, here or in a loss.
func TestUsers(t *testing.T) {
	used := map[losses.Domain]bool{}
	for _, l := range catalog {
		p, err := losses.Request{Catalog: catalog, Loss: l.Declaration().Name}.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range append(p.Inputs(), l.Declaration().Inputs...) {
			used[in.Domain] = true
		}
		for _, o := range l.Options() { // which may bring inputs
			for _, v := range o.Try {
				if p, err := (losses.Request{Catalog: catalog, Loss: p.Loss, Options: losses.Values{o.Name: v}}).Resolve(); err == nil {
					for _, in := range p.Inputs() {
						used[in.Domain] = true
					}
				}
			}
		}
	}
	for _, d := range losses.Domains() {
		if !used[d] {
			t.Errorf("no input has the domain %s (%s)", d, d.Doc())
		}
	}
}

// TestDomains takes the loss through the harness, with golden cases of its own.
func TestDomains(t *testing.T) {
	goldens, err := verify.OpenGoldens(catalog, "golden")
	if err != nil {
		t.Fatal(err)
	}
	losstest.RunWith(t, catalog, Domains, goldens, losstest.Engines(t)...)
}

// TestGoldenInputs: the golden file has the cases of the declaration, and PyTorch's
// side has filled each input as its domain says.
func TestGoldenInputs(t *testing.T) {
	goldens, err := verify.OpenGoldens(catalog, "golden")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := goldens.Cases(Domains.Name)
	if err != nil {
		t.Fatal(err)
	}
	want, err := catalog.Cases(Domains)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, c := range want {
		i := slices.IndexFunc(cases, func(g *verify.Golden) bool { return g.Case == c.Case })
		if i < 0 {
			t.Errorf("no golden case %s", c.Case)
			continue
		}
		inputs := map[string]*tensor.Tensor{}
		for _, in := range cases[i].Inputs {
			inputs[in.Name] = in.Tensor
		}
		for _, in := range c.Inputs {
			if len(in.Set) == 0 && in.Fill[:4] != "like" { // neither replaced nor taken from another
				checkValues(t, c.Case, in.Name, inputs)
				checked++
			}
		}
	}
	if len(cases) != len(want) || checked < 100 {
		t.Errorf("%d golden cases, want %d; %d inputs checked", len(cases), len(want), checked)
	}
}

// TestDrawn: random inputs are of their domain, too.
func TestDrawn(t *testing.T) {
	p, err := losses.Request{Catalog: catalog, Loss: Domains.Name, DType: tensor.Float64}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	for seed := range 20 {
		inputs := verify.Draw(p, verify.SmallSizes(p, seed), seed, nil)
		for name := range inputs {
			checkValues(t, "draw", name, inputs)
		}
	}
}

// checkValues checks what the domain of an input promises.
func checkValues(t *testing.T, label, name string, inputs map[string]*tensor.Tensor) {
	t.Helper()
	x := inputs[name]
	columns := float64(inputs["input"].Dims[1])
	between := func(low, high float64, whole bool) {
		for i := range x.Len() {
			if v := x.Float(i); !(v >= low && v <= high) || whole && v != float64(int64(v)) {
				t.Errorf("%s: %s[%d] is %v, want %v to %v", label, name, i, v, low, high)
			}
		}
	}
	switch name {
	case "direction":
		eachRow(x, func(row []float64) {
			squares := 0.0
			for _, v := range row {
				squares += v * v
			}
			if squares < 0.97 || squares > 1.03 { // bfloat16 has two digits
				t.Errorf("%s: a direction %v has the length² %v", label, row, squares)
			}
		})
	case "tokens":
		eachRow(x, func(row []float64) {
			end := slices.Index(append(row, 0), 0)
			if end == 0 || slices.Contains(row[end:], 1) {
				t.Errorf("%s: tokens %v", label, row)
			}
		})
	case "shares":
		sum := 0.0
		for i := range x.Len() {
			sum += x.Float(i)
		}
		if x.Len() > 0 && sum != float64(inputs["values"].Dims[0]) {
			t.Errorf("%s: shares %v of %d", label, x.Ints(), inputs["values"].Dims[0])
		}
	case "between":
		between(-1, 1, false)
	case "event":
		between(0, 1, true)
	case "time":
		between(0.25, 3, false)
	case "grade":
		between(0, 4, true)
	case "level", "lengths":
		between(0, columns, true)
	}
}

func eachRow(x *tensor.Tensor, f func([]float64)) {
	width := int(x.Dims[len(x.Dims)-1])
	for start := 0; start < x.Len(); start += width {
		var row []float64
		for i := range width {
			row = append(row, x.Float(start+i))
		}
		f(row)
	}
}
