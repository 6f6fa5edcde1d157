package losses

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/builder/tensor"
)

// This file covers what a mask leaves out: in the graph by harmless values in
// every input, in PyTorch expressions by an index. Nothing there reaches the loss
// or a gradient, not even a NaN.

// layout says where inputs have the axes of the unreduced loss.
type layout struct {
	rank    int       // of the unreduced loss
	sizes   []axisOf  // which input's axis has the size of each of its axes
	covered []covered // the inputs that belong to single losses
	common  []Input   // the numbers that all losses use, such as the weights of classes
	indexed bool      // PyTorch's loss takes such inputs as x[mask]
}

// axisOf is an axis of an input.
type axisOf struct {
	input string
	axis  int
}

// covered is an input that belongs to single losses.
type covered struct {
	Port
	axes []int // for each axis of the unreduced loss the input's own, -1 where it has none
	rest []int // the others, within a single loss
	lead int   // how many axes of size 1 it takes in front, where it broadcasts
	full []int // axes, counted with those
}

// layOut finds the layout for a mask over losses of the shape each.
func (p *Plan) layOut(each tensor.Shape) (*layout, error) {
	pattern, star, _ := p.pattern()
	full := p.written(pattern, star)
	letters, err := full.unreduced()
	if err != nil {
		return nil, err
	}
	l := &layout{rank: len(each)}
	belongs := full.belonging(letters)
	if l.rank == 0 { // of one row all inputs that a batch has for each row
		batch := p.written(p.Spec.Shapes[0], 1)
		rows, err := batch.unreduced()
		if err != nil {
			return nil, err
		}
		belongs = batch.belonging(rows)
	}
	for i, port := range full.Ports {
		if belongs[port.Name] {
			lead := len(port.Shape) - len(p.Ports[i].Shape)
			l.cover(p.Ports[i], axesWithin(letters, port.Shape, lead))
			in := &l.covered[len(l.covered)-1]
			in.lead, in.full = lead, axesWithin(letters, port.Shape, 0)
		} else if port.DType.IsFloat() {
			l.common = append(l.common, port.Input)
		}
	}
	if i := slices.IndexFunc(p.Ports, func(port Port) bool { return port.Name == "sample_weight" && p.isWrapper(port.Name) }); i >= 0 {
		l.coverAligned(p.Ports[i])
	}
	for axis := range each {
		l.sizes = append(l.sizes, l.source(axis))
	}
	l.indexed = p.takesRows(full, l)
	return l, nil
}

// own are the inputs without those of wrappers.
func (p *Plan) own() []Port {
	return slices.DeleteFunc(slices.Clone(p.Ports), func(port Port) bool { return p.isWrapper(port.Name) })
}

// pattern returns the declared shapes that the inputs follow, the number of axes
// that "*" stands for, and how many inputs broadcast to these shapes instead.
func (p *Plan) pattern() (best Shapes, star, broadcast int) {
	broadcast = math.MaxInt
	for _, pattern := range p.Spec.Shapes {
		if s, n, ok := p.follows(pattern); ok && n < broadcast {
			best, star, broadcast = pattern, s, n
		}
	}
	return best, star, broadcast
}

func (p *Plan) follows(pattern Shapes) (star, broadcast int, ok bool) {
	for _, port := range p.own() {
		if parts := tokens(pattern[port.Name]); slices.Contains(parts, "*") {
			star = max(star, len(port.Shape)-len(parts)+1)
		}
	}
	bound := map[tensor.Dim]tensor.Dim{}
	for i, port := range p.own() {
		full := pattern.full(port.Name, star)
		if bindAll(bound, full, port.Shape) {
			continue
		}
		broadcast++
		may := slices.Contains(p.Spec.Broadcast, port.Name) || i == 0 && len(p.Spec.Broadcast) > 0
		if !may || len(port.Shape) > len(full) {
			return 0, 0, false
		}
	}
	return star, broadcast, true
}

