package losses

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file says more of a request or of data that cannot work: what was probably
// meant.

// hint adds to an error about a shape what people often mean by it.
func (p *Plan) hint(err error, given map[string]tensor.Shape) error {
	var e *shapeError
	if !errors.As(err, &e) {
		return err
	}
	first := p.Spec.Inputs[0].Name
	base, ok := given[first]
	if !ok {
		return err
	}
	switch in := p.Spec.Inputs[slices.IndexFunc(p.Spec.Inputs, func(in Input) bool { return in.Name == e.input })]; {
	case in.Domain == Class && e.shape.Equal(base) && p.takesProbabilities():
		e.reason += fmt.Sprintf("; if %s holds a probability of each class, or is one-hot, choose target probabilities", e.input)
	case in.Domain == Class && e.shape.Equal(base):
		e.reason += fmt.Sprintf("; if %s is one-hot, take its argmax along the classes", e.input)
	case in.Domain == Class && len(base) > 2 && p.Spec.Classes != "" && p.moved == nil && e.shape.Equal(base.Without(len(base)-1)):
		e.reason += fmt.Sprintf("; the classes are axis 1 of %s, %v here: where they are the last axis, choose class_axis last", first, base[1])
	case slices.Contains(p.Spec.Broadcast, e.input) && len(e.shape) == 1 && len(base) > 2 && e.shape[0] == base[1]:
		ones := slices.Repeat(tensor.Shape{tensor.D(1)}, len(base)-2)
		e.reason += fmt.Sprintf("; it is broadcast against the last axes of %s: for one value per channel give it %s",
			first, append(tensor.Shape{e.shape[0]}, ones...).List())
	}
	return err
}

// takesProbabilities reports whether the loss takes probabilities for labels.
func (p *Plan) takesProbabilities() bool {
	return slices.ContainsFunc(p.loss.Options(), func(o Option) bool {
		return o.Name == "target" && slices.Contains(o.Choices, "probabilities")
	})
}

// shapesError is a mistake that only building the graph finds: the shapes of the
// request do not go together. It unwraps to the builder's error, which has the
// line of the loss's code.
type shapesError struct {
	loss  string
	ports []Port
	cause *builder.Error
}

// Error implements error.
func (e *shapesError) Error() string {
	text := ""
	for i, port := range e.ports {
		switch {
		case i > 0 && i == len(e.ports)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += fmt.Sprintf("%s %v", port.Name, port.Shape)
	}
	return fmt.Sprintf("%s cannot be built for %s: %s", e.loss, text, e.cause.Msg)
}

// Unwrap implements the protocol of package errors.
func (e *shapesError) Unwrap() error { return e.cause }

// buildError words an error of the builder for those who made the request.
func (p *Plan) buildError(err error) error {
	var e *builder.Error
	switch {
	case !errors.As(err, &e):
		return fmt.Errorf("%s: %w", p.Loss, err)
	case e.Op == "grad_output": // an input of the request, too
		return fmt.Errorf("%s: %s", p.Loss, e.Msg)
	}
	return &shapesError{p.Loss, p.Ports, e}
}

// warnUseless warns of a request that is right and gives a file of no use.
func (p *Plan) warnUseless() {
	for _, port := range p.Ports {
		if slices.ContainsFunc(port.Shape, func(d tensor.Dim) bool { return d.Is(0) }) && !port.Optional {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s %v has no elements, whatever the data", port.Name, port.Shape))
		}
		p.warnLarge(port)
	}
	if p.DType == tensor.Float64 || p.Spec.Tasks != nil { // tasks warn themselves
		return
	}
	for _, o := range append(p.loss.Options(), WrapperOptions(p.loss)...) {
		var values []float64
		switch v := p.Options[o.Name].(type) {
		case float64:
			values = []float64{v}
		case []float64:
			values = v
		}
		for _, v := range values {
			if single := float64(float32(v)); math.IsInf(single, 0) && !math.IsInf(v, 0) || single == 0 && v != 0 {
				p.Warnings = append(p.Warnings, fmt.Sprintf("option %s is %s, which is %s in float32", o.Name, formatFloat(v), formatFloat(single)))
			}
		}
	}
}

// warnLarge warns of an input that no machine holds, or that broadcasts with the first
// to what none holds.
func (p *Plan) warnLarge(port Port) {
	const most = 1 << 40 // bytes: more than the memory of nearly every machine
	name, shape := port.Name, port.Shape
	if both, err := tensor.Broadcast(p.Ports[0].Shape, shape); err == nil && slices.Contains(p.Spec.Broadcast, name) && !both.Equal(shape) {
		name, shape = "the result of broadcasting "+name, both
	}
	bytes := float64(port.DType.Size())
	for _, d := range shape {
		if d.Known() {
			bytes *= float64(d.Size)
		}
	}
	if bytes > most {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s %v takes %.3g TiB or more, whatever the data", name, shape, bytes/most))
	}
}

// CheckLabels finds the first label among a file's inputs that is no class, for a
// run that failed: an engine says which number it could not gather, not where it
// stands. Masked labels are not looked at, nor labels of sequences, which may be
// padded.
func (p *Plan) CheckLabels(inputs map[string]*tensor.Tensor) error {
	sizes := map[string]int64{}
	for _, port := range p.Ports {
		for axis, d := range port.Shape {
			if t := inputs[port.Name]; !d.Known() && t != nil && axis < len(t.Dims) {
				sizes[d.Sym] = t.Dims[axis]
			}
		}
	}
	for _, port := range p.Ports {
		own, inner := p.Part(port)
		hasLengths := slices.ContainsFunc(own.Spec.Inputs, func(in Input) bool { return in.Domain == Lengths })
		t := inputs[port.Name]
		if !inner.NamesClasses() || hasLengths || t == nil {
			continue
		}
		prefix := port.Name[:len(port.Name)-len(inner.Name)]
		if err := own.checkLabels(inner, port.Name, t, inputs[prefix+"mask"], own.Classes(inner, func(d tensor.Dim) int64 { return sizeOf(d, map[string]int64{}, sizes) })); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) checkLabels(port Port, name string, labels, mask *tensor.Tensor, classes int64) error {
	ignored, ignores := p.Ignored(port)
	for i := range labels.Len() {
		v := labels.Int(i)
		masked := mask != nil && mask.Len() == labels.Len() && mask.Int(i) == 0
		if v >= 0 && v < classes || masked || ignores && v == ignored || port.Domain == Labels && v == -1 {
			continue
		}
		want := fmt.Sprintf("a class from 0 to %d", classes-1)
		if ignores {
			want += fmt.Sprintf(", or %s %d", port.Of.Ignored, ignored)
		}
		return fmt.Errorf("input %s has the label %d at %s, want %s", name, v, position(i, labels.Dims), want)
	}
	return nil
}

// position is the index along each axis of the element at a flat index, as
// [row,column].
func position(flat int, dims []int64) string {
	at := make([]string, len(dims))
	for axis := len(dims) - 1; axis >= 0; axis-- {
		at[axis], flat = strconv.Itoa(flat%int(dims[axis])), flat/int(dims[axis])
	}
	return "[" + strings.Join(at, ",") + "]"
}
