package losses

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// Task is one loss of a composition.
type Task struct {
	Name    string `json:"name"`
	Loss    string `json:"loss"`              // any name of the loss
	Options Values `json:"options,omitempty"` // those that differ from the defaults
	// Classification: where a weighting halves losses, this one is not.
	Classification bool    `json:"classification,omitempty"`
	catalog        Catalog // that has the loss
}

// Weights are numbers for tasks, by the tasks' names.
type Weights map[string]float64

// Changed returns the options of a plan's task that differ from its loss's defaults.
func (t Task) Changed() Values {
	loss, _, _ := t.catalog.Find(t.Loss)
	return changed(loss, t.Options)
}

// ParseTask reads a task as the command line takes it, as in
// "seg=cross_entropy,label_smoothing=0.1". A part without a "=" continues the
// value before it, which is a list.
func ParseTask(text string) (Task, error) {
	parts := strings.Split(text, ",")
	name, loss, ok := strings.Cut(parts[0], "=")
	t := Task{Name: strings.TrimSpace(name), Loss: strings.TrimSpace(loss), Options: Values{}}
	if !ok || t.Name == "" || t.Loss == "" {
		return t, fmt.Errorf("a task is %q, want NAME=LOSS[,option=value...], such as depth=huber,delta=0.5", text)
	}
	option := ""
	for _, part := range parts[1:] {
		name, value, ok := strings.Cut(part, "=")
		if !ok && option == "" {
			return t, fmt.Errorf("task %s: %q, want option=value", t.Name, part)
		}
		if !ok {
			t.Options[option] = fmt.Sprintf("%s,%s", t.Options[option], part)
			continue
		}
		option = strings.ReplaceAll(strings.TrimSpace(name), "-", "_")
		if _, twice := t.Options[option]; twice {
			return t, fmt.Errorf("task %s: option %s is given twice", t.Name, option)
		}
		t.Options[option] = strings.TrimSpace(value)
	}
	return t, t.takeClassification()
}

// takeClassification moves the classification mark out of the loss's options.
func (t *Task) takeClassification() error {
	text, ok := t.Options["classification"]
	if !ok {
		return nil
	}
	var err error
	if t.Classification, err = strconv.ParseBool(fmt.Sprint(text)); err != nil {
		return fmt.Errorf("task %s: classification is %q, want true or false", t.Name, text)
	}
	delete(t.Options, "classification")
	return nil
}

// The most tasks of a composition, those of compositions inside included, and how
// deep these may lie: the work doubles with each level.
const (
	maxTasks     = 64
	maxTaskDepth = 3
)

// countTasks counts the tasks in a value, which the option has converted, of a
// composition at a depth.
func (o Option) countTasks(value any, depth int) (int, error) {
	tasks, _ := value.([]Task)
	n := len(tasks)
	for _, t := range tasks {
		inside, ok := t.Options[o.Name]
		if !ok || n > maxTasks {
			continue
		}
		if depth == maxTaskDepth {
			return n, fmt.Errorf("option %s nests deeper than %d compositions, the innermost in task %q: name its tasks further out", o.Name, maxTaskDepth, t.Name)
		}
		if text, ok := inside.(string); ok {
			inside, _ = o.Parse(text)
		}
		inside, err := o.convertPlain(inside)
		if err != nil {
			continue // said where the task is resolved
		}
		more, err := o.countTasks(inside, depth+1)
		if n += more; err != nil {
			return n, err
		}
	}
	if n > maxTasks {
		return n, fmt.Errorf("option %s has more than %d tasks, want fewer", o.Name, maxTasks)
	}
	return n, nil
}

func parseWeights(text string) (Weights, error) {
	w := Weights{}
	for _, part := range strings.Split(text, ",") {
		name, number, ok := strings.Cut(part, "=")
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, fmt.Errorf("%q is no NAME=NUMBER", part)
		}
		if _, twice := w[name]; twice {
			return nil, fmt.Errorf("%s has two weights", name)
		}
		w[name] = f
	}
	return w, nil
}

// text is the form that the command line takes.
func (w Weights) text() string {
	if len(w) == 0 {
		return "none"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, name+"="+formatFloat(w[name]))
	}
	return strings.Join(parts, ",")
}

// Completed checks a task and returns it with its loss's canonical name and all
// options. A reduction that the task does not choose is that of the composition.
func (t Task) Completed(reduction Reduction) (Task, error) {
	loss, _, ok := t.catalog.Find(t.Loss)
	if !ok {
		return t, t.catalog.unknown(t.Loss)
	}
	options := Values{}
	maps.Copy(options, t.Options)
	if _, given := options["reduction"]; !given && hasReduction(loss, None) {
		options["reduction"] = string(reduction)
	}
	plan, err := Request{Catalog: t.catalog, Loss: t.Loss, Options: options}.declare()
	if err != nil {
		return t, err
	}
	if own := plan.reduction(); (own == None) != (reduction == None) {
		return t, fmt.Errorf("%s is reduced by %s and the composition by %s: either none or all of them are none", plan.Loss, own, reduction)
	}
	t.Loss, t.Options = plan.Loss, plan.Options
	return t, nil
}

func hasReduction(l Loss, r Reduction) bool {
	return slices.ContainsFunc(l.Options(), func(o Option) bool {
		return o.Name == "reduction" && slices.Contains(o.Choices, string(r))
	})
}

// Ports returns the inputs of a task under their names in the composition, with
// the shapes of the task's first pattern, and notes in s what else the task says.
func (t Task) Ports(s *Spec) ([]Input, Shapes) {
	plan, err := Request{Catalog: t.catalog, Loss: t.Loss, Options: t.Options}.declare()
	if err != nil {
		return nil, nil // said where the options are checked
	}
	own := plan.Spec
	var inputs []Input
	shapes := Shapes{}
	for _, in := range plan.Inputs() {
		pattern, ok := own.Shapes[0][in.Name]
		var parts []string
		for _, part := range tokens(pattern) {
			if tensor.IsName(part) {
				part = t.Name + "_" + part
			}
			parts = append(parts, part)
		}
		if pattern = strings.Join(parts, ","); !ok && in.Name != "normalizer" {
			pattern = "*" // of the unreduced loss
		}
		in.Name, in.Doc = t.Name+"_"+in.Name, "task "+t.Name+": "+in.Doc
		shapes[in.Name] = pattern
		inputs = append(inputs, in)
	}
	s.NaNRows, s.Cancels = s.NaNRows || own.NaNRows, s.Cancels || own.Cancels
	if own.NotDerivative != "" {
		s.NotDerivative = "task " + t.Name + ": " + own.NotDerivative
	}
	if own.NoSecond != "" {
		s.NoSecond = "task " + t.Name + ": " + own.NoSecond
	}
	if own.LabelPolicy != "" {
		s.LabelPolicy = strings.TrimPrefix(s.LabelPolicy+"; task "+t.Name+": "+own.LabelPolicy, "; ")
	}
	return inputs, shapes
}
