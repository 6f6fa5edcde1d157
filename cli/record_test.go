package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lossgen/lossgen/losses/all"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/runtime/ort"
	"github.com/lossgen/lossgen/verify"
)

var update = flag.Bool("update", false, "write generated documents again")

const schemaPath = "../docs/record.schema.json"

// recordOf verifies something and returns its record, as a JSON value.
func recordOf(t *testing.T, args ...string) any {
	t.Helper()
	if _, err := (ort.Backend{}).Load(); err != nil {
		t.Setenv(ort.LibraryVariable, "") // one that is asked for must work
	}
	path := filepath.Join(t.TempDir(), "record.json")
	var stderr bytes.Buffer
	if code := Run(all.Losses(), append([]string{"verify", "--record", path}, args...), nil, io.Discard, &stderr); code > 1 {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func recordSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// emitted writes the file of a loss.
func emitted(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".onnx")
	var stderr bytes.Buffer
	if code := Run(all.Losses(), append([]string{"emit", name, "-o", path}, args...), nil, io.Discard, &stderr); code != 0 {
		t.Fatal(&stderr)
	}
	return path
}

// fewGoldens writes the first golden cases of losses into a folder of their own.
func fewGoldens(t *testing.T, names ...string) string {
	t.Helper()
	const most = 5
	dir := t.TempDir()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("../testdata/golden", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		cases := bytes.SplitAfter(data, []byte("\n-- "))
		few := bytes.TrimSuffix(bytes.Join(cases[:min(most+1, len(cases))], nil), []byte("-- "))
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), few, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRecordFitsSchema: whatever is verified, the record has the documented form.
func TestRecordFitsSchema(t *testing.T) {
	schema, few := recordSchema(t), "--golden="+fewGoldens(t, "mse", "l1", "ctc")
	notOurs := filepath.Join(t.TempDir(), "foreign.onnx")
	if err := os.WriteFile(notOurs, []byte("no model"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"loss": {"mse", few}, "two losses": {"l1", "ctc", few}, "file": {emitted(t, "huber", "--dtype=float16")},
		"one engine": {"mse", "--engine=reference"}, "not a model": {notOurs},
	} {
		if err := schema.Validate(recordOf(t, args...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecordSchemaRefuses: the schema describes this record and no other.
func TestRecordSchemaRefuses(t *testing.T) {
	schema := recordSchema(t)
	right, err := json.Marshal(recordOf(t, "mse", "--engine=reference", "--golden="+fewGoldens(t, "mse")))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"another format":    func(r map[string]any) { r["format"] = json.Number("2") },
		"a field too many":  func(r map[string]any) { r["color"] = "red" },
		"a field too few":   func(r map[string]any) { delete(r, "runs") },
		"a date":            func(r map[string]any) { r["date"] = "yesterday" },
		"a hash":            func(r map[string]any) { firstOf(r["models"])["sha256"] = "12" },
		"an unknown engine": func(r map[string]any) { firstOf(r["engines"])["name"] = "abacus" },
		"no output":         func(r map[string]any) { delete(firstOf(r["runs"]), "outputs") },
	} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(right))
		if err != nil {
			t.Fatal(err)
		}
		r := value.(map[string]any)
		if err := schema.Validate(r); err != nil {
			t.Fatal(err)
		}
		change(r)
		if schema.Validate(r) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

func firstOf(list any) map[string]any { return list.([]any)[0].(map[string]any) }

// TestRecordIsStable: two records of the same verification differ in the date,
// the time and the memory that it took.
func TestRecordIsStable(t *testing.T) {
	var texts []string
	few := "--golden=" + fewGoldens(t, "mse", "huber")
	for range 2 {
		r := recordOf(t, "mse", "huber", few).(map[string]any)
		for _, key := range []string{"date", "seconds", "peak_bytes"} {
			delete(r, key)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	if texts[0] != texts[1] {
		t.Error("two records of one verification differ")
	}
}

// TestRecordHasEveryRun: each golden case is there, on each dtype that holds it.
func TestRecordHasEveryRun(t *testing.T) {
	r := recordOf(t, "mse", "--engine=reference").(map[string]any)
	report := verify.Loss(t.Context(), regression.MSE, []verify.Engine{(&engineFlags{}).reference()}, verify.Options{})
	want := 0
	for _, c := range report.Checks {
		want += c.Cases
	}
	if got := len(r["runs"].([]any)); got != want || want == 0 {
		t.Errorf("%d runs, want %d", got, want)
	}
}

// TestRecordDocument keeps docs/record.md equal to the schema.
func TestRecordDocument(t *testing.T) {
	data, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	want := recordDocument(t, data)
	const path = "../docs/record.md"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not what the schema says (%v): run make generate", path, err)
	}
}

const recordIntroduction = `# The record of a verification

` + "`lossgen verify huber --record record.json`" + ` writes what a reader needs to repeat the run a year later, and what came out of it. The form is [record.schema.json](record.schema.json), from which this page is made; a test holds every record to it. Two records of one verification differ in ` + "`date`, `seconds` and `peak_bytes`" + `.

To repeat a run: install the versions that it names, ` + "`lossgen verify`" + ` the same losses or files (` + "`sha256`" + ` under ` + "`models`" + ` tells whether they are the same), and compare ` + "`runs`" + `. On another processor the last bits may differ; ` + "`reports`" + ` say how much is allowed to.
`

type schemaObject struct {
	Description string
	Required    []string
	Properties  map[string]struct {
		Description string
		Items       struct {
			Ref string `json:"$ref"`
		}
	}
	Defs map[string]schemaObject `json:"$defs"`
}

// recordDocument explains each field of the schema.
func recordDocument(t *testing.T, data []byte) string {
	t.Helper()
	var root schemaObject
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	s.WriteString(recordIntroduction)
	table := func(heading string, o schemaObject) {
		fmt.Fprintf(&s, "\n## %s\n\n%s.\n\n| field | |\n| --- | --- |\n", heading, strings.TrimSuffix(o.Description, "."))
		for _, name := range sortedKeys(o.Properties) {
			p := o.Properties[name]
			if p.Description == "" {
				t.Errorf("%s.%s has no description", heading, name)
			}
			text := p.Description
			if of, ok := strings.CutPrefix(p.Items.Ref, "#/$defs/"); ok {
				text += ": a list of [" + of + "](#" + of + ")"
			}
			if !slices.Contains(o.Required, name) {
				text += "; may be absent"
			}
			fmt.Fprintf(&s, "| `%s` | %s |\n", name, text)
		}
	}
	table("record", root)
	for _, name := range sortedKeys(root.Defs) {
		table(name, root.Defs[name])
	}
	return s.String()
}
