// The page: loads onnxruntime-web and the emitted file, trains, and shows how it goes.
//
// ?ort=FOLDER says where the files of onnxruntime-web are, by default where npm puts them.

import { create } from "./cross_entropy.mjs";
import { drawChart, drawPlane } from "./draw.mjs";
import { CLASSES, FEATURES, makePoints, makeStep, random } from "./model.mjs";

const STEPS = 400;
const POINTS = 240;
const element = (id) => document.getElementById(id);

const state = { losses: [], weights: null, points: [], ignored: 0, step: null, paused: false, round: 0 };
globalThis.training = state; // for tests of this page

async function loadRuntime() {
  const folder = new URL(new URLSearchParams(location.search).get("ort") ?? "node_modules/onnxruntime-web/dist/", location.href);
  const ort = await import(new URL("ort.wasm.min.mjs", folder));
  ort.env.wasm.wasmPaths = folder.href;
  return ort;
}

function shuffled(points) {
  const next = random(1);
  return points.map((p) => [next(), p]).sort((a, b) => a[0] - b[0]).map(([, p]) => p);
}

function restart(run) {
  state.points = shuffled(makePoints(POINTS));
  state.ignored = Math.round(POINTS * element("ignored").value / 100);
  state.weights = new Float32Array(FEATURES * CLASSES);
  state.losses = [];
  state.step = makeStep(run, state.points, state.ignored, state.weights);
  state.round++;
}

function show({ loss, accuracy }, microseconds) {
  element("step").value = state.losses.length;
  element("loss").value = loss.toFixed(4);
  element("accuracy").value = `${(100 * accuracy).toFixed(1)} %`;
  element("time").value = `${microseconds.toFixed(0)} µs`;
}

function draw() {
  drawPlane(element("plane"), state.points, state.ignored, state.weights);
  drawChart(element("chart"), state.losses, STEPS);
}

const nextFrame = () => new Promise(requestAnimationFrame);

async function train() {
  const times = [];
  while (true) {
    await nextFrame();
    if (state.paused || state.losses.length >= STEPS) continue;
    const round = state.round;
    const result = await state.step(10 ** element("rate").value);
    if (round !== state.round) continue; // started again in between
    state.losses.push(result.loss);
    times.push(state.lastRun);
    const recent = times.slice(-50); // browsers give times in coarse steps: a mean tells more
    show(result, recent.reduce((a, b) => a + b) / recent.length);
    draw();
    if (state.losses.length === STEPS) element("status").textContent = `${STEPS} steps done.`;
  }
}

/** The same function, which also notes how long it took. */
function timed(run) {
  return async (inputs) => {
    const start = performance.now();
    const results = await run(inputs);
    state.lastRun = 1000 * (performance.now() - start);
    return results;
  };
}

function connect(run) {
  const labels = () => {
    element("rate-value").value = (10 ** element("rate").value).toFixed(2);
    element("ignored-value").value = `${element("ignored").value} %`;
  };
  const begin = () => {
    restart(run);
    element("status").textContent = "Training. Points without a label count neither in the loss nor in its gradient.";
  };
  element("rate").addEventListener("input", labels);
  element("ignored").addEventListener("input", () => { labels(); begin(); });
  element("restart").addEventListener("click", begin);
  element("pause").addEventListener("click", () => {
    state.paused = !state.paused;
    element("pause").textContent = state.paused ? "Go on" : "Pause";
  });
  labels();
  begin();
}

try {
  const ort = await loadRuntime();
  connect(timed(await create(undefined, ort)));
  await train();
} catch (error) {
  element("status").textContent = error.message;
  element("status").className = "error";
  throw error;
}
