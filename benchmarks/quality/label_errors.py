"""Our confident learning and cleanlab's on the same labels and probabilities: what is found, and CPU seconds.

8 % of the labels are wrong, and a model is right about 90 % of the items. Both prune by noise rate. The two must find
the same labels, but for ties: the run ends if they do not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import peers
from benchmarks.quality.figure import Figure, better, faster, timed
from benchmarks.quality.spam_texts import HOME, REQUIREMENTS
from labelmill_quality.label_errors import pruning
from labelmill_quality.label_errors.confident_joint import confident_joint

SIZES = ((100_000, 10), (1_000_000, 10), (1_000_000, 100))
_MOST_DIFFERENT = 1e-4
"""Share of the errors that may differ: which of equal margins is pruned is chance on both sides."""


def figures(*, quick: bool) -> Iterator[Figure]:
    """Size by size."""
    with tempfile.TemporaryDirectory() as name:
        for items, classes in SIZES[:1] if quick else SIZES:
            yield from _compared(Path(name), items, classes)


def _compared(folder: Path, items: int, classes: int) -> Iterator[Figure]:
    truth, labels, probabilities = _simulated(items, classes)
    given, shares, found = (folder / f"{part}.npy" for part in ("labels", "probabilities", "found"))
    np.save(given, labels)
    np.save(shares, probabilities)
    peer = peers.call("cleanlab_errors.py", str(given), str(shares), str(found), requirements=REQUIREMENTS, home=HOME)
    theirs = np.load(found)

    def find() -> npt.NDArray[np.bool_]:
        return pruning.find_errors(labels, probabilities, confident_joint(labels, probabilities))

    ours, seconds = timed(find)
    if (ours != theirs).sum() > _MOST_DIFFERENT * theirs.sum():
        raise SystemExit(f"the two find different errors: {(ours != theirs).sum()} of {theirs.sum()}")
    size = f"{items:.0e} x {classes}".replace("e+0", "e")
    yield better(f"label errors found, {size}", float(ours.sum()), float(theirs.sum()), unit="labels")
    wrong = truth != labels
    for measure, of in (("precision", "found"), ("recall", "wrong")):
        hits = [100 * (one & wrong).sum() / (one if of == "found" else wrong).sum() for one in (ours, theirs)]
        yield better(f"label errors {measure}, {size}", float(hits[0]), float(hits[1]), unit="%")
    yield faster(f"label errors, {size}", seconds, peer["cpu_s"])


def _simulated(
    items: int, classes: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """True classes, labels of which 8 % are wrong, and the probabilities of a model that is right in 90 %."""
    random = np.random.default_rng(0)
    truth = random.integers(0, classes, items).astype(np.int32)
    labels = np.where(random.random(items) < 0.08, (truth + random.integers(1, classes, items)) % classes, truth)
    liked = np.where(random.random(items) < 0.9, truth, (truth + random.integers(1, classes, items)) % classes)
    weights = random.random((items, classes))
    weights[np.arange(items), liked] += 0.3 * classes * random.random(items) + 1
    weights /= weights.sum(axis=1, keepdims=True)
    return truth, labels.astype(np.int32), weights
