package losses_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// TestHints: a shape that cannot be is answered with what was probably meant.
func TestHints(t *testing.T) {
	for _, c := range []struct {
		loss   string
		shapes map[string]string
		with   []string
		want   string
	}{
		{"cross_entropy", map[string]string{"input": "N,C", "target": "N,C"}, nil, "choose target probabilities"},
		{"cross_entropy", map[string]string{"input": "B,T,V", "target": "B,T"}, nil, "the classes are axis 1 of input, T here: where they are the last axis, choose class_axis last"},
		{"cross_entropy", map[string]string{"input": "N,H,W,C", "target": "N,H,W"}, nil, "choose class_axis last"},
		{"focal", map[string]string{"input": "N,C", "target": "N,C"}, nil, "if target is one-hot, take its argmax"},
		{"bce_with_logits", map[string]string{"input": "N,C,H,W", "pos_weight": "C"}, []string{"pos_weight"}, "for one value per channel give it C,1,1"},
		{"mse", map[string]string{"input": "N,3", "grad_output": "N"}, nil, "mse: grad_output cannot have shape [N]: the loss is []"},
	} {
		_, err := losses.Request{Catalog: all.Losses(), Loss: c.loss, Shapes: c.shapes, With: c.with, GradOutput: c.shapes["grad_output"] != ""}.Model()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), ".go:") {
			t.Errorf("%s %v: %v, want %q", c.loss, c.shapes, err, c.want)
		}
	}
}

// TestBroadcastShapes: inputs that broadcast do so in both directions, for every
// loss that declares it, and no error tells a line of the code.
func TestBroadcastShapes(t *testing.T) {
	pairs := [][2]string{{"N,1", "N"}, {"N", "N,1"}, {"N,D", "1"}, {"1", "N,D"}, {"N,1", "1,D"}, {"", "N,D"}, {"N,D", ""}, {"N,D", "D"}, {"2,3", "3,2"}, {"N,D", "B,N,D"}, {"B,1,D", "N,1"}}
	for _, l := range all.Losses() {
		s := l.Declaration()
		for _, name := range s.Broadcast {
			for _, pair := range pairs {
				r := losses.Request{Catalog: all.Losses(), Loss: s.Name, Shapes: map[string]string{s.Inputs[0].Name: pair[0], name: pair[1]}, Options: losses.Values{"reduction": "none"}}
				for _, in := range s.Inputs {
					if in.Name == name && in.Optional {
						r.With = []string{name}
					}
				}
				_, err := r.Model()
				a, _ := tensor.ParseShape(pair[0])
				b, _ := tensor.ParseShape(pair[1])
				_, never := tensor.Broadcast(a, b)
				if err != nil && (strings.Contains(err.Error(), ".go:") || strings.Contains(err.Error(), "cannot be built") && never == nil) {
					t.Errorf("%s %s %v: %v", s.Name, name, pair, err)
				}
				if err == nil && never != nil {
					t.Errorf("%s %s %v: want a refusal: %v", s.Name, name, pair, never)
				}
			}
		}
	}
}

// TestBuildError: who makes a request reads no line of the loss's code, and who
// declares the loss finds it.
func TestBuildError(t *testing.T) {
	own := &losses.Def[struct{}]{
		Spec: losses.Spec{
			Name: "own_sum", Family: "own", Title: "a sum that needs equal sizes", Formula: "a + b", Torch: "(a + b).sum()",
			Inputs: []losses.Input{{Name: "a", Doc: "one", Domain: losses.Real, Grad: losses.Default}, {Name: "b", Doc: "other", Domain: losses.Real}},
			Shapes: []losses.Shapes{{"a": "N", "b": "M"}},
		},
		Body: func(c *losses.Call, _ struct{}) losses.Term { return losses.Term{Each: c.In("a").Add(c.In("b"))} },
	}
	_, err := losses.Request{Catalog: losses.Catalog{own}, Loss: own.Name}.Model()
	const want = "own_sum cannot be built for a [N] and b [M]: cannot broadcast [N] with [M]: axis 0 is N and M"
	if err == nil || err.Error() != want {
		t.Fatalf("%v, want %s", err, want)
	}
	var inner *builder.Error
	if !errors.As(err, &inner) || !strings.HasPrefix(inner.Pos, "hints_test.go:") {
		t.Errorf("the builder's error is %v, want one with a line here", inner)
	}
}

