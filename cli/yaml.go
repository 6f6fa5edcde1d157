package cli

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"github.com/lossgen/lossgen/builder/tensor"
)

// This file reads YAML: mappings, lists, texts, numbers, and nothing that could
// grow while it is read.

// What a configuration may have at most. The parser takes time with the square of
// the tokens.
const (
	maxConfigBytes  = 1 << 18
	maxConfigTokens = 5000
)

// parseYAML parses a file. The parser panics on some that are no YAML.
func parseYAML(data []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New(": it is no YAML")
		}
	}()
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf(": the file has more than %d bytes: is it a configuration?", maxConfigBytes)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New(": the file is UTF-16: save it as UTF-8")
	}
	if n := len(lexer.Tokenize(string(data))); n > maxConfigTokens {
		return nil, fmt.Errorf(": the file has %d words and signs, want at most %d", n, maxConfigTokens)
	}
	if file, err = parser.ParseBytes(data, 0); err != nil {
		return nil, yamlError(err)
	}
	for _, doc := range file.Docs {
		var c plainness
		if doc.Body != nil {
			ast.Walk(&c, doc.Body)
		}
		if c.err != nil {
			return nil, c.err
		}
	}
	return file, nil
}

// plainness finds what a configuration may not hold.
type plainness struct{ err error }

// decimal is how numbers are written: 010 would be 8 or 10, 1_0 10 or a name.
var decimal = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*|[0-9]*\.[0-9]+|[0-9]+\.)?([eE][-+]?[0-9]+)?$`)

// Visit implements [ast.Visitor].
func (c *plainness) Visit(node ast.Node) ast.Visitor {
	refuse := func(format string, a ...any) {
		if c.err == nil {
			c.err = fmt.Errorf(":%d: %s", line(node), fmt.Sprintf(format, a...))
		}
	}
	switch n := node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		refuse("%q: anchors and aliases are not read: write the value out", oneLine(node.String()))
	case *ast.TagNode, *ast.DirectiveNode, *ast.MappingKeyNode:
		refuse("%q: tags, directives and keys with ? are not read", oneLine(node.String()))
	case *ast.IntegerNode, *ast.FloatNode:
		if text := n.GetToken().Value; !decimal.MatchString(text) {
			refuse("the number %s: write it in decimal digits, without a leading 0", text)
		}
	}
	if c.err != nil {
		return nil
	}
	return c
}

// pair is an entry of a YAML mapping.
type pair struct {
	key   string
	value ast.Node
	line  int
}

func mapping(node ast.Node) ([]pair, error) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode:
	default:
		return nil, fmt.Errorf(":%d: %q stands where `key: value` lines are wanted", line(node), oneLine(node.String()))
	}
	var out []pair
	for _, v := range values {
		out = append(out, pair{v.Key.GetToken().Value, v.Value, line(v.Key)})
	}
	return out, nil
}

func line(node ast.Node) int { return node.GetToken().Position.Line }

// decode reads a value of the type that to points to. Nothing is no value, but
// for an any.
func decode(node ast.Node, to any, want string) error {
	wrong := fmt.Errorf("%q, want %s", oneLine(node.String()), want)
	if _, open := to.(*any); !open && node.Type() == ast.NullType {
		return wrong
	}
	if _, whole := to.(*int64); whole && node.Type() != ast.IntegerType {
		return wrong // a fraction would be cut off
	}
	if err := yaml.NodeToValue(node, to); err != nil {
		return wrong
	}
	return nil
}

// words reads a list, or a text separated by commas.
func words(node ast.Node) ([]string, error) {
	var items []ast.Node
	switch n := node.(type) {
	case *ast.SequenceNode:
		items = n.Values
	case *ast.StringNode:
		return trimmed(strings.Split(n.Value, ",")), nil
	default:
		items = []ast.Node{n}
	}
	list := []string{}
	for _, item := range items {
		switch n := item.(type) {
		case *ast.StringNode:
			list = append(list, n.Value)
		case *ast.IntegerNode:
			list = append(list, n.GetToken().Value)
		default:
			return nil, fmt.Errorf("%q, want a list of names or sizes, as in [a, b]", oneLine(node.String()))
		}
	}
	return list, nil
}

func decodeNames(node ast.Node, to *[]string) (err error) {
	if node.Type() == ast.NullType {
		return errors.New("nothing stands here: name inputs, as in [a, b], or leave the key out")
	}
	*to, err = words(node)
	return err
}

func decodeDType(node ast.Node, to *tensor.DType) error {
	var name string
	if err := decode(node, &name, "the name of a dtype"); err != nil {
		return err
	}
	var err error
	*to, err = tensor.ParseDType(name)
	return err
}

// yamlError takes line and message from an error that prints the source, too.
func yamlError(err error) error {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		return fmt.Errorf(":%d: %s", e.GetToken().Position.Line, oneLine(e.GetMessage()))
	}
	return fmt.Errorf(": %s", oneLine(err.Error()))
}
