//go:build cgo

package ort

import (
	"fmt"
	"slices"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/runtime"
)

// Open prepares a model for running. With LOSSGEN_SAVE_ON_FAILURE=FILE in the
// environment, a model that ONNX Runtime refuses is saved there.
func (b Backend) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	p, err := findProvider(o.Provider)
	if err != nil {
		return nil, err
	}
	if err := checkOptions(o); err != nil {
		return nil, err
	}
	info, err := b.Load()
	if err != nil {
		return nil, err
	}
	if p.Name != "cpu" {
		if err := p.check(); err != nil {
			return nil, err
		}
	}
	s, err := open(model, o, p, false)
	if err != nil {
		return nil, saveModel(model, fmt.Errorf("open model: %w", err))
	}
	if err := s.fitsVersion(info.Version); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open makes a session on a provider, alone or with the processor's help.
func open(model []byte, o runtime.Options, p provider, alone bool) (*session, error) {
	decoded, err := export.Unmarshal(model)
	if err != nil {
		return nil, err
	}
	s := &session{inputs: decoded.Graph.Inputs, outputs: decoded.Graph.Outputs, provider: p.Name, memory: o.MemoryLimit(), users: 1}
	if err := s.checkPorts(); err != nil {
		return nil, err
	}
	if model, s.names, err = widenScalars(model, decoded); err != nil {
		return nil, err
	}
	options, err := sessionOptions(o)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := p.append(options); err != nil {
		return nil, engineError(err)
	}
	if alone {
		if err := options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1"); err != nil {
			return nil, engineError(err)
		}
	}
	s.engine, err = onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, s.names, names(s.outputs), options)
	if err != nil {
		return nil, engineError(err)
	}
	return s, nil
}

// checkPorts refuses what cannot be run: the binding needs an input and an
// output, and tensors are matched to ranks.
func (s *session) checkPorts() error {
	if len(s.inputs) == 0 || len(s.outputs) == 0 {
		return fmt.Errorf("a model without inputs or without outputs cannot run")
	}
	for _, p := range slices.Concat(s.inputs, s.outputs) {
		if p.Shape == nil {
			return fmt.Errorf("%q is declared without a shape", p.Name)
		}
	}
	return nil
}

func names(ports []ir.Port) []string {
	list := make([]string, len(ports))
	for i, p := range ports {
		list[i] = p.Name
	}
	return list
}

// sessionOptions translates o, apart from its provider.
func sessionOptions(o runtime.Options) (*onnxruntime.SessionOptions, error) {
	options, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, engineError(err)
	}
	level, err := optimizationLevel(o.Optimization)
	if err == nil {
		err = options.SetGraphOptimizationLevel(level)
	}
	if err == nil && o.Threads > 0 {
		err = options.SetIntraOpNumThreads(o.Threads)
	}
	if err == nil {
		// With patterns, the second run takes all its memory in one more piece
		// beside what the first run took: twice as much.
		err = options.SetMemPattern(false)
	}
	if err == nil {
		err = options.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal)
	}
	if err != nil {
		options.Destroy()
		return nil, engineError(err)
	}
	return options, nil
}

// checkOptions reports values that do not exist.
func checkOptions(o runtime.Options) error {
	if o.Threads < 0 {
		return fmt.Errorf("%d threads: want a positive number, or 0 for one per core", o.Threads)
	}
	_, err := optimizationLevel(o.Optimization)
	return err
}

func optimizationLevel(name string) (onnxruntime.GraphOptimizationLevel, error) {
	switch name {
	case "none":
		return onnxruntime.GraphOptimizationLevelDisableAll, nil
	case "basic":
		return onnxruntime.GraphOptimizationLevelEnableBasic, nil
	case "extended":
		return onnxruntime.GraphOptimizationLevelEnableExtended, nil
	case "all", "":
		return onnxruntime.GraphOptimizationLevelEnableAll, nil
	}
	return 0, fmt.Errorf("unknown optimization %q: use none, basic, extended or all", name)
}

// fitsVersion reports the outputs that an older library cannot deliver.
func (s *session) fitsVersion(version string) error {
	for _, p := range s.outputs {
		if isHalfScalar(p) && older(version, scalarVersion) {
			return fmt.Errorf("output %q is a rank-0 %v, which is %w before ONNX Runtime %s (this is %s)",
				p.Name, p.DType, runtime.ErrUnavailable, scalarVersion, version)
		}
	}
	return nil
}
