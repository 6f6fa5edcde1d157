#!/usr/bin/env python3
"""Has every language compile adapters of losses, tasks and files with names that are hard on source.

    python adapter_names.py [--only python,js,go,cpp,rust,java]

Names of inputs: words of every language, what templates call their own, and names that become
one in some style. Names of files: quotes, ends of comments, line ends, no letters at all. Sizes: forms
over letters, which PyTorch and JavaScript also run. The SHA-256 of C++, Rust and JavaScript is compared with hashlib's at all lengths around a block's end.
A language whose tools are missing is named at the end.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "shared"))
import stack_cpp
import stack_go
import stack_java
import stack_js
import stack_rust
from command import load
from generate import write
from stacks import CACHE, library

HERE = pathlib.Path(__file__).resolve().parent
STEMS = ["", "class", "self", "type", "init", "main", "mod", "2nd", "_X", "größe", "损失", "💥", "a'b", 'a"b', "a\\b", "b\\",
         "a\nb", "\\u000a x", "\u2028x", "\u202ex", "{x}", "%s%d", "$(x)", "`x`", "toString", "__proto__", "result",
         "inputs", "string", "ort_api", "EOF", "coding: latin-9", '"""', "??", "a[b]", "x_test", "x_linux", "ort", "T", "l1"]
TASKS = ["class", "def", "None", "toString", "constructor", "__proto__", "_X", "_", "a_b", "aB", "a__b", "EOF", "in", "err"]
REQUESTS = [["words"], ["words", "--reduction", "none"], ["more_words", "--grad-output"], ["more_words", "--dtype", "float16", "--reduction", "none"],
            ["forms"], ["forms", "--reduction", "none"],
            ["multi_task", *(word for t in TASKS for word in ("--task", f"{t}=huber"))]]


def emit(command, folder, stack, arguments, stem):
    """Emits into a folder of its own, since stems may give one name; returns the folder, or None where Go cannot embed the file."""
    folder.mkdir(parents=True)
    done = subprocess.run([command, "emit", *arguments, "-o", folder / (stem + ".onnx"), "--adapter", stack], capture_output=True, text=True)
    if done.returncode == 2 and stack == "go" and "cannot be embedded by Go" in done.stderr:
        return None
    if done.returncode:
        sys.exit(f"{stack}, {arguments[0]} as {stem!r}: {done.stderr}")
    return folder


def sources(command, root, stack):
    """Emits everything for a stack; returns the sources."""
    asked = [(r, f"plain{i}") for i, r in enumerate(REQUESTS)] + [(["focal"], stem) for stem in STEMS]
    folders = [emit(command, root / f"{stack}{i}", stack, *what) for i, what in enumerate(asked)]
    return [next(f for f in folder.iterdir() if not f.name.endswith(".onnx")) for folder in folders if folder]


