package cli

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/fit"
	"github.com/lossgen/lossgen/verify"
)

// fitRecord is what a reader needs to repeat a training. docs/fit.schema.json says what
// each field means.
type fitRecord struct {
	surroundings
	Model      modelRecord  `json:"model"`
	Trained    modelRecord  `json:"trained"`
	Loss       string       `json:"loss"`
	Flags      []string     `json:"flags"`
	Seed       uint64       `json:"seed"`
	Data       []dataRecord `json:"data"`
	Validation []dataRecord `json:"validation"`
	Epochs     []fit.Epoch  `json:"epochs"`
	Best       int          `json:"best"`
	Begun      int          `json:"begun"`
}

// dataRecord is an array that was trained on.
type dataRecord struct {
	Input  string  `json:"input"`
	Path   string  `json:"path"`
	DType  string  `json:"dtype"`
	Dims   []int64 `json:"dims"`
	SHA256 string  `json:"sha256"` // of the file
}

// recordFit writes the file that --record names.
func (a *app) recordFit(f *fitFlags, path, output string, start time.Time, result *fit.Result, c *columns, engine verify.Engine) error {
	r := fitRecord{
		surroundings: around(start, []engineRecord{recordEngine(f.engines, engine)}), Loss: f.loss, Flags: f.given(), Seed: f.seed,
		Epochs: result.Epochs, Best: result.Best, Begun: result.Begun,
	}
	for file, to := range map[string]*modelRecord{path: &r.Model, output: &r.Trained} {
		data, err := readFile(file)
		if err != nil {
			return err
		}
		if *to, err = recordModel(subject{name: file, data: data}); err != nil {
			return err
		}
	}
	var err error
	if r.Data, err = recordColumns(c.data); err != nil {
		return err
	}
	if r.Validation, err = recordColumns(c.validation); err != nil {
		return err
	}
	data, err := encodeJSON(r)
	if err != nil {
		return err
	}
	if err := export.WriteFile(f.record, data); err != nil {
		return err
	}
	a.say("wrote %s", f.record)
	return nil
}

func recordColumns(list []fit.Column) ([]dataRecord, error) {
	out := []dataRecord{}
	for _, c := range list {
		sum, err := hashFile(c.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, dataRecord{c.Port.Name, c.Path, c.File.DType().String(), c.File.Dims(), sum})
	}
	return out, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func hashOf(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
