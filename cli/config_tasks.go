package cli

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/lossgen/lossgen/losses"
)

// This file reads the tasks of a composition from a YAML file:
//
//	tasks:
//	  seg: cross_entropy
//	  depth: {loss: huber, options: {delta: 0.5}}
//	  boxes:
//	    loss: multi_task
//	    weighting: fixed
//	    weights: {iou: 7.5}
//	    tasks: {iou: complete_box_iou, object: bce_with_logits}

// taskKeys are what a task may hold.
var taskKeys = []string{"loss", "options", "classification", "tasks", "weighting", "weights", "half", "mu"}

// readTasks reads the tasks in the file's order.
func (c *configuration) readTasks(node ast.Node) ([]losses.Task, error) {
	pairs, err := mapping(node)
	if err != nil {
		return nil, err
	}
	var tasks []losses.Task
	for _, pair := range pairs {
		task, err := c.readTask(pair)
		if err != nil {
			return nil, atLine(pair.line, pair.key, err)
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// atLine puts a line in front of an error that has none, and a key behind the
// line.
func atLine(line int, key string, err error) error {
	if text := err.Error(); strings.HasPrefix(text, ":") {
		number, rest, _ := strings.Cut(text[1:], ": ")
		return fmt.Errorf(":%s: %s: %s", number, key, rest)
	}
	return fmt.Errorf(":%d: %s: %w", line, key, err)
}

// readTask reads a task: the name of its loss, or a mapping.
func (c *configuration) readTask(p pair) (losses.Task, error) {
	t := losses.Task{Name: p.key, Options: losses.Values{}}
	if name, ok := p.value.(*ast.StringNode); ok {
		t.Loss = name.Value
		_, err := c.request.Catalog.Named(t.Loss)
		return t, err
	}
	pairs, err := mapping(p.value)
	if err != nil {
		return t, err
	}
	var options []pair
	for _, key := range pairs {
		if err := c.readTaskKey(&t, key, &options); err != nil {
			return t, atLine(key.line, key.key, err)
		}
	}
	if t.Loss == "" {
		return t, fmt.Errorf("want a loss, as in `loss: huber`")
	}
	return t, c.readTaskOptions(&t, options)
}

// readTaskKey takes one key of a task. Options wait until the loss is known.
func (c *configuration) readTaskKey(t *losses.Task, key pair, options *[]pair) error {
	switch key.key {
	case "loss":
		if err := decode(key.value, &t.Loss, "a name"); err != nil {
			return err
		}
		_, err := c.request.Catalog.Named(t.Loss)
		return err
	case "classification":
		return decode(key.value, &t.Classification, "true or false")
	case "options":
		pairs, err := mapping(key.value)
		*options = append(*options, pairs...)
		return err
	case "tasks":
		tasks, err := c.readTasks(key.value)
		t.Options["tasks"] = tasks
		return err
	case "weighting", "weights", "half", "mu":
		*options = append(*options, key)
		return nil
	}
	return unknownKey(key.key, taskKeys)
}

// readTaskOptions checks the options of a task where their line is known.
func (c *configuration) readTaskOptions(t *losses.Task, pairs []pair) error {
	loss, _, _ := c.request.Catalog.Find(t.Loss)
	known := map[string]losses.Option{}
	for _, o := range append(loss.Options(), losses.WrapperOptions(loss)...) {
		known[o.Name] = o
	}
	for _, pair := range pairs {
		name := strings.ReplaceAll(pair.key, "-", "_")
		o, ok := known[name]
		if !ok {
			return fmt.Errorf(":%d: %s: %w", pair.line, pair.key, unknownIn(loss.Declaration().Name+" has no such option", name, sortedKeys(known)))
		}
		var value any
		err := decode(pair.value, &value, "a value")
		if err == nil {
			t.Options[name], err = o.Convert(value)
		}
		if err != nil {
			return fmt.Errorf(":%d: %s: %w", pair.line, pair.key, err)
		}
	}
	return nil
}

func unknownKey(key string, known []string) error {
	return unknownIn("unknown key", strings.ReplaceAll(key, "-", "_"), known)
}

// unknownIn says what is near to an unknown name, or all names.
func unknownIn(what, name string, known []string) error {
	if near := losses.Closest(name, known); len(near) > 0 {
		return fmt.Errorf("%s: did you mean %s?", what, strings.Join(near, ", "))
	}
	return fmt.Errorf("%s: want %s", what, strings.Join(known, ", "))
}