// bindAll reports whether a shape is the one of letters that have sizes already.
func bindAll(bound map[tensor.Dim]tensor.Dim, letters, shape tensor.Shape) bool {
	if len(letters) != len(shape) {
		return false
	}
	for i, d := range letters {
		if _, ok := bound[d]; !ok && !d.Known() {
			bound[d] = shape[i]
		}
		if size, ok := bound[d]; ok {
			d = size
		}
		if d != shape[i] {
			return false
		}
	}
	return true
}

// full writes an input's shape in letters of the pattern alone, so that no two
// sizes are equal by chance.
func (s Shapes) full(name string, star int) tensor.Shape {
	shape := tensor.Shape{}
	for _, part := range tokens(s[name]) {
		if part != "*" {
			shape = append(shape, newMatcher().unbound(part, nil))
			continue
		}
		for i := range star {
			shape = append(shape, tensor.S(fmt.Sprintf("star%d", i)))
		}
	}
	return shape
}

// written is the plan without wrappers, in a pattern's letters.
func (p *Plan) written(pattern Shapes, star int) *Plan {
	q := *p
	q.Ports = p.own()
	for i, port := range q.Ports {
		q.Ports[i].Shape = pattern.full(port.Name, star)
	}
	return &q
}

// OwnLosses reports whether each row, and each position along the axes of "*", has a
// loss of its own, as pixels of a cross entropy have. A ratio of sums over pixels has
// none for each position, one of sums over the batch none for each row.
func (p *Plan) OwnLosses() (rows, positions bool) {
	pattern, _, _ := p.pattern()
	if p.Spec.Tasks != nil || !slices.Contains(tokens(pattern[p.Ports[0].Name]), "*") {
		return true, true
	}
	q := p.written(pattern, 1)
	each, err := q.unreduced()
	if err != nil {
		return false, false
	}
	return slices.Contains(each, q.Ports[0].Shape[0]), slices.Contains(each, tensor.S("star0"))
}

// belonging are the inputs that have an axis of the unreduced loss.
func (p *Plan) belonging(each tensor.Shape) map[string]bool {
	names := map[string]bool{}
	for _, port := range p.Ports {
		for _, d := range port.Shape {
			names[port.Name] = names[port.Name] || slices.Contains(each, d)
		}
	}
	return names
}

// axesWithin finds the axes of each in a shape whose first axes are missing.
func axesWithin(each, shape tensor.Shape, missing int) []int {
	axes := make([]int, len(each))
	for i, d := range each {
		axes[i] = max(slices.Index(shape, d)-missing, -1)
	}
	return axes
}

// cover adds an input.
func (l *layout) cover(port Port, axes []int) {
	in := covered{Port: port, axes: axes}
	for axis := range port.Shape {
		if !slices.Contains(axes, axis) {
			in.rest = append(in.rest, axis)
		}
	}
	l.covered = append(l.covered, in)
}

// coverAligned adds an input that broadcasts to the unreduced loss.
func (l *layout) coverAligned(port Port) {
	l.cover(port, alignedAxes(l.rank, make([]int64, len(port.Shape))))
}

// source is an input that is not broadcast along an axis of the unreduced loss.
func (l *layout) source(axis int) axisOf {
	var found axisOf
	for _, in := range l.covered {
		if own := in.axes[axis]; own >= 0 && (found.input == "" || !in.Shape[own].Is(1)) {
			found = axisOf{in.Name, own}
			if !in.Shape[own].Is(1) {
				break
			}
		}
	}
	return found
}

