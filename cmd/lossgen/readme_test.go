package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
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

func lossTable() string {
	var s strings.Builder
	s.WriteString("| loss | | options | shapes |\n| --- | --- | --- | --- |\n")
	for _, l := range losses.All {
		d := l.Declaration()
		var options []string
		for _, o := range l.Options() {
			options = append(options, "`"+o.Name+"`")
		}
		fmt.Fprintf(&s, "| `%s` | %s | %s | %s |\n", d.Name, d.Title, strings.Join(options, " "), shapeText(d))
	}
	return s.String()
}

// shapeText shows the first input's accepted shapes.
func shapeText(d losses.Spec) string {
	var shapes []string
	for _, p := range d.Shapes {
		text := "[" + p[d.Inputs[0].Name] + "]"
		if len(shapes) == 0 || shapes[len(shapes)-1] != text {
			shapes = append(shapes, text)
		}
	}
	return strings.Join(shapes, " ")
}
