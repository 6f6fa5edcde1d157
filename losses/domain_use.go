package losses

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file finds what a domain needs to know of the plan that an input is of: which
// axis it is about, and how large that is.

// use is an input as its domain sees it.
type use struct {
	of      Of
	axis    int    // of the input: the one that the domain is about
	size    int64  // of that axis, wherever it is; or the number of classes
	sum     bool   // lengths add up to size
	ignored *int64 // a label that does not count
	except  *int64 // a class that no label names

	t      *tensor.Tensor // to be filled
	random *rand.Rand
}

// use looks an input up, in the task that it belongs to. size gives the sizes of
// dims.
func (p *Plan) use(port Port, size func(tensor.Dim) int64) *use {
	p, port = p.Part(port)
	u := &use{of: port.Of, axis: p.axis(port, port.Of.Axis), size: 1}
	if u.axis < 0 {
		u.axis = min(1, len(port.Shape)-1) // PyTorch's axis of the classes
	}
	if d, ok := p.dim(port.Of.Axis); ok {
		u.size = size(d)
	} else if d, ok := p.dim(port.Of.Sum); ok {
		u.size, u.sum = size(d), true
	}
	if n := p.whole(port.Of.Option); n != nil {
		u.size = *n
	}
	u.size += port.Of.More
	u.ignored, u.except = p.whole(port.Of.Ignored), p.whole(port.Of.Except)
	return u
}

// Classes returns the number of classes that an input of labels names: what an
// option says or the size of an axis, 1 where a single score has no axis.
func (p *Plan) Classes(labels Port, size func(tensor.Dim) int64) int64 {
	return p.use(labels, size).size
}

// Ignored returns the label of an input that does not count, and whether there is one.
func (p *Plan) Ignored(labels Port) (int64, bool) {
	p, labels = p.Part(labels)
	if n := p.whole(labels.Of.Ignored); n != nil {
		return *n, true
	}
	return 0, false
}

// whole returns the value of an option that is a whole number, or nil.
func (p *Plan) whole(option string) *int64 {
	if n, ok := p.Options[option].(int64); ok {
		return &n
	}
	return nil
}

// LeastSizes returns the least sizes of a plan's letters with which a run means something,
// as far as they are more than 1.
func (p *Plan) LeastSizes() map[string]int64 {
	least := map[string]int64{}
	for _, port := range p.Ports {
		of, own := p.Part(port)
		atLeast := func(letter string, n int64) {
			if axis := of.axis(own, letter); letter != "" && axis >= 0 {
				sym := port.Shape[axis].Sym
				least[sym] = max(least[sym], n)
			}
		}
		for letter, n := range of.Spec.Least {
			atLeast(letter, n)
		}
		if own.Domain.row().form == formDirection {
			atLeast(own.Of.Axis, 3) // of two elements less their mean all directions are one
		}
	}
	return least
}

// checkLeast finds sizes below those with which a run means something.
func (p *Plan) checkLeast() error {
	for _, port := range p.Ports {
		for _, letter := range slices.Sorted(maps.Keys(p.Spec.Least)) {
			axis, n := p.axis(port, letter), p.Spec.Least[letter]
			if axis >= 0 && port.Shape[axis].Known() && port.Shape[axis].Size < n {
				return fmt.Errorf("%s: %w", p.Loss, &shapeError{port.Name, port.Shape, fmt.Sprintf("its %s must be at least %d", letter, n)})
			}
		}
	}
	return nil
}

// Random fills t with random values of an input's domain, which have all digits so
// that a place that reads a wrong element is seen.
func (p *Plan) Random(port Port, t *tensor.Tensor, size func(tensor.Dim) int64, random *rand.Rand) {
	u := p.use(port, size)
	u.t, u.random = t, random
	u.draw(port.Domain.row())
}

// Random fills t with random values of a domain that leaves nothing open.
func (d Domain) Random(t *tensor.Tensor, random *rand.Rand) {
	u := &use{t: t, random: random, axis: min(1, len(t.Dims)-1)}
	u.draw(d.row())
}

// dim returns the size that a letter of the declaration stands for.
func (p *Plan) dim(letter string) (tensor.Dim, bool) {
	for _, port := range p.Ports {
		if axis := p.axis(port, letter); axis >= 0 {
			return port.Shape[axis], true
		}
	}
	return tensor.Dim{}, false
}

// axis returns where an input has the axis with a letter of the declaration, -1
// where it has none.
func (p *Plan) axis(port Port, letter string) int {
	parts := tokens(p.fitting()[port.Name])
	at, star := slices.Index(parts, letter), slices.Index(parts, "*")
	if at >= 0 && star >= 0 && at > star {
		at += len(port.Shape) - len(parts)
	}
	return at
}

// fitting returns the first declared shapes that the inputs fit. Those that may
// broadcast have shapes of their own.
func (p *Plan) fitting() Shapes {
	i := slices.IndexFunc(p.Spec.Shapes, p.fits)
	if i < 0 {
		return nil
	}
	return p.Spec.Shapes[i]
}

func (p *Plan) fits(pattern Shapes) bool {
	m := newMatcher()
	for _, port := range p.Ports {
		shape, ok := pattern[port.Name]
		if !ok || slices.Contains(p.Spec.Broadcast, port.Name) {
			continue
		}
		if m.match(shape, port.Shape) != nil {
			return false
		}
	}
	return true
}
