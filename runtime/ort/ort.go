// Package ort runs models with ONNX Runtime.
//
// The ONNX Runtime library is loaded when the first model is opened, and stays
// loaded: a process has one. [Find] says where it is looked for.
package ort

// Backend is the engine. Its zero value finds the library by itself.
type Backend struct {
	// Library is the path of the ONNX Runtime library, or of a folder that
	// holds it. Empty means the search that [Find] describes.
	Library string
}

// Name returns "ort".
func (Backend) Name() string { return "ort" }

// Info describes the library that was loaded, or the search for it.
type Info struct {
	Path    string
	Version string    // as the library reports it, "1.32.0"
	Tried   []Attempt // in the order of the search
}

// Provider is what a model can run on.
type Provider struct {
	Name    string
	Doc     string
	Install string // the command that installs a library with this provider
}

// MinVersion is the oldest ONNX Runtime that works.
const MinVersion = "1.24"

// InstallCommand installs ONNX Runtime where [Find] sees it.
const InstallCommand = "python3 -m pip install onnxruntime"
