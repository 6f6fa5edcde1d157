package cli

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/all"
)

// This file makes files that no exporter writes: field by field, since package
// export refuses to.

// body is a field of bytes, which may be a message; text one of a string, and
// number one of a number.
func body(field int, parts ...[]byte) []byte {
	inside := slices.Concat(parts...)
	out := binary.AppendUvarint(nil, uint64(field<<3|2))
	return append(binary.AppendUvarint(out, uint64(len(inside))), inside...)
}

func text(field int, s string) []byte { return body(field, []byte(s)) }

func number(field int, n int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field<<3)), uint64(n))
}

// port declares an input or output; dims are sizes and letters.
func port(name string, elem int64, dims ...any) []byte {
	var shape [][]byte
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			shape = append(shape, body(1, number(1, int64(d))))
		case string:
			shape = append(shape, body(1, text(2, d)))
		}
	}
	return slices.Concat(text(1, name), body(2, body(1, number(1, elem), body(2, shape...))))
}

func op(name string, inputs, outputs []string, attributes ...[]byte) []byte {
	var parts [][]byte
	for _, in := range inputs {
		parts = append(parts, text(1, in))
	}
	for _, out := range outputs {
		parts = append(parts, text(2, out))
	}
	parts = append(parts, text(4, name))
	for _, a := range attributes {
		parts = append(parts, body(5, a))
	}
	return slices.Concat(parts...)
}

// ints is a constant of int64 as a file has it.
func ints(name string, values ...int64) []byte {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return slices.Concat(number(1, int64(len(values))), number(2, 7), text(8, name), body(9, raw))
}

// parts are those of a file; each may be left out or be several.
type parts struct {
	nodes, constants, inputs, outputs, more [][]byte
	opset                                   int64
}

func (p parts) file() []byte {
	graph := [][]byte{text(2, "g")}
	for field, list := range map[int][][]byte{1: p.nodes, 5: p.constants, 11: p.inputs, 12: p.outputs} {
		for _, item := range list {
			graph = append(graph, body(field, item))
		}
	}
	slices.SortStableFunc(graph, func(a, b []byte) int { return int(a[0]) - int(b[0]) }) // by field, in order
	return slices.Concat(number(1, 8), body(7, graph...), body(8, number(2, p.opset)), slices.Concat(p.more...))
}

// plainParts is a file of one node from x to y, which each case spoils.
func plainParts(change func(p *parts)) []byte {
	p := parts{
		nodes: [][]byte{op("Abs", []string{"x"}, []string{"y"})}, opset: 17,
		inputs: [][]byte{port("x", 1, "N", 3)}, outputs: [][]byte{port("y", 1, "N", 3)},
	}
	change(&p)
	return p.file()
}

// hostile returns the files by name.
func hostile(t *testing.T) map[string][]byte {
	files := map[string][]byte{"empty": {}, "zeros": make([]byte, 1000), "endless": bytes.Repeat([]byte{0xff}, 1000)}
	for _, group := range []map[string]func(*parts){structures(), sizesOf(), namesOf(), floods()} {
		for name, change := range group {
			files[name] = plainParts(change)
		}
	}
	maps.Copy(files, operators())
	maps.Copy(files, lies(t))
	maps.Copy(files, damaged(t))
	return files
}

