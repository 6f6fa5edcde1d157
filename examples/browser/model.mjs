// Softmax regression on points of a plane. Its loss and gradient come from outside.

export const CLASSES = 3;
export const FEATURES = 6;
const IGNORED = -100; // the ignore_index of the file

/** A generator of random numbers that gives the same ones in every browser. */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Points of three classes: a disk in the middle, and two arms around it. */
export function makePoints(count, seed = 5) {
  const next = random(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const points = [];
  for (let i = 0; i < count; i++) {
    const label = i % CLASSES;
    if (label === 0) {
      points.push({ x: 0.24 * normal(), y: 0.24 * normal() - 0.05, label });
      continue;
    }
    const angle = (label === 1 ? 0.1 : 1.1) * Math.PI + 0.8 * Math.PI * next();
    const radius = 0.72 + 0.09 * normal();
    points.push({ x: 1.1 * radius * Math.cos(angle), y: radius * Math.sin(angle), label });
  }
  return points;
}

/** The features of a point: a constant, the point, and its products. */
export function features(x, y) {
  return [1, x, y, x * x, x * y, y * y];
}

/** Logits of one point. */
export function logits(weights, x, y) {
  const f = features(x, y);
  return Array.from({ length: CLASSES }, (_, c) => f.reduce((sum, v, k) => sum + v * weights[k * CLASSES + c], 0));
}

/** The class with the largest logit. */
export function best(values) {
  return values.indexOf(Math.max(...values));
}

/** Returns one step of gradient descent, which changes weights and returns the loss and the accuracy. */
export function makeStep(run, points, ignored, weights) {
  const count = points.length;
  const input = new Float32Array(count * CLASSES);
  // The first points of a shuffled list are those whose label the loss ignores.
  const target = BigInt64Array.from(points, (p, i) => BigInt(i < ignored ? IGNORED : p.label));
  return async (rate) => {
    points.forEach((p, i) => input.set(logits(weights, p.x, p.y), i * CLASSES));
    const { loss, grad_input } = await run({ input: { data: input, dims: [count, CLASSES] }, target });
    points.forEach((p, i) => features(p.x, p.y).forEach((f, k) => {
      for (let c = 0; c < CLASSES; c++) weights[k * CLASSES + c] -= rate * f * grad_input.data[i * CLASSES + c];
    }));
    const right = points.filter((p, i) => best([...input.subarray(i * CLASSES, (i + 1) * CLASSES)]) === p.label).length;
    return { loss, accuracy: right / count };
  };
}
