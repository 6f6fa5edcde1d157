package explain_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/explain"
	"github.com/lossgen/lossgen/losses/all"
)

// measured is a number that a framework gave for arrays, and its gradients. loss is the
// one that it is, "" where no convention gives it.
type measured struct {
	Name, Framework, Call, Loss, Value string
	Near                               string // the loss that one would look at
	Arrays, Gradients                  []values
}

type values struct {
	Name, DType string
	Shape       []int64
	Values      []float64
}

func (v values) array() explain.Array {
	if v.DType == "int64" {
		ints := make([]int64, len(v.Values))
		for i, f := range v.Values {
			ints[i] = int64(f)
		}
		return explain.Array{Name: v.Name, Tensor: tensor.FromInts(tensor.Int64, v.Shape, ints)}
	}
	return explain.Array{Name: v.Name, Tensor: tensor.FromFloats(tensor.Float32, v.Shape, v.Values)}
}

func readMeasured(t *testing.T) (list []measured) {
	f, err := os.Open("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m measured
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func (m measured) question() explain.Question {
	q := explain.Question{Catalog: all.Losses(), Value: m.Value}
	for _, v := range m.Arrays {
		q.Arrays = append(q.Arrays, v.array())
	}
	for _, v := range m.Gradients {
		q.Gradients = append(q.Gradients, v.array())
	}
	return q
}

// What frameworks gave is explained by the loss that it is, first or second; what no
// convention gives is not.
func TestMeasured(t *testing.T) {
	for _, m := range readMeasured(t) {
		t.Run(m.Name, func(t *testing.T) {
			q := m.question()
			if os.Getenv("LOSSGEN_TEST_EVERY") == "" {
				q.Loss = m.Near // which leaves few conventions
			}
			r, err := explain.Ask(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if m.Loss == "" {
				if r.Explained == true {
					t.Errorf("explained by %q, chance %g", r.Answers[0].Command, r.Chance)
				}
				if r.Explained == false && r.Nearest == nil {
					t.Error("there is no nearest convention")
				}
				return
			}
			if r.Explained != true {
				t.Fatalf("explained is %v, nearest %+v", r.Explained, r.Nearest)
			}
			for i, a := range r.Answers {
				t.Logf("%s %v %v %v %v %v", a.Command, a.Inputs, a.Value, a.Gradients, a.Calls, a.DiffersAt)
				if i < 2 && strings.HasPrefix(a.Command, "lossgen emit "+m.Loss) {
					return
				}
			}
			t.Errorf("%s is neither first nor second", m.Loss)
		})
	}
}
