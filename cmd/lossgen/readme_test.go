package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses/all"
)

// TestReadme keeps the README's table of losses equal to the declarations.
func TestReadme(t *testing.T) {
	const path, begin, end = "../../README.md", "<!-- table -->\n", "<!-- /table -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("the README has no %q", begin)
	}
	want := before + begin + lossTable() + end + after
	if want == string(data) {
		return
	}
	if !*update {
		t.Fatal("the README's table of losses is not what the declarations say: run make generate")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lossTable has a line for each family.
func lossTable() string {
	var s strings.Builder
	s.WriteString("| family | of | losses |\n| --- | --- | --- |\n")
	for _, f := range all.Families() {
		var names []string
		for _, l := range f.Losses {
			names = append(names, "`"+l.Declaration().Name+"`")
		}
		fmt.Fprintf(&s, "| [%s](docs/losses/%s.md) | %s | %s |\n", f.Name, f.Name, f.Title, strings.Join(names, " "))
	}
	return s.String()
}
