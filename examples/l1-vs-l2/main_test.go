package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/runtime"
	"github.com/lossgen/lossgen/runtime/reference"
)

func backend(t *testing.T) runtime.Backend {
	t.Helper()
	b, name, err := choose("")
	if err != nil {
		t.Logf("ONNX Runtime is left out: %v", err)
		return reference.Backend{}
	}
	t.Logf("on %s", name)
	return b
}

// TestLossFalls trains a few epochs: a wrong gradient would not lower the loss.
func TestLossFalls(t *testing.T) {
	d, err := readData()
	if err != nil {
		t.Fatal(err)
	}
	list, err := compare(t.Context(), backend(t), d, 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		for _, o := range []*outcome{r.Clean, r.Outliers} {
			for i := 1; i < len(o.Loss); i++ {
				if !(o.Loss[i] < 0.98*o.Loss[i-1]) {
					t.Errorf("%s: the loss goes from %g to %g", r.Name, o.Loss[i-1], o.Loss[i])
				}
			}
		}
	}
}

// TestAnswer holds the README's answer to the full setting.
func TestAnswer(t *testing.T) {
	d, err := readData()
	if err != nil {
		t.Fatal(err)
	}
	list, err := compare(t.Context(), backend(t), d, defaultEpochs)
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]comparison{}
	for _, r := range list {
		on[r.Name] = r
	}
	mse := on["mse"]
	for _, name := range []string{"l1", "huber", "quantile"} {
		r := on[name]
		if r.OnOutliers.Influence > mse.OnOutliers.Influence/4 {
			t.Errorf("outliers move %s by %.1f, which is no quarter of mse's %.1f", name, r.OnOutliers.Influence, mse.OnOutliers.Influence)
		}
		if r.OnOutliers.MAE > mse.OnOutliers.MAE-15 {
			t.Errorf("with outliers, the error of %s is %.1f, too near to mse's %.1f", name, r.OnOutliers.MAE, mse.OnOutliers.MAE)
		}
		if r.OnClean.RMSE < mse.OnClean.RMSE || r.OnClean.RMSE > mse.OnClean.RMSE+2 {
			t.Errorf("on clean targets, the RMSE of %s is %.1f, of mse %.1f", name, r.OnClean.RMSE, mse.OnClean.RMSE)
		}
	}
	if on["huber"].OnOutliers.Bias < on["l1"].OnOutliers.Bias {
		t.Errorf("outliers bias huber by %.1f, less than l1 by %.1f", on["huber"].OnOutliers.Bias, on["l1"].OnOutliers.Bias)
	}
	if c := on["quantile"].OnClean.Covered; c < 0.7 || c > 0.9 {
		t.Errorf("the quantiles cover %.2f", c)
	}
	checkReadme(t, list)
}

// checkReadme compares the figures that the README shows with these. Engines
// differ in the last digits of float32, and training enlarges that.
func checkReadme(t *testing.T, list []comparison) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range table(list) {
		row := regexp.MustCompile(`(?m)^\| ` + want[0] + ` \| ` + want[1] + ` \|(.*)\|$`).FindSubmatch(readme)
		if row == nil {
			t.Errorf("the README has no row for %s on %s", want[0], want[1])
			continue
		}
		for i, cell := range strings.Split(string(row[1]), "|") {
			if got, want := number(t, cell), number(t, want[i+2]); got < want-1.5 || got > want+1.5 {
				t.Errorf("%s in the README is %g, here %g\n%s", head[i+2], got, want, row[0])
			}
		}
	}
}

// number reads a cell; an empty one is 0.
func number(t *testing.T, cell string) float64 {
	t.Helper()
	cell = strings.TrimSuffix(strings.TrimSpace(cell), "%")
	if cell == "" {
		return 0
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRun looks at the page and the pictures.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), &out, folder, "reference", 10); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(page, []byte(`src="data:image/png;base64,`)); n != 3 {
		t.Errorf("the page holds %d pictures, want 3", n)
	}
	if bytes.Contains(page, []byte("<script")) || bytes.Contains(page, []byte("ZgotmplZ")) {
		t.Error("the page holds a script or an escaped value")
	}
	for _, name := range []string{"predictions.png", "residuals.png", "curves.png"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() > 150_000 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := run(t.Context(), &out, folder, "", 15); err == nil {
		t.Error("15 epochs are not refused")
	}
}