// takesRows reports whether the loss of x[mask], in which the axes of the
// unreduced loss are one in front, is one loss for each of these.
func (p *Plan) takesRows(full *Plan, l *layout) bool {
	rows := *full
	rows.Ports = slices.Clone(full.Ports)
	row := tensor.S("row")
	for _, in := range l.covered {
		if in.shared() {
			return false // it has no element for each loss
		}
		i := slices.IndexFunc(rows.Ports, func(port Port) bool { return port.Name == in.Name })
		if i < 0 {
			continue // sample_weight
		}
		shape := tensor.Shape{row}
		for _, axis := range in.rest {
			shape = append(shape, rows.Ports[i].Shape[axis+in.lead])
		}
		rows.Ports[i].Shape = shape
	}
	each, err := rows.unreduced()
	_, _, broadcast := rows.pattern()
	return err == nil && broadcast == 0 && each.Equal(tensor.Shape{row})
}

// harmlessFor is what the domain has for which every loss is finite, to choose
// instead of v's elements.
func (in Input) harmlessFor(v Value) Value {
	if in.Domain == Box {
		return v.B().Constant(tensor.FromFloats(v.DType(), []int64{4}, []float64{0, 0, 1, 1}))
	}
	return v.Like(in.harmless())
}

// coveredInputs is the call with harmless values where the mask does not hold. An
// input that broadcasts is written out, so that each loss has an element of its own.
func (p *Plan) coveredInputs(c *Call) *Call {
	each := make(tensor.Shape, p.layout.rank)
	for i, s := range p.layout.sizes {
		each[i] = c.In(s.input).Shape()[s.axis]
	}
	inner := *c
	inner.inputs = map[string]Value{}
	for name, v := range c.inputs {
		inner.inputs[name] = v
	}
	for _, in := range p.layout.covered {
		v, mask := c.In(in.Name), c.In("mask")
		switch {
		case len(in.rest) == 0:
			v = unsqueezed(v, in.missing()).BroadcastTo(each)
		case !in.shared():
			v = unsqueezed(v, leading(in.lead))
			in = in.led()
			shape := slices.Clone(v.Shape())
			for i, own := range in.axes {
				shape[own] = each[i]
			}
			v, mask = v.BroadcastTo(shape), in.maskOf(mask.BroadcastTo(each))
		default:
			mask = in.maskOf(mask.BroadcastTo(each))
		}
		inner.inputs[in.Name] = builder.Where(mask, v, in.harmlessFor(v))
	}
	if len(p.layout.common) == 0 {
		return &inner
	}
	number := c.In("mask").Cast(tensor.Float32).Sum()
	anything := number.Greater(number.Like(0)) // of no loss at all not even these exist
	for _, in := range p.layout.common {
		v := c.In(in.Name)
		inner.inputs[in.Name] = builder.Where(anything, v, in.harmlessFor(v))
	}
	return &inner
}

// shared reports whether single losses have parts of the input in common, without
// broadcasting it.
func (in covered) shared() bool { return len(in.rest) > 0 && slices.Contains(in.full, -1) }

// led is the input with the axes of size 1 in front that it broadcasts by.
func (in covered) led() covered {
	moved := covered{Port: in.Port, axes: in.full, full: in.full}
	for _, own := range in.rest {
		moved.rest = append(moved.rest, own+in.lead)
	}
	return moved
}

