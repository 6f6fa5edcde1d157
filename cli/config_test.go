package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// TestConfigValues reads forms that YAML has for the same value.
func TestConfigValues(t *testing.T) {
	for text, want := range map[string]string{
		"loss: huber\noptions: {delta: 5e-1}\n":                   "huber delta=0.5",
		"loss: huber\noptions: {delta: +.5}\n":                    "huber delta=0.5",
		"loss: huber\noptions: {delta: 2}\n":                      "huber delta=2",
		"loss: huber\noptions: {delta: .inf}\n":                   "huber delta=inf",
		"loss: huber\noptions: {delta: \"0.5\"}\n":                "huber delta=0.5",
		"\xef\xbb\xbfloss: huber\noptions:\n  delta: 0.5\n":       "huber delta=0.5",
		"loss: huber\r\noptions:\r\n  delta: 0.5\r\n":             "huber delta=0.5",
		"loss: quantile\noptions: {quantiles: [5e-1, 0.9, 1]}\n":  "quantile quantiles=0.5,0.9,1",
		"loss: quantile\noptions:\n  quantiles:\n  - 1e-1\n  - 1": "quantile quantiles=0.1,1",
		"loss: quantile\noptions: {quantiles: \"0.1, 5e-1\"}\n":   "quantile quantiles=0.1,0.5",
		"loss: focal\noptions: {alpha: null}\n":                   "focal alpha=none",
		"loss: mse\nshape: {input: []}\n":                         "mse input=[]",
		"loss: mse\nshape: {input: \"\"}\n":                       "mse input=[]",
		"loss: mse\nshape: {input: [N, 3]}\n":                     "mse input=[N,3]",
		"loss: mse\nshape: {input: 3}\n":                          "mse input=[3]",
		"loss: mse\nshape: {input: \"N, 3\"}\n":                   "mse input=[N,3]",
		"loss: mse\noptions:\n# none\nshape:\n":                   "mse",
	} {
		c := configuration{request: losses.Request{Catalog: all.Losses()}}
		err := c.parse([]byte(text))
		var plan *losses.Plan
		if err == nil {
			plan, err = c.request.Resolve()
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := c.request.Loss
		for _, name := range sortedKeys(c.request.Options) {
			got += fmt.Sprintf(" %s=%s", name, losses.Text(plan.Options[name]))
		}
		if len(c.request.Shapes) > 0 {
			got += fmt.Sprintf(" input=%v", plan.Ports[0].Shape)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestConfigRefuses: what does not mean one thing, or could grow, is refused with
// its line.
func TestConfigRefuses(t *testing.T) {
	laughs := "loss: mse\na: &a [x, x, x, x, x, x, x, x, x]\n"
	for i := 'b'; i < 'k'; i++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*%c, ", i-1), 9))
	}
	for text, want := range map[string]string{
		"loss: huber\noptions: {delta: 010}\n":           ":2: the number 010: write it in decimal digits",
		"loss: huber\noptions: {delta: 0x10}\n":          ":2: the number 0x10: ",
		"loss: huber\noptions: {delta: 1_0}\n":           ":2: the number 1_0: ",
		"loss: huber\noptions: {delta: 0o17}\n":          ":2: the number 0o17: ",
		"loss: mse\nshape: {input: [N, 010]}\n":          ":2: the number 010: ",
		"loss: mse\nshape: {input: [N, 1.5]}\n":          ":2: shape: input: ",
		"loss: mse\nshape: {input: [N, [3]]}\n":          ":2: shape: input: ",
		"loss: mse\nshape: {input: null}\n":              ":2: shape: input: nothing stands here: write sizes, as in [N, 3], or [] for rank 0",
		"loss: mse\nshape:\n  input:\n":                  ":3: shape: input: nothing stands here",
		"loss: mse\nshape: {input: true}\n":              ":2: shape: input: \"true\", want a list",
		"loss: mse\nopset: 17.5\n":                       `:2: opset: "17.5", want a whole number`,
		"loss: mse\nopset: \"17\"\n":                     `:2: opset: "\"17\"", want a whole number`,
		"loss: mse\nopset:\n":                            ":2: opset: ",
		"loss: mse\nopset: 1e1\n":                        ":2: opset: ",
		"loss:\n":                                        ":1: loss: ",
		"loss: mse\ngrad: []\n":                          ":2: grad: it is empty: name inputs, or none",
		"loss: mse\ngrad:\n":                             ":2: grad: nothing stands here",
		"loss: mse\nwith: {mask: true}\n":                ":2: with: ",
		"loss: mse\ngrad_output: maybe\n":                `:2: grad_output: "maybe", want true or false`,
		"loss: mse\ngrad_output:\n":                      ":2: grad_output: ",
		"loss: mse\noutput: [a]\n":                       ":2: output: ",
		"loss: ce\nz_loss: 0.1\n":                        ":2: z_loss: it is an option: put it below `options:`, as in options: {z_loss: ...}",
		"loss: ce\nlabel-smoothing: 0.1\n":               ":2: label-smoothing: it is an option: put it below `options:`, as in options: {label_smoothing: ...}",
		"loss: huber\noptions: {delta: .nan}\n":          "option delta is ",
		"loss: huber\noptions: {delta: [1]}\n":           "option delta is ",
		"loss: huber\noptions: {delta: {a: 1}}\n":        "option delta is ",
		"loss: huber\noptions: {delta: null}\n":          "option delta is ",
		"loss: focal\noptions: {ignore_index: 1.5}\n":    "option ignore_index is 1.5",
		"loss: quantile\noptions: {quantiles: [0.5, x]}": "option quantiles has x among its numbers",
		"loss: &a huber\n":                               `:1: "&a huber": anchors and aliases are not read`,
		"loss: mse\n<<: {opset: 18}\n":                   ":2: ",
		"loss: !!str mse\n":                              `:1: "!!str mse": tags`,
		"? loss\n: mse\n":                                ":1: ",
		"\xff\xfel\x00":                                  ": the file is UTF-16: save it as UTF-8",
		laughs:                                           ":2: ",
		strings.Repeat("[", 1<<17):                       ": the file has 131072 words and signs, want at most 5000",
		strings.Repeat("- ", 1<<16):                      ": the file has 65536 words and signs, want at most 5000",
		"loss: " + strings.Repeat("x", 1<<18):            ": the file has more than 262144 bytes",
	} {
		c := configuration{request: losses.Request{Catalog: all.Losses()}}
		err := c.parse([]byte(text))
		if err == nil {
			_, err = c.request.Resolve()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}
