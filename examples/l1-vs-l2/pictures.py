"""The pictures of the example: the same as the Go version's."""

import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

TITLES = {"mse": "L2 (mse)", "l1": "L1 (l1)", "huber": "Huber (delta 1)", "quantile": "quantile (its median)"}

# The colors of Okabe and Ito, which the color-blind tell apart. Those of clean
# and corrupted trainings differ from those of the losses.
KINDS = {"clean": ("trained on clean targets", "#0072b2"), "outliers": ("trained with outliers", "#d55e00")}
INKS = ["#222222", "#cc79a7", "#009e73", "#e69f00"]
UNIT = "disease progression"
KERNEL = 15  # width of the Gaussian kernel that smooths a distribution
EVERY = 10  # epochs between points of a curve


def density(values, x):
    z = (x[:, None] - values) / KERNEL
    return np.exp(-z * z / 2).mean(1) / (KERNEL * np.sqrt(2 * np.pi))


def distributions(results, data):
    figure, axes = plt.subplots(2, 2, figsize=(7.8, 6), sharex=True, sharey=True)
    x = np.arange(-20, 481, 2.0)
    for ax, r in zip(axes.flat, results):
        ax.fill_between(x, density(data.target, x), color="#666666", alpha=1 / 3, linewidth=0, label="measured")
        for kind, (label, ink) in KINDS.items():
            p = r[kind].prediction
            ax.plot(x, density(p, x), color=ink, label=label)
            ax.plot([p.mean()] * 2, [0, 0.0078], color=ink, linestyle="--", linewidth=1)
        ax.set_title(TITLES[r["name"]])
        ax.label_outer()
    axes[0, 0].set(xlim=(-20, 480), ylim=(0, 0.0125), yticks=[0, 0.004, 0.008])
    axes[0, 0].legend(loc="upper right", frameon=False)
    for ax in axes[1]:
        ax.set_xlabel(UNIT)
    for ax in axes[:, 0]:
        ax.set_ylabel("density")
    return figure


def residuals(results, data):
    figure, ax = plt.subplots(figsize=(7.8, 4.6))
    ax.axhline(0, color="#666666", linewidth=1)
    ax.grid(axis="y", color="#cccccc")
    ax.set_axisbelow(True)
    for (kind, (label, ink)), offset in zip(KINDS.items(), (-0.17, 0.17)):
        boxes = ax.boxplot(
            [r[kind].prediction - data.target for r in results],
            positions=np.arange(len(results)) + offset, widths=0.28, patch_artist=True, label=label,
            boxprops={"edgecolor": ink}, medianprops={"color": ink, "linewidth": 2}, whiskerprops={"color": ink},
            capprops={"color": ink}, flierprops={"markeredgecolor": ink, "markersize": 3},
        )
        for box in boxes["boxes"]:
            box.set_facecolor(matplotlib.colors.to_rgb(ink) + (1 / 3,))
    ax.set_xticks(range(len(results)), [TITLES[r["name"]] for r in results])
    ax.set(ylabel=f"prediction - measured ({UNIT})", ylim=(-200, 300), yticks=range(-200, 201, 100))
    ax.legend(loc="upper right", frameon=False)
    return figure


def curves(results, _):
    figure, (training, held) = plt.subplots(1, 2, figsize=(8.9, 3.9))
    for r, ink in zip(results, INKS):
        x = np.arange(len(r["clean"].loss)) * EVERY
        training.plot(x, r["outliers"].loss / r["outliers"].loss[0], color=ink, label=r["name"])
        held.plot(x, r["outliers"].held_out, color=ink)
        held.plot(x, r["clean"].held_out, color=ink, linestyle="--", linewidth=1)
    training.set(title="training rows, with outliers", xlabel="epoch", ylabel="loss / its first value", ylim=(0, 1.02))
    training.legend(loc="lower right", frameon=False)
    held.set(title="held-out patients, true targets", xlabel="epoch", ylabel="mean absolute error", ylim=(40, 75))
    held.plot([], [], color=INKS[0], label="trained with outliers")
    held.plot([], [], color=INKS[0], linestyle="--", linewidth=1, label="trained on clean targets")
    held.legend(loc="upper right", frameon=False)
    return figure


def draw_all(results, data, folder):
    """Write the pictures and return the bytes of each by its name."""
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 11})
    drawn = {}
    for draw, name in [(distributions, "predictions.png"), (residuals, "residuals.png"), (curves, "curves.png")]:
        figure = draw(results, data)
        figure.tight_layout()
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=140, metadata={"Software": None})
        plt.close(figure)
        drawn[name] = out.getvalue()
        (folder / name).write_bytes(drawn[name])
    return drawn
