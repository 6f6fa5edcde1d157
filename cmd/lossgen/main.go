// Command lossgen writes loss functions with their gradients as ONNX files, and
// shows, runs and verifies such files.
package main

import (
	"github.com/lossgen/lossgen/cli"
	"github.com/lossgen/lossgen/losses/all"
)

func main() { cli.Main(all.Losses()) }
