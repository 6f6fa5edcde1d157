package main

import (
	"errors"
	"flag"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/npy"
	"github.com/lossgen/lossgen/runtime/ort"
)

var update = flag.Bool("update", false, "rewrite the files that scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lossgen": main})
}

// TestScripts runs testdata/script; the README there says how to write one.
func TestScripts(t *testing.T) {
	library := ""
	if info, err := (ort.Backend{}).Load(); err == nil {
		library = info.Path
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			if library != "" {
				e.Setenv(ort.LibraryVariable, library)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "ort":
				return library != "", nil
			case "cgo":
				return ort.Providers() != nil, nil
			}
			return false, errors.New("unknown condition " + name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails, "array": array, "holds": holds, "cut": cut, "patch": patch,
		},
	})
}

// fails runs lossgen and wants an exit code and exactly one line on standard
// error.
func fails(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("lossgen", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s (%v)", code, args[0], err)
	}
	message := ts.ReadFile("stderr")
	if strings.Count(message, "\n") != 1 || !strings.HasPrefix(message, "lossgen: ") || !strings.HasSuffix(message, "\n") {
		ts.Fatalf("standard error is not one line: %q", message)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output is not empty: %q", out)
	}
}

// parsed reads "float32 2,3 1 2 3 4 5 6".
func parsed(ts *testscript.TestScript, args []string) *tensor.Tensor {
	dtype, err := tensor.ParseDType(args[0])
	ts.Check(err)
	shape, err := tensor.ParseShape(args[1])
	ts.Check(err)
	dims, _ := shape.Known()
	x := tensor.New(dtype, dims...)
	if x.Len() != len(args)-2 {
		ts.Fatalf("%d values for %v", len(args)-2, x)
	}
	for i, text := range args[2:] {
		v, err := strconv.ParseFloat(text, 64)
		ts.Check(err)
		x.SetFloat(i, v)
	}
	return x
}

func array(ts *testscript.TestScript, _ bool, args []string) {
	data, err := npy.Encode(parsed(ts, args[1:]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

func holds(ts *testscript.TestScript, _ bool, args []string) {
	want := parsed(ts, args[1:])
	got, err := npy.Decode([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	same := got.String() == want.String()
	for i := 0; same && i < want.Len(); i++ {
		same = math.Abs(got.Float(i)-want.Float(i)) <= 1e-6
	}
	if !same {
		ts.Fatalf("%s is %v %v, want %v %v", args[0], got, got.Floats(), want, want.Floats())
	}
}

func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(ts.ReadFile(args[1])[:n]), 0o666))
}

// patch writes a file with every OLD replaced by a NEW of the same length: patch
// FILE OLD NEW TO.
func patch(ts *testscript.TestScript, _ bool, args []string) {
	data := ts.ReadFile(args[0])
	if len(args[1]) != len(args[2]) || !strings.Contains(data, args[1]) {
		ts.Fatalf("%s has no %q to replace", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(strings.ReplaceAll(data, args[1], args[2])), 0o666))
}
