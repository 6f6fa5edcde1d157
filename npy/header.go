package npy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// This file reads the header of a .npy file: a Python dictionary, such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.

// parseHeader reads the text of a header. Python 2 wrote sizes as 3L, in the
// versions of the format that it had.
func parseHeader(text string, python2 bool) (header, error) {
	p := &literal{rest: text, python2: python2}
	entries := map[string]any{}
	if !p.take("{") {
		return header{}, p.broken("it is no dictionary")
	}
	for !p.take("}") {
		key, ok := p.text()
		if !ok || !p.take(":") {
			return header{}, p.broken("want 'key': value")
		}
		value, err := p.value()
		if err != nil {
			return header{}, err
		}
		entries[key] = value
		if !p.take(",") && !p.ahead("}") {
			return header{}, p.broken("want a comma or the end of the dictionary")
		}
	}
	if p.space(); p.rest != "" {
		return header{}, p.broken("want nothing behind the dictionary")
	}
	return headerOf(entries)
}

// headerOf takes the entries of the dictionary, of which there are exactly three.
func headerOf(entries map[string]any) (header, error) {
	var h header
	if _, records := entries["descr"].(list); records {
		return h, errors.New("its elements are records: want plain numbers")
	}
	descr, ok1 := entries["descr"].(string)
	fortran, ok2 := entries["fortran_order"].(bool)
	dims, ok3 := entries["shape"].([]int64)
	if !ok1 || !ok2 || !ok3 || len(entries) != 3 {
		return h, errors.New("its header is broken: want descr, fortran_order and shape, and nothing else")
	}
	if len(dims) > maxRank {
		return h, fmt.Errorf("its rank is %d, want at most %d", len(dims), maxRank)
	}
	h.fortran, h.dims = fortran, dims
	return h, h.setType(descr)
}

// literal is the rest of a Python literal.
type literal struct {
	rest    string
	python2 bool
}

// list is a Python list, whose items nobody here wants.
type list struct{}

func (p *literal) broken(why string) error {
	at := p.rest
	if len(at) > 20 {
		at = at[:20] + "..."
	}
	return fmt.Errorf("its header is broken at %q: %s", at, why)
}

func (p *literal) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n\f") }

// ahead reports whether a token comes next.
func (p *literal) ahead(token string) bool {
	p.space()
	return strings.HasPrefix(p.rest, token)
}

// take takes a token if it comes next.
func (p *literal) take(token string) bool {
	ahead := p.ahead(token)
	if ahead {
		p.rest = p.rest[len(token):]
	}
	return ahead
}

// text takes a quoted text without escapes: no dtype or key has any.
func (p *literal) text() (string, bool) {
	p.space()
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", false
	}
	inside, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok || strings.ContainsAny(inside, "\\\n\r") {
		return "", false
	}
	p.rest = rest
	return inside, true
}

// value takes a text, a truth value, a list or a tuple of sizes.
func (p *literal) value() (any, error) {
	switch {
	case p.ahead("["):
		end := strings.LastIndexByte(p.rest, ']')
		if end < 0 {
			return nil, p.broken("want the end of the list")
		}
		p.rest = p.rest[end+1:]
		return list{}, nil
	case p.take("True"):
		return true, nil
	case p.take("False"):
		return false, nil
	case p.take("("):
		return p.sizes()
	}
	if text, ok := p.text(); ok {
		return text, nil
	}
	return nil, p.broken("want a text, True, False or a tuple of sizes")
}

// sizes takes what follows the parenthesis of a tuple. One item needs a comma:
// (3) is a number.
func (p *literal) sizes() ([]int64, error) {
	dims := []int64{}
	for comma := true; !p.take(")"); {
		if !comma {
			return nil, p.broken("want a comma between sizes")
		}
		p.space()
		end := strings.IndexAny(p.rest, ",) \t\n")
		if end < 0 {
			return nil, p.broken("want the end of the tuple")
		}
		n, err := p.size(p.rest[:end])
		if err != nil {
			return nil, err
		}
		dims, p.rest = append(dims, n), p.rest[end:]
		comma = p.take(",")
		if !comma && len(dims) == 1 {
			return nil, p.broken("a shape of one axis is written (3,)")
		}
	}
	return dims, nil
}

// size reads one size.
func (p *literal) size(text string) (int64, error) {
	digits := text
	if p.python2 {
		digits = strings.TrimSuffix(text, "L")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || len(digits) > 1 && digits[0] == '0' {
		return 0, fmt.Errorf("its header is broken: %q is no size", text)
	}
	return n, nil
}
