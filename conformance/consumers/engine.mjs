// Runs cases in onnxruntime-web under Node: as engine.py, a line of JSON in for each case and a line out.
//
//     node engine.mjs onnxruntime-web [SKIP] < cases.jsonl > answers.jsonl

import * as readline from "node:readline";
import * as ort from "onnxruntime-web";

ort.env.logLevel = "fatal";
ort.env.wasm.numThreads = 1;

const kinds = {
  float32: ["float32", Float32Array], float64: ["float64", Float64Array],
  int32: ["int32", Int32Array], int64: ["int64", BigInt64Array], bool: ["bool", Uint8Array],
};

function tensor({ dtype, shape, data }) {
  const [type, Numbers] = kinds[dtype];
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  return new ort.Tensor(type, new Numbers(bytes.buffer), shape);
}

function text(value) {
  const { buffer, byteOffset, byteLength } = value.data;
  return { dtype: value.type, shape: value.dims, data: Buffer.from(buffer, byteOffset, byteLength).toString("base64") };
}

async function answer({ model, inputs }) {
  let step = "open", session;
  try {
    session = await ort.InferenceSession.create(Uint8Array.from(Buffer.from(model, "base64")), { logSeverityLevel: 4 });
    step = "run";
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, tensor(value)]));
    const outputs = Object.entries(await session.run(feeds)).map(([name, value]) => [name, text(value)]);
    return { outputs: Object.fromEntries(outputs) };
  } catch (e) {
    return { step, error: String(e.message ?? e) };
  } finally {
    await session?.release();
  }
}

let skip = Number(process.argv[3] ?? 0);
for await (const line of readline.createInterface({ input: process.stdin })) {
  if (skip-- <= 0) process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
