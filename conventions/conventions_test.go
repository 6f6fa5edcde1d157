package conventions_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// Every declared call is a model with the defaults of its arguments, or says what is
// missing.
func TestEveryCall(t *testing.T) {
	calls, kept := 0, 0
	for _, f := range conventions.Frameworks() {
		for _, c := range f.Calls {
			calls++
			like, err := conventions.Read(called(c))
			var missing *conventions.Missing
			if errors.As(err, &missing) {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.Signature(), err)
				continue
			}
			kept++
			r, err := like.Request(losses.Request{Catalog: all.Losses(), Options: losses.Values{}})
			if err != nil {
				t.Errorf("%s: %v", like.Text, err)
				continue
			}
			plan, err := r.Resolve()
			if err == nil {
				_, err = plan.Model()
			}
			if err != nil {
				t.Errorf("%s: %v", like.Text, err)
				continue
			}
			if !like.Describes(plan) {
				t.Errorf("%s does not describe its own plan", like.Text)
			}
			for _, b := range like.Bindings(plan) {
				if b.Expr.Array() == b.Input && !contains(c.ArrayNames(), b.Input) {
					t.Errorf("%s: input %s takes no array of the call", like.Text, b.Input)
				}
			}
		}
	}
	if calls < 120 {
		t.Errorf("%d calls are declared, want 120 or more", calls)
	}
	t.Logf("%d calls, %d reproduced", calls, kept)
}

func contains(list []string, name string) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return false
}

// called is a call with the arguments that it cannot do without.
func called(c *conventions.Call) string {
	switch {
	case c.First != "":
		return c.Name + "('" + c.First + "')"
	case strings.HasSuffix(c.Name, "brier_score_loss"):
		return c.Name + "(labels=[0, 1, 2, 3])"
	}
	return c.Name + "()"
}
