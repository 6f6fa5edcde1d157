// Command lossgen writes loss functions with their gradients as ONNX files, and
// shows, runs and verifies such files.
package main

import "github.com/lossgen/lossgen/cli"

func main() { cli.Main() }
