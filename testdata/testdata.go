// Package testdata carries the golden cases: what PyTorch computes for each of
// lossgen's losses. README.md beside this file describes their form.
package testdata

import (
	"embed"
	"io/fs"
)

// The text itself would be five times as large in the program.
//
//go:embed packed/*.bz2
var packed embed.FS

// Packed returns the golden files that are built into the program: <loss>.bz2, which
// holds golden/<loss>.txt.
func Packed() (fs.FS, error) { return fs.Sub(packed, "packed") }
