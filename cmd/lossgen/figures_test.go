package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	figuresBegin = "<!-- figures -->\n"
	figuresEnd   = "<!-- /figures -->"
)

// TestReadmeFigures keeps the numbers that the README states equal to those that
// make conformance has counted, in docs/conformance.json.
func TestReadmeFigures(t *testing.T) {
	const path = "../../README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), figuresBegin)
	_, after, ok2 := strings.Cut(rest, figuresEnd)
	if !ok || !ok2 {
		t.Fatalf("the README has no %q", figuresBegin)
	}
	data, err := os.ReadFile("../../docs/conformance.json")
	if err != nil {
		t.Fatal(err)
	}
	table, err := figures(data)
	if err != nil {
		t.Fatal(err)
	}
	want := before + figuresBegin + table + figuresEnd + after
	if want == string(readme) {
		return
	}
	if !*update {
		t.Fatal("the README's figures are not those of docs/conformance.json: run make generate")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// figures writes the numbers of a JSON object as a table, in their order.
func figures(data []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return "", err
	}
	var s strings.Builder
	s.WriteString("| counted by `make conformance` | |\n| --- | --- |\n")
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return "", err
		}
		var n int64
		if err := d.Decode(&n); err != nil {
			return "", err
		}
		fmt.Fprintf(&s, "| %s | %s |\n", name, grouped(n))
	}
	return s.String(), nil
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
