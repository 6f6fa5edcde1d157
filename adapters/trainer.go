package adapters

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"go/format"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lossgen/lossgen/builder/ir"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/safetensors"
)

// This file writes trainers: source files beside a training file, whose type steps,
// evaluates, and reads and writes the file of values.

// Trainers lists the languages that have one, in the order of help texts.
var Trainers = []Stack{
	{Name: "python", File: "{{.Name}}.py", Template: "trainer.py.tmpl", Parts: "python.tmpl", Language: "Python", names: python},
	{Name: "js", File: "{{.Name}}.mjs", Template: "trainer.mjs.tmpl", Parts: "native.tmpl", Language: "JavaScript", names: js},
	{Name: "go", File: "{{.Name}}.go", Template: "trainer.go.tmpl", Parts: "native.tmpl", Language: "Go", names: golang, allows: embeds, Format: format.Source},
	{Name: "rust", File: "{{.Name}}.rs", Template: "trainer.rs.tmpl", Parts: "native.tmpl", Language: "Rust", names: rust},
	{Name: "java", File: "{{.Type}}Trainer.java", Template: "trainer.java.tmpl", Parts: "native.tmpl", Language: "Java", names: java, Format: asciiJava},
	{Name: "cpp", File: "{{.Name}}.hpp", Template: "trainer.hpp.tmpl", Parts: "native.tmpl", Language: "C++", names: cpp},
}

// TrainerNames returns the names of all languages.
func TrainerNames() []string {
	var names []string
	for _, s := range Trainers {
		names = append(names, s.Name)
	}
	return names
}

// Attached is a training file with those beside it.
type Attached struct {
	Model, Eval     *ir.Model
	File, EvalFile  []byte
	Stem, EvalName  string // of the training file without its ending, and of the other
	Values          []byte // of the file <Stem>.safetensors
	Loss, Optimizer string
}

// State is a value that steps change or read, as the file of values has it.
type State struct {
	Port
	Offset, Bytes int64
	Output        string // what it becomes, "" where it stays
	Evaluates     bool   // the file that evaluates reads it
}

// trainerTypes are the types that trainers take, with their names in Rust's enumeration of
// arrays and in Java's of types.
var trainerTypes = map[string][2]string{
	"float32": {"F32", "FLOAT"}, "float64": {"F64", "DOUBLE"}, "int64": {"I64", "INT64"}, "int32": {"I32", "INT32"}, "bool": {"Bool", "BOOL"},
}

func rustArray(dtype string) string { return trainerTypes[dtype][0] }

func javaType(dtype string) string { return trainerTypes[dtype][1] }

// Trainer is what a template sees of a training file, beside Data.
type Trainer struct {
	EvalFile, EvalHash Text
	ValuesFile         Text
	Header             Text // of the file of values, every byte of it
	States             []State
	Total              int64 // bytes of all states
	Optimizer          Text
}

// HeaderParts are the header in pieces, for languages whose literals have a limit.
func (t *Trainer) HeaderParts() (parts []Text) {
	for piece := range slices.Chunk([]rune(string(t.Header)), 1000) {
		parts = append(parts, Text(string(piece)))
	}
	return parts
}

// WriteTrainers renders the trainers of a training file for the named languages, by the
// names of their files.
func WriteTrainers(a Attached, languages []string) (map[string][]byte, error) {
	d, err := describeTrainer(a)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range languages {
		i := slices.IndexFunc(Trainers, func(s Stack) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no trainer is called %q: there are %s", name, strings.Join(TrainerNames(), ", "))
		}
		fitted, err := Trainers[i].fit(*d)
		if err != nil {
			return nil, err
		}
		fitted.Command = Text("lossgen attach ... -o " + shellWord(a.Stem+".onnx") + " --adapter " + name)
		if files[string(fitted.Source)], err = Trainers[i].render(fitted); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func describeTrainer(a Attached) (*Data, error) {
	if !utf8.ValidString(a.Stem) {
		return nil, fmt.Errorf("the file's name %q is not UTF-8, and the source could not name it: choose another", a.Stem)
	}
	arrays, _, err := safetensors.Unmarshal(a.Values)
	if err != nil {
		return nil, err
	}
	d := &Data{
		Stem: Text(a.Stem), Hash: fmt.Sprintf("%x", sha256.Sum256(a.File)), DType: "float32", Loss: Text(a.Loss), Version: Text(losses.Version), command: []string{""},
		Trainer: &Trainer{
			EvalFile: Text(a.EvalName), EvalHash: Text(fmt.Sprintf("%x", sha256.Sum256(a.EvalFile))), ValuesFile: Text(a.Stem + ".safetensors"),
			Header: Text(a.Values[8 : 8+binary.LittleEndian.Uint64(a.Values)]), Optimizer: Text(a.Optimizer),
		},
	}
	t := d.Trainer
	for _, v := range arrays {
		s := State{Port: port(ir.Port{Name: v.Name, DType: v.Tensor.DType, Shape: v.Tensor.Shape()}), Offset: t.Total, Bytes: int64(len(v.Tensor.Data))}
		if hasPort(a.Model.Graph.Outputs, "new_"+v.Name) {
			s.Output = "new_" + v.Name
		}
		s.Evaluates = hasPort(a.Eval.Graph.Inputs, v.Name)
		t.States, t.Total = append(t.States, s), t.Total+s.Bytes
	}
	for _, p := range a.Model.Graph.Inputs {
		if !slices.ContainsFunc(t.States, func(s State) bool { return s.Name == p.Name }) {
			d.Inputs = append(d.Inputs, Input{Port: port(p)})
		}
	}
	for _, p := range a.Model.Graph.Outputs {
		d.Outputs = append(d.Outputs, port(p))
	}
	return d, fitsTrainer(d)
}

func hasPort(ports []ir.Port, name string) bool {
	return slices.ContainsFunc(ports, func(p ir.Port) bool { return p.Name == name })
}

// fitsTrainer refuses what trainers do not keep: types that not all languages have, and
// outputs besides the loss and new values.
func fitsTrainer(d *Data) error {
	for _, p := range slices.Concat(d.ports(), statePorts(d.Trainer.States)) {
		if _, ok := trainerTypes[p.DType]; !ok {
			return fmt.Errorf("%q is %s, which trainers do not take: float32, float64, int64, int32 and bool", p.Name, p.DType)
		}
	}
	for _, p := range d.Outputs {
		if p.Name == "loss" && p.DType == "float32" || slices.ContainsFunc(d.Trainer.States, func(s State) bool { return s.Output == p.Name }) {
			continue
		}
		return fmt.Errorf("a trainer takes a float32 loss and new values, and the file has the output %q, %s", p.Name, p.DType)
	}
	return nil
}

func statePorts(states []State) (ports []Port) {
	for _, s := range states {
		ports = append(ports, s.Port)
	}
	return ports
}
