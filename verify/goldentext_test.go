package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
)

// TestGoldenNumbers: every number comes out with its bits.
func TestGoldenNumbers(t *testing.T) {
	file := `golden cases of mse, made by torch 0
-- a --
{"dtypes":["float16"],"float32_error":{"loss":0.5},"note":"n","request":{}}
input x float64 [3,3] -0 0 nan inf -inf 5e-324 1.7976931348623157e+308 0.1 -1e-05
input label int64 [2] -9223372036854775808 9223372036854775807
input mask bool [1,2] 1 0
input none float64 [0,3]
output loss [] 0.1
float32 loss [] 0.1
-- b.1 --
{"request":{}}
input x float64 [1] 1e+16
output loss [1] 3`
	list, err := readGoldens("mse.txt", "mse", []byte(file))
	if err != nil || len(list) != 2 {
		t.Fatalf("%d cases, %v", len(list), err)
	}
	c := list[0]
	if c.Case != "a" || c.Loss != "mse" || c.Request.Loss != "mse" || c.Producer != "torch 0" || c.Note != "n" || c.Float32Error["loss"] != 0.5 || c.DTypes[0] != tensor.Float16 {
		t.Errorf("%+v", c)
	}
	want := []float64{math.Copysign(0, -1), 0, math.Float64frombits(0x7FF8 << 48), math.Inf(1), math.Inf(-1), 5e-324, math.MaxFloat64, 0.1, -1e-5}
	for i, v := range want {
		if got := c.input("x").Float(i); math.Float64bits(got) != math.Float64bits(v) {
			t.Errorf("element %d is %g, want %g", i, got, v)
		}
	}
	if x := c.input("label"); x.DType != tensor.Int64 || x.Int(0) != math.MinInt64 || x.Int(1) != math.MaxInt64 {
		t.Errorf("labels %v", x.Ints())
	}
	if x := c.input("mask"); x.DType != tensor.Bool || !x.Shape().Equal(tensor.Of(1, 2)) || x.Int(0) != 1 || x.Int(1) != 0 {
		t.Errorf("mask %v %v", x, x.Ints())
	}
	if x := c.input("none"); !x.Shape().Equal(tensor.Of(0, 3)) {
		t.Errorf("no elements: %v", x)
	}
	if x := c.Float32["loss"]; x.DType != tensor.Float32 || x.Float(0) != float64(float32(0.1)) {
		t.Errorf("float32 %v %v", x, x.Floats())
	}
	if list[1].Case != "b.1" || list[1].input("x").Float(0) != 1e16 {
		t.Errorf("%+v", list[1])
	}
}

