package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/verify"
)

// This file puts another framework's calls in the place of a loss's name.

func addLikeFlag(fs *pflag.FlagSet, like *string) {
	fs.StringVar(like, "like", "", "the loss of another framework, as its `call` without arrays, such as 'keras.losses.Huber(delta=0.5)'")
}

// readLike reads the call of --like, nil where there is none.
func readLike(text string) (*conventions.Like, error) {
	if text == "" {
		return nil, nil
	}
	like, err := conventions.Read(text)
	if err != nil {
		return nil, fmt.Errorf("--like: %w", err)
	}
	return like, nil
}

// likeRequest is the request for a call, with what the model says of it.
func likeRequest(like *conventions.Like, r losses.Request) (losses.Request, error) {
	r, err := like.Request(r)
	if err != nil {
		return r, fmt.Errorf("--like: %w", err)
	}
	plan, err := r.Resolve()
	if err != nil {
		return r, err
	}
	r.Like, err = like.Metadata(plan)
	return r, err
}

// tellLike says which of the framework's arrays the inputs take, in its order.
func (a *app) tellLike(like *conventions.Like, plan *losses.Plan) {
	if like == nil {
		return
	}
	var parts []string
	for _, b := range like.Bindings(plan) {
		text := b.Expr.NumPy(func(name string) string { return name })
		if text != b.Input {
			text = b.Input + "=" + text
		}
		parts = append(parts, text)
	}
	a.sayWrapped(fmt.Sprintf("like %s of %s %s, whose order is %s", like.Text, like.Call.Framework().Name, like.Call.Framework().Version, strings.Join(parts, ", ")))
	if like.Call.Note != "" {
		a.sayWrapped("mind: " + like.Call.Note)
	}
}

// listLike lists the calls of a framework.
func (a *app) listLike(name string, asJSON bool) error {
	f, err := conventions.OfFramework(name)
	if err != nil {
		return usage(err)
	}
	type entry struct {
		Call   string   `json:"call"`
		Arrays []string `json:"arrays"`
		Loss   string   `json:"loss,omitempty"`    // with the defaults of its arguments
		Refuse string   `json:"missing,omitempty"` // why it cannot be reproduced with them
		Note   string   `json:"note,omitempty"`
	}
	var all []entry
	var rows [][]string
	for _, c := range f.Calls {
		e := entry{Call: c.Signature(), Arrays: c.ArrayNames(), Note: c.Note}
		form, err := c.Default()
		if e.Loss = form.Loss; err != nil {
			e.Loss, e.Refuse = "", err.Error()
		}
		all = append(all, e)
		said := e.Loss
		if err != nil {
			said = "no: " + e.Refuse
		}
		rows = append(rows, []string{e.Call, said})
	}
	if asJSON {
		return a.printJSON(map[string]any{"framework": f.Name, "version": f.Version, "calls": all})
	}
	a.printPlain(func(a *app) { fmt.Fprintf(a.stdout, "%s %s\n%s", f.Name, f.Version, table(rows)) })
	return nil
}

// checkLike judges what a file says of a framework's call: that gives its request.
func checkLike(all losses.Catalog, m *ir.Model) *verify.Check {
	said, ok := m.Meta("lossgen.like")
	if !ok {
		return nil
	}
	c := &verify.Check{Name: "like", Cases: 1, Pass: true}
	if err := sameLike(all, m, said); err != nil {
		c.Pass, c.Failures = false, []string{err.Error()}
	}
	return c
}

func sameLike(all losses.Catalog, m *ir.Model, said string) error {
	like, err := conventions.ReadMetadata(said)
	if err != nil {
		return err
	}
	request, err := all.FromModel(m)
	if err != nil {
		return err
	}
	plan, err := request.Resolve()
	if err != nil {
		return err
	}
	if want, err := like.Metadata(plan); err != nil || want != said {
		return fmt.Errorf("its lossgen.like is %q, want %q", said, want)
	}
	if !like.Describes(plan) {
		return fmt.Errorf("the loss, options or steps of the file are not those of %s", like.Text)
	}
	return nil
}
