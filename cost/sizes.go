package cost

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
)

// Sizes gives letters their sizes.
type Sizes map[string]int64

// usual are the sizes of letters that were not given: about four million
// elements for most losses. Other letters are 64.
var usual = Sizes{"N": 4096, "C": 1000, "D": 1000, "I": 256, "T": 200, "S": 30}

const usualOther = 64

// ParseSizes reads sizes such as N=4096,C=1000.
func ParseSizes(text string) (Sizes, error) {
	s := Sizes{}
	for _, field := range strings.Split(text, ",") {
		letter, number, ok := strings.Cut(strings.TrimSpace(field), "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok || letter == "" || err != nil || n < 0 || n > 1<<40 {
			return nil, fmt.Errorf("size %q: want a letter and a number, as in N=4096", field)
		}
		if _, twice := s[letter]; twice {
			return nil, fmt.Errorf("size %q: %s has a size already", field, letter)
		}
		s[letter] = n
	}
	return s, nil
}

// ParseBandwidth reads bytes per second, such as 40GB/s, as gigabytes per second.
func ParseBandwidth(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "GB/s")
	gb, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(gb > 0) || gb > 1e6 {
		return 0, fmt.Errorf("bandwidth %q: want a number of GB/s, as in 40GB/s", text)
	}
	return gb, nil
}

// resolve returns the sizes of all letters of a graph's inputs.
func (s Sizes) resolve(g *ir.Graph) (Sizes, error) {
	all := Sizes{}
	for _, p := range g.Inputs {
		if p.Shape == nil {
			return nil, fmt.Errorf("input %q has no shape", p.Name)
		}
		for _, d := range p.Shape {
			for _, letter := range d.Letters() {
				all[letter] = s.of(letter)
			}
		}
	}
	for _, p := range g.Inputs {
		if given, ok := s[p.Name]; ok && p.DType == tensor.Int64 {
			all[p.Name] = given
		}
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			if given, ok := s[name]; ok {
				all[name] = given
			}
		}
	}
	for _, letter := range slices.Sorted(maps.Keys(s)) {
		if _, ok := all[letter]; !ok {
			return nil, fmt.Errorf("no input has a size %s: the letters are %s", letter, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
	}
	return all, nil
}

// of returns a letter's size. In a composition a task's letters are named after
// the task, as in a_N.
func (s Sizes) of(letter string) int64 {
	if n, ok := s[letter]; ok {
		return n
	}
	if n, ok := usual[letter[strings.LastIndexByte(letter, '_')+1:]]; ok {
		return n
	}
	return usualOther
}

// String lists the sizes by letter.
func (s Sizes) String() string {
	var parts []string
	for _, letter := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, fmt.Sprintf("%s=%d", letter, s[letter]))
	}
	return strings.Join(parts, ",")
}
