package conventions

// This file has what declarations of several frameworks share.

// declared are all frameworks.
func declared() []*Framework {
	return []*Framework{keras(), kerasJAX(), tensorflow(), tensorflow1(), optax(), paddle(), mindspore(), mxnet(), mlx(), tinygrad(), sklearn(), torchmetrics(), xgboost(), lightgbm(), catboost(), scipy()}
}

// pair binds a prediction and a target, in that order.
func pair(input, target string) []Binding {
	return []Binding{{"input", Expr(input)}, {"target", Expr(target)}}
}

// swapped binds a target and a prediction, in that order.
func swapped(target, input string) []Binding {
	return []Binding{{"target", Expr(target)}, {"input", Expr(input)}}
}

// hinge is max(0, margin - target·scores), with labels of -1 and 1. The scores are
// ranked against zeros.
func hinge(margin float64, inputs []Binding, scores string, steps string) Form {
	return Form{
		Loss: "margin_ranking", Options: V{"margin": margin}, Map: M{"loss": steps}, Grad: []string{"input1"},
		Shapes: map[string]string{"input1": "N,D"},
		Inputs: append(inputs, Binding{"input2", Expr("zeros(" + scores + ")")}),
	}
}

// reduced sets a form's reduction.
func (f Form) reduced(r string) Form {
	o := V{}
	for name, value := range f.Options {
		o[name] = value
	}
	o["reduction"] = r
	f.Options = o
	return f
}

// scaled multiplies a form's losses.
func (f Form) scaled(by float64) Form {
	if by == 1 {
		return f
	}
	f = f.reduced(f.Options["reduction"].(string))
	f.Options["scale"] = by
	return f
}
