package cli

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
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
func with(t *testing.T, l losses.Loss, args ...string) (int, string) {
	var stdout, stderr bytes.Buffer
	code := Run(append(all.Losses(), l), args, strings.NewReader(""), &stdout, &stderr)
	return code, stderr.String()
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
			code, said := with(t, l, append(args, "outside")...)
			want := "lossgen: outside has an option " + option + ", which is the name of the command's flag --" + flag + ": declare it by another name\n"
			if code != 2 || said != want {
				t.Errorf("%s with an option %s: exit %d, %q, want %q", name, option, code, said, want)
			}
			if _, err := os.Stat(path); err == nil {
				t.Fatalf("%s with an option %s wrote a file", name, option)
			}
			if code, said := with(t, l, append(args[:1:1], "outside", "--help")...); code != 0 || said != "" {
				t.Errorf("%s --help with an option %s: exit %d, %q", name, option, code, said)
			}
			if code, said := with(t, l, "show", "huber", "--delta", "2"); code != 0 {
				t.Errorf("show huber beside an option %s: exit %d, %q", option, code, said)
			}
			if code, said := with(t, outside("width", option), append(args, "outside", "--width=2")...); code != 0 {
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
	if code, said := with(t, outside("cost", "y"), "emit", "outside", "--cost=2", "-o", filepath.Join(t.TempDir(), "out.onnx")); code != 0 {
		t.Errorf("emit with an option cost: exit %d, %q", code, said)
	}
}
