// Command l1-vs-l2 trains the same regressor with four losses, on clean targets
// and on targets with outliers, and compares what they predict. The network, its
// gradients and the losses are built, run and plotted in Go alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/runtime/reference"
)

const defaultEpochs = 400

// comparison is the result of a contender's trainings.
type comparison struct {
	Name            string
	Clean, Outliers *outcome
	OnClean         figures
	OnOutliers      figures
}

func main() {
	folder := flag.String("o", "build/l1-vs-l2/go", "`folder` for the pictures and the page")
	engine := flag.String("engine", "", "ort or reference (default ort where it is found)")
	epochs := flag.Int("epochs", defaultEpochs, "steps of each training")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *folder, *engine, *epochs); err != nil {
		fmt.Fprintln(os.Stderr, "l1-vs-l2:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, folder, engine string, epochs int) error {
	if epochs < 1 || epochs%every != 0 {
		return fmt.Errorf("-epochs is %d, want a multiple of %d", epochs, every)
	}
	backend, described, err := choose(engine)
	if err != nil {
		return err
	}
	d, err := readData()
	if err != nil {
		return err
	}
	start := time.Now()
	list, err := compare(ctx, backend, d, epochs)
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	printTable(w, list)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	pictures, err := drawAll(list, d)
	if err != nil {
		return err
	}
	p, err := newPage(list, pictures, described, epochs)
	if err != nil {
		return err
	}
	if err := write(folder, p); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "trained on %s in %.1f s; wrote %s\n", described, seconds, folder)
	return err
}

// choose returns an engine and its name with the version.
func choose(name string) (runtime.Backend, string, error) {
	if name != "" && name != "ort" && name != "reference" {
		return nil, "", fmt.Errorf("-engine is %q, want ort or reference", name)
	}
	if name != "reference" {
		info, err := ort.Backend{}.Load()
		if err == nil {
			return ort.Backend{}, "ONNX Runtime " + info.Version, nil
		}
		asked := name == "ort" || os.Getenv(ort.LibraryVariable) != ""
		if asked || !errors.Is(err, runtime.ErrUnavailable) {
			return nil, "", err
		}
	}
	return reference.Backend{}, "the reference engine", nil
}

// compare trains every contender on clean and on corrupted targets.
func compare(ctx context.Context, backend runtime.Backend, d *dataset, epochs int) ([]comparison, error) {
	var list []comparison
	for _, c := range contenders {
		r, err := c.compare(ctx, backend, d, epochs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		list = append(list, r)
	}
	return list, nil
}

func (c contender) compare(ctx context.Context, backend runtime.Backend, d *dataset, epochs int) (comparison, error) {
	r := comparison{Name: c.name}
	file, err := c.file()
	if err != nil {
		return r, err
	}
	// The step is so small that threads would only wait for each other.
	session, err := backend.Open(file, runtime.Options{Threads: 1})
	if err != nil {
		return r, err
	}
	defer session.Close()
	t := &trainer{contender: c, session: session, data: d, epochs: epochs}
	if r.Clean, err = t.crossValidate(ctx, false); err != nil {
		return r, err
	}
	if r.Outliers, err = t.crossValidate(ctx, true); err != nil {
		return r, err
	}
	r.OnClean, r.OnOutliers = measure(r.Clean, r.Clean, d), measure(r.Outliers, r.Clean, d)
	return r, nil
}
