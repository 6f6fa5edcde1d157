package losstest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/losses"
)

// variant is a request that the declaration promises to serve.
type variant struct {
	name    string
	request losses.Request
}

// variants are the requests that cover a declaration: each reduction, value of
// an option, optional input, accepted rank and set of gradients.
func (h *harness) variants() []variant {
	list := []variant{{"defaults", h.request(nil)}}
	for _, o := range h.loss.Options() {
		for _, v := range o.Try {
			list = append(list, variant{
				fmt.Sprintf("%s=%s", o.Name, losses.Text(v)),
				h.request(losses.Values{o.Name: v}),
			})
		}
	}
	list = append(list, h.optional()...)
	list = append(list, h.ranks()...)
	list = append(list, h.gradients()...)
	return list
}

// shapeVariants are the defaults and one variant for each set of inputs and
// accepted rank.
func (h *harness) shapeVariants() []variant {
	list := []variant{{"defaults", h.request(nil)}}
	seen := map[string]bool{}
	for _, v := range append(h.optional(), h.ranks()...) {
		key := fmt.Sprint(v.request.With, v.request.Shapes)
		if !seen[key] {
			seen[key] = true
			list = append(list, v)
		}
	}
	return list
}

// request asks for the loss with every gradient that it has.
func (h *harness) request(options losses.Values) losses.Request {
	return h.allGradients(h.asked(options))
}

// asked asks for the loss with options and, where its defaults take large arrays, those
// with which smaller ones do.
func (h *harness) asked(options losses.Values) losses.Request {
	all := maps.Clone(h.spec.Small)
	if all == nil {
		all = losses.Values{}
	}
	maps.Copy(all, options)
	return losses.Request{Catalog: h.catalog, Loss: h.spec.Name, Options: all}
}

func (h *harness) allGradients(r losses.Request) losses.Request {
	p, err := losses.Request{Catalog: h.catalog, Loss: r.Loss, Options: r.Options}.Resolve()
	if err != nil {
		return r // the test that uses the request says so
	}
	with := map[string]bool{}
	for _, name := range r.With {
		with[name] = true
	}
	r.Grad = nil
	for _, in := range p.Spec.Inputs {
		if in.Grad != losses.No && (!in.Optional || with[in.Name]) {
			r.Grad = append(r.Grad, in.Name)
		}
	}
	return r
}

// optional are each optional input alone and all together, with each value of an
// option. Of many such sets each has a third of the values, the next the next third;
// with LOSSGEN_TEST_EVERY=1 each has all.
func (h *harness) optional() []variant {
	var names []string
	for _, in := range h.spec.Inputs {
		if in.Optional {
			names = append(names, in.Name)
		}
	}
	sets := make([][]string, 0, len(names)+1)
	for _, name := range names {
		sets = append(sets, []string{name})
	}
	if len(names) > 1 {
		sets = append(sets, names)
	}
	var list []variant
	for i, with := range sets {
		k := i
		for _, o := range h.loss.Options() {
			for _, v := range o.Try {
				if k++; len(sets) > 3 && k%3 != 0 && !every() {
					continue
				}
				r := h.asked(losses.Values{o.Name: v})
				r.With = with
				list = append(list, variant{
					fmt.Sprintf("with_%s_%s=%s", strings.Join(with, "_"), o.Name, losses.Text(v)),
					h.allGradients(r),
				})
			}
		}
	}
	return list
}

// reduced are those variants that set no option but the reduction.
func (h *harness) reduced(list []variant) []variant {
	return slices.DeleteFunc(list, func(v variant) bool {
		_, reduction := v.request.Options["reduction"]
		return !reduction && len(h.reductions()) > 1
	})
}

// every reports whether tests shall run what is like what they run anyway, too: the
// conformance runner sets the variable.
func every() bool { return os.Getenv("LOSSGEN_TEST_EVERY") != "" }

// ranks are the accepted shapes of the first input, at several ranks where they
// grow. How losses are reduced is not up to the single loss, so that each shape has one
// of the reductions, the next the next one; with LOSSGEN_TEST_EVERY=1 each has all.
func (h *harness) ranks() []variant {
	first := h.spec.Inputs[0].Name
	var list []variant
	for i, pattern := range h.spec.Shapes {
		for _, star := range []string{"", "A", "A,B", "A,B,E"} {
			text := pattern[first]
			if !strings.Contains(text, "*") && star != "" {
				continue
			}
			text = strings.Trim(strings.ReplaceAll(strings.ReplaceAll(text, "*", star), ",,", ","), ",")
			reductions := h.reductions()
			if !every() {
				k := len(list) % len(reductions)
				reductions = reductions[k : k+1]
			}
			for _, reduction := range reductions {
				r := h.request(reduction)
				r.Shapes = map[string]string{first: text}
				list = append(list, variant{fmt.Sprintf("shape%d_[%s]_%v", i, text, reduction["reduction"]), r})
			}
		}
	}
	return list
}

// reductions are option values that choose each reduction.
func (h *harness) reductions() []losses.Values {
	for _, o := range h.loss.Options() {
		if o.Name == "reduction" {
			var list []losses.Values
			for _, choice := range o.Choices {
				list = append(list, losses.Values{"reduction": choice})
			}
			return list
		}
	}
	return []losses.Values{nil}
}

// gradients are the default gradients, none, products with the Hessian, and an upstream
// gradient.
func (h *harness) gradients() []variant {
	upstream, noGradients := h.request(nil), h.asked(nil)
	noGradients.Grad = []string{"none"}
	list := []variant{{"default_gradients", h.asked(nil)}, {"no_gradients", noGradients}}
	if h.spec.NoSecond == "" {
		second := h.request(nil)
		second.HVP = true
		list = append(list, variant{"hvp", second})
	}
	upstream.GradOutput = true
	return append(list, variant{"grad_output", upstream})
}
