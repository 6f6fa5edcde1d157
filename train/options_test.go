package train_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/train"
)

func optimizer(t *testing.T, text string) train.Optimizer {
	t.Helper()
	o, err := train.ParseOptimizer(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// batch is data of the golden models' sizes.
func batch(dims []int64, from float64, labels ...int64) map[string]*tensor.Tensor {
	n, err := tensor.Count(dims)
	if err != nil {
		panic(err)
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = from + float64(i%7)/3 - float64(i%5)/2
	}
	return map[string]*tensor.Tensor{
		"x": tensor.FromFloats(tensor.Float32, dims, x), "target": tensor.FromInts(tensor.Int64, []int64{int64(len(labels))}, labels),
	}
}

// started adds what inputs start with to a batch.
func started(made *train.Result, data map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	for _, v := range made.Values {
		data[v.Name] = v.Tensor
	}
	return data
}

// TestFrozen: what is frozen stays in the file, gets no output, and the statistics of its
// normalization go on as before.
func TestFrozen(t *testing.T) {
	_, whole := attach(t, "testdata/conv.onnx", train.NormTrain, train.Options{})
	m, part := attach(t, "testdata/conv.onnx", train.NormTrain, train.Options{Train: []string{"head.weight", "head.bias"}, Freeze: []string{"head.bias"}})
	var statistics []string
	for _, layer := range []string{"norm", "deep_norm"} {
		statistics = append(statistics, "new_"+layer+".running_mean", "new_"+layer+".running_var")
	}
	if got := outputs(part.Model); !slices.Equal(got, append([]string{"loss", "grad_head.weight"}, statistics...)) {
		t.Errorf("the outputs are %q", got)
	}
	for _, p := range m.Parameters {
		want := map[string]string{"head.weight": "", "head.bias": "as asked"}[p.Name]
		if strings.Contains(p.Name, "running") {
			want = "statistics"
		} else if !strings.HasPrefix(p.Name, "head") {
			want = "as asked"
		}
		if p.Frozen != want {
			t.Errorf("%s is frozen %q, want %q", p.Name, p.Frozen, want)
		}
	}
	data := func(r *train.Result) map[string]*tensor.Tensor {
		return started(r, batch([]int64{3, 1, 8, 8}, 0, 0, 2, 1))
	}
	want := run(t, open(t, reference.Backend{}, whole.Model), data(whole))
	got := run(t, open(t, reference.Backend{}, part.Model), data(part))
	for _, name := range append(statistics, "loss", "grad_head.weight") {
		near(t, name, got[name], array{Values: want[name].Floats()})
	}
}

// TestNorms: out of training, and as the file has it.
func TestNorms(t *testing.T) {
	statistics := func(names []string) bool { return slices.Contains(names, "new_norm.running_var") }
	_, eval := attach(t, "testdata/conv.onnx", train.NormEval, train.Options{})
	_, file := attach(t, "testdata/conv.onnx", train.NormFile, train.Options{})
	if statistics(outputs(eval.Model)) || !statistics(outputs(file.Model)) {
		t.Errorf("the outputs are %q and %q: the file has normalization in training", outputs(eval.Model), outputs(file.Model))
	}
	m := read(t, "testdata/conv.onnx")
	for i, n := range m.Graph.Nodes {
		if n.Op == "BatchNormalization" {
			m.Graph.Nodes[i].Attributes = slices.DeleteFunc(n.Attributes, func(a ir.Attribute) bool { return a.Name == "training_mode" })
			m.Graph.Nodes[i].Outputs = n.Outputs[:1]
		}
	}
	for mode, want := range map[train.BatchNorm]bool{train.NormTrain: true, train.NormFile: false} {
		model, err := train.Read(m, mode)
		if err != nil {
			t.Fatal(err)
		}
		made, err := model.Attach(train.Options{Loss: crossEntropy()})
		if err != nil {
			t.Fatal(err)
		}
		if statistics(outputs(made.Model)) != want {
			t.Errorf("%s of a file out of training: the outputs are %q", mode, outputs(made.Model))
		}
	}
}

// TestMergedStatistics: normalizations whose statistics the exporter has made one
// constant have their own again.
func TestMergedStatistics(t *testing.T) {
	m := read(t, "testdata/conv.onnx")
	norms := 0
	for i, n := range m.Graph.Nodes {
		if n.Op == "BatchNormalization" {
			m.Graph.Nodes[i].Inputs = append(slices.Clone(n.Inputs[:3]), "norm.running_mean", "norm.running_var")
			norms++
		}
	}
	model, err := train.Read(m, train.NormTrain)
	if err != nil {
		t.Fatal(err)
	}
	made, err := model.Attach(train.Options{Loss: crossEntropy()})
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, name := range outputs(made.Model) {
		if strings.HasSuffix(strings.TrimRight(name, "2"), "/own") {
			own++
		}
	}
	if own != 2*norms || len(model.Warnings) < own {
		t.Errorf("%d statistics of %d normalizations have their own value, with the warnings %q", own, norms, model.Warnings)
	}
	run(t, open(t, reference.Backend{}, made.Model), started(made, batch([]int64{3, 1, 8, 8}, 0, 0, 2, 1)))
}

// TestAccumulate: two halves of a batch, added up, step as the whole does.
func TestAccumulate(t *testing.T) {
	const rule = "momentum,lr=0.5"
	halves := []map[string]*tensor.Tensor{batch([]int64{2, 6}, 0.5, 0, 2), batch([]int64{2, 6}, -0.25, 1, 1)}
	both := map[string]*tensor.Tensor{
		"x":      tensor.FromFloats(tensor.Float32, []int64{4, 6}, append(halves[0]["x"].Floats(), halves[1]["x"].Floats()...)),
		"target": tensor.FromInts(tensor.Int64, []int64{4}, []int64{0, 2, 1, 1}),
	}
	for _, b := range engines(t) {
		_, whole := attach(t, "testdata/mlp.onnx", train.NormTrain, train.Options{Optimizer: optimizer(t, rule), ClipNorm: 0.1})
		_, sums := attach(t, "testdata/mlp.onnx", train.NormTrain, train.Options{Accumulate: true})
		_, last := attach(t, "testdata/mlp.onnx", train.NormTrain, train.Options{Optimizer: optimizer(t, rule), ClipNorm: 0.1, Accumulate: true})
		want := run(t, open(t, b, whole.Model), started(whole, both))
		first := run(t, open(t, b, sums.Model), started(sums, halves[0]))
		data := started(last, halves[1])
		data["parts"] = tensor.FromFloats(tensor.Float32, nil, []float64{2})
		for name, v := range first {
			if input, ok := strings.CutPrefix(name, "new_"); ok {
				data[input] = v
			}
		}
		got := run(t, open(t, b, last.Model), data)
		for name := range want {
			if name != "loss" {
				near(t, b.Name()+" "+name, got[name], array{Values: want[name].Floats()})
			}
		}
	}
}

// TestEmbed: a file whose inputs have defaults runs with the data alone.
func TestEmbed(t *testing.T) {
	if len(engines(t)) < 2 {
		t.Skip("ONNX Runtime is not here")
	}
	_, apart := attach(t, "testdata/mlp.onnx", train.NormTrain, train.Options{Optimizer: optimizer(t, "sgd")})
	_, embedded := attach(t, "testdata/mlp.onnx", train.NormTrain, train.Options{Optimizer: optimizer(t, "sgd"), Embed: true})
	if embedded.Values != nil {
		t.Error("there are values beside the file that has them")
	}
	if len(embedded.Model.Graph.Initializers) < len(apart.Values) || len(embedded.Model.Graph.Inputs) != len(apart.Model.Graph.Inputs) {
		t.Error("the file has not all values as defaults of its inputs")
	}
	data := func() map[string]*tensor.Tensor { return batch([]int64{2, 6}, 0.5, 0, 2) }
	want := run(t, open(t, ort.Backend{}, apart.Model), started(apart, data()))
	got := run(t, open(t, ort.Backend{}, embedded.Model), started(apart, data()))
	near(t, "new_fc.weight", got["new_fc.weight"], array{Values: want["new_fc.weight"].Floats()})
}

// TestDropout: it stays in the file that trains, and is off in the one that evaluates.
func TestDropout(t *testing.T) {
	if len(engines(t)) < 2 {
		t.Skip("ONNX Runtime is not here")
	}
	_, made := attach(t, "testdata/drop.onnx", train.NormTrain, train.Options{Eval: true})
	data := func() map[string]*tensor.Tensor { return started(made, batch([]int64{3, 4}, 0.5, 0, 2, 1)) }
	session, evaluation := open(t, ort.Backend{}, made.Model), open(t, ort.Backend{}, made.Eval)
	seen, evaluated := map[float64]bool{}, map[float64]bool{}
	for range 8 {
		seen[run(t, session, data())["loss"].Float(0)] = true
		evaluated[run(t, evaluation, data())["loss"].Float(0)] = true
	}
	if len(seen) < 2 || len(evaluated) != 1 {
		t.Errorf("%d different losses in training and %d in evaluation", len(seen), len(evaluated))
	}
}

// TestNames: an input of the loss that the model has already gets a name in front, and
// --bind takes inputs of the model.
func TestNames(t *testing.T) {
	m := read(t, "testdata/mlp.onnx")
	m.Graph.Inputs[0].Name = "target"
	for i, n := range m.Graph.Nodes {
		m.Graph.Nodes[i] = n.Renamed(map[string]string{"x": "target"})
	}
	mse := losses.Request{Catalog: all.Losses(), Loss: "mse"}
	for bound, want := range map[string][]string{"": {"target", "loss_target"}, "out": {"target"}} {
		model, err := train.Read(m, train.NormTrain)
		if err != nil {
			t.Fatal(err)
		}
		o := train.Options{Loss: mse, Train: []string{"fc.weight"}, Keep: []string{"out"}}
		if bound != "" {
			o.Output, o.Bind = "out", map[string]string{"target": bound}
		}
		made, err := model.Attach(o)
		if err != nil {
			t.Fatal(err)
		}
		var inputs []string
		for _, p := range made.Model.Graph.Inputs {
			inputs = append(inputs, p.Name)
		}
		if !slices.Equal(inputs, append(want, "fc.weight")) {
			t.Errorf("the inputs are %q", inputs)
		}
		if got := outputs(made.Model); !slices.Equal(got, []string{"loss", "grad_fc.weight", "out"}) {
			t.Errorf("the outputs are %q", got)
		}
	}
}

// TestRefuses: what cannot be trained is one line that says what would be right.
func TestRefuses(t *testing.T) {
	with := func(change func(o *train.Options)) train.Options {
		o := train.Options{Loss: crossEntropy()}
		change(&o)
		return o
	}
	for want, o := range map[string]train.Options{
		`reduction none gives no single number`:          with(func(o *train.Options) { o.Loss.Options = losses.Values{"reduction": "none"} }),
		`--bind: cross_entropy has no input "nothing"`:   with(func(o *train.Options) { o.Bind = map[string]string{"nothing": "out"} }),
		`no output or input "nothing" for the loss's in`: with(func(o *train.Options) { o.Output = "nothing" }),
		`a statistic of the batches, which no gradient`:  with(func(o *train.Options) { o.Train = []string{"norm.running_mean", "head.bias"} }),
		`there is no parameter to train: 12 are frozen`:  with(func(o *train.Options) { o.Train = []string{"head.bias"}; o.Freeze = o.Train }),
		`unknown loss "nothing"`:                         with(func(o *train.Options) { o.Loss.Loss = "nothing" }),
		`--loss: sigmoid_focal: target cannot have shape [5,5]`: with(func(o *train.Options) {
			o.Loss.Loss, o.Loss.Options, o.Loss.Shapes = "sigmoid_focal", nil, map[string]string{"target": "5,5"}
		}),
		`written otherwise at opset 12`: with(func(o *train.Options) { o.Opset = 12 }),
	} {
		m, err := train.Read(read(t, "testdata/conv.onnx"), train.NormTrain)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Attach(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %q", err, want)
		}
	}
}

// TestParseOptimizer: wrong rules and options.
func TestParseOptimizer(t *testing.T) {
	for text, want := range map[string]string{
		"rmsprop":              `there is no "rmsprop", want none, sgd, momentum, nesterov, adam, adamw`,
		"none,lr=1":            `there is no "none"`,
		"sgd,momentum=0.9":     `sgd has no option "momentum": it has lr, weight_decay`,
		"sgd,lr":               `lr of sgd is "", want a number`,
		"sgd,lr=nan":           `lr of sgd is "nan", want a number`,
		"sgd,lr=inf":           `lr of sgd is "inf", want a number`,
		"adam,beta1=1":         `beta1 of adam is "1", want a number from 0 to below 1`,
		"adamw,lr=0.1,lr=0.2":  `adamw has lr twice`,
		"momentum,momentum=-1": `momentum of momentum is "-1"`,
	} {
		if _, err := train.ParseOptimizer(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	for _, name := range train.Optimizers() {
		if _, err := train.ParseOptimizer(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
