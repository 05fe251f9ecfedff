"""Our consensus and agreement beside crowd-kit's, on the same labels, in the same run.

    python benchmarks/quality.py [--quick] [--json]

Speed: CPU seconds (the best of some rounds) from rows of text to the answer, on simulated labels: 5 a task, 1,000
workers, 10 classes. Dawid-Skene does 20 rounds of EM on both sides. crowd-kit starts from a ready data frame, we start
from lists.
Accuracy: percent of gold hit by each one's defaults, on the public crowd sets where this machine has them beside the
repository (../shared/data/crowd), else on the simulated labels alone.
The size of our Dawid-Skene's prior was chosen on these sets, crowd-kit's has none: not a held-out comparison.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core each
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks import peers
from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.agreement.krippendorff import krippendorff_alpha
from labelmill_quality.labels import make_table

ROOT = Path(__file__).resolve().parents[1]
CROWD = ROOT.parent / "shared" / "data" / "crowd"
SETS = ("D_PosSent", "D_Product", "S_Rel", "S_Adult", "S_Face", "Bluebird", "Snow_temp", "Snow_wsd", "CF", "TREC")
SMALL_SETS = ("D_PosSent", "D_Product", "S_Face", "Bluebird", "Snow_temp", "Snow_wsd", "CF")
EM_ROUNDS = 20
T = TypeVar("T")


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


@dataclass(frozen=True)
class Figure:
    """One line of the outcome."""

    figure: str
    ours: float
    peer: float
    unit: str
    ratio: float
    target: float


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size and the smaller sets, under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    peers.ensure()
    with tempfile.TemporaryDirectory() as folder:
        for figure in figures(Path(folder), quick=arguments.quick):
            line = json.dumps(vars(figure)) if arguments.json else readable(figure)
            print(line, flush=True)


def readable(figure: Figure) -> str:
    """A line for people."""
    return (
        f"{figure.figure:44} ours {figure.ours:9.4g}  crowd-kit {figure.peer:9.4g} {figure.unit:10} "
        f"{figure.ratio:7.2f}x (target {figure.target:g}x)"
    )


def figures(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Every figure, as soon as it is known."""
    for count in (100_000,) if quick else (100_000, 1_000_000):
        yield from speed(simulated(folder, count), count)
    if CROWD.is_dir():
        names = SMALL_SETS if quick else SETS
        yield from accuracy({name: crowd_set(name) for name in names})


def speed(labels: Labels, count: int) -> Iterator[Figure]:
    """How long each takes."""
    options = dawid_skene.Options(max_iterations=EM_ROUNDS, tolerance=0)
    size = f"{count:.0e}".replace("+0", "")
    ours, seconds = timed(lambda: dawid_skene_labels(labels, options))
    peer = peers.call("crowd_kit.py", "dawid_skene", str(labels.path), json.dumps({"n_iter": EM_ROUNDS, "tol": 0}))
    yield faster(f"dawid_skene {EM_ROUNDS} rounds, {size} labels", seconds, peer["cpu_s"], target=9)
    right, peer_right = labels.accuracy(ours), labels.accuracy(peer["labels"])
    yield better(f"dawid_skene accuracy, {size} simulated labels", right, peer_right)
    _, seconds = timed(lambda: aggregation.aggregate(table_of(labels), "majority_vote"))
    peer = peers.call("crowd_kit.py", "majority_vote", str(labels.path), "{}")
    yield faster(f"majority_vote, {size} labels", seconds, peer["cpu_s"], target=1)
    if count > 100_000:
        return  # the peer's alpha takes minutes
    peer = peers.call("crowd_kit.py", "alpha", str(labels.path), "{}")
    alpha, seconds = timed(lambda: krippendorff_alpha(table_of(labels).sparse_votes, replicates=2))
    if abs((alpha.value or 0.0) - peer["value"]) > 1e-9:
        raise SystemExit(f"the two alphas differ: {alpha.value} and {peer['value']}")
    yield faster(f"krippendorff_alpha, {size} labels", seconds, peer["cpu_s"], target=10)
    _, seconds = timed(lambda: krippendorff_alpha(table_of(labels).sparse_votes, replicates=1000))
    yield faster(f"the same with 1000 replicates (peer: without), {size}", seconds, peer["cpu_s"], target=1)


def accuracy(sets: Mapping[str, Labels]) -> Iterator[Figure]:
    """How often each is right, set by set and on average."""
    means: list[tuple[float, float]] = []
    for name, labels in sets.items():
        ours = labels.accuracy(dawid_skene_labels(labels, dawid_skene.Options()))
        peer = labels.accuracy(peers.call("crowd_kit.py", "dawid_skene", str(labels.path), "{}")["labels"])
        means.append((ours, peer))
        yield better(f"dawid_skene accuracy, {name}", ours, peer, target=0.97)
    yield better(f"dawid_skene accuracy, mean of {len(sets)} sets", *(float(x) for x in np.mean(means, axis=0)))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the CPU seconds of its best round."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        outcome = work()
        best = min(best, time.process_time() - start)
    return outcome, best


def faster(name: str, ours: float, peer: float, target: float) -> Figure:
    """A figure of which less is better."""
    return Figure(name, ours, peer, "CPU s", peer / ours, target)


def better(name: str, ours: float, peer: float, target: float = 1.0) -> Figure:
    """A figure of which more is better."""
    return Figure(name, ours, peer, "% correct", ours / peer, target)


def table_of(labels: Labels) -> Any:
    """The labels as we hold them."""
    return make_table(labels.tasks, labels.workers, labels.classes)


def dawid_skene_labels(labels: Labels, options: dawid_skene.Options) -> dict[str, str]:
    """Our Dawid-Skene, from rows to a class for each task."""
    table = table_of(labels)
    winners = dawid_skene.fit(table, options=options).apply(table).winners
    return {task: table.classes[winner] for task, winner in zip(table.items, winners, strict=True)}


def simulated(folder: Path, count: int) -> Labels:
    """Workers of unequal skill, errors spread evenly."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 10, count // 5)
    skill = generator.beta(4, 2, 1000)
    task, place = np.repeat(np.arange(count // 5), 5), np.tile(np.arange(5), count // 5)
    # Five different workers a task: a start, and steps too short to come round.
    start, step = generator.integers(0, 1000, count // 5), generator.integers(1, 200, count // 5)
    worker = (start[task] + step[task] * place) % 1000
    right = generator.random(count) < skill[worker]
    said = np.where(right, truth[task], generator.integers(0, 10, count))
    columns = [f"t{n}" for n in task], [f"w{n}" for n in worker], [f"c{n}" for n in said]
    path = folder / f"{count}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "worker", "label"])
        writer.writerows(zip(*columns, strict=True))
    return Labels(path, *columns, {f"t{n}": f"c{said}" for n, said in enumerate(truth)})


def crowd_set(name: str) -> Labels:
    """A public set."""
    path = CROWD / name / "answers.csv"
    tasks, workers, classes = zip(*rows(path), strict=True)
    answered = set(tasks)
    truth = {task: gold for task, gold in rows(CROWD / name / "truth.csv") if task in answered}
    return Labels(path, tasks, workers, classes, truth)


def rows(path: Path) -> list[list[str]]:
    """A CSV file without its head."""
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


if __name__ == "__main__":
    main()
