package builder_test

import (
	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// single marks a program with an operator that ONNX Runtime has no float64 kernel for.
func single(p program) program {
	p.single = true
	return p
}

// convolved makes a program of x, weights and a bias.
func convolved(name string, x, weight, bias operand, w builder.Window) program {
	return single(program{name: name, operands: []operand{x, weight, bias}, f: func(_ *builder.B, v []Value) Value { return v[0].Conv(v[1], v[2], w).Square() }})
}

func transposedConv(name string, x, weight operand, w builder.Window, more []int64) program {
	return single(program{name: name, operands: []operand{x, weight}, f: func(_ *builder.B, v []Value) Value {
		return v[0].ConvTranspose(v[1], Value{}, w, more).Square()
	}})
}

// onAxes is a program whose axes of open sizes are summed: only running tells them.
func onAxes(p program) program {
	f := p.f
	p.f = func(b *builder.B, v []Value) Value { return f(b, v).SumKeep(2).Square() }
	return p
}

type list = []int64

func layerPrograms() []program {
	w := func(strides, dilations, pads list, group int64) builder.Window {
		return builder.Window{Strides: strides, Dilations: dilations, Pads: pads, Group: group}
	}
	return []program{
		convolved("Conv", real("N", 2, 3, 4), real(3, 2, 2, 3), real(3), w(nil, nil, nil, 1)),
		convolved("Conv with strides and pads", real("N", 1, 4, 5), real(2, 1, 3, 2), real(2), w(list{2, 3}, nil, list{1, 0, 0, 1}, 1)),
		convolved("Conv of an open length", real("N", 2, "E"), real(2, 2, 3), real(2), w(nil, nil, list{1, 1}, 1)),
		onAxes(convolved("Conv of an open length with a stride", real("N", 2, "E"), real(2, 2, 3), real(2), w(list{2}, nil, list{1, 0}, 1))),
		onAxes(convolved("Conv of a rest", real("N", 1, "C"), real(2, 1, 2), real(2), w(list{3}, nil, list{1, 0}, 1))),
		convolved("Conv with dilations", real("N", 2, 6), real(2, 2, 2), real(2), w(list{2}, list{3}, list{1, 2}, 1)),
		convolved("Conv of groups", real("N", 4, 4), real(6, 2, 2), real(6), w(list{2}, nil, list{1, 0}, 2)),
		convolved("Conv of channels", real("N", 3, 4, 2), real(3, 1, 2, 2), real(3), w(nil, list{2, 1}, list{1, 0, 1, 1}, 3)),
		convolved("Conv of each element", real("N", 2, 3), real(3, 2, 1), real(3), w(nil, nil, nil, 1)),
		convolved("Conv of patches", real("N", 2, 4, 3), real(2, 2, 2, 3), real(2), w(list{2, 3}, nil, nil, 1)),
		convolved("Conv of many elements", real("N", 1, 30), real(2, 1, 26), real(2), w(list{2}, nil, list{1, 0}, 1)),
		convolved("Conv of many elements in groups", real("N", 4, 28), real(2, 2, 26), real(2), w(nil, nil, list{0, 1}, 2)),
		onAxes(convolved("Conv of many elements of open axes", real(2, 2, "E", 7), real(2, 1, 1, 27), real(2), w(list{2, 1}, list{1, 1}, list{0, 10, 0, 11}, 2))),
		convolved("Conv of three axes", real(1, 2, 3, 2, 2), real(2, 2, 2, 1, 2), real(2), w(nil, nil, list{0, 0, 1, 0, 0, 0}, 1)),
		transposedConv("ConvTranspose", real("N", 2, 3), real(2, 3, 3), w(list{2}, nil, list{1, 0}, 1), list{1}),
		transposedConv("ConvTranspose of open axes", real("N", 2, "D", "N"), real(2, 1, 2, 2), w(list{2, 2}, nil, nil, 1), nil),
		transposedConv("ConvTranspose of groups", real("N", 4, 2, 3), real(4, 1, 2, 2), w(list{2, 1}, list{1, 2}, list{0, 1, 0, 1}, 2), nil),
		single(program{name: "ConvTranspose with a bias", operands: []operand{real("N", 2, 2), real(2, 3, 2), real(3)}, f: func(_ *builder.B, v []Value) Value {
			return v[0].ConvTranspose(v[1], v[2], builder.Window{}, nil).Square()
		}}),
	}
}

func pooled(name string, x operand, f func(x Value) Value) program {
	return program{name: name, operands: []operand{x}, f: func(_ *builder.B, v []Value) Value { return f(v[0]) }}
}

func poolPrograms() []program {
	return []program{
		pooled("MaxPool", real("N", 2, 4, 4), func(x Value) Value { return x.MaxPool(list{2, 2}, builder.Window{Strides: list{2, 2}}).Square() }),
		pooled("MaxPool of windows that overlap", real("N", 2, 5, 4), func(x Value) Value {
			return x.MaxPool(list{3, 2}, builder.Window{Strides: list{2, 1}, Pads: list{1, 0, 1, 1}, Dilations: list{1, 2}}).Square()
		}),
		onAxes(pooled("MaxPool of an open length", real("N", 2, "E"), func(x Value) Value {
			return x.MaxPool(list{3}, builder.Window{Strides: list{2}, Ceil: true}).Square()
		})),
		single(pooled("AveragePool", real("N", 2, 4, 4), func(x Value) Value { return x.AveragePool(list{2, 2}, builder.Window{Strides: list{2, 2}}).Square() })),
		single(pooled("AveragePool with padding that counts", real("N", 1, 5), func(x Value) Value {
			return x.AveragePool(list{3}, builder.Window{Strides: list{2}, Pads: list{1, 1}, CountPads: true}).Square()
		})),
		single(pooled("AveragePool with padding", real("N", 1, 5, 3), func(x Value) Value {
			return x.AveragePool(list{3, 2}, builder.Window{Strides: list{2, 1}, Pads: list{1, 0, 1, 1}, Ceil: true}).Square()
		})),
		single(onAxes(pooled("AveragePool of an open length", real("N", 1, "E"), func(x Value) Value {
			return x.AveragePool(list{2}, builder.Window{Strides: list{2}, Pads: list{1, 0}, Ceil: true}).Square()
		}))),
		single(pooled("GlobalAveragePool", real("N", 2, "E", "D"), func(x Value) Value { return x.GlobalAveragePool().Square().Mul(x) })),
	}
}

func normPrograms() []program {
	four := func(x operand) []operand { return []operand{x, real("C"), real("C"), real("C"), positive("C")} }
	training := func(x operand) program {
		return program{operands: []operand{x, real("C"), real("C")}, f: func(_ *builder.B, v []Value) Value {
			y, _, _ := v[0].BatchNormTraining(v[1], v[2], 1e-2)
			return y.Square()
		}}
	}
	named := func(name string, p program) program { p.name = name; return p }
	inference := func(_ *builder.B, v []Value) Value { return v[0].BatchNorm(v[1], v[2], v[3], v[4], 1e-2).Square() }
	return []program{
		{name: "BatchNorm", operands: four(real("N", "C", "D")), f: inference},
		{name: "BatchNorm of channels alone", operands: four(real("N", "C")), f: inference},
		named("BatchNormTraining", training(real("N", "C", 2, 2))), named("BatchNormTraining of channels alone", training(real("E", "C"))),
		single(program{name: "InstanceNorm", operands: []operand{real("N", "C", "D", 2), real("C"), real("C")}, f: func(_ *builder.B, v []Value) Value {
			return v[0].InstanceNorm(v[1], v[2], 1e-2).Square()
		}}),
		single(unary("LeakyRelu", func(x Value) Value { return x.LeakyRelu(0.2).Mul(x) })),
		single(unary("Elu", func(x Value) Value { return x.Elu(0.7).Mul(x) })), single(unary("Elu below", func(x Value) Value { return x.Elu(-0.7).Mul(x) })),
		single(unary("HardSigmoid", func(x Value) Value { return x.HardSigmoid(0.6, 0.4).Mul(x) })),
		single(unary("HardSwish", func(x Value) Value { return x.Scale(3).HardSwish().Mul(x) })),
	}
}

func resizePrograms() []program {
	resized := func(name string, x operand, shape []any, r builder.Resampling) program {
		return single(pooled("Resize "+name, x, func(x Value) Value { return x.Resize(tensor.Of(shape...), r).Square() }))
	}
	return []program{
		unary("PadAll", func(x Value) Value { return x.Exp().PadAll(list{1, 0, 0, 2}, 0.5).Square() }),
		pooled("PadAll and crop", real("N", 3, "E"), func(x Value) Value { return x.Exp().PadAll(list{0, -1, 2, 0, 1, 0}, 0).Square() }),
		unary("PadWrap", func(x Value) Value { return x.Exp().PadWrap(0, 2, 1).PadWrap(1, -1, 1).Square() }),
		resized("nearest", real("N", 1, 3, 2), nil, builder.Resampling{Coordinates: "asymmetric", Nearest: "floor", Scales: []float64{1, 1, 2, 2.5}}),
		resized("linear", real("N", 1, 3, 4), []any{"N", 1, 5, 2}, builder.Resampling{Mode: "linear"}),
		resized("linear of one axis", real("N", 2, 3), []any{"N", 2, 7}, builder.Resampling{Mode: "linear", Coordinates: "align_corners"}),
		resized("linear of open axes", real("N", 1, "C", "D"), nil, builder.Resampling{Mode: "linear", Scales: []float64{1, 1, 2, 3}}),
		resized("cubic", real("N", 1, 4, 5), []any{"N", 1, 6, 3}, builder.Resampling{Mode: "cubic", CubicA: -0.5, ExcludeOutside: true}),
		resized("linear of three axes", real(1, 1, 2, 3, 2), []any{1, 1, 3, 2, 4}, builder.Resampling{Mode: "linear"}),
	}
}

func recurrentPrograms() []program {
	// T steps, 2 samples, 3 inputs, 2 states.
	operands := func(gates int, x operand) []operand {
		return []operand{x, real(gates*2, 3), real(gates*2, 2), real(2 * gates * 2), real("D", 2), real("D", 2)}
	}
	lstm := func(name string, x operand, backward bool) program {
		return single(program{name: name, operands: operands(4, x), f: func(_ *builder.B, v []Value) Value {
			y, cell := v[0].LSTM(builder.Layer{W: v[1], R: v[2], B: v[3], Hidden: v[4], Cell: v[5], Backward: backward})
			return y.Square().Mul(cell).Add(y.LastState(backward))
		}})
	}
	gru := func(name string, x operand, backward, behind bool) program {
		return single(program{name: name, operands: operands(3, x)[:5], f: func(_ *builder.B, v []Value) Value {
			return v[0].GRU(builder.Layer{W: v[1], R: v[2], B: v[3], Hidden: v[4], Backward: backward, ResetBehind: behind}).Square()
		}})
	}
	return []program{
		lstm("LSTM", real(3, "D", 3), false), lstm("LSTM backward", real("C", "D", 3), true),
		gru("GRU", real(3, "D", 3), false, true), gru("GRU backward", real("C", "D", 3), true, true),
		gru("GRU reset before the product", real(3, "D", 3), false, false), gru("GRU reset before, backward", real("C", "D", 3), true, false),
		single(program{name: "LSTM without states", operands: operands(4, real(2, "D", 3))[:3], f: func(_ *builder.B, v []Value) Value {
			y, _ := v[0].LSTM(builder.Layer{W: v[1], R: v[2]})
			return y
		}}),
	}
}
