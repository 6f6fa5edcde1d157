"""Rust: a crate with one module per adapter. Its build is kept in the cache."""

import shutil
import subprocess

from generate import literal, write

TOOLS = {"cargo": "apt-get install cargo (1.88 or later), or rustup"}
ELEMENTS = {"float32": "f32", "float64": "f64", "float16": "half::f16", "bfloat16": "half::bf16",
            "int64": "i64", "int32": "i32", "bool": "u8"}

MANIFEST = """[package]
name = "golden"
version = "0.1.0"
edition = "2021"

[dependencies]
half = "2"
ort = { version = "=2.0.0-rc.15", default-features = false, features = ["std", "load-dynamic", "api-24", "half"] }
"""

START = """
fn read<T: Copy>(path: &str, count: usize) -> Vec<T> {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(bytes.len(), count * std::mem::size_of::<T>());
    (0..count).map(|i| unsafe { bytes.as_ptr().cast::<T>().add(i).read_unaligned() }).collect()
}

fn write<T: Copy>(path: &str, data: &[T]) {
    let bytes = unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), std::mem::size_of_val(data)) };
    std::fs::write(path, bytes).unwrap();
}

fn main() {
    let environment = ort::init().build().unwrap();
"""


def arguments(case):
    for p in case.inputs:
        ampersand = "&" if p.array.ndim else ""
        yield f"{p.name}: {ampersand}{p.name}"
        if p.array.ndim > 1:
            yield f"{p.name}_shape: {list(p.array.shape)}"


def arrays(case, longer=""):
    for p in case.inputs:
        value = f"read::<{ELEMENTS[p.dtype]}>({literal(case.data / p.name)}, {p.array.size})"
        if p.dtype == "bool":
            value += ".into_iter().map(|b| b != 0).collect::<Vec<bool>>()"
        if p.name == longer:
            value = f"vec![0 as {ELEMENTS[p.dtype]}; {p.array.size + 1}]"
        yield f"let {p.name} = {value}{'' if p.array.ndim else '[0]'};"


def call(case):
    yield "{"
    yield from arrays(case)
    yield f"let mut loss = {case.stem}::{case.type}::open(&environment).unwrap();"
    yield f"let out = loss.run(&{case.stem}::Inputs {{ {', '.join(arguments(case))} }}).unwrap();"
    for p in case.outputs:
        data = f"&out.{p.name}" if p.array.ndim else f"&[out.{p.name}]"
        yield f"write({literal(case.data / (p.name + '.out'))}, {data});"
    yield "loss.close();"
    yield "}"


def contradiction(case, folder, stranger):
    yield from arrays(case, "target")
    yield f"let mut loss = {case.stem}::{case.type}::open(&environment).unwrap();"
    yield f"let error = loss.run(&{case.stem}::Inputs {{ {', '.join(arguments(case))} }}).unwrap_err();"
    yield f"let other = {case.stem}::{case.type}::from_path(&environment, {literal(stranger)}).err().unwrap();"
    yield f"std::fs::write({literal(folder / 'refused')}, format!(\"{{error}}\\n{{other}}\")).unwrap();"


def run(cases, folder, cache, environment, stranger):
    source = cache / "src"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for case in cases:
        for end in (".onnx", ".rs"):
            shutil.copy(folder / (case.stem + end), source)
    body = [line for case in cases for line in call(case)]
    body += contradiction(next(c for c in cases if c.loss == "focal"), folder, stranger)
    write(source / "main.rs", "".join(f"mod {c.stem};\n" for c in cases) + START + "".join(f"    {line}\n" for line in body) + "}\n")
    write(cache / "Cargo.toml", MANIFEST)
    for command in (["cargo", "build", "--quiet"], [cache / "target" / "debug" / "golden"]):
        subprocess.run(command, cwd=cache, env=variables(cache, environment), check=True, stderr=subprocess.PIPE)
    return (folder / "refused").read_text()


def variables(cache, environment):
    """Builds go to the cache, one job at a time, and fail on warnings."""
    return environment | {"RUSTFLAGS": "-D warnings", "CARGO_BUILD_JOBS": "1", "CARGO_PROFILE_DEV_DEBUG": "0",
                          "CARGO_TARGET_DIR": str(cache / "target")}
