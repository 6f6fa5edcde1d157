package conventions

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file reads calls as Python writes them. Arguments are literals; nothing is
// evaluated.

// Bounds of a call that is read.
const (
	maxCall      = 2000 // bytes
	maxArguments = 40
	maxDepth     = 4 // of lists
)

// callText is a call as it is written.
type callText struct {
	name       string
	positional []any
	keywords   []keyword
}

type keyword struct {
	name  string
	value any
}

// reader reads a call from its text.
type reader struct {
	text string
	at   int
}

// parseCall reads "keras.losses.Huber(delta=0.5)"; the parentheses may be left out.
func parseCall(text string) (callText, error) {
	var c callText
	if len(text) > maxCall {
		return c, fmt.Errorf("the call has %d bytes, want at most %d", len(text), maxCall)
	}
	if !utf8.ValidString(text) {
		return c, errors.New("the call is not UTF-8")
	}
	r := &reader{text: text}
	r.space()
	if c.name = r.dotted(); c.name == "" {
		return c, r.fail("want a name, as in keras.losses.Huber(delta=0.5)")
	}
	r.space()
	if r.at == len(text) {
		return c, nil
	}
	if !r.take('(') {
		return c, r.fail("want ( behind the name")
	}
	for r.space(); !r.take(')'); r.space() {
		if err := c.argument(r); err != nil {
			return c, err
		}
		if r.space(); !r.take(',') && !r.next(')') {
			return c, r.fail("want , or )")
		}
	}
	if r.space(); r.at != len(text) {
		return c, r.fail("nothing may follow the call: reductions are --reduction, factors --scale")
	}
	return c, nil
}

func (c *callText) argument(r *reader) error {
	if len(c.positional)+len(c.keywords) == maxArguments {
		return fmt.Errorf("the call has more than %d arguments", maxArguments)
	}
	start := r.at
	if name := r.word(); name != "" {
		if r.space(); r.take('=') {
			for _, k := range c.keywords {
				if k.name == name {
					return fmt.Errorf("argument %s is given twice", name)
				}
			}
			value, err := r.value(0)
			c.keywords = append(c.keywords, keyword{name, value})
			return err
		}
	}
	r.at = start
	if len(c.keywords) > 0 {
		return r.fail("an argument without a name stands behind one with a name")
	}
	value, err := r.value(0)
	c.positional = append(c.positional, value)
	return err
}

// value reads a literal.
func (r *reader) value(depth int) (any, error) {
	r.space()
	if r.at == len(r.text) {
		return nil, r.fail("want a value")
	}
	switch b := r.text[r.at]; {
	case b == '\'' || b == '"':
		return r.quoted()
	case b == '[' || b == '(':
		return r.list(depth)
	case b == '-' || b == '+' || b == '.' || '0' <= b && b <= '9':
		return r.number()
	}
	start := r.at
	switch word := r.dotted(); word {
	case "None":
		return nil, nil
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "":
		return nil, r.fail("want a literal: a number, a string, True, False, None or a list")
	default:
		r.at = start
		return nil, r.fail(fmt.Sprintf("%s is no literal; arrays are left out of a call, weights come by --with", strconv.Quote(word)))
	}
}

func (r *reader) list(depth int) (any, error) {
	if depth == maxDepth {
		return nil, r.fail(fmt.Sprintf("lists are nested more than %d deep", maxDepth))
	}
	end := byte(']')
	if r.text[r.at] == '(' {
		end = ')'
	}
	r.at++
	list := []any{}
	for r.space(); !r.take(end); r.space() {
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if list = append(list, value); len(list) > maxCall {
			return nil, r.fail("the list is too long")
		}
		if r.space(); !r.take(',') && !r.next(end) {
			return nil, r.fail(fmt.Sprintf("want , or %c", end))
		}
	}
	return list, nil
}

func (r *reader) quoted() (any, error) {
	quote, start := r.text[r.at], r.at+1
	end := strings.IndexByte(r.text[start:], quote)
	if end < 0 {
		return nil, r.fail("the string has no end")
	}
	text := r.text[start : start+end]
	if strings.ContainsAny(text, "\\\n\r") {
		return nil, r.fail("strings have no escapes")
	}
	r.at = start + end + 1
	return text, nil
}

// number reads an int as float64 too: options tell them apart themselves.
func (r *reader) number() (any, error) {
	end := r.at
	for end < len(r.text) && strings.IndexByte("+-.0123456789eE_", r.text[end]) >= 0 {
		end++
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(r.text[r.at:end], "_", ""), 64)
	if err != nil {
		return nil, r.fail(fmt.Sprintf("%q is no number", r.text[r.at:end]))
	}
	r.at = end
	return f, nil
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\n\r", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *reader) next(b byte) bool { return r.at < len(r.text) && r.text[r.at] == b }

func (r *reader) take(b byte) bool {
	if r.next(b) {
		r.at++
		return true
	}
	return false
}

// word reads a Python name.
func (r *reader) word() string {
	end := r.at
	for end < len(r.text) && (r.text[end] == '_' || 'a' <= r.text[end]|0x20 && r.text[end]|0x20 <= 'z' || end > r.at && '0' <= r.text[end] && r.text[end] <= '9') {
		end++
	}
	word := r.text[r.at:end]
	r.at = end
	return word
}

func (r *reader) dotted() string {
	start := r.at
	for r.word() != "" && r.next('.') {
		r.at++
	}
	return strings.TrimSuffix(r.text[start:r.at], ".")
}

// fail is an error with the place in the text.
func (r *reader) fail(what string) error {
	return fmt.Errorf("%s, at character %d of %s", what, utf8.RuneCountInString(r.text[:r.at])+1, strconv.Quote(short(r.text)))
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:77]) + "..."
	}
	return text
}
