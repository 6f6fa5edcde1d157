// Package export writes models as deterministic ONNX files, reads ONNX files
// back, and checks that models are valid.
//
//	err := export.Check(m)             // is m a valid model?
//	data, err := export.Marshal(m)     // the bytes of its .onnx file
//	err = export.WriteFile(path, data) // all of them or none
//	m, err = export.Unmarshal(data)    // and back
//
// A file uses the standard operator set only, has no node names, and states
// every attribute that has a default, since some importers assume other ones.
package export

import "github.com/lossgen/lossgen/builder/ir"

// The window of opsets, as package ir has it.
const (
	MinOpset     = ir.MinOpset
	MaxOpset     = ir.MaxOpset
	DefaultOpset = ir.DefaultOpset
)

// ErrOpset is wrapped by the error of an opset outside [MinOpset, MaxOpset].
var ErrOpset = ir.ErrOpset

// maxDepth bounds how deep subgraphs may nest. Loss files need one level.
const maxDepth = 8

// IRVersion returns the version of the file format that came out together with
// an opset. For an opset outside the window the error wraps [ErrOpset].
func IRVersion(opset int64) (int64, error) { return ir.VersionFor(opset) }
