// Package cli is the command line of lossgen. A program that declares losses of
// its own gets the whole command for them:
//
//	func main() {
//		losses.Register(myLoss)
//		cli.Main()
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
)

// Main executes the command line of the process and ends it.
func Main() { os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Run executes one command line and returns the exit code: 0 fine, 1 a check or
// run failed, 2 the command line is wrong.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	out := bufio.NewWriter(stdout)
	a := &app{stdin: stdin, stdout: out, stderr: stderr}
	defer func() {
		if r := recover(); r != nil {
			code = a.report(fmt.Errorf("internal error, please report it: %v", r))
		}
	}()
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = fmt.Errorf("cannot write standard output: %w", flushErr)
	}
	return a.report(err)
}