// TestWarnings: a file that can be written and is of no use is said to be so.
func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		request losses.Request
		want    string // "" for none
	}{
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "N,0"}}, "input [N,0] has no elements, whatever the data"},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "N,1"}}, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "N,1099511627776"}}, "target [N,1099511627776] takes 4 TiB or more, whatever the data"},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "1048576,262144"}}, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "1048576,262145"}}, "input [1048576,262145] takes 1 TiB or more"},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Shapes: map[string]string{"input": "1048576,262144"}, DType: tensor.Float64}, "takes 2 TiB"},
		{losses.Request{Catalog: all.Losses(), Loss: "l1", Shapes: map[string]string{"input": "16777216,1", "target": "1,16777216"}},
			"the result of broadcasting target [16777216,16777216] takes 1.02e+03 TiB or more, whatever the data"},
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy", Shapes: map[string]string{"input": "N,1099511627776"}}, "input [N,1099511627776] takes 4 TiB or more"},
		{losses.Request{Catalog: all.Losses(), Loss: "multi_task", Shapes: map[string]string{"a_input": "N,1099511627776"}}, "a_input [N,1099511627776] takes 4 TiB or more"},
		{losses.Request{Catalog: all.Losses(), Loss: "huber", Options: losses.Values{"delta": 1e300}}, "option delta is 1e+300, which is inf in float32"},
		{losses.Request{Catalog: all.Losses(), Loss: "huber", Options: losses.Values{"delta": 1e300}, DType: tensor.BFloat16}, "option delta is 1e+300, which is inf in float32"},
		{losses.Request{Catalog: all.Losses(), Loss: "huber", Options: losses.Values{"delta": 1e300}, DType: tensor.Float64}, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "poisson_nll", Options: losses.Values{"eps": 1e-60}}, "option eps is 1e-60, which is 0 in float32"},
		{losses.Request{Catalog: all.Losses(), Loss: "mse", Options: losses.Values{"scale": -1e39}}, "option scale is -1e+39, which is -inf in float32"},
		{losses.Request{Catalog: all.Losses(), Loss: "multi_task", Options: losses.Values{"tasks": []losses.Task{{Name: "a", Loss: "huber", Options: losses.Values{"delta": 1e300}}}}}, "task a: option delta is 1e+300, which is inf in float32"},
	} {
		p, err := c.request.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Warnings, "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %v %v warns %q, want %q", c.request.Loss, c.request.Options, c.request.Shapes, got, c.want)
		}
	}
}

// TestCheckLabels finds labels that are no classes, and only those.
func TestCheckLabels(t *testing.T) {
	ints := func(dims []int64, values ...int64) *tensor.Tensor { return tensor.FromInts(tensor.Int64, dims, values) }
	floats := func(dims ...int64) *tensor.Tensor { return tensor.New(tensor.Float32, dims...) }
	for _, c := range []struct {
		request losses.Request
		inputs  map[string]*tensor.Tensor
		want    string
	}{
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy"}, map[string]*tensor.Tensor{"input": floats(3, 5), "target": ints([]int64{3}, 0, -100, 4)}, ""},
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy"}, map[string]*tensor.Tensor{"input": floats(3, 5), "target": ints([]int64{3}, 0, 5, 4)},
			"input target has the label 5 at [1], want a class from 0 to 4, or ignore_index -100"},
		{losses.Request{Catalog: all.Losses(), Loss: "nll", Shapes: map[string]string{"input": "N,C,H,W"}}, map[string]*tensor.Tensor{"input": floats(1, 2, 2, 2), "target": ints([]int64{1, 2, 2}, 0, 1, -1, 1)},
			"input target has the label -1 at [0,1,0], want a class from 0 to 1, or ignore_index -100"},
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy", Shapes: map[string]string{"input": "C"}}, map[string]*tensor.Tensor{"input": floats(5), "target": ints(nil, 9)},
			"input target has the label 9 at [], want"},
		{losses.Request{Catalog: all.Losses(), Loss: "multi_margin"}, map[string]*tensor.Tensor{"input": floats(1, 2), "target": ints([]int64{1}, -100)},
			"input target has the label -100 at [0], want a class from 0 to 1"},
		{losses.Request{Catalog: all.Losses(), Loss: "multilabel_margin"}, map[string]*tensor.Tensor{"input": floats(1, 3), "target": ints([]int64{1, 3}, 2, -1, 3)},
			"input target has the label 3 at [0,2], want a class from 0 to 2"},
		{losses.Request{Catalog: all.Losses(), Loss: "cross_entropy", With: []string{"mask"}}, map[string]*tensor.Tensor{"input": floats(2, 5), "target": ints([]int64{2}, 9, 8), "mask": tensor.FromInts(tensor.Bool, []int64{2}, []int64{0, 1})},
			"input target has the label 8 at [1]"},
		{losses.Request{Catalog: all.Losses(), Loss: "multi_task", Options: losses.Values{"tasks": []losses.Task{{Name: "x", Loss: "mse"}, {Name: "seg", Loss: "ce"}}}},
			map[string]*tensor.Tensor{"seg_input": floats(2, 5), "seg_target": ints([]int64{2}, 4, 5)},
			"input seg_target has the label 5 at [1], want a class from 0 to 4, or ignore_index -100"},
		{losses.Request{Catalog: all.Losses(), Loss: "mse"}, map[string]*tensor.Tensor{"input": floats(2, 5), "target": floats(2, 5)}, ""},
	} {
		p, err := c.request.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		err = p.CheckLabels(c.inputs)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.request.Loss, err, c.want)
		}
	}
}

// TestHugeSizes: every loss of sizes that no machine holds is refused in one line, or
// warned of.
func TestHugeSizes(t *testing.T) {
	for _, l := range all.Losses() {
		s := l.Declaration()
		first := s.Inputs[0].Name
		for _, pattern := range s.Shapes {
			for _, size := range []string{"1099511627776", "2147483648"} {
				var dims []string
				letters := 0
				text := strings.ReplaceAll(pattern[first], "*", s.Star)
				for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
					if strings.ToUpper(part) != strings.ToLower(part) { // a letter
						part = size
						letters++
					}
					dims = append(dims, part)
				}
				request := losses.Request{Catalog: all.Losses(), Loss: s.Name, Shapes: map[string]string{first: strings.Join(dims, ",")}}
				p, err := request.Resolve()
				if err == nil {
					_, err = p.Model()
				}
				huge := letters > 1 || letters == 1 && size == "1099511627776"
				if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "cannot")) || err == nil && huge && p.Warnings == nil {
					t.Errorf("%s %v: %v, want an error of one line or a warning", s.Name, dims, err)
				}
			}
		}
	}
}
