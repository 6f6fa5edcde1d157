package cli

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/runtime/ort"
)

// named is a loss declared elsewhere whose option has any name.
type named struct {
	losses.Loss
	option string
}

func (n named) Options() []losses.Option {
	list := n.Loss.Options()
	list[0].Name = n.option
	return list
}

type outsideOptions struct {
	Width *float64 `opt:"width" doc:"an option" bounds:"(0,inf)"`
}

// outside declares a loss with an option and an input of these names.
func outside(option, input string) losses.Loss {
	return named{&losses.Def[outsideOptions]{
		Spec: losses.Spec{
			Name: "outside", Family: "others", Torch: "({x} * {" + input + "}).mean()",
			Inputs: []losses.Input{{Name: "x", Domain: losses.Real, Grad: losses.Default}, {Name: input, Domain: losses.Real}},
			Shapes: []losses.Shapes{{"x": "N", input: "N"}},
		},
		Defaults: outsideOptions{Width: new(1.0)},
		Body: func(c *losses.Call, _ outsideOptions) losses.Term {
			return losses.Term{Each: c.In("x").Mul(c.In(input))}
		},
	}, option}
}

// with runs a command line in a program that has one more loss.
func with(t *testing.T, l losses.Loss, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	code = Run(append(all.Losses(), l), args, strings.NewReader(""), &out, &said)
	return code, out.String(), said.String()
}

// TestFlagNames gives a loss declared elsewhere an option, and an input, with the name
// of each flag. The option is refused where it would be a flag of that command, and
// no other loss is touched.
func TestFlagNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.onnx")
	flags := map[string]map[string]bool{"emit": {}, "show": {}}
	for name, own := range flags {
		cmd, _, err := newRoot(&app{losses: all.Losses(), stdout: bufio.NewWriter(&bytes.Buffer{})}).Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { own[f.Name] = !f.Hidden })
	}
	for name, own := range flags {
		args := map[string][]string{"emit": {"emit", "-o", path}, "show": {"show"}}[name]
		count := 0
		for flag, visible := range own {
			if !visible {
				continue
			}
			count++
			option := strings.ReplaceAll(flag, "-", "_")
			l := outside(option, option)
			code, _, said := with(t, l, append(args, "outside")...)
			want := "lossgen: outside has an option " + option + ", which is the name of the command's flag --" + flag + ": declare it by another name\n"
			if code != 2 || said != want {
				t.Errorf("%s with an option %s: exit %d, %q, want %q", name, option, code, said, want)
			}
			if _, err := os.Stat(path); err == nil {
				t.Fatalf("%s with an option %s wrote a file", name, option)
			}
			if code, _, said := with(t, l, append(args[:1:1], "outside", "--help")...); code != 0 || said != "" {
				t.Errorf("%s --help with an option %s: exit %d, %q", name, option, code, said)
			}
			if code, _, said := with(t, l, "show", "huber", "--delta", "2"); code != 0 {
				t.Errorf("show huber beside an option %s: exit %d, %q", option, code, said)
			}
			if code, _, said := with(t, outside("width", option), append(args, "outside", "--width=2")...); code != 0 {
				t.Errorf("%s with an input %s: exit %d, %q", name, option, code, said)
			}
			os.Remove(path)
		}
		if count < 15 {
			t.Errorf("%d flags of %s: want those of a request too", count, name)
		}
	}
}

// TestFlagOfOneCommand: the name of a flag that one command has is free in the other.
func TestFlagOfOneCommand(t *testing.T) {
	if code, _, said := with(t, outside("cost", "y"), "emit", "outside", "--cost=2", "-o", filepath.Join(t.TempDir(), "out.onnx")); code != 0 {
		t.Errorf("emit with an option cost: exit %d, %q", code, said)
	}
}

// TestForeignTexts: no text from outside reaches a terminal as it is: not those of a
// loss declared elsewhere, nor the path of a library and what an engine says of it.
func TestForeignTexts(t *testing.T) {
	const red = "red \x1b[31m\u202e\x9b\r\a\x7f"
	def := &losses.Def[outsideOptions]{
		Spec: losses.Spec{
			Name: "outside", Aliases: []string{red + "alias"}, Family: red, Title: red, Formula: red, Torch: "{x}.mean()", LabelPolicy: red, Traps: []string{red},
			Inputs: []losses.Input{{Name: "x", Doc: red, Domain: losses.Real, Grad: losses.Default}},
			Shapes: []losses.Shapes{{"x": "N"}},
		},
		Defaults: outsideOptions{Width: new(1.0)},
		Body:     func(c *losses.Call, _ outsideOptions) losses.Term { return losses.Term{Each: c.In("x")} },
	}
	folder := filepath.Join(t.TempDir(), red)
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Skip("this system has no such names: ", err)
	}
	library := filepath.Join(folder, "lib\nonnxruntime.so")
	if err := os.WriteFile(library, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	commands := [][]string{
		{"list"}, {"list", "--json"}, {"describe", "outside"}, {"describe", "outside", "--json"}, {"emit", "outside", "--help"}, {"show", "outside"},
	}
	libraries := [][]string{
		{"doctor", "--ort-library", library}, {"doctor", "--json", "--ort-library", library}, {"doctor", "--ort-library", folder},
		{"doctor", "--ort-library", red}, {"verify", "huber", "--engine", "ort", "--ort-library", library},
	}
	if ort.Providers() != nil { // without cgo no library is looked at
		commands = append(commands, libraries...)
	}
	for _, args := range commands {
		code, stdout, stderr := with(t, def, args...)
		if stdout == "" && code == 0 || code == 1 && stderr == "" {
			t.Errorf("%q: exit %d and nothing printed", args, code)
		}
		all := stdout + stderr
		if at := strings.IndexFunc(all, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }); at >= 0 {
			t.Errorf("%q prints %q", args, all[at:min(len(all), at+20)])
		}
		if !strings.Contains(all, "red ") {
			t.Errorf("%q does not print the text: %s", args, all)
		}
	}
	if ort.Providers() == nil {
		return
	}
	// In a process of its own: one that has loaded a library looks for no other.
	alone := exec.Command(os.Args[0], "-test.run=^TestDoctorAlone$")
	alone.Env = append(os.Environ(), aloneVariable+"=1", ort.LibraryVariable+"="+library)
	if stdout, _ := alone.Output(); !strings.Contains(string(stdout), `red \x1b[31m\u202e\x9b\r\a\x7f/lib\nonnxruntime.so`) {
		t.Errorf("doctor does not print the path of the library escaped: %s", stdout)
	}
}

// aloneVariable is set in the process that only prints what doctor says.
const aloneVariable = "LOSSGEN_TEST_DOCTOR"

func TestDoctorAlone(t *testing.T) {
	if os.Getenv(aloneVariable) == "" {
		t.Skip("runs within TestForeignTexts")
	}
	Run(all.Losses(), []string{"doctor"}, strings.NewReader(""), os.Stdout, os.Stderr)
}
