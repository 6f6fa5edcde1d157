//go:build cgo

package ort

import (
	"fmt"
	"os"
	"strings"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/lossgen/lossgen/runtime"
)

// environment is the one ONNX Runtime of this process: the binding keeps it in
// global variables. It is never unloaded, since the threads of open sessions
// would lose their code.
var environment struct {
	sync.Mutex
	loaded  bool
	info    Info
	checked map[string]bool // providers that have run the probe
}

// Load finds and loads the library, unless it is loaded. The Info carries the
// steps of the search even when there is an error.
func (b Backend) Load() (Info, error) {
	environment.Lock()
	defer environment.Unlock()
	if environment.loaded {
		return environment.info, b.isLoaded(environment.info.Path)
	}
	path, tried, err := Find(b.Library)
	info := Info{Path: path, Tried: tried}
	if err != nil {
		return info, err
	}
	if err := initialize(path); err != nil {
		return info, fmt.Errorf("onnxruntime is %w: %s: %w", runtime.ErrUnavailable, path, err)
	}
	info.Version = onnxruntime.GetVersion()
	environment.info, environment.loaded, environment.checked = info, true, map[string]bool{}
	return info, nil
}

// isLoaded reports an error if b asks for another library than the loaded one.
func (b Backend) isLoaded(path string) error {
	if b.Library == "" || path == b.Library {
		return nil
	}
	f := &finder{}
	asked, err := f.asked("--ort-library", b.Library)
	if err != nil {
		return err
	}
	want, err1 := os.Stat(asked)
	have, err2 := os.Stat(path)
	if err1 == nil && err2 == nil && os.SameFile(want, have) {
		return nil
	}
	return fmt.Errorf("onnxruntime is %w: %s: this process has loaded %s, and it can load one library only",
		runtime.ErrUnavailable, asked, path)
}

// initialize loads the library. Only fatal conditions are logged: everything
// else is returned as an error.
func initialize(path string) error {
	if v := fileVersion(path); v != "" && older(v, MinVersion) {
		return fmt.Errorf("version %s is too old, need %s or later", v, MinVersion)
	}
	onnxruntime.SetSharedLibraryPath(path)
	err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelFatal())
	if err == nil {
		return nil
	}
	// The binding reports a library without its version of the C interface
	// as a bare code.
	if strings.Contains(err.Error(), "Error setting ORT API base: 2") {
		return fmt.Errorf("the library is too old, need version %s or later", MinVersion)
	}
	return engineError(err)
}
