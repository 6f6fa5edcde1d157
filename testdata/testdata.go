// Package testdata carries the golden cases: what PyTorch computes for each of
// lossgen's losses. README.md beside this file describes their form.
package testdata

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io/fs"
)

//go:embed golden.zip
var golden []byte

// Golden returns the golden cases that are built into the program, as the file
// system that testdata/golden is: <loss>/<case>/case.json and so on.
func Golden() (fs.FS, error) { return zip.NewReader(bytes.NewReader(golden), int64(len(golden))) }