func structures() map[string]func(*parts) {
	nodes := func(list ...[]byte) func(*parts) { return func(p *parts) { p.nodes = list } }
	abs := func(in, out string) []byte { return op("Abs", []string{in}, []string{out}) }
	return map[string]func(*parts){
		"fine":                 func(*parts) {},
		"no nodes":             nodes(),
		"no outputs of a node": nodes(op("Abs", []string{"x"}, nil), abs("x", "y")),
		"no outputs of other":  nodes(op("Print", []string{"x"}, nil), abs("x", "y")),
		"no inputs of a node":  nodes(op("Abs", nil, []string{"y"})),
		"empty node":           nodes(nil, abs("x", "y")),
		"empty operator":       nodes(op("", []string{"x"}, []string{"y"})),
		"empty names":          nodes(op("Abs", []string{""}, []string{""}), abs("x", "y")),
		"empty output":         nodes(op("Abs", []string{"x"}, []string{"", "y"})),
		"unknown operator":     nodes(op("Nonesuch", []string{"x"}, []string{"y"})),
		"cycle":                nodes(abs("b", "a"), abs("a", "b"), abs("a", "y")),
		"own input":            nodes(abs("y", "y")),
		"later input":          nodes(abs("a", "y"), abs("x", "a")),
		"dangling":             nodes(abs("nowhere", "y")),
		"twice":                nodes(abs("x", "y"), abs("x", "y")),
		"over an input":        nodes(abs("x", "x"), abs("x", "y")),
		"many inputs":          nodes(op("Abs", slices.Repeat([]string{"x"}, 1000), []string{"y"})),
		"many outputs":         nodes(op("Abs", []string{"x"}, slices.Repeat([]string{"y"}, 1000))),
		"output not made":      func(p *parts) { p.outputs = [][]byte{port("z", 1)} },
		"output is an input":   func(p *parts) { p.outputs = [][]byte{port("x", 1, "N", 3)} },
		"output twice":         func(p *parts) { p.outputs = slices.Repeat(p.outputs, 2) },
		"input twice":          func(p *parts) { p.inputs = slices.Repeat(p.inputs, 2) },
		"no output":            func(p *parts) { p.outputs = nil },
		"no input":             func(p *parts) { p.inputs = nil },
		"constant over input":  func(p *parts) { p.constants = [][]byte{ints("x", 1)} },
		"constant alone":       func(p *parts) { p.constants = [][]byte{ints("c", 1)} },
		"constant of no size":  func(p *parts) { p.constants = [][]byte{ints("c")} },
		"no opset":             func(p *parts) { p.opset = 0 },
		"negative opset":       func(p *parts) { p.opset = -1 },
		"old opset":            func(p *parts) { p.opset = 6 },
		"opset to come":        func(p *parts) { p.opset = 1 << 62 },
		"two opsets":           func(p *parts) { p.more = [][]byte{body(8, number(2, 13))} },
		"two graphs":           func(p *parts) { p.more = [][]byte{body(7, text(2, "other"))} },
		"functions":            func(p *parts) { p.more = [][]byte{body(25, text(1, "Abs"))} },
		"sparse":               func(p *parts) { p.more = [][]byte{body(7, body(15, number(1, 1)))} },
		"group":                func(p *parts) { p.more = [][]byte{{0x0b, 0x0c}} },
		"other type":           func(p *parts) { p.inputs = [][]byte{port("x", 2, 3)} },
		"string type":          func(p *parts) { p.inputs = [][]byte{port("x", 8, 3)} },
		"no type":              func(p *parts) { p.inputs = [][]byte{text(1, "x")} },
		"type that lies":       func(p *parts) { p.outputs = [][]byte{port("y", 7, "N", 3)} },
	}
}

func sizesOf() map[string]func(*parts) {
	out := map[string]func(*parts){}
	lists := map[string][]any{
		"2^38": {1 << 38}, "2^50": {1 << 50}, "2^62": {1 << 62}, "negative": {-1}, "zero": {0}, "zero and 2^62": {0, 1 << 62},
		"product": {1 << 40, 1 << 40}, "letter and size": {"N", 1 << 50}, "odd letter": {"\x1b[31m"}, "form": {"9999999999N*N*N*N*N"},
		"64 axes": slices.Repeat([]any{2}, 64), "64 letters": slices.Repeat([]any{"N"}, 64), "65 axes": slices.Repeat([]any{1}, 65), "1000 axes": slices.Repeat([]any{1}, 1000),
	}
	for name, dims := range lists {
		out["input "+name] = func(p *parts) { p.inputs = [][]byte{port("x", 1, dims...)} }
		out["output "+name] = func(p *parts) { p.outputs = [][]byte{port("y", 1, dims...)} }
		out["half output "+name] = func(p *parts) {
			p.inputs, p.outputs = [][]byte{port("x", 10, "N", 3)}, [][]byte{port("y", 10, dims...)}
		}
		out["both "+name] = func(p *parts) {
			p.inputs, p.outputs = [][]byte{port("x", 1, dims...)}, [][]byte{port("y", 1, dims...)}
		}
		out["constant "+name] = func(p *parts) {
			var list []byte
			for _, d := range dims {
				if n, ok := d.(int); ok {
					list = append(list, number(1, int64(n))...)
				}
			}
			p.constants = [][]byte{slices.Concat(list, number(2, 1), text(8, "c"))}
			p.nodes = [][]byte{op("Add", []string{"x", "c"}, []string{"y"})}
		}
	}
	return out
}

