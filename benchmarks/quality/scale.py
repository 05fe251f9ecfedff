"""Speed of aggregation beside crowd-kit's.

CPU seconds (the best of some rounds) from rows of text to the answer, on simulated labels: 5 a task, 1,000 workers,
10 classes. Dawid-Skene does 20 rounds of EM on both sides. crowd-kit starts from a ready data frame, we start from
lists.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import peers
from benchmarks.quality.figure import Figure, better, faster, timed
from benchmarks.quality.labels import Labels, simulated
from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene

EM_ROUNDS = 20


def figures(*, quick: bool) -> Iterator[Figure]:
    """How long each takes."""
    with tempfile.TemporaryDirectory() as folder:
        for count in (100_000,) if quick else (100_000, 1_000_000):
            yield from beside_crowd_kit(simulated(Path(folder), count), count)


def beside_crowd_kit(labels: Labels, count: int) -> Iterator[Figure]:
    """The same work, and how right each is."""
    options = dawid_skene.Options(max_iterations=EM_ROUNDS, tolerance=0)
    size = f"{count:.0e}".replace("+0", "")
    ours, seconds = timed(lambda: dawid_skene_labels(labels, options))
    peer = peers.call("crowd_kit.py", "dawid_skene", str(labels.path), json.dumps({"n_iter": EM_ROUNDS, "tol": 0}))
    yield faster(f"dawid_skene {EM_ROUNDS} rounds, {size} labels", seconds, peer["cpu_s"], target=15)
    right, peer_right = labels.accuracy(ours), labels.accuracy(peer["labels"])
    yield better(f"dawid_skene accuracy, {size} simulated labels", right, peer_right)
    _, seconds = timed(lambda: aggregation.aggregate(labels.table(), "majority_vote"))
    peer = peers.call("crowd_kit.py", "majority_vote", str(labels.path), "{}")
    yield faster(f"majority_vote, {size} labels", seconds, peer["cpu_s"])


def dawid_skene_labels(labels: Labels, options: dawid_skene.Options) -> dict[str, str]:
    """Our Dawid-Skene, from rows to a class for each task."""
    table = labels.table()
    winners = dawid_skene.fit(table, options=options).apply(table).winners
    return {task: table.classes[winner] for task, winner in zip(table.items, winners, strict=True)}
