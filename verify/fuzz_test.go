package verify

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// FuzzRequest: any request is refused in one line, or gives a valid file that tells
// its own request: read back and emitted again it gives the same bytes.
func FuzzRequest(f *testing.F) {
	f.Add("huber", `{"delta": 0.5}`, "input=N,D;target=1,D", "weight", "input,target", uint16(0))
	f.Add("CrossEntropyLoss", `{"label_smoothing": 0.1, "reduction": "none"}`, "input=N,7,H,W", "weight", "", uint16(0x1d3))
	f.Add("ctc", `{"zero_infinity": true}`, "", "", "", uint16(2))
	f.Add("quantile", `{"quantiles": [0.1, 0.9]}`, "input=0,Q", "", "none", uint16(0x105))
	f.Add("gaussian_nll", `{"full": true, "scale": 2}`, "input=;var=", "mask", "var", uint16(8))
	f.Add("multi_task", `{"tasks": "a=mse b=ce"}`, "a_input=N,1", "b_weight", "log_vars", uint16(1))
	f.Add("bce", `{"softcap": 1e400}`, "input=N,N;target=-1,99999999999999999999", "", "grad_output", uint16(0xffff))
	f.Fuzz(func(t *testing.T, loss, options, shapes, with, grad string, bits uint16) {
		r := request(loss, options, shapes, with, grad, bits)
		data, err := export.Encode(r.Model())
		if err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "not valid") || strings.Contains(text, "internal") {
				t.Errorf("%+v: %q", r, text)
			}
			return
		}
		m, err := export.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := all.Losses().FromModel(m)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		back, err := export.Encode(again.Model())
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%+v came back as %+v, another file: %v", r, again, err)
		}
	})
}

// request puts a request together from parts that mean little to most losses.
func request(loss, options, shapes, with, grad string, bits uint16) losses.Request {
	r := losses.Request{Catalog: all.Losses(), Loss: loss, With: list(with), Grad: list(grad), Shapes: map[string]string{}}
	if json.Unmarshal([]byte(options), &r.Options) != nil {
		r.Options = nil
	}
	for _, part := range strings.Split(shapes, ";") {
		if name, dims, ok := strings.Cut(part, "="); ok {
			r.Shapes[name] = dims
		}
	}
	r.DType = dtypes()[bits&3]
	r.GradOutput, r.Normalizer = bits&4 != 0, bits&8 != 0
	if bits&16 != 0 {
		r.IndexDType = tensor.Int32
	}
	if opset := int64(bits >> 5 & 31); opset != 0 {
		r.Opset = opset
	}
	return r
}

func list(text string) []string {
	names := strings.Split(text, ",")
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
