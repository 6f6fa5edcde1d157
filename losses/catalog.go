package losses

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrUnknownLoss is in the error of a name that no loss has, nor one like it.
var ErrUnknownLoss = errors.New("unknown loss")

// Catalog is the losses that names are looked up in. Package all has those of this
// module; a program adds losses of its own and hands the whole to requests, to
// verification and to the command.
type Catalog []Loss

// Find returns the loss with a name: the canonical one, PyTorch's function or
// class name in any case, or a short form. The second result holds options that
// the name implies.
func (c Catalog) Find(name string) (Loss, Values, bool) {
	want := fold(name)
	for _, l := range c {
		for _, n := range l.names() {
			if fold(n) == want {
				return l, l.presets()[want], true
			}
		}
	}
	return nil, nil, false
}

// Named returns the loss with a name, as Find does. The error names the nearest.
func (c Catalog) Named(name string) (Loss, error) {
	l, _, ok := c.Find(name)
	if !ok {
		return nil, c.unknown(name)
	}
	return l, nil
}

func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "_")) }

// Nearest returns the canonical names and short forms most like name, best
// first, at most three.
func (c Catalog) Nearest(name string) []string {
	var known []string
	for _, l := range c {
		s := l.Declaration()
		known = append(append(append(known, s.Name), s.Aliases...), slices.Sorted(maps.Keys(s.Presets))...)
	}
	return nearest(fold(name), known, 3)
}

// Check finds the first name that two losses have.
func (c Catalog) Check() error {
	owner := map[string]Loss{}
	for _, l := range c {
		for _, name := range l.names() {
			if old, taken := owner[fold(name)]; taken && old != l {
				return fmt.Errorf("the losses %s and %s have both the name %q", old.names()[0], l.names()[0], name)
			}
			owner[fold(name)] = l
		}
	}
	return nil
}

func (c Catalog) unknown(name string) error {
	if len(c) == 0 {
		return fmt.Errorf("unknown loss %q: the request has no catalogue of losses, such as all.Losses()", name)
	}
	near := c.Nearest(name)
	if len(near) == 0 {
		return fmt.Errorf("%w %q: none of the %d losses has a name like it", ErrUnknownLoss, name, len(c))
	}
	return fmt.Errorf("unknown loss %q: did you mean %s?", name, strings.Join(near, ", "))
}

// bound gives the tasks in an option's value, where they are without one, the
// catalogue that has their losses.
func (c Catalog) bound(value any) any {
	tasks, ok := value.([]Task)
	if !ok {
		return value
	}
	tasks = slices.Clone(tasks)
	for i, t := range tasks {
		if t.catalog == nil {
			tasks[i].catalog = c
		}
	}
	return tasks
}
