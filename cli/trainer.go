package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/lossgen/lossgen/adapters"
	"github.com/lossgen/lossgen/train"
)

// This file writes the sources that train with a file of attach.

// name is the file that attach writes.
func (f *attachFlags) name(path string) string {
	if f.file != "" {
		return f.file
	}
	return strings.TrimSuffix(path, ".onnx") + "_train.onnx"
}

// completeTrainer checks that a trainer finds what it needs beside itself, and names the
// file that evaluates.
func (f *attachFlags) completeTrainer(path string) error {
	if len(f.adapters) == 0 {
		return nil
	}
	file := f.name(path)
	stem, isFile := strings.CutSuffix(file, ".onnx")
	switch {
	case f.optimizer == "none":
		return fmt.Errorf("--adapter writes a type that steps: name an --optimizer")
	case f.embed:
		return fmt.Errorf("--adapter reads the file of values that --embed leaves out: use one of them")
	case f.accumulate:
		return fmt.Errorf("--adapter steps with each batch: leave out --accumulate")
	case len(f.keep) > 0:
		return fmt.Errorf("--adapter gives the loss alone: leave out --outputs")
	case !isFile:
		return fmt.Errorf("--adapter writes sources that look for NAME.onnx beside themselves: give -o a file that ends in .onnx, not %q", file)
	case f.eval == "":
		f.eval = stem + "_eval.onnx"
	case filepath.Dir(f.eval) != filepath.Dir(file) || !strings.HasSuffix(f.eval, ".onnx"):
		return fmt.Errorf("--adapter looks for the file of --eval beside the other: name one in %s", filepath.Dir(file))
	}
	return nil
}

// sources renders the trainers, by path. Nothing is written yet.
func (f *attachFlags) sources(file string, made *train.Result, model, eval, values []byte) (map[string][]byte, error) {
	if len(f.adapters) == 0 {
		return nil, nil
	}
	folder, stem := filepath.Dir(file), strings.TrimSuffix(filepath.Base(file), ".onnx")
	files, err := adapters.WriteTrainers(adapters.Attached{
		Model: made.Model, Eval: made.Eval, File: model, EvalFile: eval, Stem: stem, EvalName: filepath.Base(f.eval), Values: values,
		Loss: f.loss, Optimizer: f.optimizer,
	}, trimmed(f.adapters))
	if err == nil {
		err = adapters.Refuse(folder, stem, files)
	}
	if err != nil {
		return nil, usage(err)
	}
	paths := map[string][]byte{}
	for name, data := range files {
		paths[filepath.Join(folder, name)] = data
	}
	return paths, nil
}
