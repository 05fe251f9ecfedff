"""Agreement, on simulated labels: 5 a task, 1,000 workers, 10 classes.

Beside crowd-kit: CPU seconds of Krippendorff's alpha from rows of text to the answer; crowd-kit starts from a ready
data frame, we start from lists. Beside scikit-learn: Cohen's kappa of every two workers with a shared task, the peer on
the first 200 pairs, given their shared answers ready to use. Values must be the same, or the run fails.

Ten million labels, and bootstraps of a million: CPU seconds from codes, beside our limits; also with 100 classes, where
hardly two tasks have the same votes and nothing collapses.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score

from benchmarks import peers
from benchmarks.quality.figure import Figure, faster, timed
from benchmarks.quality.labels import drawn, simulated
from labelmill_quality.agreement.breakdown import by_pair
from labelmill_quality.agreement.coefficients import Coefficient, Question
from labelmill_quality.agreement.krippendorff import krippendorff_alpha
from labelmill_quality.agreement.pairs import pair_keys, pair_rows
from labelmill_quality.agreement.patterns import patterns_of_table
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable

COUNT = 100_000  # with more, the peer takes minutes
PEER_PAIRS = 200
ALPHA_LIMIT_S, BOOTSTRAP_LIMIT_S = 2.0, 10.0


def figures(*, quick: bool) -> Iterator[Figure]:
    """How long each takes; the same value, or the run fails."""
    yield from beside_crowd_kit()
    yield from beside_scikit_learn()
    large, many = (1_000_000, 100_000) if quick else (10_000_000, 1_000_000)
    table = table_of(large, 10)
    _, seconds = timed(lambda: krippendorff_alpha(patterns_of_table(table), replicates=0))
    yield faster(f"krippendorff_alpha with its analytic interval, {large} labels", seconds, ALPHA_LIMIT_S)
    for classes in (10, 100):
        _, seconds = timed(partial(bootstrapped, table_of(many, classes)), rounds=1)
        yield faster(f"the same with 1000 replicates, {many} labels, {classes} classes", seconds, BOOTSTRAP_LIMIT_S)


def bootstrapped(table: LabelTable) -> Estimate:
    """Alpha with 1000 replicates."""
    return krippendorff_alpha(patterns_of_table(table), replicates=1000)


def beside_crowd_kit() -> Iterator[Figure]:
    """Alpha from rows of text."""
    with tempfile.TemporaryDirectory() as folder:
        labels = simulated(Path(folder), COUNT)
        peer = peers.call("crowd_kit.py", "alpha", str(labels.path), "{}")
        alpha, seconds = timed(lambda: krippendorff_alpha(labels.table().sparse_votes, replicates=2))
        same(alpha.value, peer["value"])
        yield faster(f"krippendorff_alpha, {COUNT} labels", seconds, peer["cpu_s"], target=10)
        _, seconds = timed(lambda: krippendorff_alpha(labels.table().sparse_votes, replicates=1000))
        yield faster(f"the same with 1000 replicates (peer: without), {COUNT}", seconds, peer["cpu_s"])


def beside_scikit_learn() -> Iterator[Figure]:
    """Cohen's kappa of all pairs."""
    table = table_of(COUNT, 10)
    scores, seconds = timed(lambda: by_pair(table, Question((Coefficient.COHEN_KAPPA,)), 1))
    rows = pair_rows(table)
    keys = pair_keys(table, rows)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1, append=-1))[: PEER_PAIRS + 1]
    shared = [order[start:end] for start, end in pairwise(starts)]
    answers = [(table.class_codes[rows.first[each]], table.class_codes[rows.second[each]]) for each in shared]
    classes = np.arange(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer warns of every undefined value, which would cost it time
        values, peer = timed(lambda: [cohen_kappa_score(*pair, labels=classes) for pair in answers])
    for ours, theirs in zip(scores.estimates[0], values, strict=False):
        same(np.nan if ours.value is None else ours.value, theirs)
    every = len(scores.agreed)
    yield faster(
        f"cohen_kappa with intervals, {every} pairs of workers", seconds, peer * every / PEER_PAIRS, target=100
    )


def same(ours: float | None, theirs: float) -> None:
    """Ends the run where two values differ."""
    if not np.isclose(np.nan if ours is None else ours, theirs, rtol=0, atol=1e-9, equal_nan=True):
        raise SystemExit(f"the two values differ: {ours} and {theirs}")


def table_of(count: int, classes: int) -> LabelTable:
    """Simulated labels as codes."""
    draw = drawn(count)
    said = draw.said if classes == 10 else np.random.default_rng(1).permuted(np.arange(count) % classes)
    order = np.lexsort((draw.worker, draw.task))
    return LabelTable(
        range(count // 5),  # type: ignore[arg-type]  # nobody asks for names
        range(1000),  # type: ignore[arg-type]
        tuple(map(str, range(classes))),
        draw.task[order].astype(np.int32),
        draw.worker[order].astype(np.int32),
        said[order].astype(np.int32),
    )
