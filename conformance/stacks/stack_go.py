"""Go: a temporary module whose package losses holds all adapters."""

import subprocess

from generate import literal, write

TOOLS = {"go": "apt-get install golang (1.21 or later), or from go.dev/dl"}
BINDING = "github.com/yalue/onnxruntime_go@v1.27.0"
ELEMENTS = {"float32": "float32", "float64": "float64", "float16": "uint16", "bfloat16": "uint16",
            "int64": "int64", "int32": "int32", "bool": "bool"}

MAIN = """package main

import (
	"bytes"
	"encoding/binary"
	"os"

	"golden/losses"
)

func read[T any](path string, count int) []T {
	raw, err := os.ReadFile(path)
	fail(err)
	data := make([]T, count)
	fail(binary.Read(bytes.NewReader(raw), binary.LittleEndian, data))
	return data
}

func write(path string, data any) {
	var b bytes.Buffer
	fail(binary.Write(&b, binary.LittleEndian, data))
	fail(os.WriteFile(path, b.Bytes(), 0o644))
}

func fail(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
%s}
"""


def pascal(name):
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def fields(case, longer=""):
    """The fields of the inputs; one input may be given one element too many."""
    for p in case.inputs:
        count = p.array.size + (p.name == longer)
        value = f'read[{ELEMENTS[p.dtype]}]({literal(case.data / p.name)}, {p.array.size})'
        if p.name == longer:
            value = f"make([]{ELEMENTS[p.dtype]}, {count})"
        if p.array.ndim == 0:
            value += "[0]"
        yield f"{pascal(p.name)}: {value}"
        if p.array.ndim > 1:
            yield f"{pascal(p.name)}Shape: [{p.array.ndim}]int64{{{', '.join(map(str, p.array.shape))}}}"


def call(case):
    lines = ["{", f'loss, err := losses.Open{case.type}("")', "fail(err)",
             f"out, err := loss.Run(losses.{case.type}Inputs{{{', '.join(fields(case))}}})", "fail(err)"]
    lines += [f"write({literal(case.data / (p.name + '.out'))}, out.{pascal(p.name)})" for p in case.outputs]
    return lines + ["fail(loss.Close())", "}"]


def contradiction(case, folder, stranger):
    return ["{", f'loss, err := losses.Open{case.type}("")', "fail(err)",
            f"_, err = loss.Run(losses.{case.type}Inputs{{{', '.join(fields(case, 'target'))}}})",
            f"refused := err.Error()", f"_, err = losses.Open{case.type}({literal(stranger)})",
            f"fail(os.WriteFile({literal(folder / 'refused')}, []byte(refused+\"\\n\"+err.Error()), 0o644))", "}"]


def run(cases, folder, cache, environment, stranger):
    package = folder / "losses"
    package.mkdir()
    for case in cases:
        for end in (".onnx", ".go"):
            (folder / (case.stem + end)).rename(package / (case.stem + end))
    body = [line for case in cases for line in call(case)]
    body += contradiction(next(c for c in cases if c.loss == "focal"), folder, stranger)
    write(folder / "main.go", MAIN % "".join(f"\t{line}\n" for line in body))
    write(folder / "go.mod", "module golden\n\ngo 1.21\n")
    for command in (["go", "get", BINDING], ["go", "vet", "./..."], ["go", "build", "-o", "golden", "."], ["./golden"]):
        subprocess.run(command, cwd=folder, env=environment, check=True, stderr=subprocess.PIPE)
    return (folder / "refused").read_text()


def variables(cache, environment):
    return environment