func namesOf() map[string]func(*parts) {
	out := map[string]func(*parts){}
	for label, name := range map[string]string{
		"up": "../../escaped", "root": "/escaped", "device": "CON", "stream": "a:b", "dot": "x.", "hidden": ".x", "color": "\x1b[31mred\x1b[0m",
		"lines": "a\nlossgen: fine\r", "bytes": "\xff\xfe\x00", "bidi": "\u202egpj", "control": "\u009b2J", "long": strings.Repeat("n", 1<<20), "equals": "a=b", "space": " ", "quote": `"'<&>\`,
	} {
		out["all names "+label] = func(p *parts) {
			p.inputs, p.outputs = [][]byte{port(name+"1", 1, name, 3)}, [][]byte{port(name, 1, name, 3)}
			p.nodes = [][]byte{slices.Concat(op("Abs", []string{name + "1"}, []string{name}), text(3, name), text(6, name))}
			p.more = [][]byte{text(2, name), text(3, name), body(7, text(2, name), text(10, name)), body(14, text(1, name), text(2, name))}
		}
		out["operator "+label] = func(p *parts) { p.nodes = [][]byte{op(name, []string{"x"}, []string{"y"})} }
		out["domain "+label] = func(p *parts) { p.nodes = [][]byte{slices.Concat(p.nodes[0], text(7, name))} }
		out["attribute "+label] = func(p *parts) {
			a := slices.Concat(text(1, name), text(4, name), number(20, 3))
			p.nodes = [][]byte{op("Nonesuch", []string{"x"}, []string{"y"}, a)}
		}
		out["dangling "+label] = func(p *parts) { p.nodes = [][]byte{op("Abs", []string{name}, []string{"y"})} }
	}
	out["case"] = func(p *parts) {
		p.nodes = append(p.nodes, op("Abs", []string{"x"}, []string{"Y"}))
		p.outputs = append(p.outputs, port("Y", 1, "N", 3))
	}
	return out
}

// floods are small files, or easily compressed ones, of very many parts.
func floods() map[string]func(*parts) {
	many := func(field int) func(*parts) {
		return func(p *parts) { p.more = [][]byte{body(7, bytes.Repeat(body(field), 4_000_000))} }
	}
	out := map[string]func(*parts){
		"4M nodes": many(1), "4M constants": many(5), "4M inputs": many(11), "4M outputs": many(12), "4M declarations": many(13),
		"4M entries":    func(p *parts) { p.more = [][]byte{bytes.Repeat(body(14), 4_000_000)} },
		"4M opsets":     func(p *parts) { p.more = [][]byte{bytes.Repeat(body(8), 4_000_000)} },
		"4M names":      func(p *parts) { p.nodes = [][]byte{bytes.Repeat(body(1), 4_000_000)} },
		"4M attributes": func(p *parts) { p.nodes = [][]byte{bytes.Repeat(body(5), 4_000_000)} },
		"1M axes": func(p *parts) {
			p.inputs = [][]byte{slices.Concat(text(1, "x"), body(2, body(1, number(1, 1), body(2, bytes.Repeat(body(1), 1_000_000)))))}
		},
		"chain": func(p *parts) {
			p.nodes = nil
			last := "x"
			for i := range 20_000 {
				p.nodes = append(p.nodes, op("Abs", []string{last}, []string{fmt.Sprintf("v%05d", i)}))
				last = fmt.Sprintf("v%05d", i)
			}
			p.outputs = [][]byte{port(last, 1, "N", 3)}
		},
	}
	for _, depth := range []int{1, 8, 9, 200} {
		out[fmt.Sprintf("%d graphs in each other", depth)] = func(p *parts) {
			inner := slices.Concat(text(2, "g"), body(1, op("Abs", []string{"x"}, []string{"z"})), body(12, port("z", 1)))
			for range depth {
				a := slices.Concat(text(1, "body"), body(6, inner), number(20, 5))
				inner = slices.Concat(text(2, "g"), body(1, op("If", []string{"x"}, []string{"z"}, a)), body(12, port("z", 1)))
			}
			p.more = [][]byte{body(7, inner)}
		}
	}
	return out
}

// operators applies operators to constants and attributes that mean nothing.
func operators() map[string][]byte {
	files := map[string][]byte{}
	numbers := map[string][]int64{
		"2^62": {1 << 62}, "2^38": {1 << 38}, "-2^63": {-1 << 63}, "free": {-1, -1}, "-5": {-5}, "product": {1 << 40, 1 << 40}, "nothing": {}, "0": {0}, "0 and 2^50": {0, 1 << 50},
	}
	for _, name := range []string{"Reshape", "Expand", "Tile", "Unsqueeze", "Squeeze", "Gather", "GatherND", "GatherElements", "ReduceSum", "Split", "Pad", "TopK", "CumSum", "Trilu", "MatMul", "OneHot", "Clip"} {
		for label, list := range numbers {
			files[name+" of "+label] = plainParts(func(p *parts) {
				p.constants = [][]byte{ints("c", list...)}
				p.nodes = [][]byte{op(name, []string{"x", "c"}, []string{"y"})}
			})
		}
	}
	for _, name := range []string{"ConstantOfShape", "Range", "Slice", "ScatterElements", "OneHot", "Where"} {
		for label, list := range numbers {
			files[name+" of three "+label] = plainParts(func(p *parts) {
				p.constants = [][]byte{ints("c", list...), ints("d", 1)}
				in := map[string][]string{"ConstantOfShape": {"c"}, "Range": {"d", "c", "d"}, "Slice": {"x", "c", "c"}}[name]
				if in == nil {
					in = []string{"x", "c", "d"}
				}
				p.nodes = [][]byte{op(name, in, []string{"y"})}
			})
		}
	}
	values := map[string][]byte{
		"int": slices.Concat(number(3, 1<<62), number(20, 2)), "negative": slices.Concat(number(3, -1<<62), number(20, 2)), "float": {0x15, 0, 0, 0xc0, 0x7f, 0xa0, 1, 1},
		"string": slices.Concat(text(4, "x"), number(20, 3)), "ints": slices.Concat(number(8, 1<<62), number(8, -9), number(20, 7)), "none": number(20, 7), "no type": nil, "type 99": number(20, 99),
		"tensor": slices.Concat(body(5, ints("", 1, 2, 3)), number(20, 4)), "no tensor": number(20, 4), "graph": slices.Concat(body(6, text(2, "g")), number(20, 5)),
	}
	for name, attribute := range map[string]string{
		"Softmax": "axis", "Concat": "axis", "Transpose": "perm", "Cast": "to", "ReduceMax": "axes", "ArgMax": "axis", "Flatten": "axis", "Constant": "value",
		"ConstantOfShape": "value", "Scan": "body", "Gather": "axis", "Shape": "start", "Einsum": "equation", "Gemm": "alpha", "LeakyRelu": "alpha", "Compress": "axis",
	} {
		for label, value := range values {
			files[name+" with "+label] = plainParts(func(p *parts) {
				in := []string{"x"}
				switch name {
				case "Constant":
					in = nil
				case "Gather", "Compress", "Gemm":
					in = []string{"x", "x"}
				}
				p.nodes = [][]byte{op(name, in, []string{"y"}, slices.Concat(text(1, attribute), value))}
			})
		}
	}
	return files
}

// lies are files of lossgen whose metadata tells another request.
func lies(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	m, err := build(losses.Request{Catalog: all.Losses(), Loss: "mse"})
	if err != nil {
		t.Fatal(err)
	}
	nested := `{"tasks":[{"name":"a","loss":"mse"}]}`
	for range 40 {
		nested = `{"tasks":[{"name":"a","loss":"multi_task","options":` + nested + `}]}`
	}
	for name, meta := range map[string][2]string{
		"nested": {"multi_task", nested}, "deep": {"mse", strings.Repeat("[", 100_000)}, "no JSON": {"mse", "{"}, "null": {"mse", "null"}, "list": {"mse", "[1]"},
		"other loss": {"\x1b[31m", "{}"}, "wrong type": {"mse", `{"reduction":{"a":[1]}}`}, "cutoffs": {"adaptive_log_softmax_with_loss", `{"n_classes":1e15,"cutoffs":[` + strings.Repeat("1,", 100_000) + `2]}`},
		"quantiles": {"quantile", `{"quantiles":[` + strings.Repeat("0.5,", 100_000) + `0.5]}`}, "tasks": {"multi_task", `{"tasks":[` + strings.Repeat(`{"name":"a","loss":"mse"},`, 10_000) + `{"name":"b","loss":"mse"}]}`},
		"another": {"l1", `{"reduction":"mean"}`},
	} {
		// The last entry of a key counts nowhere: the first ones are given new names.
		data := bytes.ReplaceAll(bytes.ReplaceAll(m.data, []byte("lossgen.loss"), []byte("lossgen.lass")), []byte("lossgen.options"), []byte("lossgen.uptions"))
		files["metadata "+name] = slices.Concat(data, body(14, text(1, "lossgen.loss"), text(2, meta[0])), body(14, text(1, "lossgen.options"), text(2, meta[1])))
	}
	return files
}

// damaged are files of lossgen with some bytes changed, cut out or put in.
func damaged(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	random := rand.New(rand.NewPCG(1, 2))
	for _, loss := range []string{"mse", "cross_entropy", "ctc", "multi_task"} {
		m, err := build(losses.Request{Catalog: all.Losses(), Loss: loss})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			data := slices.Clone(m.data)
			for range 1 + i%4 {
				at := random.IntN(len(data))
				switch i % 5 {
				case 0:
					data[at] ^= 1 << random.IntN(8)
				case 1:
					data[at] = byte(random.IntN(256))
				case 2:
					data = data[:at+1]
				case 3:
					data = slices.Delete(data, at, min(at+1+random.IntN(8), len(data)))
				case 4:
					data = slices.Insert(data, at, data[:min(len(data), random.IntN(16))]...)
				}
				if len(data) == 0 {
					break
				}
			}
			files[fmt.Sprintf("%s damaged %d", loss, i)] = data
		}
	}
	return files
}
