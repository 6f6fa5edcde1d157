package ort

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// What ONNX Runtime puts around the reason of an error, and the replacement.
var decorations = []struct {
	pattern *regexp.Regexp
	with    string
}{
	// the file and line of its own source, mostly with a function's signature
	{regexp.MustCompile(`\S*onnxruntime\S*\.(cc|h|hpp|cpp|cu|cuh):\d+ ([^()]*\([^()]*\)( const)?( \[with [^\]]*\])? )?`), ""},
	{regexp.MustCompile(`Non-zero status code returned while running (\w+) node\. Name:'' Status Message: `), "$1: "},
	{regexp.MustCompile(`Non-zero status code returned while running (\w+) node\. Name:'([^']*)' Status Message: `), "$1 $2: "},
	{regexp.MustCompile(`\[ONNXRuntimeError\] : \d+ : \w+ : `), ""},
	// advice for users of its C interface
	{regexp.MustCompile(` When calling Run\(\) with pre-allocated output OrtValues.*`), ""},
}

// oneLine makes one line of a message, without positions in ONNX Runtime's
// source.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, d := range decorations {
		text = d.pattern.ReplaceAllString(text, d.with)
	}
	return text
}

// engineError returns an error of ONNX Runtime as one line. What the binding
// says around it ("Error running network: ") tells nothing.
func engineError(err error) error {
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		err = cause
	}
	return errors.New(oneLine(err.Error()))
}

// SaveVariable is the environment variable that names the file to which a
// model is saved that ONNX Runtime refuses.
const SaveVariable = "LOSSGEN_SAVE_ON_FAILURE"

// saveModel keeps a refused model where the user asked for it, and says so.
func saveModel(model []byte, refused error) error {
	path := os.Getenv(SaveVariable)
	if path == "" {
		return refused
	}
	if err := os.WriteFile(path, model, 0o644); err != nil {
		return fmt.Errorf("%w (not saved: %v)", refused, err)
	}
	return fmt.Errorf("%w (model saved to %s)", refused, path)
}
