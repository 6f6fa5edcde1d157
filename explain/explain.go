// Package explain finds which convention of a loss gives a number: it computes many
// losses, as frameworks have them, on the arrays that gave it, and says which agree.
package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/conventions"
	"github.com/lossgen/lossgen/losses"
)

// Array is an array with the name that the user gives it.
type Array struct {
	Name string
	*tensor.Tensor
}

// Question is a number and the arrays that it was computed from.
type Question struct {
	Catalog   losses.Catalog
	Loss      string // any name, or ""
	Framework string // whose calls are looked at, or "" for all
	Arrays    []Array
	Value     string  // as it was printed: its digits tell how exact it is
	Gradients []Array // by the names of Arrays
	// Progress is told how many of how many losses are computed.
	Progress func(n, total int)
}

// Answer is a convention that agrees.
type Answer struct {
	Words         string             `json:"words"`
	Calls         []string           `json:"calls"`
	Command       string             `json:"command"`
	Inputs        Texts              `json:"inputs"`
	Value         string             `json:"value"`
	Gradients     Texts              `json:"gradients"`
	ValueError    *float64           `json:"value_error"`
	GradientError *float64           `json:"gradient_error"`
	DiffersAt     map[string][][]int `json:"differs_at,omitempty"`

	cost          float64
	value, slopes bool // what agrees
	number        float64
	of            string // the loss
}

// PyTorch is what PyTorch's own loss gives.
type PyTorch struct {
	Expression string   `json:"expression"`
	Value      *float64 `json:"value"`
	Why        string   `json:"why"`
}

// Nearest is a convention that comes near and does not agree.
type Nearest struct {
	Words   string  `json:"words"`
	Command string  `json:"command"`
	Value   float64 `json:"value"`
	Error   float64 `json:"error"` // relative
}

// Result is what was found.
type Result struct {
	Explained any `json:"explained"` // true, false, "value" or "gradient"
	Tried     int `json:"tried"`
	// LeftOut are losses that compare all rows with all others, and were not tried since
	// the arrays are large and none of them was named.
	LeftOut []string `json:"left_out,omitempty"`
	Chance  float64  `json:"chance"`
	PyTorch *PyTorch `json:"pytorch"`
	Nearest *Nearest `json:"nearest,omitempty"`
	Answers []Answer `json:"answers"`
}

// Bounds of a question.
const (
	maxArrays   = 8
	maxElements = 1 << 20
	maxAnswers  = 8
	// mostChance is from where on agreement of the value alone explains nothing.
	mostChance = 0.01
)

// target is the number that is looked for, and how near a number has to come.
type target struct {
	value   float64
	rounded float64 // half of the last digit
}

// tight is how far float32 may be from a number of this size.
func (t target) tight(size float64) float64 {
	return t.rounded + 1.5e-6*max(math.Abs(t.value), size)
}

// loose is how far it may be where a gradient tells more. A framework that clips
// probabilities has formed 1 - p in float32, which leaves few digits near 1.
func (t target) loose(clips bool) float64 {
	if clips {
		return t.rounded + 5e-4*math.Abs(t.value)
	}
	return t.rounded + 5e-5*math.Abs(t.value)
}

func readTarget(text string) (target, error) {
	text = strings.TrimSpace(text)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || len(text) > 40 {
		return target{}, fmt.Errorf("the value is %.40q, want a finite number", text)
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	power, _ := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
	return target{v, 0.5 * math.Pow(10, float64(power-len(fraction)))}, nil
}

// Ask answers a question. Errors are those of the question.
func Ask(ctx context.Context, q Question) (*Result, error) {
	s, err := newSearch(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := s.evaluate(); err != nil {
		return nil, err
	}
	return s.result(), nil
}

// check finds what is wrong with a question.
func (q Question) check() error {
	switch {
	case len(q.Arrays) == 0:
		return errors.New("there are no arrays: give a prediction and a target, as --input NAME=FILE.npy")
	case len(q.Arrays) > maxArrays:
		return fmt.Errorf("there are %d arrays, want at most %d", len(q.Arrays), maxArrays)
	}
	for _, a := range q.Arrays {
		if a.Len() > maxElements {
			return fmt.Errorf("%s has %d elements, want at most %d: a part of a batch tells as much", a.Name, a.Len(), maxElements)
		}
		if a.Len() == 0 {
			return fmt.Errorf("%s is empty", a.Name)
		}
	}
	for _, g := range q.Gradients {
		i := slices.IndexFunc(q.Arrays, func(a Array) bool { return a.Name == g.Name })
		if i < 0 {
			return fmt.Errorf("there is a gradient of %s, and no input of that name", g.Name)
		}
		if !slices.Equal(q.Arrays[i].Dims, g.Dims) {
			return fmt.Errorf("the gradient of %s is %v, and the input is %v", g.Name, g.Shape(), q.Arrays[i].Shape())
		}
		if !g.DType.IsFloat() {
			return fmt.Errorf("the gradient of %s is %v, want floating-point numbers", g.Name, g.DType)
		}
	}
	return nil
}

// frameworks are those whose calls are looked at.
func (q Question) frameworks() ([]*conventions.Framework, error) {
	if q.Framework == "" {
		return conventions.Frameworks(), nil
	}
	f, err := conventions.OfFramework(q.Framework)
	return []*conventions.Framework{f}, err
}

// Texts are expressions by name, in order; as JSON they are an object.
type Texts []Text

// Text is an expression with the name that it is for.
type Text struct{ Name, Expression string }

// MarshalJSON writes an object whose keys keep their order.
func (t Texts) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, x := range t {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(x.Name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(x.Expression)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