def run(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{words[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def check_python(command, root, environment):
    for stack in ("torch", "jax", "tensorflow"):
        for source in sources(command, root, stack):
            compile(source.read_bytes(), source, "exec")
            if stack == "torch":
                load(source, source.stem).Loss()
    values(command, root)
    forms(command, root)


def values(command, root):
    """The sum of squares of all inputs, by position, and its gradients."""
    import torch
    folder = emit(command, root / "values", "torch", ["words", "--reduction", "sum"], "words")
    sys.path.insert(0, str(folder))
    import words_torch
    inputs = {name: torch.rand(2, 3, requires_grad=True) for name in words_torch.NAMES}
    first, second, *rest = inputs.values()
    loss = words_torch.Loss()(first, second, **{name: x for name, x in zip(keywords(words_torch), rest)})
    loss.backward()
    torch.testing.assert_close(loss, sum((x**2).sum() for x in inputs.values()))
    for x in inputs.values():
        torch.testing.assert_close(x.grad, 2 * x)


def forms(command, root):
    """A loss and inputs with sizes that are forms over letters, of all sizes and one that contradicts."""
    import torch
    for dtype in (torch.float32, torch.bfloat16):  # which go two ways to ONNX Runtime
        name = str(dtype).removeprefix("torch.")
        folder = emit(command, root / name, "torch", ["forms", "--reduction", "none", "--dtype", name], "forms_" + name)
        criterion = load(next(folder.glob("*.py")), "forms_" + name).Loss()
        for rows in (4, 1, 0):
            ours, theirs = ([torch.arange(n).remainder(5).to(dtype).reshape(shape).requires_grad_() for n, shape in
                             ((3 * rows, (rows, 3)), (2 * rows, (2 * rows,)))] for _ in range(2))
            loss, want = criterion(*ours), ((theirs[0][1:] - theirs[0][:-1]) ** 2).sum(1) * theirs[1].sum()
            torch.testing.assert_close(loss, want)
            loss.sum().backward()
            want.sum().backward()
            for x, y in zip(ours, theirs):
                torch.testing.assert_close(x.grad, y.grad)
        try:
            criterion(torch.zeros(4, 3, dtype=dtype), torch.zeros(7, dtype=dtype))
            raise AssertionError("7 is taken for 2*T with T = 4")
        except ValueError as e:
            assert "2*T = 7" in str(e) and "it is 8" in str(e), e


def keywords(module):
    import inspect
    return [p.name for p in inspect.signature(module.Loss.forward).parameters.values() if p.kind == p.KEYWORD_ONLY]


def check_js(command, root, environment):
    for source in sources(command, root, "js"):
        run("node", "--check", source)
    main = root / "hash.mjs"
    text = source.read_text()
    start = text.index("function digest(")
    main.write_text(text[start:text.index("\n}\n", start) + 3] + 'console.log(JSON.parse(process.argv[2]).map((n) => '
                    'Buffer.from(digest(new Uint8Array(n).map((_, i) => i * 7))).toString("hex")).join("\\n"));\n')
    vectors(run("node", main, str(LENGTHS)).split())
    stack_js.install(CACHE / "js", environment)
    folder = emit(command, root / "forms", "js", ["forms", "--reduction", "none"], "forms")
    os.symlink(CACHE / "js" / "node_modules", folder / "node_modules")
    (folder / "main.mjs").write_text(FORMS)
    run("node", "main.mjs", cwd=folder)


FORMS = """import * as ort from "onnxruntime-web";
import { create } from "./forms.mjs";

const run = await create(undefined, ort);
const input = [[1, 2], [3, 4], [3, 5]], twice = [1, 1, 1, 1, 1, 0.5], grad_output = [1, 2];
const { loss, grad_twice } = await run({ input, twice, grad_output });
if (loss.data.join() !== "44,5.5" || grad_twice.data.join() !== "10,10,10,10,10,10") throw new Error(`${loss.data} ${grad_twice.data}`);
for (const wrong of [{ twice: [1, 1] }, { grad_output: [1, 2, 3] }]) {
  const message = await run({ input, twice, grad_output, ...wrong }).then(() => "no error", (e) => e.message);
  if (!message.startsWith("the inputs have ")) throw new Error(message);
}
process.exit(0);
"""


def check_go(command, root, environment):
    module = root / "go"
    for i, source in enumerate(sources(command, root, "go")):
        shutil.copytree(source.parent, module / f"p{i}")
    write(module / "go.mod", "module names\n\ngo 1.21\n")
    run("go", "get", stack_go.BINDING, cwd=module)
    run("go", "vet", "./...", cwd=module)
    together = module / "together"  # all that can lie in one package
    together.mkdir()
    for stem in ("class", "type", "init", "main", "2nd", "x_test", "x_linux", "l1"):
        run(command, "emit", "focal", "-o", together / (stem + ".onnx"), "--adapter", "go")
    run("go", "vet", "./together", cwd=module)


LENGTHS = [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 100000]


def vectors(found):
    wanted = [hashlib.sha256(bytes(i * 7 & 255 for i in range(n))).hexdigest() for n in LENGTHS]
    assert found == wanted, f"SHA-256 gives {found}, want {wanted}"


def check_cpp(command, root, environment):
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-isystem", stack_cpp.header(environment)]
    names = sources(command, root, "cpp")
    for source in names:
        main = source.with_name("main.cpp")
        main.write_text(f'#include "{source.name}"\n')
        run("g++", *flags, "-fsyntax-only", main)
    text = names[0].read_text()
    start = text.index("  static std::string sha256(")
    body = text[start:text.index("\n  }\n", start) + 5]
    sizes = ", ".join(map(str, LENGTHS))
    main = root / "hash.cpp"
    main.write_text("#include <algorithm>\n#include <cstdint>\n#include <iostream>\n#include <string>\n" + body + f"""
int main() {{
  for (size_t n : {{{sizes}}}) {{
    std::string bytes(n, 0);
    for (size_t i = 0; i < n; i++) bytes[i] = char(i * 7);
    std::cout << sha256(bytes) << "\\n";
  }}
}}
""")
    run("g++", *flags[:5], "-fsanitize=undefined", "-fno-sanitize-recover", main, "-o", root / "hash")
    vectors(run(root / "hash").split())


def check_rust(command, root, environment):
    folder = CACHE / "rust_names"
    shutil.rmtree(folder / "src", ignore_errors=True)
    main = ""
    for i, source in enumerate(sources(command, root, "rust")):
        shutil.copytree(source.parent, folder / "src" / f"p{i}")
        main += f'#[path = "p{i}/{source.name}"]\nmod p{i};\n'
    main += "\nfn main() {\n" + f"    for n in {LENGTHS} {{\n" + """        let bytes: Vec<u8> = (0..n).map(|i: usize| (i * 7) as u8).collect();
        println!("{}", p0::sha256(&bytes));
    }
}
"""
    first = folder / "src" / "p0" / "plain0.rs"
    first.write_text(first.read_text().replace("\nfn sha256(", "\npub fn sha256("))
    write(folder / "src" / "main.rs", main)
    write(folder / "Cargo.toml", stack_rust.MANIFEST)
    environment = stack_rust.variables(CACHE / "rust", environment)
    vectors(run("cargo", "run", "--quiet", cwd=folder, env=environment).split())


def check_java(command, root, environment):
    path = stack_java.classpath(CACHE / "java", environment)
    for i, source in enumerate(sources(command, root, "java")):
        # A package of its own each: two stems may give one class.
        source.write_text(f"package p{i};\n" + source.read_text())
    run("javac", "-Xlint:all", "-Werror", "-cp", path, "-d", root / "classes", *root.glob("java*/*.java"))


CHECKS = {"python": (check_python, {}), "js": (check_js, {"node": "apt-get install nodejs"}), "go": (check_go, stack_go.TOOLS),
          "cpp": (check_cpp, stack_cpp.TOOLS), "rust": (check_rust, stack_rust.TOOLS), "java": (check_java, stack_java.TOOLS)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CHECKS))
    names = parser.parse_args().only.split(",")
    failed, missing = [], []
    with tempfile.TemporaryDirectory() as folder:
        command = os.path.join(folder, "lossgen")
        run("go", "build", "-o", command, "./conformance/stacks/adapter_names", cwd=HERE.parents[1])
        environment = os.environ | {"ORT_DYLIB_PATH": library() or ""}
        for name in names:
            check, tools = CHECKS[name]
            absent = [f"{name} ({tool}: {how})" for tool, how in tools.items() if not shutil.which(tool)]
            if absent:
                missing += absent
                continue
            try:
                check(command, pathlib.Path(folder) / name, environment)
                print(f"{name}: compiles", flush=True)
            except AssertionError as e:
                failed.append(name)
                print(f"{name}: FAILED\n{e}", flush=True)
    print(f"{len(names) - len(failed) - len(missing)} of {len(names)} languages compile sources with hard names"
          + (f"; NOT RUN: {', '.join(missing)}" if missing else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
