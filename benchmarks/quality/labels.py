"""Labels to measure with: simulated ones and the public crowd sets."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelmill_quality.labels import LabelTable, make_table

ROOT = Path(__file__).resolve().parents[2]
CROWD = ROOT.parent / "shared" / "data" / "crowd"
SETS = ("D_PosSent", "D_Product", "S_Rel", "S_Adult", "S_Face", "Bluebird", "Snow_temp", "Snow_wsd", "CF", "TREC")
SMALL_SETS = ("D_PosSent", "D_Product", "S_Face", "Bluebird", "Snow_temp", "Snow_wsd", "CF")


@dataclass(frozen=True)
class Labels:
    """Answers as columns of text, the same as a file for the peer, and what is true."""

    path: Path
    tasks: Sequence[str]
    workers: Sequence[str]
    classes: Sequence[str]
    truth: Mapping[str, str]

    def accuracy(self, found: Mapping[str, str]) -> float:
        """Percent of the gold tasks with answers that got their gold class."""
        return 100 * sum(found[task] == gold for task, gold in self.truth.items()) / len(self.truth)

    def table(self) -> LabelTable:
        """The labels as we hold them."""
        return make_table(self.tasks, self.workers, self.classes)


@dataclass(frozen=True)
class Draw:
    """Simulated labels as numbers."""

    task: npt.NDArray[np.int64]
    worker: npt.NDArray[np.int64]
    said: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    """The class of each task."""


def drawn(count: int) -> Draw:
    """Five labels a task, 1,000 workers of unequal skill, 10 classes, errors spread evenly."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 10, count // 5)
    skill = generator.beta(4, 2, 1000)
    task, place = np.repeat(np.arange(count // 5), 5), np.tile(np.arange(5), count // 5)
    # Five different workers a task: a start, and steps too short to come round.
    start, step = generator.integers(0, 1000, count // 5), generator.integers(1, 200, count // 5)
    worker = (start[task] + step[task] * place) % 1000
    right = generator.random(count) < skill[worker]
    said = np.where(right, truth[task], generator.integers(0, 10, count))
    return Draw(task, worker, said, truth)


def simulated(folder: Path, count: int) -> Labels:
    """Drawn labels as text, and as a CSV file."""
    draw = drawn(count)
    columns = [f"t{n}" for n in draw.task], [f"w{n}" for n in draw.worker], [f"c{n}" for n in draw.said]
    path = folder / f"{count}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "worker", "label"])
        writer.writerows(zip(*columns, strict=True))
    return Labels(path, *columns, {f"t{n}": f"c{said}" for n, said in enumerate(draw.truth)})


def crowd_set(name: str) -> Labels:
    """A public set; look whether CROWD is there first."""
    path = CROWD / name / "answers.csv"
    tasks, workers, classes = zip(*rows(path), strict=True)
    answered = set(tasks)
    truth = {task: gold for task, gold in rows(CROWD / name / "truth.csv") if task in answered}
    return Labels(path, tasks, workers, classes, truth)


def rows(path: Path) -> list[list[str]]:
    """A CSV file without its head."""
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]
