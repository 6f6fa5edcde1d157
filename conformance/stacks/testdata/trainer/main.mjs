import { readFile, writeFile } from "node:fs/promises";
import { Trainer } from "./digits_train.mjs";

const [steps, batch] = process.argv.slice(3).map(Number);
const ort = await import(process.argv[2]);
const bytes = async (name) => new Uint8Array(await readFile(name)).buffer;
const [x, y] = [new Float32Array(await bytes("x.bin")), new BigInt64Array(await bytes("y.bin"))];
const at = (i) => ({
  x: { data: x.slice(i * batch * 64, (i + 1) * batch * 64), dims: [batch, 64] },
  target: { data: y.slice(i * batch, (i + 1) * batch), dims: [batch] },
});
const equal = (a, b) => {
  if (a !== b) throw new Error(`${a} is not ${b}`);
};
const trainer = await Trainer.create({}, ort);
const losses = [];
for (let i = 0; i < steps; i++) losses.push(await trainer.step(at(i)));
await writeFile("losses.txt", losses.join("\n") + "\n");
const saved = trainer.parameters.save();
await writeFile("trained.safetensors", saved);
const before = await trainer.evaluate(at(0));
const rate = trainer.parameters.get("lr")[0];
trainer.parameters.set("lr", [0]);
await trainer.step(at(0)); // which leaves all values as they are
equal(await trainer.evaluate(at(0)), before);
trainer.parameters.load(saved);
equal(await trainer.evaluate(at(0)), before);
equal(trainer.parameters.get("lr")[0], rate);
await writeFile("evaluated.txt", before + "\n");
for (const wrong of [{ x: at(0).x }, { x: at(0).x, target: { data: [1], dims: [1] } }]) {
  await trainer.step(wrong).then(() => { throw new Error("a wrong batch is taken"); }, () => {});
}
await trainer.close();
