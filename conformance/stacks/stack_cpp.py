"""C++: one program that includes every adapter, against the C header of the Go binding."""

import json
import subprocess

from generate import literal, write
from stack_go import BINDING

TOOLS = {"g++": "apt-get install g++", "go": "apt-get install golang: its binding of ONNX Runtime carries the header, "
         "or set ORT_INCLUDE to a folder that has onnxruntime_c_api.h"}
ELEMENTS = {"float32": "float", "float64": "double", "float16": "uint16_t", "bfloat16": "uint16_t",
            "int64": "int64_t", "int32": "int32_t", "bool": "unsigned char"}

START = """#include <iostream>

template <class T>
std::vector<T> read(const std::string& path, size_t count) {
  std::vector<T> data(count);
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(data.data()), std::streamsize(count * sizeof(T)));
  return data;
}

template <class T>
void write(const std::string& path, const std::vector<T>& data) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data.data()), std::streamsize(data.size() * sizeof(T)));
}

template <class T>
void write(const std::string& path, T value) { write(path, std::vector<T>{value}); }

int main() {
"""


def fill(case, longer=""):
    for p in case.inputs:
        kind = ELEMENTS[p.dtype]
        value = f"read<{kind}>({literal(case.data / p.name)}, {p.array.size})"
        if p.name == longer:
            value = f"std::vector<{kind}>({p.array.size + 1})"
        if p.array.ndim == 0:
            yield f"in.{p.name} = {value}[0];"
            continue
        yield f"auto {p.name} = {value};"
        yield f"in.{p.name} = {p.name};"
        if p.array.ndim > 1:
            yield f"in.{p.name}_shape = {{{', '.join(map(str, p.array.shape))}}};"


def call(case):
    yield "  {"
    yield f"    {case.type} loss;"
    yield f"    {case.type}::Inputs in;"
    yield from ("    " + line for line in fill(case))
    yield f"    {case.type}::Outputs out = loss.run(in);"
    yield from (f"    write({literal(case.data / (p.name + '.out'))}, out.{p.name});" for p in case.outputs)
    yield "  }"


def contradiction(case, folder, stranger):
    yield f"  {case.type} loss;"
    yield f"  {case.type}::Inputs in;"
    yield from ("  " + line for line in fill(case, "target"))
    yield f"  std::ofstream refused({literal(folder / 'refused')});"
    yield "  try { loss.run(in); } catch (const std::invalid_argument& e) { refused << e.what() << '\\n'; }"
    yield f"  try {{ {case.type} other({literal(stranger)}); }} catch (const std::runtime_error& e) {{ refused << e.what(); }}"
    yield "}"


def header(environment):
    """The folder of the C header."""
    if "ORT_INCLUDE" in environment:
        return environment["ORT_INCLUDE"]
    done = subprocess.run(["go", "mod", "download", "-json", BINDING], capture_output=True, check=True, env=environment)
    return json.loads(done.stdout)["Dir"]


def run(cases, folder, cache, environment, stranger):
    text = "".join(f'#include "{c.stem}.hpp"\n' for c in cases) + START
    for case in cases:
        text += "\n".join(call(case)) + "\n"
    text += "\n".join(contradiction(next(c for c in cases if c.loss == "focal"), folder, stranger)) + "\n"
    write(folder / "main.cpp", text)
    subprocess.run(["g++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-isystem", header(environment),
                    "main.cpp", "-o", "golden", "-ldl"], cwd=folder, env=environment, check=True, stderr=subprocess.PIPE)
    subprocess.run(["./golden"], cwd=folder, env=environment, check=True, stderr=subprocess.PIPE)
    return (folder / "refused").read_text()


def variables(cache, environment):
    return environment | {"ORT_INCLUDE": header(environment)}
