package losses

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
)

// MultiTaskOptions configures [MultiTask].
type MultiTaskOptions struct {
	Tasks     []Task    `opt:"tasks" doc:"the losses that are combined, each with a name (--task, once for each)"`
	Weighting string    `opt:"weighting" doc:"how the tasks' losses are combined" choices:"uncertainty,fixed,revised,geometric,smooth_tchebycheff,imtl_l"`
	Weights   Weights   `opt:"weights" doc:"fixed: factor of each task, 1 for those not named"`
	Half      bool      `opt:"half" doc:"uncertainty: half of every term, as published; a task with classification=true keeps its whole loss" try:"true"`
	Mu        *float64  `opt:"mu" doc:"smooth_tchebycheff: how much the largest loss gives way to the others" bounds:"(0,inf)"`
	Reduction Reduction `opt:"reduction" doc:"how each task's losses are combined, before weighting" choices:"none,mean,sum"`
}

// MultiTask combines the losses of several tasks. Each task is any other loss,
// a combination included, under a name of its own.
var MultiTask = &Def[MultiTaskOptions]{
	Spec: Spec{
		Name: "multi_task", Aliases: []string{"multitask", "uncertainty"}, Family: "composition",
		Title: "several losses in one, with fixed or learned weights",
		Star:  "N,D",
		Traps: []string{
			"Each task is reduced first, then weighted. With none, the unreduced losses are combined elementwise; the tasks have one shape then, and the gradient of log_vars sums over all elements.",
			"Letters of shapes that are not given are each task's own (a_N, b_N), so that tasks of different sizes combine; equal letters mean equal sizes.",
			"uncertainty: log_vars usually starts at 1 (textbook), 0 or -0.5 (LibMTL). The total can be negative: its minimum over s is log(L) + 1 per task.",
			"revised: scales starts at 1. imtl_l: scales are logarithms and start at 0.",
			"geometric: the gradient is not finite where a loss is 0. In geometric and smooth_tchebycheff a NaN loss of one task makes the gradients of all NaN, where PyTorch has 0 for elements on a flat side of a hinge.",
			"A task of which no row counts has the loss NaN, and so have the total and the gradient of the task's own parameter; its input's gradient is 0. Leave such batches out, or divide by a normalizer.",
			"<task>_sample_weight, <task>_mask and <task>_normalizer are optional inputs; scale, temperature, softcap and z_loss are options of a task.",
		},
	},
	Defaults: MultiTaskOptions{Tasks: baseTasks(), Weighting: "uncertainty", Mu: new(1.0), Reduction: Mean},
	Validate: validateMultiTask,
	Complete: completeMultiTask,
	Adapt:    adaptMultiTask,
	Body: func(c *Call, o MultiTaskOptions) Term {
		var list []Value
		var extra []Output
		for _, part := range c.plan.parts {
			loss, own := part.build(c)
			list = append(list, loss)
			extra = append(extra, own...)
		}
		return Term{Each: weightings[o.Weighting].value(c, o, list), Reduced: true, Extra: extra}
	},
	Reference: func(c *Call, o MultiTaskOptions) string {
		var list []string
		for _, part := range c.plan.parts {
			list = append(list, operand(part.expression()))
		}
		return weightings[o.Weighting].torch(c, o, list)
	},
	Golden: multiTaskCases(),
}

// baseTasks are the tasks of the textbook form.
func baseTasks() []Task { return []Task{{Name: "a", Loss: "mse"}, {Name: "b", Loss: "mse"}} }

func validateMultiTask(o MultiTaskOptions) error {
	names := map[string]bool{}
	for _, t := range o.Tasks {
		switch {
		case !tensor.IsName(t.Name):
			return fmt.Errorf("the task name %q is no identifier: use letters, digits and _", t.Name)
		case names[strings.ToLower(t.Name)]:
			return fmt.Errorf("the task %s is given twice", t.Name)
		case t.Classification && !o.Half && o.Weighting != "revised":
			return fmt.Errorf("task %s: classification says that the loss is not halved, and nothing is: it goes with half or with weighting revised", t.Name)
		}
		names[strings.ToLower(t.Name)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(o.Weights)) {
		switch {
		case !slices.ContainsFunc(o.Tasks, func(t Task) bool { return t.Name == name }):
			return fmt.Errorf("weights name a task %q that there is not: the tasks are %s", name, strings.Join(taskNames(o.Tasks), ", "))
		case math.IsNaN(o.Weights[name]) || math.IsInf(o.Weights[name], 0):
			return fmt.Errorf("the weight of task %s is not finite", name)
		}
	}
	switch {
	case len(o.Weights) > 0 && o.Weighting != "fixed":
		return errors.New("weights go with weighting fixed")
	case o.Half && o.Weighting != "uncertainty":
		return errors.New("half goes with weighting uncertainty")
	case *o.Mu != 1 && o.Weighting != "smooth_tchebycheff":
		return errors.New("mu goes with weighting smooth_tchebycheff")
	}
	return nil
}

func taskNames(tasks []Task) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	return names
}

// completeMultiTask resolves every task.
func completeMultiTask(o MultiTaskOptions) (MultiTaskOptions, error) {
	tasks := slices.Clone(o.Tasks)
	for i, t := range tasks {
		var err error
		if tasks[i], err = t.completed(o.Reduction); err != nil {
			return o, fmt.Errorf("task %s: %w", t.Name, err)
		}
	}
	o.Tasks = tasks
	if o.Weights == nil {
		o.Weights = Weights{}
	}
	return o, nil
}

// adaptMultiTask lists the inputs of all tasks and the parameters.
func adaptMultiTask(s *Spec, o MultiTaskOptions) {
	w := weightings[o.Weighting]
	o, err := completeMultiTask(o)
	if w == nil || err != nil {
		return // said where the options are checked
	}
	s.Tasks, s.Formula = o.Tasks, w.formula
	if o.Half {
		s.Formula = "1/2 · (" + w.formula + ")"
	}
	shapes := Shapes{}
	for _, t := range o.Tasks {
		inputs, patterns := t.ports(s)
		s.Inputs = append(s.Inputs, inputs...)
		maps.Copy(shapes, patterns)
	}
	s.parameters = len(w.parameters)
	for _, in := range w.parameters {
		s.Inputs = append(s.Inputs, in)
		shapes[in.Name] = fmt.Sprint(len(o.Tasks))
	}
	s.Shapes = []Shapes{shapes}
}

// ports returns the inputs of a task under their names in the composition, with
// the shapes of the task's first pattern, and notes in s what else the task says.
func (t Task) ports(s *Spec) ([]Input, Shapes) {
	plan, err := Request{Loss: t.Loss, Options: t.Options}.declare()
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
	s.NaNRows = s.NaNRows || own.NaNRows
	if own.NotDerivative != "" {
		s.NotDerivative = "task " + t.Name + ": " + own.NotDerivative
	}
	if own.LabelPolicy != "" {
		s.LabelPolicy = strings.TrimPrefix(s.LabelPolicy+"; task "+t.Name+": "+own.LabelPolicy, "; ")
	}
	return inputs, shapes
}
