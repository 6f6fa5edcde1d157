// Draws the plane and the chart of the loss.

import { best, logits } from "./model.mjs";

const COLORS = [[217, 119, 43], [50, 105, 200], [30, 145, 120]];

/** A canvas in the resolution of the screen; returns its context and its size in CSS pixels. */
function prepare(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** The regions of the model, as a small image that is stretched over the plane. */
function regions(weights, columns, rows, spanX, spanY) {
  const image = new OffscreenCanvas(columns, rows);
  const context = image.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = ((column + 0.5) / columns - 0.5) * spanX;
      const y = (0.5 - (row + 0.5) / rows) * spanY;
      const values = logits(weights, x, y);
      const highest = Math.max(...values);
      const certain = 1 / values.reduce((sum, v) => sum + Math.exp(v - highest), 0);
      pixels.data.set([...COLORS[best(values)], 20 + 90 * (certain - 1 / 3)], 4 * (row * columns + column));
    }
  }
  context.putImageData(pixels, 0, 0);
  return image;
}

export function drawPlane(canvas, points, ignored, weights) {
  const { context, width, height } = prepare(canvas);
  const spanY = 2.2;
  const spanX = spanY * width / height;
  context.drawImage(regions(weights, 96, 80, spanX, spanY), 0, 0, width, height);
  points.forEach((p, i) => {
    context.beginPath();
    context.arc(width * (p.x / spanX + 0.5), height * (0.5 - p.y / spanY), 4, 0, 2 * Math.PI);
    context.fillStyle = i < ignored ? color("--card") : `rgb(${COLORS[p.label]})`;
    context.strokeStyle = i < ignored ? `rgb(${COLORS[p.label]})` : color("--card");
    context.lineWidth = i < ignored ? 1.5 : 1;
    context.fill();
    context.stroke();
  });
}

const LEFT = 40, RIGHT = 14, TOP = 10, BOTTOM = 30;

export function drawChart(canvas, losses, steps) {
  const { context, width, height } = prepare(canvas);
  const guess = Math.log(3);
  const top = Math.max(1.2, ...losses);
  const x = (step) => LEFT + (width - LEFT - RIGHT) * step / steps;
  const y = (loss) => TOP + (height - TOP - BOTTOM) * (1 - loss / top);
  const rule = (x1, y1, x2, y2, style, dash = []) => {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.setLineDash(dash);
    context.strokeStyle = style;
    context.lineWidth = 1;
    context.stroke();
    context.setLineDash([]);
  };
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = color("--quiet");
  context.textAlign = "right";
  for (let loss = 0; loss <= top; loss += top > 3 ? 1 : 0.2) {
    rule(LEFT, y(loss), width - RIGHT, y(loss), color("--line"));
    context.fillText(loss.toFixed(1), LEFT - 8, y(loss) + 4);
  }
  context.textAlign = "center";
  for (let step = 0; step <= steps; step += steps / 4) context.fillText(step, x(step), height - 10);
  rule(LEFT, y(guess), width - RIGHT, y(guess), color("--quiet"), [4, 4]);
  context.textAlign = "right";
  context.fillText("guessing, ln 3", width - RIGHT - 4, y(guess) - 6);

  if (losses.length === 0) return;
  context.beginPath();
  losses.forEach((loss, step) => context.lineTo(x(step), y(loss)));
  context.strokeStyle = color("--accent");
  context.lineWidth = 2.5;
  context.lineJoin = "round";
  context.stroke();
  context.beginPath();
  context.arc(x(losses.length - 1), y(losses.at(-1)), 4.5, 0, 2 * Math.PI);
  context.fillStyle = color("--accent");
  context.fill();
}
