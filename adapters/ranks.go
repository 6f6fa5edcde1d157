package adapters

import (
	"slices"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
)

// Ranks says how inputs of another rank than the file's, which the reference
// accepts, can be brought to it. The axes of an input are letters and at most one
// "*", which stands for any number of axes.
type Ranks struct {
	// Flexible reports whether there is anything to do: the fields below, and the
	// axes of the inputs, are empty otherwise.
	Flexible bool
	// Star is the number of axes that "*" stands for in the file.
	Star int
	// HasStar reports whether the inputs have a "*" that may stand for another
	// number of axes.
	HasStar bool
	// Foldable: axes of "*" may be moved into the batch axis N, since each of
	// their positions has a loss of its own.
	Foldable bool
	// Unbatched: the reference also accepts inputs without the axis N.
	Unbatched bool
	// Loss is the axes of the unreduced loss; empty for a reduced one.
	Loss []string
}

// ranks finds the declared pattern that the file's inputs follow and writes its
// axes into the inputs. Of several it takes the one whose star is longest, since
// that one leaves most open. A file that broadcasts follows none, and stays rigid,
// as one with forms does.
func ranks(d *Data, g *ir.Graph, plan *losses.Plan) Ranks {
	if d.Forms != nil { // of this rank alone
		return Ranks{}
	}
	spec := plan.Spec
	ownRows, ownPositions := plan.OwnLosses()
	longest, chosen := -2, losses.Shapes{}
	for _, pattern := range spec.Shapes {
		if star, ok := follows(g.Inputs, pattern); ok && star > longest {
			longest, chosen = star, pattern
		}
	}
	axes, ok := inputAxes(g, chosen, max(longest, 0))
	if longest == -2 || !ok {
		return Ranks{}
	}
	r := Ranks{Star: max(longest, 0), Unbatched: hasUnbatched(spec.Shapes, chosen, d.Inputs), Foldable: ownRows && ownPositions && foldable(axes)}
	if d.Reduction == "none" && !ownPositions {
		return Ranks{} // the loss has axes of its own
	}
	if d.Reduction == "none" {
		loss, _ := shapeOf(g.Outputs, "loss")
		if r.Loss, ok = axesOf(loss, g, chosen, r.Star); !ok {
			return Ranks{}
		}
	}
	// batchmean divides by the size of the first axis, so that it must stay.
	r.HasStar = longest >= 0 && (r.Star > 0 || r.Foldable) && (d.Reduction != "batchmean" || r.Star > 1)
	if r.Flexible = r.HasStar || r.Unbatched; !r.Flexible {
		return Ranks{}
	}
	for i := range d.Inputs {
		d.Inputs[i].Axes = axes[d.Inputs[i].Name]
	}
	return r
}

// inputAxes returns the axes of all inputs. Those that every loss can have, such
// as a mask, are in no pattern: they have the axes of the unreduced loss.
func inputAxes(g *ir.Graph, pattern losses.Shapes, star int) (map[string][]string, bool) {
	axes := map[string][]string{}
	for _, p := range g.Inputs {
		if text, ok := pattern[p.Name]; ok {
			axes[p.Name] = tokens(text)
			continue
		}
		found, ok := axesOf(p.Shape, g, pattern, star)
		if !ok {
			return nil, false
		}
		axes[p.Name] = found
	}
	return axes, true
}

// follows reports whether all inputs have the shapes of a pattern, and how many
// axes its star stands for: -1 where there is none.
func follows(ports []ir.Port, pattern losses.Shapes) (int, bool) {
	star := -1
	bound := map[string]tensor.Dim{}
	for _, p := range ports {
		text, ok := pattern[p.Name]
		if !ok {
			continue
		}
		parts := tokens(text)
		i := slices.Index(parts, "*")
		n := len(p.Shape) - len(parts)
		if i >= 0 {
			n++
			if n < 0 || star >= 0 && star != n {
				return 0, false
			}
			star = n
		} else if n != 0 {
			return 0, false
		}
		if !bind(bound, expand(parts, n), p.Shape) {
			return 0, false
		}
	}
	return star, true
}

// expand replaces the star by n axes with names of their own.
func expand(parts []string, n int) []string {
	var out []string
	for _, part := range parts {
		if part != "*" {
			out = append(out, part)
			continue
		}
		for i := range n {
			out = append(out, "*"+string(rune('0'+i)))
		}
	}
	return out
}

// bind gives each name its dim, and reports whether every name has one only.
func bind(bound map[string]tensor.Dim, names []string, shape tensor.Shape) bool {
	if len(names) != len(shape) {
		return false
	}
	for i, name := range names {
		old, ok := bound[name]
		if ok && old != shape[i] {
			return false
		}
		bound[name] = shape[i]
	}
	return true
}

// without returns the axes of a pattern less some.
func without(pattern string, dropped ...string) []string {
	return slices.DeleteFunc(slices.Clone(tokens(pattern)), func(part string) bool { return slices.Contains(dropped, part) })
}

// hasUnbatched reports whether the declaration also has the pattern without N.
func hasUnbatched(all []losses.Shapes, pattern losses.Shapes, inputs []Input) bool {
	return slices.ContainsFunc(all, func(other losses.Shapes) bool {
		changed := false
		for _, in := range inputs {
			text, ok := pattern[in.Name]
			if !ok {
				continue
			}
			if !slices.Equal(tokens(other[in.Name]), without(text, "N", "*")) {
				return false
			}
			changed = changed || slices.Contains(tokens(text), "N")
		}
		return changed
	})
}

// foldable reports whether every input that has a star also has N first: then
// axes of the star may become part of N.
func foldable(axes map[string][]string) bool {
	found := false
	for _, parts := range axes {
		star, batch := slices.Contains(parts, "*"), len(parts) > 0 && parts[0] == "N"
		if star != batch {
			return false
		}
		found = found || star
	}
	return found
}

// axesOf names the axes of a shape that is the unreduced loss's, or a part of it:
// those of an input, or the star, or N.
func axesOf(shape tensor.Shape, g *ir.Graph, pattern losses.Shapes, star int) ([]string, bool) {
	if len(shape) == 0 {
		return nil, true
	}
	bound := map[string]tensor.Dim{}
	var candidates [][]string
	for _, p := range g.Inputs {
		if text, ok := pattern[p.Name]; ok {
			bind(bound, expand(tokens(text), star), p.Shape)
			candidates = append(candidates, tokens(text))
		}
	}
	for _, axes := range append(candidates, []string{"*"}, []string{"N"}) {
		var named tensor.Shape
		for _, name := range expand(axes, star) {
			named = append(named, bound[name])
		}
		if named.Equal(shape) {
			return axes, true
		}
	}
	return nil, false
}
