//go:build cgo

package ort

import (
	"context"
	"fmt"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// provider is a Provider with the way to ask ONNX Runtime for it.
type provider struct {
	Provider
	append func(*onnxruntime.SessionOptions) error
}

var providers = []provider{
	{Provider{"cpu", "the processor", InstallCommand}, func(*onnxruntime.SessionOptions) error { return nil }},
	{Provider{"cuda", "an NVIDIA GPU", "python3 -m pip install onnxruntime-gpu"}, appendCUDA},
}

// Providers lists what models can run on, the default first.
func Providers() []Provider {
	list := make([]Provider, len(providers))
	for i, p := range providers {
		list[i] = p.Provider
	}
	return list
}

func findProvider(name string) (provider, error) {
	if name == "" {
		return providers[0], nil
	}
	var names []string
	for _, p := range providers {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return provider{}, fmt.Errorf("unknown provider %q: use %s", name, strings.Join(names, " or "))
}

func appendCUDA(options *onnxruntime.SessionOptions) error {
	cuda, err := onnxruntime.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	// TensorFloat-32 keeps 10 bits of a float32 product; PyTorch does not use
	// it for matrix products either unless told to.
	if err := cuda.Update(map[string]string{"use_tf32": "0"}); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(cuda)
}

// probe returns a model of one Add, which every provider has.
func probe() ([]byte, error) {
	port := func(name string) ir.Port {
		return ir.Port{Name: name, DType: tensor.Float32, Shape: tensor.Of("N")}
	}
	return export.Marshal(&ir.Model{IRVersion: 8, Opset: 17, Graph: &ir.Graph{
		Name:    "probe",
		Inputs:  []ir.Port{port("a"), port("b")},
		Outputs: []ir.Port{port("sum")},
		Nodes:   []ir.Node{{Op: "Add", Inputs: []string{"a", "b"}, Outputs: []string{"sum"}}},
	}})
}

// Check reports whether models run on a provider here: nil, or the reason why
// not, wrapping [runtime.ErrUnavailable].
func (b Backend) Check(name string) error {
	p, err := findProvider(name)
	if err != nil {
		return err
	}
	if _, err := b.Load(); err != nil {
		return err
	}
	return p.check()
}

// check runs the probe on the provider alone, until that worked once. ONNX
// Runtime places an operator that a provider lacks on the processor, and must:
// sizes are computed there. So only a model that a provider covers whole can
// forbid it.
func (p provider) check() error {
	environment.Lock()
	defer environment.Unlock()
	if environment.checked[p.Name] {
		return nil
	}
	if err := p.runProbe(); err != nil {
		reason := strings.TrimSuffix(err.Error(), ".")
		return fmt.Errorf("provider %s is %w: %s; install it with %q", p.Name, runtime.ErrUnavailable, reason, p.Install)
	}
	environment.checked[p.Name] = true
	return nil
}

func (p provider) runProbe() error {
	model, err := probe()
	if err != nil {
		return err
	}
	s, err := open(model, runtime.Options{}, p, p.Name != "cpu")
	if err != nil {
		return err
	}
	defer s.Close()
	one := tensor.FromFloats(tensor.Float32, []int64{1}, []float64{1})
	_, err = s.Run(context.Background(), map[string]*tensor.Tensor{"a": one, "b": one})
	return err
}