// TestBrokenGoldens: each kind of damage is refused with its line.
func TestBrokenGoldens(t *testing.T) {
	const request = `{"dtypes":["float32","float64"],"grad":["input"],"request":{"options":{"reduction":"mean"},"grad":["input"],"shape":{"input":"N"}}}`
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", tiny, "", "mse.txt:1: "},
		{"no case", tiny, "golden cases of mse, made by torch 0\n", ": there are no cases"},
		{"another loss", "of mse", "of l1", `:1: the cases are of "l1", want mse`},
		{"no producer", ", made by torch 0", "", ":1: \"golden cases of mse\", want: golden cases of mse, made by PRODUCER"},
		{"climbing", "-- tiny --", "-- ../../tiny --", `:2: "../../tiny" is no name of a case`},
		{"a hidden name", "-- tiny --", "-- .. --", `:2: ".." is no name of a case`},
		{"a backslash", "-- tiny --", `-- a\b --`, `:2: "a\\b" is no name of a case`},
		{"a long name", "-- tiny --", "-- " + strings.Repeat("a", 201) + " --", ":2: "},
		{"an open case line", "-- tiny --", "-- tiny", `:2: "-- tiny", want: -- CASE --`},
		{"no case line", "-- tiny --\n", "", ":2: "},
		{"no request", request + "\n", "", ":3: the case tiny has no request in JSON here: invalid character 'i'"},
		{"two values", request, request + "{}", ":3: the case tiny has more than one JSON value here"},
		{"an unknown fact", `"dtypes"`, `"dypes"`, `:3: the case tiny has no request in JSON here: json: unknown field "dypes"`},
		{"the loss again", `"request":{`, `"request":{"loss":"l1",`, ":3: the case tiny names its loss again"},
		{"a dtype", `"float32"`, `"int64"`, `:3: the case tiny is for files of "int64", want`},
		{"a gradient", `"dtypes":["float32","float64"],"grad":["input"]`, `"grad":["target"]`, `: the case tiny differentiates "target"`},
		{"an escape", "torch 0", "torch \x1b[31m", `:1: "\x1b" at byte 36 is not printable`},
		{"no UTF-8", "torch 0", "torch \xff", `:1: "\xff" at byte 36 is not printable`},
		{"an empty line", "output loss", "\noutput loss", `:6: "" begins no line of a case`},
		{"a role", "output loss", "outputs loss", `:6: "outputs" begins no line of a case, want input, output or float32`},
		{"an input's type", "input float64", "input float32", `:4: an input of type "float32", want float64, int64 or bool`},
		{"a name", "input target", "input tar/get", `:5: "tar/get" is no name of an input or output`},
		{"twice", "input target", "input input", ":5: there are two arrays input input"},
		{"no dimensions", "output loss [] ", "output loss ", `:6: output loss: dimensions are "2.5", want a list such as [2,3]`},
		{"a negative size", "grad_input [2]", "grad_input [-2]", `:7: output grad_input: dimension "-2" is no size`},
		{"a huge size", "grad_input [2]", "grad_input [2147483647,2147483647,2147483647]", ":7: output grad_input: there are fewer numbers than dimensions"},
		{"many axes", "grad_input [2]", "grad_input [1,1,1,1,1,1,1,1,2]", ":7: output grad_input: there are more than 8 dimensions"},
		{"fewer numbers", "1 3\n", "1\n", ":4: input input: there are fewer numbers than dimensions [2] ask for"},
		{"more numbers", "1 3\n", "1 3 4\n", ":4: input input: there are more numbers than dimensions [2] ask for"},
		{"a trailing blank", "1 3\n", "1 3 \n", ":4: input input: there are more numbers than dimensions [2] ask for"},
		{"two blanks", "1 3\n", "1  3\n", `:4: input input: number 2 is "", want a decimal number`},
		{"a word", "1 3\n", "1 infinity\n", `:4: input input: number 2 is "infinity", want a decimal number in its range, nan, inf or -inf`},
		{"hexadecimal", "1 3\n", "1 0x1p-2\n", `:4: input input: number 2 is "0x1p-2"`},
		{"beyond float64", "1 3\n", "1 1e400\n", `:4: input input: number 2 is "1e400"`},
		{"beyond float32", "output grad_input", "float32 loss [] 1e39\noutput grad_input", `:7: float32 loss: number 1 is "1e39"`},
		{"no integer", "target float64 [2] 0", "target int64 [2] 0.5", `:5: input target: number 1 is "0.5", want an integer`},
		{"no bool", "target float64 [2] 0", "target bool [2] 2", `:5: input target: number 1 is "2", want 0 or 1`},
		{"float32 of nothing", "output grad_input", "float32 los [] 1\noutput grad_input", ":7: float32 los follows no output of that name and these dimensions"},
		{"float32 of other dimensions", "output grad_input", "float32 loss [1] 1\noutput grad_input", ":7: float32 loss follows no output"},
		{"float32 twice", "output grad_input", "float32 loss [] 1\nfloat32 loss [] 1\noutput grad_input", ":8: there are two arrays float32 loss"},
		{"no arrays", tiny[strings.Index(tiny, "input input"):], "-- b --\n", ":4: the case tiny has no inputs or no outputs"},
		{"no last request", "output grad_input [2] 1 2\n", "output grad_input [2] 1 2\n-- b --\n", ": the case b has no line with its request"},
		{"the case again", "output grad_input [2] 1 2\n", "output grad_input [2] 1 2\n" + tiny[strings.Index(tiny, "-- "):], ":8: there are two cases tiny"},
	} {
		text := strings.Replace(tiny, c.old, c.new, 1)
		if text == tiny {
			t.Errorf("%s: nothing is broken", c.name)
		}
		_, err := readGoldens("mse.txt", "mse", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "mse.txt:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// FuzzGoldens: any bytes are refused in one short line, or give cases that are the
// same when they are written and read again, and whose names stay in a folder.
func FuzzGoldens(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte(tiny + "float32 loss [] nan\n-- b --\n" + `{"request":{}}` + "\ninput x int64 [0]\ninput m bool [2] 1 0\noutput y [1] -0"))
	f.Add([]byte("golden cases of mse, made by x\n-- ../a --\n{}"))
	f.Add([]byte("golden cases of mse, made by x\n-- a --\n{}\ninput a float64 [99999999,0,99999999]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readGoldens("mse.txt", "mse", data)
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\n\r\x1b") || len(text) > 600 {
				t.Errorf("%q", text)
			}
			return
		}
		for _, c := range list {
			if strings.ContainsAny(c.Case, `/\:`) || strings.HasPrefix(c.Case, ".") {
				t.Errorf("a case is named %q", c.Case)
			}
		}
		text := written(t, list)
		again, err := readGoldens("mse.txt", "mse", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if back := written(t, again); back != text {
			t.Errorf("%q came back as %q", text, back)
		}
	})
}

// written is the text of cases.
func written(t *testing.T, list []*Golden) string {
	var s strings.Builder
	fmt.Fprintf(&s, "golden cases of mse, made by %s\n", list[0].Producer)
	for _, c := range list {
		request := c.Request
		request.Loss = ""
		names := []string{}
		for _, d := range c.DTypes {
			names = append(names, d.String())
		}
		facts, err := json.Marshal(map[string]any{"dtypes": names, "grad": c.Grad, "request": request, "note": c.Note, "float32_error": c.Float32Error})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&s, "-- %s --\n%s\n", c.Case, facts)
		for _, n := range c.Inputs {
			fmt.Fprintf(&s, "input %s %v %s\n", n.Name, n.Tensor.DType, numbers(n.Tensor))
		}
		for _, n := range c.Outputs {
			fmt.Fprintf(&s, "output %s %s\n", n.Name, numbers(n.Tensor))
			if x := c.Float32[n.Name]; x != nil {
				fmt.Fprintf(&s, "float32 %s %s\n", n.Name, numbers(x))
			}
		}
	}
	return s.String()
}

func numbers(x *tensor.Tensor) string {
	text := x.Shape().String()
	for i := range x.Len() {
		if !x.DType.IsFloat() {
			text += fmt.Sprint(" ", x.Int(i))
			continue
		}
		number := strconv.FormatFloat(x.Float(i), 'g', -1, 8*x.DType.Size())
		text += " " + strings.TrimPrefix(strings.ToLower(number), "+")
	}
	return text
}
