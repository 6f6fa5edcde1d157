package cli

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"time"

	"github.com/lossgen/lossgen/builder/tensor"
	"github.com/lossgen/lossgen/export"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/verify"
)

// recordFormat is the version of the record's form. A field that is removed or
// changes its meaning makes another one.
const recordFormat = 1

// surroundings are what every record says of where and when it was made.
type surroundings struct {
	Format    int            `json:"format"`
	Lossgen   string         `json:"lossgen"`
	Go        string         `json:"go"`
	Platform  string         `json:"platform"`
	System    string         `json:"system"`
	Processor string         `json:"processor"`
	Cores     int            `json:"cores"`
	Engines   []engineRecord `json:"engines"`
	Date      string         `json:"date"`
	Seconds   float64        `json:"seconds"`
	PeakBytes int64          `json:"peak_bytes"`
}

func around(start time.Time, engines []engineRecord) surroundings {
	return surroundings{
		Format: recordFormat, Lossgen: losses.Version, Go: goruntime.Version(), Platform: goruntime.GOOS + "/" + goruntime.GOARCH,
		System: systemName(), Processor: processor(), Cores: goruntime.NumCPU(), Engines: engines, Date: start.UTC().Format(time.RFC3339),
		Seconds: time.Since(start).Seconds(), PeakBytes: peakMemory(),
	}
}

// record is what a reader needs to repeat a verification. docs/record.schema.json
// says what each field means.
type record struct {
	surroundings
	Data    string           `json:"data"`
	Models  []modelRecord    `json:"models"`
	Cases   []caseRecord     `json:"cases"`
	Runs    []runRecord      `json:"runs"`
	Reports []*verify.Report `json:"reports"`
}

type engineRecord struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Library  string `json:"library"`
	Provider string `json:"provider"`
	Device   string `json:"device"`
}

// runRecord is one run of a file and the outputs that were observed.
type runRecord struct {
	Check   string        `json:"check"`
	Loss    string        `json:"loss"`
	Case    string        `json:"case"`
	Engine  string        `json:"engine"`
	DType   string        `json:"dtype"`
	Inputs  []arrayRecord `json:"inputs,omitempty"` // random ones: those of a case are with the case
	Outputs []arrayRecord `json:"outputs"`
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
	First  []any   `json:"first"`  // the first elements
}

// firstElements is how many elements of an array a record shows.
const firstElements = 4

// recorder collects runs. Its observe may be called by several goroutines.
type recorder struct {
	mu   sync.Mutex
	runs []runRecord
}

func (r *recorder) observe(o verify.Observation) {
	run := runRecord{Check: o.Check, Loss: o.Loss, Case: o.Case, Engine: o.Engine, DType: o.DType.String(), Outputs: recordTensors(o.Outputs)}
	if o.Check != "golden" {
		run.Inputs = recordTensors(o.Inputs)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, run)
}

// sorted returns the runs in an order that does not depend on the goroutines.
func (r *recorder) sorted() []runRecord {
	out := append([]runRecord{}, r.runs...)
	slices.SortStableFunc(out, func(a, b runRecord) int {
		return cmp.Or(cmp.Compare(a.Loss, b.Loss), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Case, b.Case),
			cmp.Compare(a.DType, b.DType), cmp.Compare(a.Engine, b.Engine))
	})
	return out
}

// record writes the file that --record names.
func (a *app) record(o *verifyOptions, start time.Time, subjects []subject, engines []verify.Engine, goldens *verify.Goldens, seen *recorder, reports []*verify.Report) error {
	var used []engineRecord
	for _, e := range engines {
		used = append(used, recordEngine(o.engines, e))
	}
	r := record{surroundings: around(start, used), Data: o.golden, Runs: seen.sorted(), Reports: reports}
	if r.Data == "" {
		r.Data = "embedded"
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
	data, err := encodeJSON(r)
	if err != nil {
		return err
	}
	if err := export.WriteFile(o.record, data); err != nil {
		return err
	}
	a.say("wrote %s", o.record)
	return nil
}

func recordEngine(f *engineFlags, e verify.Engine) engineRecord {
	r := engineRecord{Name: e.Backend.Name(), Version: losses.Version, Library: "in lossgen", Provider: "cpu", Device: processor()}
	if b, ok := e.Backend.(ort.Backend); ok {
		if info, err := b.Load(); err == nil {
			r.Version, r.Library = info.Version, info.Path
		}
		if f.provider == "cuda" {
			r.Provider, r.Device = f.provider, graphicsCards()
		}
	}
	return r
}

func recordModel(s subject) (modelRecord, error) {
	data := s.data
	if s.loss != nil {
		m, err := build(losses.Request{Catalog: losses.Catalog{s.loss}, Loss: s.name})
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

// recordCases lists the golden cases of the losses in the reports.
func recordCases(goldens *verify.Goldens, reports []*verify.Report) ([]caseRecord, error) {
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
	out := []arrayRecord{}
	for _, n := range list {
		out = append(out, recordArray(n.Name, n.Tensor))
	}
	return out
}

func recordTensors(tensors map[string]*tensor.Tensor) []arrayRecord {
	out := []arrayRecord{}
	for _, name := range sortedKeys(tensors) {
		out = append(out, recordArray(name, tensors[name]))
	}
	return out
}

func recordArray(name string, t *tensor.Tensor) arrayRecord {
	r := arrayRecord{name, t.DType.String(), append([]int64{}, t.Dims...), fmt.Sprintf("%x", sha256.Sum256(t.Data)), []any{}}
	for i := range min(t.Len(), firstElements) {
		r.First = append(r.First, jsonElement(t, i))
	}
	return r
}
