package losses_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/classification"
	"github.com/lossgen/lossgen/losses/margin"
	"github.com/lossgen/lossgen/losses/regression"
)

// TestDescribe describes every loss; its names have to find it again.
func TestDescribe(t *testing.T) {
	for _, l := range all.Losses() {
		d, err := losses.Describe(l)
		if err != nil {
			t.Errorf("%s: %v", l.Declaration().Name, err)
			continue
		}
		switch data, err := json.Marshal(d); {
		case err != nil:
			t.Errorf("%s: %v", d.Name, err)
		case strings.Contains(string(data), `options":null`):
			t.Errorf("%s: a list without options is null: %s", d.Name, data)
		}
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			if found, _, ok := all.Losses().Find(name); !ok || found != l {
				t.Errorf("%s is listed as a name of %s, but does not find it", name, d.Name)
			}
		}
		if d.Torch == "" || len(d.Outputs) == 0 || d.Outputs[0].Name != "loss" || len(d.Inputs) == 0 || len(d.Shapes) == 0 {
			t.Errorf("%s is described incompletely: %+v", d.Name, d)
		}
	}
}

// TestExceptions: a loss says where an engine differs, by what its file has.
func TestExceptions(t *testing.T) {
	const rows, root, label = "a run without rows", "square root of infinity is NaN", "a label that is no class does not end the run"
	for loss, want := range map[losses.Loss][]string{
		regression.MSE: {}, margin.TripletMargin: {root}, regression.GaussianNLL: {root}, classification.CrossEntropy: {label}, margin.MultilabelMargin: {label},
		classification.LinearCrossEntropy: {rows, label}, classification.AdaptiveLogSoftmax: {rows, label},
	} {
		d, err := losses.Describe(loss)
		if err != nil || len(d.Exceptions) != len(want) {
			t.Errorf("%s has the exceptions %q and error %v, want %q", d.Name, d.Exceptions, err, want)
			continue
		}
		for i, text := range want {
			if !strings.Contains(d.Exceptions[i], text) {
				t.Errorf("%s has the exception %q, want %q in it", d.Name, d.Exceptions[i], text)
			}
		}
	}
}

func TestDescribeInfinity(t *testing.T) {
	d, err := losses.Describe(regression.Huber)
	if err != nil {
		t.Fatal(err)
	}
	delta := d.Options[0]
	if delta.Max != nil || *delta.Min != 0 || !delta.MinExclusive || delta.MaxExclusive || delta.Try[len(delta.Try)-1] != "inf" {
		t.Errorf("delta is described as %+v", delta)
	}
}
