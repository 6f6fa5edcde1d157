package cli

import (
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/adapters"
	"github.com/lossgen/lossgen/export"
)

// This file writes the source files that go beside a model.

func addAdapterFlag(fs *pflag.FlagSet, to *[]string) {
	fs.StringSliceVar(to, "adapter", nil, "write source files for training `stacks` beside the model: "+strings.Join(adapters.Names(), ", "))
}

// adapterFiles renders the adapters of a model that is written to output, by
// path. Nothing is written yet, so that a bad request, or a file in the way that
// is not an adapter of this model, leaves no files.
func adapterFiles(m *model, output string, stacks []string) (map[string][]byte, error) {
	if len(stacks) == 0 {
		return nil, nil
	}
	if output == "-" {
		return nil, usagef("--adapter writes files beside the model, which goes to standard output: give -o a file")
	}
	stem, ok := strings.CutSuffix(filepath.Base(output), ".onnx")
	if !ok {
		return nil, usagef("--adapter writes sources that look for NAME.onnx beside themselves: give -o a file that ends in .onnx, not %q", output)
	}
	files, err := adapters.Write(m.plan, m.data, stem, trimmed(stacks))
	if err != nil {
		return nil, usage(err)
	}
	if err := adapters.Refuse(filepath.Dir(output), stem, files); err != nil {
		return nil, usage(err)
	}
	paths := map[string][]byte{}
	for name, data := range files {
		paths[filepath.Join(filepath.Dir(output), name)] = data
	}
	return paths, nil
}

func (a *app) writeAdapters(files map[string][]byte) error {
	for _, path := range sortedKeys(files) {
		if err := export.WriteFile(path, files[path]); err != nil {
			return err
		}
		a.say("wrote %s", path)
	}
	return nil
}
