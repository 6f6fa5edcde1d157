package losses

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Values holds option values by name: float64, int64, bool, string, []float64,
// []Task, Weights, or nil for none.
type Values map[string]any

// Option describes one option of a loss.
type Option struct {
	Name     string
	Doc      string
	Kind     string // "float", "int", "bool", "choice", "floats", "tasks", "weights"
	Default  any
	Nullable bool // may be none
	Min, Max float64
	MinOpen  bool // Min itself is out of bounds
	MaxOpen  bool
	Choices  []string
	Try      []any // values that tests use
	field    []int // where the struct has it
}

// Bounds returns the interval of a number as "[0,1)", "" when it is unbounded.
func (o Option) Bounds() string {
	if math.IsInf(o.Min, -1) && math.IsInf(o.Max, 1) {
		return ""
	}
	open, end := "[", "]"
	if o.MinOpen {
		open = "("
	}
	if o.MaxOpen {
		end = ")"
	}
	return fmt.Sprintf("%s%v,%v%s", open, strings.TrimPrefix(formatFloat(o.Min), "+"), strings.TrimPrefix(formatFloat(o.Max), "+"), end)
}

// Want says what a value of the option must be.
func (o Option) Want() string {
	none := ""
	if o.Nullable {
		none = " or none"
	}
	in := ""
	if b := o.Bounds(); b != "" {
		in = " in " + b
	}
	switch o.Kind {
	case "bool":
		return "true or false"
	case "choice":
		return "one of " + strings.Join(o.Choices, ", ") + none
	case "int":
		return "a whole number" + in + none
	case "floats":
		return "numbers" + in + ", separated by commas" + none
	case "tasks":
		return "NAME=LOSS[,option=value...]"
	case "weights":
		return "NAME=NUMBER[,NAME=NUMBER...]"
	default:
		return "a number" + in + none
	}
}

// Parse reads a value as the command line gives it.
func (o Option) Parse(text string) (any, error) {
	bad := fmt.Errorf("option %s is %q, want %s", o.Name, text, o.Want())
	if o.Nullable && text == "none" {
		return nil, nil
	}
	var value any
	var err error
	switch o.Kind {
	case "float":
		value, err = strconv.ParseFloat(text, 64)
	case "int":
		value, err = strconv.ParseInt(text, 10, 64)
	case "bool":
		value, err = strconv.ParseBool(text)
	case "floats":
		var list []float64
		for _, part := range strings.Split(strings.Trim(text, "[]"), ",") {
			f, e := strconv.ParseFloat(strings.TrimSpace(part), 64)
			if e != nil {
				return nil, bad
			}
			list = append(list, f)
		}
		value = list
	case "tasks":
		var task Task
		task, err = ParseTask(text)
		if err != nil {
			return nil, err
		}
		value = []Task{task}
	case "weights":
		value, err = parseWeights(text)
	default:
		value = text
	}
	if err != nil || o.Check(value) != nil {
		return nil, bad
	}
	return value, nil
}

// maxNumbers bounds lists of numbers: each is a part of the graph.
const maxNumbers = 256

// Check reports whether a value has the option's type and is within its bounds.
func (o Option) Check(value any) error {
	ok := false
	switch v := value.(type) {
	case nil:
		ok = o.Nullable
	case float64:
		ok = o.Kind == "float" && o.inside(v)
	case int64:
		ok = o.Kind == "int" && o.inside(float64(v))
	case bool:
		ok = o.Kind == "bool"
	case string:
		ok = o.Kind == "choice" && slices.Contains(o.Choices, v)
	case []Task:
		ok = o.Kind == "tasks" && len(v) > 0
	case Weights:
		ok = o.Kind == "weights"
	case []float64:
		if len(v) > maxNumbers {
			return fmt.Errorf("option %s has %d numbers, want at most %d", o.Name, len(v), maxNumbers)
		}
		ok = o.Kind == "floats" && len(v) > 0 && !slices.ContainsFunc(v, func(f float64) bool { return !o.inside(f) })
	}
	if !ok {
		return fmt.Errorf("option %s is %s, want %s", o.Name, Text(value), o.Want())
	}
	return nil
}

func (o Option) inside(v float64) bool {
	return (v > o.Min || v == o.Min && !o.MinOpen) && (v < o.Max || v == o.Max && !o.MaxOpen)
}

