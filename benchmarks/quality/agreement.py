"""Krippendorff's alpha beside crowd-kit's: CPU seconds from rows of text to the answer, on simulated labels.

crowd-kit starts from a ready data frame, we start from lists.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import peers
from benchmarks.quality.figure import Figure, faster, timed
from benchmarks.quality.labels import simulated
from labelmill_quality.agreement.krippendorff import krippendorff_alpha

COUNT = 100_000  # with more, the peer takes minutes


def figures(*, quick: bool) -> Iterator[Figure]:
    """How long each takes; the same value, or the run fails."""
    with tempfile.TemporaryDirectory() as folder:
        labels = simulated(Path(folder), COUNT)
        peer = peers.call("crowd_kit.py", "alpha", str(labels.path), "{}")
        alpha, seconds = timed(lambda: krippendorff_alpha(labels.table().sparse_votes, replicates=2))
        if abs((alpha.value or 0.0) - peer["value"]) > 1e-9:
            raise SystemExit(f"the two alphas differ: {alpha.value} and {peer['value']}")
        yield faster(f"krippendorff_alpha, {COUNT} labels", seconds, peer["cpu_s"], target=10)
        _, seconds = timed(lambda: krippendorff_alpha(labels.table().sparse_votes, replicates=1000))
        yield faster(f"the same with 1000 replicates (peer: without), {COUNT}", seconds, peer["cpu_s"])
