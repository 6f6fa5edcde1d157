package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/losses"
)

// This file reads a request for a loss from a YAML file.

// configuration is the content of a --config file.
type configuration struct {
	request losses.Request
	output  string
}

// configKeys are what a configuration may hold.
var configKeys = []string{
	"loss", "options", "tasks", "weighting", "weights", "half", "mu", "with", "grad", "grad_output", "normalizer", "hvp",
	"dtype", "loss_dtype", "index_dtype", "shape", "map", "opset", "for", "output",
}

// readConfig reads a configuration. Errors are of the form "file:line: ...".
func readConfig(all losses.Catalog, path string, stdin io.Reader) (configuration, error) {
	c := configuration{request: losses.Request{Catalog: all}}
	from := stdin
	if path == "-" {
		path = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return c, fmt.Errorf("cannot read %s: %w", path, bare(err))
		}
		defer f.Close()
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxConfigBytes+1))
	if err != nil {
		return c, fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	if err := c.parse(data); err != nil {
		return c, fmt.Errorf("%s%w", path, err)
	}
	return c, nil
}

// parse reads YAML. Its errors start with ":line: ", or ": " where there is no
// line.
func (c *configuration) parse(data []byte) error {
	file, err := parseYAML(data)
	if err != nil {
		return err
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return errors.New(": the file is empty: want at least a line `loss: NAME`")
	case len(file.Docs) > 1 && file.Docs[1].Body == nil:
		return errors.New(": a second document: want one")
	case len(file.Docs) > 1:
		return fmt.Errorf(":%d: a second document: want one", line(file.Docs[1].Body))
	}
	pairs, err := mapping(file.Docs[0].Body)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if err := c.set(pair.key, pair.value); err != nil {
			if strings.HasPrefix(err.Error(), ":") {
				return err // has its own line
			}
			return fmt.Errorf(":%d: %s: %w", pair.line, pair.key, err)
		}
	}
	if c.request.Loss == "" && c.request.Options["tasks"] != nil {
		c.request.Loss = "multi_task"
	}
	return nil
}

// set takes one key of the file.
func (c *configuration) set(key string, value ast.Node) error {
	r := &c.request
	switch key {
	case "loss":
		return decode(value, &r.Loss, "a name")
	case "output":
		return decode(value, &c.output, "a file name")
	case "with":
		return decodeNames(value, &r.With)
	case "grad":
		err := decodeNames(value, &r.Grad)
		if err == nil && len(r.Grad) == 0 {
			err = errors.New("it is empty: name inputs, or none")
		}
		return err
	case "hvp":
		return decode(value, &r.HVP, "true or false")
	case "normalizer":
		return decode(value, &r.Normalizer, "true or false")
	case "map":
		return decode(value, &r.Map, "steps by name")
	case "grad_output":
		return decode(value, &r.GradOutput, "true or false")
	case "dtype":
		return decodeDType(value, &r.DType)
	case "loss_dtype":
		return decodeDType(value, &r.LossDType)
	case "index_dtype":
		return decodeDType(value, &r.IndexDType)
	case "opset":
		if err := decode(value, &r.Opset, "a whole number"); err != nil {
			return err
		}
		_, err := ir.VersionFor(r.Opset)
		return err
	case "for":
		return decode(value, &r.For, "a name")
	case "options":
		return c.setOptions(value)
	case "tasks":
		tasks, err := c.readTasks(value)
		c.setOption(key, tasks)
		if err != nil {
			return atLine(line(value), key, err)
		}
		return nil
	case "weighting", "weights", "half", "mu":
		var option any
		err := decode(value, &option, "a value")
		c.setOption(key, option)
		return err
	case "shape":
		return c.setShapes(value)
	}
	if name := strings.ReplaceAll(key, "-", "_"); c.knownOption(name) == nil {
		return fmt.Errorf("it is an option: put it below `options:`, as in options: {%s: ...}", name)
	}
	return unknownKey(key, configKeys)
}

// setOption sets an option of the loss.
func (c *configuration) setOption(name string, value any) {
	if c.request.Options == nil {
		c.request.Options = losses.Values{}
	}
	c.request.Options[name] = value
}

// setOptions takes the options as they are; Resolve checks them, once the loss
// is known.
func (c *configuration) setOptions(node ast.Node) error {
	pairs, err := mapping(node)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if pair.key == "tasks" {
			return fmt.Errorf(":%d: options: tasks: tasks is a key of its own, beside options", pair.line)
		}
		var value any
		if err := decode(pair.value, &value, "a value"); err != nil {
			return err
		}
		name := strings.ReplaceAll(pair.key, "-", "_")
		if err := c.knownOption(name); err != nil {
			return fmt.Errorf(":%d: options: %s: %w", pair.line, pair.key, err)
		}
		c.setOption(name, value)
	}
	return nil
}

// knownOption refuses an option that no loss has.
func (c *configuration) knownOption(name string) error {
	var all []string
	for _, l := range c.request.Catalog {
		for _, o := range append(l.Options(), losses.WrapperOptions(l)...) {
			if o.Name == name {
				return nil
			}
			if !slices.Contains(all, o.Name) {
				all = append(all, o.Name)
			}
		}
	}
	if near := losses.Closest(name, all); len(near) > 0 {
		return fmt.Errorf("no loss has this option: did you mean %s?", strings.Join(near, ", "))
	}
	return errors.New("no loss has this option")
}

// setShapes reads shapes, each as "N,C" or as a list.
func (c *configuration) setShapes(node ast.Node) error {
	pairs, err := mapping(node)
	if err != nil {
		return err
	}
	c.request.Shapes = map[string]string{}
	for _, pair := range pairs {
		dims, err := words(pair.value)
		if pair.value.Type() == ast.NullType {
			err = errors.New("nothing stands here: write sizes, as in [N, 3], or [] for rank 0")
		}
		if err != nil {
			return fmt.Errorf(":%d: shape: %s: %w", pair.line, pair.key, err)
		}
		c.request.Shapes[pair.key] = strings.Join(dims, ",")
	}
	return nil
}