// Convert takes a value as JSON or YAML decoders and Go callers give it and
// returns it in the option's own type, checked.
func (o Option) Convert(value any) (any, error) {
	if s, ok := value.(string); ok && o.Kind != "choice" {
		return o.Parse(s)
	}
	if o.Kind == "float" || o.Kind == "int" {
		if f, ok := number(value); ok {
			value = f
			if o.Kind == "int" && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
				value = int64(f)
			}
		}
	}
	if o.Kind == "tasks" {
		value, err := o.convertPlain(value)
		if err == nil {
			_, err = o.countTasks(value, 1)
		}
		return value, err
	}
	if o.Kind == "weights" {
		return o.convertPlain(value)
	}
	if list, ok := value.([]any); ok && o.Kind == "floats" {
		floats := make([]float64, len(list))
		for i, item := range list {
			f, ok := number(item)
			if text, isText := item.(string); isText { // 5e-1 is a text in YAML 1.1
				var err error
				f, err = strconv.ParseFloat(text, 64)
				ok = err == nil
			}
			if !ok {
				return nil, fmt.Errorf("option %s has %v among its numbers, want %s", o.Name, item, o.Want())
			}
			floats[i] = f
		}
		value = floats
	}
	if o.Kind == "choice" {
		if f, ok := number(value); ok { // as YAML and JSON have class_axis: 1
			value = formatFloat(f)
		}
		if r := reflect.ValueOf(value); r.IsValid() && r.Kind() == reflect.String {
			value = r.String()
		}
	}
	return value, o.Check(value)
}

// convertPlain takes tasks and weights as a JSON decoder gives them.
func (o Option) convertPlain(value any) (any, error) {
	if value == nil || o.Check(value) == nil {
		return value, o.Check(value)
	}
	want := map[string]reflect.Kind{"tasks": reflect.Slice, "weights": reflect.Map}[o.Kind]
	data, err := json.Marshal(value)
	if err != nil || reflect.ValueOf(value).Kind() != want {
		return nil, o.Check(value)
	}
	decode := json.NewDecoder(bytes.NewReader(data))
	decode.DisallowUnknownFields()
	var tasks []Task
	var weights Weights
	if o.Kind == "tasks" {
		err = decode.Decode(&tasks)
		value = tasks
	} else {
		err = decode.Decode(&weights)
		value = weights
	}
	if err != nil {
		return nil, fmt.Errorf("option %s is %s, want %s", o.Name, data, o.Want())
	}
	return value, o.Check(value)
}

func number(value any) (float64, bool) {
	r := reflect.ValueOf(value)
	switch {
	case !r.IsValid():
		return 0, false
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

func formatFloat(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Text formats an option's value as the command line takes it.
func Text(value any) string {
	switch v := value.(type) {
	case nil:
		return "none"
	case float64:
		return formatFloat(v)
	case []float64:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = formatFloat(f)
		}
		return strings.Join(parts, ",")
	case []Task:
		parts := make([]string, len(v))
		for i, t := range v {
			parts[i] = t.Name + "=" + t.Loss
		}
		return strings.Join(parts, " ")
	case Weights:
		return v.text()
	}
	return fmt.Sprint(value)
}

// Python formats an option's value as a Python literal.
func Python(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		return "'" + v + "'"
	case float64:
		if math.IsInf(v, 0) {
			return "float('" + formatFloat(v) + "')"
		}
		return formatFloat(v)
	case []float64:
		return "[" + Text(v) + "]"
	}
	return fmt.Sprint(value)
}

// MarshalJSON writes the options in alphabetical order; infinities, which JSON
// lacks, are the strings "inf" and "-inf".
func (v Values) MarshalJSON() ([]byte, error) {
	plain := map[string]any{}
	for name, value := range v {
		if f, ok := value.(float64); ok && math.IsInf(f, 0) {
			value = formatFloat(f)
		}
		plain[name] = value
	}
	return json.Marshal(plain)
}

// changed returns the options of a loss that differ from its defaults. Tasks are
// always among them.
func changed(l Loss, values Values) Values {
	out := maps.Clone(values)
	for _, o := range append(slices.Clone(l.Options()), WrapperOptions(l)...) {
		if value, ok := values[o.Name]; ok && o.Kind != "tasks" && Text(value) == Text(o.Default) {
			delete(out, o.Name)
		}
	}
	return out
}
