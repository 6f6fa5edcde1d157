//go:build !cgo

package ort

import (
	"fmt"

	"github.com/lossgen/lossgen/runtime"
)

var errNoCgo = fmt.Errorf("onnxruntime is %w: built without cgo", runtime.ErrUnavailable)

// Open returns an error: ONNX Runtime needs cgo.
func (Backend) Open([]byte, runtime.Options) (runtime.Session, error) { return nil, errNoCgo }

// Load returns an error: ONNX Runtime needs cgo.
func (Backend) Load() (Info, error) { return Info{}, errNoCgo }

// Check returns an error: ONNX Runtime needs cgo.
func (Backend) Check(string) error { return errNoCgo }

// Providers returns nothing: ONNX Runtime needs cgo.
func Providers() []Provider { return nil }
