// Package cli is the command line of lossgen. A program that declares losses of
// its own gets the whole command for them:
//
//	func main() {
//		cli.Main(append(all.Losses(), myLoss))
//	}
package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/lossgen/lossgen/losses"
)

// Main executes the command line of the process, for the losses of a catalogue, and
// ends it.
func Main(all losses.Catalog) { os.Exit(Run(all, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Run executes one command line and returns the exit code: 0 fine, 1 a check or
// run failed, 2 the command line is wrong.
func Run(all losses.Catalog, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	out := bufio.NewWriter(stdout)
	a := &app{losses: all, stdin: stdin, stdout: out, stderr: stderr, args: args}
	defer func() {
		if r := recover(); r != nil {
			code = a.report(fmt.Errorf("internal error, please report it: %v", r))
		}
	}()
	if err := all.Check(); err != nil {
		return a.report(usage(err))
	}
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = fmt.Errorf("cannot write standard output: %w", flushErr)
	}
	return a.report(err)
}
