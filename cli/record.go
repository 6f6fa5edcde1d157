package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/verify"
)

// record is what a reader needs to repeat a verification.
type record struct {
	Lossgen   string           `json:"lossgen"`
	Go        string           `json:"go"`
	System    string           `json:"system"`
	Processor string           `json:"processor"`
	Cores     int              `json:"cores"`
	Engines   []engineRecord   `json:"engines"`
	Data      string           `json:"data"` // where the golden cases come from
	Date      string           `json:"date"`
	Seconds   float64          `json:"seconds"`
	PeakBytes int64            `json:"peak_bytes"` // memory, 0 where the system does not tell
	Models    []modelRecord    `json:"models"`
	Cases     []caseRecord     `json:"cases"`
	Reports   []*verify.Report `json:"reports"`
}

type engineRecord struct {
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Library  string `json:"library,omitempty"`
	Provider string `json:"provider"`
}

// modelRecord is a file that was verified, or that of a loss by default.
type modelRecord struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	Nodes  int    `json:"nodes"`
	SHA256 string `json:"sha256"`
}

// caseRecord is a golden case of a loss that was verified.
type caseRecord struct {
	Loss     string        `json:"loss"`
	Case     string        `json:"case"`
	Producer string        `json:"producer"`
	Inputs   []arrayRecord `json:"inputs"`
	Outputs  []arrayRecord `json:"outputs"` // those wanted
}

type arrayRecord struct {
	Name   string  `json:"name"`
	DType  string  `json:"dtype"`
	Dims   []int64 `json:"dims"`
	SHA256 string  `json:"sha256"` // of the elements, row-major and little-endian
}

// record writes the file that --record names.
func (a *app) record(o *verifyOptions, start time.Time, subjects []subject, engines []verify.Engine, goldens *verify.Goldens, reports []*verify.Report) error {
	r := record{
		Lossgen: losses.Version, Go: goruntime.Version(), System: goruntime.GOOS + "/" + goruntime.GOARCH,
		Processor: processor(), Cores: goruntime.NumCPU(), Data: o.golden, Date: start.UTC().Format(time.RFC3339),
		Seconds: time.Since(start).Seconds(), PeakBytes: peakMemory(), Reports: reports,
	}
	if r.Data == "" {
		r.Data = "embedded"
	}
	for _, e := range engines {
		r.Engines = append(r.Engines, recordEngine(o.engines, e))
	}
	for _, s := range subjects {
		m, err := recordModel(s)
		if err != nil {
			return err
		}
		r.Models = append(r.Models, m)
	}
	var err error
	if r.Cases, err = recordCases(goldens, reports); err != nil {
		return err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return err
	}
	if err := export.WriteFile(o.record, out.Bytes()); err != nil {
		return err
	}
	a.say("wrote %s", o.record)
	return nil
}

func recordEngine(f *engineFlags, e verify.Engine) engineRecord {
	r := engineRecord{Name: e.Backend.Name(), Provider: "cpu"}
	if b, ok := e.Backend.(ort.Backend); ok {
		if info, err := b.Load(); err == nil {
			r.Version, r.Library = info.Version, info.Path
		}
		if f.provider != "" {
			r.Provider = f.provider
		}
	}
	return r
}

func recordModel(s subject) (modelRecord, error) {
	data := s.data
	if s.loss != nil {
		m, err := build(losses.Request{Loss: s.name})
		if err != nil {
			return modelRecord{}, err
		}
		data = m.data
	}
	r := modelRecord{Name: s.name, Bytes: len(data), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
	if m, err := export.Unmarshal(data); err == nil {
		r.Nodes = len(m.Graph.Nodes)
	}
	return r, nil
}

// recordCases lists the golden cases of the losses in the reports; nil goldens
// are those in the program.
func recordCases(goldens *verify.Goldens, reports []*verify.Report) ([]caseRecord, error) {
	var err error
	if goldens == nil {
		if goldens, err = verify.EmbeddedGoldens(); err != nil {
			return nil, err
		}
	}
	out := []caseRecord{}
	seen := map[string]bool{"": true} // no loss is known of a file that is none
	for _, r := range reports {
		if seen[r.Loss] {
			continue
		}
		seen[r.Loss] = true
		cases, err := goldens.Cases(r.Loss)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			out = append(out, caseRecord{c.Loss, c.Case, c.Producer, recordArrays(c.Inputs), recordArrays(c.Outputs)})
		}
	}
	return out, nil
}

func recordArrays(list []verify.Named) []arrayRecord {
	var out []arrayRecord
	for _, n := range list {
		out = append(out, arrayRecord{n.Name, n.Tensor.DType.String(), n.Tensor.Dims, fmt.Sprintf("%x", sha256.Sum256(n.Tensor.Data))})
	}
	return out
}

// processor and peakMemory read what Linux tells; elsewhere they say nothing.
func processor() string { return procLine("/proc/cpuinfo", "model name") }

func peakMemory() int64 {
	var kilobytes int64
	fmt.Sscanf(procLine("/proc/self/status", "VmHWM"), "%d kB", &kilobytes)
	return kilobytes * 1024
}

func procLine(path, key string) string {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
