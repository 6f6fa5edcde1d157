"""Writes what bench.py measured: Markdown, JSON and a chart."""

import json
import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def median(row, name):
    return row["times"][name]["median"] if name in row["times"] else None


def ratio(row, other):
    base = median(row, other)
    return median(row, "ort") / base if base else None


def mean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def cell(value):
    return "" if value is None else f"{value:.2f}"


def bold(value):
    return f"**{value:.2f}**" if value else ""


def spread(row):
    t = row["times"]["ort"]
    return (t["high"] - t["low"]) / t["median"]


def table(rows, sizes, keep):
    lines = ["| loss | nodes |" + "".join(f" {s}: ms | / eager | / compile | / copy |" for s in sizes),
             "| --- | ---: |" + " ---: |" * 4 * len(sizes)]
    lines[0] = lines[0].replace("fixed:", "tiny, sizes fixed:")
    found = {(r["loss"], r["size"]): r for r in rows if r["keep"] == keep}
    for loss in dict.fromkeys(r["loss"] for r in rows):
        cells = []
        for s in sizes:
            r = found.get((loss, s))
            cells += [f"{median(r, 'ort'):.4g}", cell(ratio(r, "eager")), cell(ratio(r, "compile")), f"{ratio(r, 'copy'):.1f}"] if r else [""] * 4
        nodes = next(r["nodes"] for r in rows if r["loss"] == loss)
        lines.append(f"| {loss} | {nodes} | " + " | ".join(cells) + " |")
    means = []
    for s in sizes:
        of = [r for (_, size), r in found.items() if size == s]
        means += ["", *(bold(mean(ratio(r, other) for r in of)) for other in ("eager", "compile")), ""]
    lines.append("| **geometric mean** | | " + " | ".join(means) + " |")
    return "\n".join(lines)


def chart(path, rows):
    sizes = [s for s in dict.fromkeys(r["size"] for r in rows) if s != "fixed"]
    losses = list(dict.fromkeys(r["loss"] for r in rows))
    if not sizes:
        return
    figure, axes = plt.subplots(1, len(sizes), figsize=(4.6 * len(sizes) + 2, 0.28 * len(losses) + 2), sharex=True, sharey=True, squeeze=False)
    for axis, size in zip(axes[0], sizes):
        of = {r["loss"]: r for r in rows if r["size"] == size and r["keep"]}
        for other, color, mark in (("eager", "#1b6ca8", "o"), ("compile", "#c8641b", "D")):
            dots = [(ratio(of[name], other), i) for i, name in enumerate(losses) if name in of and ratio(of[name], other)]
            axis.plot(*zip(*dots), mark, color=color, markersize=6, markerfacecolor=color if other == "eager" else "white", label=f"torch {other}")
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_title({"tiny": "32 × 10", "4M": "4 million elements", "33M": "33 million elements"}.get(size, size))
        axis.set_xlabel("time of the emitted file / time of torch")
        axis.grid(axis="both", alpha=0.3)
    scale(axes[0][0], [ratio(r, other) for r in rows if r["size"] in sizes and r["keep"] for other in ("eager", "compile")])
    axes[0][0].set_yticks(range(len(losses)), losses)
    axes[0][0].set_ylim(len(losses) - 0.4, -0.6)
    # The legend stands above the panels, where no dot can be.
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=2, frameon=False, title="left is faster: the emitted file takes this part of the time of")
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.6 / figure.get_figheight()))
    figure.savefig(path, dpi=110)


def scale(axis, ratios):
    """An axis that all ratios are on, with a margin, marked at powers of two."""
    ratios = [r for r in ratios if r]
    low, high = min(0.5, *ratios) / 1.25, max(2, *ratios) * 1.25
    powers = [k for k in range(-10, 11) if low <= 2.0**k <= high]
    axis.set_xlim(low, high)
    axis.set_xticks([2.0**k for k in powers], [str(2**k) if k >= 0 else f"1/{2**-k}" for k in powers])
    axis.minorticks_off()


def write_report(out, versions, rows):
    (out / "results.json").write_text(json.dumps({"versions": versions, "rows": rows}, indent=1) + "\n")
    chart(out / "ratios.png", rows)
    sizes = list(dict.fromkeys(r["size"] for r in rows))
    large = [s for s in sizes if s not in ("tiny", "fixed")]
    worst = max((e for r in rows for e in r["worst"].values()), default=0)
    noise = sorted(spread(r) for r in rows)[len(rows) // 2] if rows else 0
    text = f"""# Benchmarks

`make bench` writes this page. Value and gradient of every loss, reduction mean, float32: the emitted
file on ONNX Runtime with bound outputs, against the PyTorch expression in its metadata with
`backward()`, eager and `torch.compile(dynamic=False)`. Same data, same threads, in one process for
each line, in turns of many runs; medians. How fast memory is differs between processes by half, so at
the large sizes each of them has its fastest of three processes; the last table is of one process.
Ratios are time of the file / time of the other: below 1 the file is faster. *Copy* is one plain copy
of the prediction. Files take any size, but for *sizes fixed*, where they are emitted with `--shape`
for the tiny size, as `torch.compile(dynamic=False)` compiles for it.

{versions['processor']}, {versions['threads']} threads, {versions['system']}; ONNX Runtime {versions['onnxruntime']},
PyTorch {versions['torch']} ({versions['instructions']}), lossgen {versions['lossgen']}. Half of the measurements spread by less than
{100 * noise:.0f} % (quartiles). The timed files' outputs differ from PyTorch's by at most {worst:.0e} of the largest element.

![ratios](ratios.png)

## glibc keeps big buffers

`MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_MMAP_THRESHOLD_=4294967296`: the fair comparison at large
sizes, since PyTorch otherwise waits for page faults more than it computes.

{table(rows, sizes, True)}
"""
    if any(not r["keep"] for r in rows):
        text += f"\n## The allocator as it comes\n\n{table([r for r in rows if r['size'] in large], large, False)}\n"
    (out / "README.md").write_text(text)
