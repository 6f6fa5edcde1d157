package composition

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
	"github.com/lossgen/lossgen/losses/regression"
)

// MultiTaskOptions configures [MultiTask].
type MultiTaskOptions struct {
	Tasks     []losses.Task    `opt:"tasks" doc:"the losses that are combined, each with a name (--task, once for each)"`
	Weighting string           `opt:"weighting" doc:"how the tasks' losses are combined" choices:"uncertainty,fixed,revised,geometric,smooth_tchebycheff,imtl_l"`
	Weights   losses.Weights   `opt:"weights" doc:"fixed: factor of each task, 1 for those not named"`
	Half      bool             `opt:"half" doc:"uncertainty: half of every term, as published; a task with classification=true keeps its whole loss" try:"true"`
	Mu        *float64         `opt:"mu" doc:"smooth_tchebycheff: how much the largest loss gives way to the others" bounds:"(0,inf)"`
	Reduction losses.Reduction `opt:"reduction" doc:"how each task's losses are combined, before weighting" choices:"none,mean,sum"`
}

// Combine asks for several losses in one. Further fields of the request, such as
// optional inputs, can be set before it is used:
//
//	r := composition.Combine("uncertainty",
//		regression.Huber.Task("depth", regression.HuberOptions{Delta: new(0.5)}),
//		classification.CrossEntropy.Task("seg", classification.CrossEntropyOptions{LabelSmoothing: 0.1}),
//	)
//	r.With = []string{"depth_mask"}
//	model, err := r.Model()
//
// Tasks that name their loss find it in the request's Catalog.
func Combine(weighting string, tasks ...losses.Task) losses.Request {
	return losses.Request{Catalog: losses.Catalog{MultiTask}, Loss: "multi_task", Options: losses.Values{"tasks": tasks, "weighting": weighting}}
}

// MultiTask combines the losses of several tasks. Each task is any other loss,
// a combination included, under a name of its own.
var MultiTask = &losses.Def[MultiTaskOptions]{
	Spec: losses.Spec{
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
	Defaults: MultiTaskOptions{Tasks: baseTasks(), Weighting: "uncertainty", Mu: new(1.0), Reduction: losses.Mean},
	Validate: validateMultiTask,
	Complete: completeMultiTask,
	Adapt:    adaptMultiTask,
	Body: func(c *losses.Call, o MultiTaskOptions) losses.Term {
		var list []losses.Value
		var extra []losses.Output
		for _, part := range c.Parts() {
			loss, own := part.Build(c)
			list = append(list, loss)
			extra = append(extra, own...)
		}
		return losses.Term{Each: weightings[o.Weighting].value(c, o, list), Reduced: true, Extra: extra}
	},
	Reference: func(c *losses.Call, o MultiTaskOptions) string {
		var list []string
		for _, part := range c.Parts() {
			list = append(list, losses.Operand(part.Expression()))
		}
		return weightings[o.Weighting].torch(c, o, list)
	},
	Golden: multiTaskCases(),
}

// baseTasks are the tasks of the textbook form.
func baseTasks() []losses.Task {
	return []losses.Task{regression.MSE.Task("a", parts.ReductionOnly{}), regression.MSE.Task("b", parts.ReductionOnly{})}
}

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
		case !slices.ContainsFunc(o.Tasks, func(t losses.Task) bool { return t.Name == name }):
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

func taskNames(tasks []losses.Task) []string {
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
		if tasks[i], err = t.Completed(o.Reduction); err != nil {
			return o, fmt.Errorf("task %s: %w", t.Name, err)
		}
	}
	o.Tasks = tasks
	if o.Weights == nil {
		o.Weights = losses.Weights{}
	}
	return o, nil
}

// adaptMultiTask lists the inputs of all tasks and the parameters.
func adaptMultiTask(s *losses.Spec, o MultiTaskOptions) {
	w := weightings[o.Weighting]
	o, err := completeMultiTask(o)
	if w == nil || err != nil {
		return // said where the options are checked
	}
	s.Tasks, s.Formula = o.Tasks, w.formula
	if o.Half {
		s.Formula = "1/2 · (" + w.formula + ")"
	}
	shapes := losses.Shapes{}
	for _, t := range o.Tasks {
		inputs, patterns := t.Ports(s)
		s.Inputs = append(s.Inputs, inputs...)
		maps.Copy(shapes, patterns)
	}
	s.Parameters = len(w.parameters)
	for _, in := range w.parameters {
		s.Inputs = append(s.Inputs, in)
		shapes[in.Name] = fmt.Sprint(len(o.Tasks))
	}
	s.Shapes = []losses.Shapes{shapes}
}
