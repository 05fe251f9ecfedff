"""The report's plots, each from the record of the run alone."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from labelmill_demo.record import Confusion, CurvePoint, Record

COLOURS = {"active": "#1b6ca8", "random": "#b5651d"}
INK = "#22303c"


def draw_all(record: Record, folder: Path) -> dict[str, str]:
    """Writes every plot as PNG into `folder`; returns title -> file name."""
    plots: dict[str, tuple[str, tuple[float, float], Callable[[Axes], None]]] = {
        "Learning curve": ("learning-curve.png", (7, 4.4), lambda axes: learning_curve(axes, record.curve)),
        "Cost in labels": ("cost-in-labels.png", (7, 3.6), lambda axes: cost(axes, record.curve)),
        "Labeler reliability": ("labelers.png", (7, 6), lambda axes: labelers(axes, record)),
        "Model confusion on held-out gold": (
            "model-confusion.png",
            (4.8, 4.2),
            lambda axes: matrix(axes, record.model_confusion, "model says"),
        ),
        "Labeler confusion on benchmarks": (
            "labeler-confusion.png",
            (4.8, 4.2),
            lambda axes: matrix(axes, record.labeler_confusion, "labeler says"),
        ),
        "Entities found and transformed": ("entities.png", (7, 3.6), lambda axes: entities(axes, record.entity_counts)),
    }
    for file_name, size, draw in plots.values():
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / file_name, dpi=130)
        plt.close(figure)
    return {title: file_name for title, (file_name, _, _) in plots.items()}


def learning_curve(axes: Axes, curve: list[CurvePoint]) -> None:
    """Accuracy on held-out gold over labels bought, one line an arm, with the intervals of the evaluations."""
    for arm in COLOURS:
        points = [point for point in curve if point.arm == arm and point.accuracy.value is not None]
        bought = [point.labels_bought for point in points]
        values = [point.accuracy.value or 0.0 for point in points]
        below = [value - (point.accuracy.lower or 0.0) for value, point in zip(values, points, strict=True)]
        above = [(point.accuracy.upper or 0.0) - value for value, point in zip(values, points, strict=True)]
        axes.errorbar(bought, values, yerr=[below, above], color=COLOURS[arm], marker="o", capsize=4, label=arm)
    axes.set_xlabel("labels bought")
    axes.set_ylabel("accuracy on held-out gold")
    axes.legend(title="what to label next", frameon=False)


def cost(axes: Axes, curve: list[CurvePoint]) -> None:
    """Labels bought by each arm up to each round."""
    rounds = sorted({point.round for point in curve})
    for offset, arm in ((-0.2, "active"), (0.2, "random")):
        bought = {point.round: point.labels_bought for point in curve if point.arm == arm}
        bars = axes.bar([r + offset for r in rounds], [bought[r] for r in rounds], 0.38, color=COLOURS[arm], label=arm)
        axes.bar_label(bars, fontsize=8, color=INK)
    axes.set_xticks(rounds, [f"round {r}" if r else "seed" for r in rounds])
    axes.set_ylabel("labels bought, in all")
    axes.legend(frameon=False)


def labelers(axes: Axes, record: Record) -> None:
    """Accuracy of every labeler on benchmarks, with its interval, worst at the bottom."""
    rows = [row for row in record.labelers if row.benchmark_accuracy.value is not None]
    rows.sort(key=lambda row: row.benchmark_accuracy.value or 0.0)
    for height, row in enumerate(rows):
        estimate = row.benchmark_accuracy
        axes.plot([estimate.lower or 0.0, estimate.upper or 0.0], [height, height], color="#9db4c6", linewidth=3)
        axes.plot(estimate.value or 0.0, height, "o", color=COLOURS["active"])
    axes.set_yticks(
        range(len(rows)), [f"{row.labeler} (n={row.benchmark_accuracy.sample_count})" for row in rows], fontsize=8
    )
    axes.set_xlim(0, 1)
    axes.set_xlabel("accuracy on benchmarks, 95 % interval")


def matrix(axes: Axes, confusion: Confusion | None, columns: str) -> None:
    """A confusion matrix: gold in rows."""
    if confusion is None:
        raise ValueError("the run made no confusion matrix")
    totals = [sum(row) or 1.0 for row in confusion.counts]
    shares = [[count / total for count in row] for row, total in zip(confusion.counts, totals, strict=True)]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(confusion.counts):
        for j, count in enumerate(row):
            colour = "white" if shares[i][j] > 0.55 else INK
            axes.text(j, i, f"{count:.0f}\n{shares[i][j]:.0%}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(confusion.class_names)), confusion.class_names)
    axes.set_yticks(range(len(confusion.class_names)), confusion.class_names, rotation=90, va="center")
    axes.set_xlabel(columns)
    axes.set_ylabel("gold")


def entities(axes: Axes, counts: dict[str, int]) -> None:
    """How often each type was found."""
    ordered = sorted(counts.items(), key=lambda item: item[1])
    bars = axes.barh([name for name, _ in ordered], [count for _, count in ordered], color=COLOURS["active"])
    axes.bar_label(bars, fontsize=8, padding=3, color=INK)
    axes.set_xlabel("found and transformed")
