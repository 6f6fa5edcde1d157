"""JavaScript under Node: every case with onnxruntime-web and with onnxruntime-node."""

import json
import os
import subprocess

from generate import write

TOOLS = {"node": "apt-get install nodejs (18 or later)", "npm": "apt-get install npm"}
PACKAGES = ["onnxruntime-web@1.30.0", "onnxruntime-node@1.30.0"]

MAIN = """import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const ort = await import(process.argv[2]);
const cases = JSON.parse(await readFile("cases.json"));
const ARRAYS = {
  float32: Float32Array, float64: Float64Array, float16: Uint16Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array,
};

async function read(port) {
  const bytes = await readFile(port.path);
  return { data: new ARRAYS[port.dtype](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), dims: port.dims };
}

const half = (x) => { // the bits of a number that has an exact float16
  if (x === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  return (x < 0 ? 0x8000 : 0) | (exponent + 15 << 10) | Math.round((Math.abs(x) / 2 ** exponent - 1) * 1024);
};

for (const { file, inputs, outputs } of cases) {
  const { create } = await import(pathToFileURL(file));
  const run = await create(undefined, ort);
  const feeds = Object.fromEntries(await Promise.all(inputs.map(async (p) => [p.name, await read(p)])));
  const results = await run(feeds);
  for (const p of outputs) {
    const x = results[p.name];
    const data = x.data ?? ARRAYS[p.dtype].of(p.dtype === "float16" ? half(x) : x);
    await writeFile(p.path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  await run.close();
}

// As a user would write it: nested arrays and plain numbers, and a mistake.
const { create } = await import(pathToFileURL(cases.find((c) => c.plain).file));
const run = await create(undefined, ort);
const { loss, grad_input } = await run({ input: [[1, 2, 3], [1, 0, -1]], target: [2, 0] });
if (!(loss > 0) || grad_input.dims.join() !== "2,3") throw new Error(`loss ${loss}, gradient ${grad_input.dims}`);
const messages = [];
for (const wrong of [
  { input: [[1, 2, 3], [1, 0, -1]], target: [2, 0, 1] },
  { input: [[1, 2, 3], [1, 0]], target: [2, 0] },
  { input: [[1, 2, 3]], target: [0.5] },
  { input: [[1, 2, 3]], target: [0], weights: [1] },
  { input: [[1, 2, 3]] },
]) {
  await run(wrong).then(() => { throw new Error(`no error for ${JSON.stringify(wrong)}`); }, (e) => messages.push(e.message));
}
// Another file as a path and as bytes, and a session of a file with other types; then the file itself.
const stranger = process.argv[3];
const onnx = (c) => c.file.replace(/mjs$/, "onnx");
const file = onnx(cases.find((c) => c.plain));
const typed = cases.find((c) => c.inputs.map((p) => p.name + p.dtype).join() === "inputfloat16,targetfloat16");
for (const source of [stranger, await readFile(stranger), await ort.InferenceSession.create(await readFile(onnx(typed)))]) {
  await create(source, ort).then(() => { throw new Error("another file is taken"); }, (e) => messages.push(e.message));
}
await create(await ort.InferenceSession.create(await readFile(file)), ort);
await create(await readFile(file), ort);
Object.defineProperty(globalThis, "crypto", { value: undefined }); // as where a page is not served securely
await create(file, ort);
await create(stranger, ort).then(() => { throw new Error("another file is taken"); }, (e) => messages.push(e.message));
if (messages.filter((m) => m.includes("is not the file that")).length !== 4) throw new Error(messages.join("\\n"));
await writeFile("refused", messages.join("\\n"));
"""


def port(p, path):
    return {"name": p.name, "dtype": p.dtype, "dims": p.array.shape, "path": str(path)}


def run(cases, folder, cache, environment, stranger):
    manifest = [{"file": str(folder / (c.stem + ".mjs")),
                 "plain": c.loss == "focal" and len(c.inputs) == 2 and c.outputs[0].array.ndim == 0 and c.dtype == "float32",
                 "inputs": [port(p, c.data / p.name) for p in c.inputs],
                 "outputs": [port(p, c.data / (p.name + ".out")) for p in c.outputs]} for c in cases]
    write(folder / "cases.json", json.dumps(manifest))
    write(folder / "main.mjs", MAIN)
    install(cache, environment)
    os.symlink(cache / "node_modules", folder / "node_modules")
    for name in ("onnxruntime-web", "onnxruntime-node"):
        for case in cases:
            for p in case.outputs:
                (case.data / (p.name + ".out")).unlink(missing_ok=True)
        subprocess.run(["node", "main.mjs", name, stranger], cwd=folder, env=environment, check=True, stderr=subprocess.PIPE)
        if name == "onnxruntime-web":  # the caller compares the last run
            for case in cases:
                case.compare()
    return (folder / "refused").read_text()


def install(cache, environment):
    """Installs both packages once. The Node package would fetch CUDA libraries, which are of no use here."""
    if all((cache / "node_modules" / p.split("@")[0]).exists() for p in PACKAGES):
        return
    write(cache / "package.json", '{"private": true}\n')
    subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--no-package-lock", *PACKAGES], cwd=cache, check=True,
                   env=environment | {"ONNXRUNTIME_NODE_INSTALL": "skip"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def variables(cache, environment):
    """No package is fetched anew when npm has it, nor CUDA libraries."""
    return environment | {"npm_config_prefer_offline": "true", "ONNXRUNTIME_NODE_INSTALL": "skip"}
