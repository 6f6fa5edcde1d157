package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/fit"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/npy"
	"github.com/lossgen/lossgen/train"
)

// This file opens the arrays that fit trains on.

// columns are the arrays of a run, and the files that they are in.
type columns struct {
	data, validation []fit.Column
	files            []*npy.File
}

func (c *columns) close() {
	for _, f := range c.files {
		f.Close()
	}
}

// columns opens the files and checks them against the training graph. What it returns is
// to be closed also where there is an error.
func (f *fitFlags) columns(made *train.Result) (c *columns, err error) {
	c = &columns{}
	ports := dataPorts(made)
	if c.data, err = c.open("--data", f.data, ports, nil); err != nil || len(f.validate) == 0 {
		return c, err
	}
	c.validation, err = c.open("--validate", f.validate, ports, c.data)
	return c, err
}

// dataPorts are the inputs of a graph without a value to start with.
func dataPorts(made *train.Result) (ports []ir.Port) {
	for _, p := range made.Model.Graph.Inputs {
		if !slices.ContainsFunc(made.Values, func(v ir.Initializer) bool { return v.Name == p.Name }) {
			ports = append(ports, p)
		}
	}
	return ports
}

// open opens the file of each port. Those that are the same in each step may be left out
// where others have them.
func (c *columns) open(flag string, given []string, ports []ir.Port, others []fit.Column) (list []fit.Column, err error) {
	paths := map[string]string{}
	for _, text := range given {
		name, path, ok := cutInput(text, ports)
		switch {
		case !ok || name == "" || path == "":
			return nil, usagef("%s is %q, want name=file.npy", flag, text)
		case paths[name] != "":
			return nil, usagef("%s gives %s twice", flag, name)
		case !contains(ports, name):
			return nil, usagef("%s: the training graph takes no data called %q: it takes %s", flag, name, strings.Join(names(ports), ", "))
		}
		paths[name] = path
	}
	sizes := map[string]sizeFrom{}
	for i, p := range ports {
		if paths[p.Name] == "" && others != nil && !others[i].BySample() {
			list = append(list, others[i])
			continue
		}
		if paths[p.Name] == "" {
			return nil, usagef("input %s is missing: give %s %s=file.npy, %v%v", p.Name, flag, p.Name, p.DType, p.Shape)
		}
		column := fit.Column{Port: p, Path: paths[p.Name]}
		if column.File, err = npy.Open(column.Path); err != nil {
			return nil, fmt.Errorf("%s: cannot read %s: %w", flag, column.Path, bare(err))
		}
		c.files = append(c.files, column.File)
		if err := columnFits(column, sizes); err != nil {
			return nil, fmt.Errorf("%s: %s holds %v%v, want %v%v for %s: %w", flag, column.Path, column.File.DType(), column.File.Dims(), p.DType, p.Shape, p.Name, err)
		}
		list = append(list, column)
	}
	return list, nil
}

// columnFits reports why a column's array does not fit its input.
func columnFits(c fit.Column, sizes map[string]sizeFrom) error {
	t := &tensor.Tensor{DType: c.File.DType(), Dims: c.File.Dims()}
	if t.DType.IsInt() && (c.Port.DType.IsInt() || c.Port.DType == tensor.Bool) {
		t.DType = c.Port.DType // each batch is converted, where that is exact
	}
	if len(c.Port.Shape) > 0 && !c.Port.Shape[0].Known() && !c.Port.Shape[0].IsLetter() {
		return fmt.Errorf("its first axis is %v, and fit wants a row for each sample", c.Port.Shape[0])
	}
	if c.BySample() && t.Dims[0] == 0 {
		return errors.New("it has no rows")
	}
	return fits(c.Port, t, sizes)
}

// wrongLabel returns what finds the label in a batch that is no class, where the loss has one
// output of the model and labels.
func wrongLabel(o train.Options, m *train.Model) func(batch map[string]*tensor.Tensor) error {
	request := o.Loss
	i := slices.IndexFunc(m.Outputs(), func(p ir.Port) bool { return p.DType.IsFloat() && (p.Name == o.Output || o.Output == "") })
	plan, err := losses.Request{Catalog: request.Catalog, Loss: request.Loss, Options: request.Options}.Resolve()
	if err != nil || i < 0 || len(o.Bind) > 0 {
		return nil
	}
	request.Shapes = maps.Clone(request.Shapes)
	if request.Shapes == nil {
		request.Shapes = map[string]string{}
	}
	request.Shapes[plan.Inputs()[0].Name] = m.Outputs()[i].Shape.List()
	if plan, err = request.Resolve(); err != nil {
		return nil
	}
	return func(batch map[string]*tensor.Tensor) error {
		named := map[string]*tensor.Tensor{}
		for _, port := range plan.Ports[1:] {
			named[port.Name] = batch[port.Name]
			if t := batch["loss_"+port.Name]; t != nil {
				named[port.Name] = t
			}
		}
		return plan.CheckLabels(named)
	}
}

// describeColumns says which arrays a run has.
func describeColumns(list []fit.Column) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%s=%v%v", c.Port.Name, c.File.DType(), c.File.Dims()))
	}
	return strings.Join(parts, ", ")
}
