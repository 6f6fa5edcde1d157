"""The HTML page of the example, with the pictures inside."""

import base64
import json
import platform
from html import escape
from pathlib import Path

import matplotlib
import numpy
import onnxruntime

HERE = Path(__file__).resolve().parent
FIGURES = ["MAE", "RMSE", "median error", "bias", "spread", "influence"]
HEAD = ["loss", "trained on", *FIGURES, "covered"]


def table(results):
    """Return two rows for each loss."""
    rows = []
    for r in results:
        for on in ("clean", "outliers"):
            f = r["on " + on]
            row = [r["name"], on, *(f"{f[k]:.1f}" for k in FIGURES)]
            if on == "clean":
                row[-1] = ""  # compared with itself
            rows.append(row + [f"{f['covered']:.0%}" if "covered" in f else ""])
    return rows


def record(lossgen, epochs):
    return {
        "Versions": f"lossgen {lossgen}, Python {platform.python_version()}, NumPy {numpy.__version__}, matplotlib {matplotlib.__version__}",
        "Runtime": f"ONNX Runtime {onnxruntime.__version__} on the CPU, {platform.system()} {platform.machine()}",
        "Data path": "examples/l1-vs-l2/data/diabetes.csv",
        "Training": f"10-8-1 network with tanh (10-8-3 for quantile), AdamW, rate 0.01, decay 2, {epochs} epochs of all rows, float32",
        "Constraints": "None of size: the CPU suffices, in seconds. Engines and versions differ in the last digits of float32, "
        "which training may enlarge to the first decimal shown.",
    }


def influences(results):
    moved = ", ".join(f"{r['name']} by {r['on outliers']['influence']:.1f}" for r in results)
    return f"Here the outliers move a prediction on average: {moved}."


def write(folder, results, drawn, lossgen, epochs):
    text = json.loads((HERE / "texts.json").read_text())
    cells = "\n".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in table(results))
    figures = "\n".join(
        f'<figure>\n<h2>{escape(p["title"])}</h2>\n'
        f'<img src="data:image/png;base64,{base64.b64encode(drawn[p["name"]]).decode()}" alt="{escape(p["title"])}">\n'
        f'<figcaption>{escape(p["caption"])}</figcaption>\n</figure>'
        for p in text["pictures"]
    )
    lines = "\n".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in record(lossgen, epochs).items())
    (folder / "index.html").write_text(f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>L1 or L2?</title>
<style>
{(HERE / "page.css").read_text()}</style>
<h1>L1 or L2?</h1>
<p>{escape(text["question"])}</p>
<p>{escape(text["answer"] + " " + influences(results))}</p>
<table>
<tr>{"".join(f"<th>{h}</th>" for h in HEAD)}</tr>
{cells}
</table>
<p class="note">{escape(text["note"])}</p>
{figures}
<h2>Record</h2>
<dl>{lines}</dl>
</html>
""", encoding="utf-8")
