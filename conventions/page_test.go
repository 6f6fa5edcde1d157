package conventions_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/conventions"
)

var update = flag.Bool("update", false, "write the page of conventions")

// The page of conventions is what is declared.
func TestPage(t *testing.T) {
	path := filepath.Join("..", "docs", "conventions.md")
	want := page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what is declared (%v): go test ./conventions -run Page -update", path, err)
	}
}

const intro = `# Conventions of other frameworks

The same word has several meanings: ` + "`mean`" + ` divides by elements, rows, kept rows or the
sum of weights, ` + "`Huber`" + ` of one framework is smooth L1 of another, and cross entropy takes
logits here and probabilities there. ` + "`lossgen emit --like CALL`" + ` writes the file with the
value and gradient of a framework's call, and ` + "`lossgen explain`" + ` finds the call from a
number:

` + "```sh" + `
lossgen emit --like 'keras.losses.Huber(delta=0.5)' --with sample_weight
lossgen list --like keras
lossgen explain --input y_true=t.npy --input y_pred=p.npy --value 0.9214326
` + "```" + `

What a framework leaves unreduced is ` + "`--reduction none`" + ` here, and ` + "`--reduction mean`" + ` adds
what its users write behind it. Inputs keep their names; the metadata ` + "`lossgen.like`" + `
says which of the framework's arguments each takes. The steps that a call needs before
and behind a loss, such as a clip or the mean of the last axis, are in the file:
` + "`--map`" + ` writes them for any loss.

The declarations were made from measurements and from the sources of the versions that
are named. ` + "`make conventions`" + ` runs 84 calls of keras (on JAX), optax and scikit-learn against
our files, value and gradient, on random arrays; no other call is run. A
file equals PyTorch's own expression of the convention, which is verified as every file is.
`

func page() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, f := range conventions.Frameworks() {
		fmt.Fprintf(&b, "\n## %s %s\n\n| call | loss | |\n| --- | --- | --- |\n", f.Name, f.Version)
		for _, c := range f.Calls {
			said := ""
			var missing *conventions.Missing
			switch like, err := conventions.Read(called(c)); {
			case errors.As(err, &missing):
				said = "not reproduced: " + missing.What
			case err == nil:
				said = "`" + like.Form.Loss + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(c.Signature(), "|", `\|`), said, c.Note)
		}
	}
	return b.String()
}
