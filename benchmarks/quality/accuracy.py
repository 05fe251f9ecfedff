"""Percent of gold hit by our Dawid-Skene and crowd-kit's, each with its defaults, on the public crowd sets.

Only where the machine has them beside the repository (../shared/data/crowd). The size of our prior was chosen on these
sets, crowd-kit has none: not a held-out comparison.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import peers
from benchmarks.quality.figure import Figure, better
from benchmarks.quality.labels import CROWD, SETS, SMALL_SETS, crowd_set
from labelmill_quality import aggregation


def figures(*, quick: bool) -> Iterator[Figure]:
    """Set by set and on average."""
    if not CROWD.is_dir():
        return
    means: list[tuple[float, float]] = []
    for name in SMALL_SETS if quick else SETS:
        labels = crowd_set(name)
        table = labels.table()
        winners = aggregation.aggregate(table, "dawid_skene").winners
        found = {task: table.classes[winner] for task, winner in zip(table.items, winners, strict=True)}
        ours = labels.accuracy(found)
        peer = labels.accuracy(peers.call("crowd_kit.py", "dawid_skene", str(labels.path), "{}")["labels"])
        means.append((ours, peer))
        yield better(f"dawid_skene accuracy, {name}", ours, peer, target=0.97)
    yield better(f"dawid_skene accuracy, mean of {len(means)} sets", *(float(x) for x in np.mean(means, axis=0)))