func leading(n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// missing lists the axes of the unreduced loss that the input does not have.
func (in covered) missing() []int {
	var axes []int
	for i, own := range in.axes {
		if own < 0 {
			axes = append(axes, i)
		}
	}
	return axes
}

// maskOf shapes a mask of the unreduced loss for the input: what one of the losses
// needs is needed.
func (in covered) maskOf(mask Value) Value {
	if axes := in.missing(); len(axes) > 0 {
		number := mask.Cast(tensor.Float32) // a sum, since there is no largest of nothing
		mask = number.SumOver(axes...).Greater(number.Like(0))
	}
	if len(in.axes) == 0 {
		return mask
	}
	return unsqueezed(mask, in.rest)
}

func unsqueezed(v Value, axes []int) Value {
	if len(axes) == 0 {
		return v
	}
	return v.Unsqueeze(axes...)
}

// ---- PyTorch expressions ----

// maskTorch is the mask in the shape of the unreduced loss.
func (p *Plan) maskTorch() string {
	mask := p.port("mask")
	var shape tensor.Shape
	var sizes []string
	for _, s := range p.layout.sizes {
		shape = append(shape, p.port(s.input).Shape[s.axis])
		sizes = append(sizes, fmt.Sprintf("%s.size(%d)", s.input, s.axis))
	}
	if mask.Shape.Equal(shape) {
		return "mask"
	}
	for _, in := range p.layout.covered {
		if in.Name != "sample_weight" && p.port(in.Name).Shape.Equal(shape) {
			return "mask.expand_as(" + in.Name + ")"
		}
	}
	return "mask.expand(" + strings.Join(sizes, ", ") + ")"
}

func (p *Plan) port(name string) Port {
	return p.Ports[slices.IndexFunc(p.Ports, func(port Port) bool { return port.Name == name })]
}

// keptTorch writes an expression over single losses as one over those that the
// mask keeps, if there is one.
func (p *Plan) keptTorch(text string) string {
	if p.layout == nil {
		return text
	}
	names := map[string]string{}
	for _, in := range p.layout.covered {
		if p.layout.indexed {
			names[in.Name] = p.indexTorch(in)
		} else {
			names[in.Name] = in.coveredTorch()
		}
	}
	for _, in := range p.layout.common {
		switch {
		case !p.layout.indexed:
			names[in.Name] = fmt.Sprintf("torch.where(mask.any(), %s, %s)", in.Name, Python(in.harmless()))
		case in.Grad != No: // of no loss it has no gradient, not even 0 times a NaN
			names[in.Name] = fmt.Sprintf("(%s if mask.any() else %[1]s.detach())", in.Name)
		}
	}
	text = rename(text, names)
	if !p.layout.indexed {
		text = Operand(text) + "[mask]"
	}
	return text
}

// indexTorch is an input's part of the losses that the mask keeps.
func (p *Plan) indexTorch(in covered) string {
	text, shape := in.Name, p.port(in.Name).Shape
	if len(in.rest) > 0 {
		text += p.expandTorch(in, shape)
		in = in.led()
		order := append(slices.Clone(in.axes), in.rest...)
		if !slices.IsSorted(order) {
			text += ".permute(" + integers(order) + ")"
		}
		return text + "[mask]"
	}
	broadcast, trailing := false, 0
	for _, own := range in.axes {
		if trailing++; own >= 0 {
			trailing = 0
		}
		broadcast = broadcast || own < 0 || shape[own].Is(1)
	}
	if len(shape) > 0 {
		text += strings.Repeat(".unsqueeze(-1)", trailing)
	}
	if broadcast {
		text += ".expand_as(mask)"
	}
	return text + "[mask]"
}

// expandTorch writes an input of rows out where it broadcasts to them.
func (p *Plan) expandTorch(in covered, shape tensor.Shape) string {
	led := in.led()
	sizes := slices.Repeat([]string{"-1"}, in.lead+len(shape))
	broadcast := in.lead > 0
	for i, own := range led.axes {
		source := p.layout.sizes[i]
		if at := own - in.lead; at >= 0 && shape[at] == p.port(source.input).Shape[source.axis] {
			continue
		}
		broadcast = true
		sizes[own] = fmt.Sprintf("%s.size(%d)", source.input, source.axis)
	}
	if !broadcast {
		return ""
	}
	return ".expand(" + strings.Join(sizes, ", ") + ")"
}

// coveredTorch is the input with harmless numbers where the mask does not hold.
func (in covered) coveredTorch() string {
	mask := "mask"
	if axes := in.missing(); len(axes) > 0 {
		mask += ".any((" + integers(axes) + ",))"
	}
	for _, axis := range in.rest {
		if len(in.axes) > 0 {
			mask += fmt.Sprintf(".unsqueeze(%d)", axis)
		}
	}
	return fmt.Sprintf("torch.where(%s, %s, %s)", mask, in.Name, Python(in.harmless()))
}

func integers(list []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ", "), "[]")
}
