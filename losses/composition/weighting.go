package composition

import (
	"fmt"
	"strings"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
)

// weighting is a way to combine the losses of tasks: as a formula, as a graph and
// as a PyTorch expression.
type weighting struct {
	formula    string
	parameters []losses.Input
	value      func(c *losses.Call, o MultiTaskOptions, list []losses.Value) losses.Value
	torch      func(c *losses.Call, o MultiTaskOptions, list []string) string
}

// weightings are all of them. L is a task's loss, s, c and w its parameter, T the
// number of tasks.
//
// uncertainty is after Kendall, Gal and Cipolla, Multi-Task Learning Using
// Uncertainty to Weigh Losses, 2018; revised after Liebel and Körner, Auxiliary
// Tasks in Multi-task Learning, 2018; geometric after Chennupati et al., MultiNet++,
// 2019; smooth_tchebycheff after Lin et al., Smooth Tchebycheff Scalarization,
// 2024; imtl_l after Liu et al., Towards Impartial Multi-Task Learning, 2021.
var weightings = map[string]*weighting{
	"fixed": {
		formula:    "sum over tasks of w·L",
		parameters: []losses.Input{{Name: "task_weights", Doc: "weight of each task, in the tasks' order, instead of numbers", Domain: losses.Weight, Optional: true, Grad: losses.OnDemand}},
		value: func(c *losses.Call, o MultiTaskOptions, list []losses.Value) losses.Value {
			return sumOf(list, func(i int, loss losses.Value) losses.Value {
				if c.Has("task_weights") {
					return loss.Mul(parameter(c, "task_weights", i))
				}
				return loss.Scale(o.weight(i))
			})
		},
		torch: func(c *losses.Call, o MultiTaskOptions, list []string) string {
			return joined(list, " + ", func(i int, loss string) string {
				switch w := o.weight(i); {
				case c.Has("task_weights"):
					return fmt.Sprintf("task_weights[%d] * %s", i, loss)
				case w == 1:
					return loss
				default:
					return losses.Python(w) + " * " + loss
				}
			})
		},
	},
	"uncertainty": {
		formula:    "sum over tasks of L·exp(-s) + s",
		parameters: []losses.Input{{Name: "log_vars", Doc: "learned log-variance s of each task, in the tasks' order", Domain: losses.Real, Grad: losses.Default}},
		value: func(c *losses.Call, o MultiTaskOptions, list []losses.Value) losses.Value {
			return sumOf(list, func(i int, loss losses.Value) losses.Value {
				s := parameter(c, "log_vars", i)
				loss = loss.Mul(s.Neg().Exp())
				if o.Half && !o.Tasks[i].Classification {
					loss = loss.Scale(0.5)
				}
				if o.Half {
					s = s.Scale(0.5)
				}
				return loss.Add(s)
			})
		},
		torch: func(c *losses.Call, o MultiTaskOptions, list []string) string {
			return joined(list, " + ", func(i int, loss string) string {
				whole, rest := "", ""
				if o.Half {
					rest = "0.5 * "
				}
				if o.Half && !o.Tasks[i].Classification {
					whole = "0.5 * "
				}
				return fmt.Sprintf("%s%s * torch.exp(-log_vars[%d]) + %slog_vars[%d]", whole, loss, i, rest, i)
			})
		},
	},
	"revised": {
		formula:    "sum over tasks of L/(2·c^2) + log(1 + c^2); L/c^2 for classification",
		parameters: []losses.Input{{Name: "scales", Doc: "learned c of each task, in the tasks' order", Domain: losses.Real, Grad: losses.Default}},
		value: func(c *losses.Call, o MultiTaskOptions, list []losses.Value) losses.Value {
			return sumOf(list, func(i int, loss losses.Value) losses.Value {
				square := parameter(c, "scales", i).Square()
				divisor := square
				if !o.Tasks[i].Classification {
					divisor = square.Scale(2)
				}
				return loss.Div(divisor).Add(square.Shift(1).Log())
			})
		},
		torch: func(c *losses.Call, o MultiTaskOptions, list []string) string {
			return joined(list, " + ", func(i int, loss string) string {
				divisor := fmt.Sprintf("(2 * scales[%d] ** 2)", i)
				if o.Tasks[i].Classification {
					divisor = fmt.Sprintf("scales[%d] ** 2", i)
				}
				return fmt.Sprintf("%s / %s + torch.log(1 + scales[%d] ** 2)", loss, divisor, i)
			})
		},
	},
	"imtl_l": {
		formula:    "sum over tasks of exp(s)·L - s",
		parameters: []losses.Input{{Name: "scales", Doc: "learned s of each task, the logarithm of its weight, in the tasks' order", Domain: losses.Real, Grad: losses.Default}},
		value: func(c *losses.Call, _ MultiTaskOptions, list []losses.Value) losses.Value {
			return sumOf(list, func(i int, loss losses.Value) losses.Value {
				s := parameter(c, "scales", i)
				return s.Exp().Mul(loss).Sub(s)
			})
		},
		torch: func(_ *losses.Call, _ MultiTaskOptions, list []string) string {
			return joined(list, " + ", func(i int, loss string) string {
				return fmt.Sprintf("torch.exp(scales[%d]) * %s - scales[%d]", i, loss, i)
			})
		},
	},
	"geometric": {
		formula: "(product over tasks of L)^(1/T)",
		value: func(_ *losses.Call, _ MultiTaskOptions, list []losses.Value) losses.Value {
			product := list[0]
			for _, loss := range list[1:] {
				product = product.Mul(loss)
			}
			return product.Pow(1 / float64(len(list)))
		},
		torch: func(_ *losses.Call, _ MultiTaskOptions, list []string) string {
			product := joined(list, " * ", func(_ int, loss string) string { return loss })
			return fmt.Sprintf("(%s) ** (1 / %d)", product, len(list))
		},
	},
	"smooth_tchebycheff": {
		formula:    "mu·T·log(sum over tasks of exp(log(L/z + 1e-20)/mu)), z = 1 or nadir",
		parameters: []losses.Input{{Name: "nadir", Doc: "reference loss z of each task, in the tasks' order", Domain: losses.Positive, Optional: true, Wide: true}},
		value: func(c *losses.Call, o MultiTaskOptions, list []losses.Value) losses.Value {
			logs := make([]losses.Value, len(list))
			for i, loss := range list {
				if c.Has("nadir") {
					loss = loss.Div(parameter(c, "nadir", i))
				}
				logs[i] = loss.Shift(1e-20).Log().Div(c.Const(*o.Mu))
			}
			return logSumOf(logs).Scale(*o.Mu * float64(len(list)))
		},
		torch: func(c *losses.Call, o MultiTaskOptions, list []string) string {
			terms := joined(list, ", ", func(i int, loss string) string {
				if c.Has("nadir") {
					loss = fmt.Sprintf("%s / nadir[%d]", loss, i)
				}
				return loss
			})
			mu := losses.Python(*o.Mu)
			return fmt.Sprintf("%s * %d * torch.logsumexp(torch.log(torch.stack([%s]) + 1e-20) / %s, 0)", mu, len(list), terms, mu)
		},
	},
}

// weight is the number for a task.
func (o MultiTaskOptions) weight(i int) float64 {
	if w, ok := o.Weights[o.Tasks[i].Name]; ok {
		return w
	}
	return 1
}

// parameter is a task's element of a vector with one for each task.
func parameter(c *losses.Call, name string, i int) losses.Value {
	return c.In(name).Slice(0, int64(i), int64(i)+1).Squeeze(0)
}

func sumOf(list []losses.Value, term func(i int, loss losses.Value) losses.Value) losses.Value {
	total := term(0, list[0])
	for i, loss := range list[1:] {
		total = total.Add(term(i+1, loss))
	}
	return total
}

func joined(list []string, separator string, term func(i int, loss string) string) string {
	parts := make([]string, len(list))
	for i, loss := range list {
		parts[i] = term(i, loss)
	}
	return strings.Join(parts, separator)
}

// logSumOf is log(sum(exp(v))) over values of one shape.
func logSumOf(values []losses.Value) losses.Value {
	rows := make([]losses.Value, len(values))
	for i, v := range values {
		rows[i] = v.Unsqueeze(0)
	}
	return builder.Concat(0, rows...).LogSumExp(0).Squeeze(0)
}
