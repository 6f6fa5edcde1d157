package ir

import (
	"errors"
	"fmt"
)

// The window of versions of the standard operator set. Softmax got its present
// meaning in 13; 28 is the newest that ONNX Runtime 1.32 loads. 17 is what most
// engines and importers take.
const (
	MinOpset     = 13
	MaxOpset     = 28
	DefaultOpset = 17
)

// ErrOpset is wrapped by the error of an opset outside [MinOpset, MaxOpset].
var ErrOpset = errors.New("unsupported opset")

// VersionFor returns the version of the file format that came out together with
// an opset. For an opset outside the window the error wraps [ErrOpset].
func VersionFor(opset int64) (int64, error) {
	switch {
	case opset < MinOpset || opset > MaxOpset:
		return 0, fmt.Errorf("%w %d: use %d to %d", ErrOpset, opset, MinOpset, MaxOpset)
	case opset <= 14:
		return 7, nil
	case opset <= 18:
		return 8, nil
	case opset <= 20:
		return 9, nil
	case opset <= 22:
		return 10, nil
	case opset <= 24:
		return opset - 12, nil // 23: 11, 24: 12
	case opset <= 27:
		return 13, nil
	default:
		return 14, nil
	}
}
