package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
	"github.com/lossgen/lossgen/verify"
)

// This file chooses the engines that run models.

// engineFlags choose engines.
type engineFlags struct {
	engine   string
	provider string
	threads  int
	library  string
	memory   string
}

func addEngineFlags(cmd *cobra.Command, names string) *engineFlags {
	f := &engineFlags{}
	cmd.Flags().StringVar(&f.engine, "engine", "", "`engine`: "+names)
	cmd.Flags().StringVar(&f.provider, "provider", "", "what ort runs on: cpu or cuda (default cpu)")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "threads inside an operator (default one per core)")
	cmd.Flags().StringVar(&f.library, "ort-library", "", "`path` of the ONNX Runtime library (default: searched for, see lossgen doctor)")
	cmd.Flags().StringVar(&f.memory, "memory", "", "most `bytes` that the values of a run may take, as far as they are counted, as in 4GiB (default 1GiB)")
	return f
}

func (f *engineFlags) backend() ort.Backend { return ort.Backend{Library: f.library} }

func (f *engineFlags) ort() verify.Engine {
	return verify.Engine{Backend: f.backend(), Options: runtime.Options{Provider: f.provider, Threads: f.threads, Memory: f.bytes()}}
}

func (f *engineFlags) reference() verify.Engine {
	return verify.Engine{Backend: reference.Backend{}, Options: runtime.Options{Memory: f.bytes()}}
}

// bytes returns what --memory says, 0 where it was not given.
func (f *engineFlags) bytes() int64 {
	n, _ := parseBytes(f.memory) // checked before
	return n
}

// check refuses values that do not exist; engines are the names that do.
func (f *engineFlags) check(engines ...string) error {
	if f.engine != "" && !slices.Contains(engines, f.engine) {
		return usagef("--engine is %q, want %s", f.engine, strings.Join(engines, " or "))
	}
	if f.threads < 0 {
		return usagef("--threads is %d, want 0 or more", f.threads)
	}
	if n, err := parseBytes(f.memory); f.memory != "" && (err != nil || n < 1) {
		return usagef("--memory is %q, want a number of bytes such as 512MiB or 4GiB", f.memory)
	}
	var known []string
	for _, p := range ort.Providers() {
		known = append(known, p.Name)
	}
	if known != nil && f.provider != "" && !slices.Contains(known, f.provider) {
		return usagef("--provider is %q, want %s", f.provider, strings.Join(known, " or "))
	}
	if f.engine == "reference" && f.provider != "" && f.provider != "cpu" {
		return usagef("--provider %s is for the engine ort: the reference engine runs on the cpu", f.provider)
	}
	return nil
}

// explicit reports whether ONNX Runtime was asked for in some way, so that it
// must not be replaced.
func (f *engineFlags) explicit() bool {
	return f.engine == "ort" || f.engine == "all" || f.library != "" || os.Getenv(ort.LibraryVariable) != "" ||
		f.provider != "" && f.provider != "cpu"
}

// load loads ONNX Runtime and its provider, if they are wanted. The first result
// is false where they are not here and need not be.
func (f *engineFlags) load() (bool, error) {
	if f.engine == "reference" {
		return false, nil
	}
	_, err := f.backend().Load()
	if err == nil && f.provider != "" {
		err = f.backend().Check(f.provider)
	}
	if errors.Is(err, runtime.ErrUnavailable) && !f.explicit() {
		return false, nil
	}
	return err == nil, err
}

// one returns the engine to run a model with: ort where it is found.
func (f *engineFlags) one() (verify.Engine, error) {
	if err := f.check("ort", "reference"); err != nil {
		return verify.Engine{}, err
	}
	found, err := f.load()
	if err != nil {
		return verify.Engine{}, err
	}
	if found {
		return f.ort(), nil
	}
	return f.reference(), nil
}

// all returns the engines to verify with, and a note where one is not here.
func (f *engineFlags) all() (engines []verify.Engine, note string, err error) {
	if err := f.check("ort", "reference", "all"); err != nil {
		return nil, "", err
	}
	found, err := f.load()
	if err != nil {
		return nil, "", err
	}
	if f.engine != "ort" {
		engines = append(engines, f.reference())
	}
	if found {
		engines = append(engines, f.ort())
	} else if f.engine == "" {
		note = "ONNX Runtime is not here, so the reference engine alone is used: `lossgen doctor` says how to get it"
	}
	return engines, note, nil
}

// describe names an engine with its version and the library that was loaded.
func (f *engineFlags) describe(e verify.Engine) string {
	if e.Backend.Name() != "ort" {
		return e.Backend.Name()
	}
	info, err := f.backend().Load()
	if err != nil {
		return "ort"
	}
	provider := f.provider
	if provider == "" {
		provider = "cpu"
	}
	return fmt.Sprintf("ort %s on %s, %s", info.Version, provider, info.Path)
}
