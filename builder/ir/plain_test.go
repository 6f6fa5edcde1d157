package ir

import (
	"reflect"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
)

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"grad_input":           "grad_input",
		`{"delta":1, "a":"ä"}`: `{"delta":1, "a":"ä"}`,
		"\x1b[31mred":          `\x1b[31mred`,
		"a\nb\tc\x00":          `a\nb\tc\x00`,
		"\u009b2J":             `\u009b2J`,
		"abc\u202edcb":         `abc\u202edcb`,
		"\xff\xfe":             `\xff\xfe`,
		"\ufffd":               "\ufffd",
		"\u200b":               `\u200b`,
	} {
		if got := Plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestPlainModel: every text of a model comes out escaped, and the model stays as
// it is.
func TestPlainModel(t *testing.T) {
	const bad = "a\x1bb"
	build := func(text string) *Model {
		port := Port{Name: text, DType: tensor.Float32, Shape: tensor.Of("N", 2)}
		inner := &Graph{Name: text, Doc: text, Inputs: []Port{port}, Outputs: []Port{port}, Values: []Port{port}}
		node := Node{Op: text, Inputs: []string{text}, Outputs: []string{text}, Attributes: []Attribute{{text, text}, {text, inner}, {text, int64(1)}}}
		return &Model{
			IRVersion: 8, Opset: 17, Producer: text, ProducerVersion: text, Metadata: []Prop{{text, text}},
			Graph: &Graph{Name: text, Doc: text, Inputs: []Port{port}, Outputs: []Port{port}, Values: []Port{port}, Nodes: []Node{node}, Initializers: []Initializer{{Name: text}}},
		}
	}
	m := build(bad)
	if got := m.Plain(); !reflect.DeepEqual(got, build(`a\x1bb`)) {
		t.Errorf("got %+v", got)
	}
	if !reflect.DeepEqual(m, build(bad)) {
		t.Error("the model has changed")
	}
}
