package losses

import (
	"fmt"
	"strings"
)

// MultiTaskOptions configures [MultiTask].
type MultiTaskOptions struct {
	Weighting string    `opt:"weighting" doc:"how the tasks' losses are combined" choices:"uncertainty"`
	Reduction Reduction `opt:"reduction" doc:"how each task's losses are combined, before weighting" choices:"none,mean,sum"`
}

// MultiTask adds the losses of several tasks with learned weights: each task's
// loss L counts as L·exp(-s) + s, where s is its log-variance (after Kendall, Gal
// and Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses, 2018).
var MultiTask = &Def[MultiTaskOptions]{
	Spec: Spec{
		Name: "multi_task", Aliases: []string{"multitask", "uncertainty"}, Family: "composition",
		Title:   "sum of several tasks' losses with learned weights",
		Formula: "sum over tasks of L·exp(-log_vars[task]) + log_vars[task]",
		Star:    "N,D",
		Traps: []string{
			"log_vars usually starts at 1.0, so that each task's loss first counts exp(-1) = 0.37 times.",
			"Each task is reduced first, then weighted. With none, the unreduced losses are combined elementwise, and the gradient of log_vars sums over all elements.",
			"The total can be negative: its minimum over s is log(L) + 1 per task.",
		},
	},
	Defaults: MultiTaskOptions{Weighting: "uncertainty", Reduction: Mean},
	Ports: func(o MultiTaskOptions) ([]Input, []Shapes) {
		var inputs []Input
		shapes := Shapes{"log_vars": fmt.Sprint(len(baseTasks))}
		for _, task := range baseTasks {
			inputs = append(inputs,
				Input{Name: task + "_input", Doc: "predictions of task " + task, Domain: Real, Grad: Default},
				Input{Name: task + "_target", Doc: "true values of task " + task, Domain: Real, Grad: OnDemand})
			shapes[task+"_input"], shapes[task+"_target"] = "*", "*"
		}
		return append(inputs, Input{Name: "log_vars", Doc: "learned log-variance of each task, in the tasks' order", Domain: Real, Grad: Default}), []Shapes{shapes}
	},
	Reference: func(c *Call, o MultiTaskOptions) string {
		var terms []string
		for i, task := range baseTasks {
			terms = append(terms, fmt.Sprintf("F.mse_loss(%s_input, %s_target, reduction=%s) * torch.exp(-log_vars[%d]) + log_vars[%d]",
				task, task, python(string(o.Reduction)), i, i))
		}
		return strings.Join(terms, " + ")
	},
	Body: func(c *Call, o MultiTaskOptions) Term {
		var total Value
		for i, task := range baseTasks {
			loss := each(c.In(task + "_input").Sub(c.In(task + "_target")).Square()).reduce(o.Reduction)
			s := c.In("log_vars").Slice(0, int64(i), int64(i)+1).Squeeze(0)
			loss = loss.Mul(s.Neg().Exp()).Add(s)
			if total.IsZero() {
				total = loss
				continue
			}
			total = total.Add(loss)
		}
		return Term{Each: total}
	},
}

// baseTasks are the tasks of the textbook form.
var baseTasks = []string{"a", "b"}
