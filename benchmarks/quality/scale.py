"""Speed and memory of aggregation, on simulated labels: 5 a task, 1,000 workers, 10 classes.

Beside crowd-kit: CPU seconds (the best of some rounds) from rows of text to the answer; crowd-kit starts from a ready
data frame, we start from lists. Dawid-Skene does 20 rounds of EM on both sides, as published on both sides (our priors
off), and the two posteriors are the same, or the run fails.

Ten million labels (a million with --quick): wall seconds from a Parquet file of text to every item's posterior, 20
rounds of EM, and the most memory that the process ever held, beside our limits.

A local update: milliseconds to judge anew the items of 1,000 further labels with what was learned before, beside the
refit of everything; and the share of those items that the refit gives the same class, beside our limit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import peers
from benchmarks.quality.figure import Figure, better, faster, timed
from benchmarks.quality.labels import Labels, drawn, simulated
from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.labels import LabelTable, make_table

EM_ROUNDS = 20
LIMIT_S, LIMIT_BYTES = 20.0, 1.5e9
LIMIT_SAME = 97.0
NEW_LABELS = 1000
AS_PUBLISHED = replace(dawid_skene.AS_PUBLISHED, max_iterations=EM_ROUNDS, tolerance=0)


def figures(*, quick: bool) -> Iterator[Figure]:
    """How long each takes."""
    with tempfile.TemporaryDirectory() as folder:
        for count in (100_000,) if quick else (100_000, 1_000_000):
            yield from beside_crowd_kit(simulated(Path(folder), count), count, Path(folder))
        yield from one_file(Path(folder), 1_000_000 if quick else 10_000_000)
    yield from local_update(1_000_000)


def beside_crowd_kit(labels: Labels, count: int, folder: Path) -> Iterator[Figure]:
    """The same work; the same posterior, or the run fails."""
    size, posterior = written(count), folder / "posterior.npy"
    dawid_skene_of(labels)  # loads the compiled loops
    ours, seconds = timed(lambda: dawid_skene_of(labels))
    options = json.dumps({"n_iter": EM_ROUNDS, "tol": -1, "posterior": str(posterior)})
    peer = peers.call("crowd_kit.py", "dawid_skene", str(labels.path), options)
    apart = float(np.abs(ours.posterior - np.load(posterior)).max())
    if apart > 1e-6:
        raise SystemExit(f"the two posteriors differ by {apart}")
    yield faster(f"dawid_skene {EM_ROUNDS} rounds, {size} labels", seconds, peer["cpu_s"], target=15)
    _, encoding = timed(labels.table)
    yield faster(f"of these, encoding rows of text, {size}", encoding, seconds)
    yield faster(f"dawid_skene posterior apart from crowd-kit's, {size}", apart, 1e-6, unit="at most")
    _, seconds = timed(lambda: aggregation.aggregate(labels.table(), "majority_vote"))
    peer = peers.call("crowd_kit.py", "majority_vote", str(labels.path), "{}")
    yield faster(f"majority_vote, {size} labels", seconds, peer["cpu_s"])


def dawid_skene_of(labels: Labels) -> Consensus:
    """Our Dawid-Skene, from rows of text to the posterior."""
    table = labels.table()
    return dawid_skene.fit(table, options=AS_PUBLISHED).apply(table)


def one_file(folder: Path, count: int) -> Iterator[Figure]:
    """All of a file of labels, in a process of its own."""
    path, size = folder / "labels.parquet", written(count)
    script = [sys.executable, "-m", "benchmarks.quality.one_file"]
    subprocess.run([*script, "make", path, str(count)], check=True)
    done = subprocess.run([*script, "run", path, str(EM_ROUNDS)], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    seconds = found["read_s"] + found["fit_s"]
    yield faster(f"dawid_skene from a file, {size} labels", seconds, LIMIT_S, unit="s wall")
    yield faster(f"of these, reading and encoding, {size}", found["read_s"], LIMIT_S, unit="s wall")
    yield faster(f"most memory meanwhile, {size}", found["peak_bytes"] / 1e9, LIMIT_BYTES / 1e9, unit="GB")


def local_update(count: int) -> Iterator[Figure]:
    """New labels about known items, by labelers that are known."""
    table = table_of(count + NEW_LABELS * 5)
    known = np.ones(len(table), np.bool_)
    touched = np.random.default_rng(1).choice(len(table.items), NEW_LABELS, replace=False)
    known[table.offsets[touched]] = False  # the first label of each is the new one
    model = dawid_skene.fit(some(table, known))
    part = some(table, np.isin(table.item_codes, touched))
    rows = [[names[code] for code in codes] for names, codes in columns(part)]
    consensus, milliseconds = lasting(lambda: judged(model, rows, table), rounds=5)
    refit, full = lasting(lambda: dawid_skene.fit(table).apply(table), rounds=1)
    size = f"{NEW_LABELS} labels beside {written(count)}"
    yield faster(f"local update, {size} (peer: refit)", milliseconds, full, target=100, unit="ms wall")
    same = float((consensus.winners == refit.winners[np.sort(touched)]).mean())
    yield better("items that the refit gives the same class", 100 * same, LIMIT_SAME, unit="%")


def lasting(work: Callable[[], Consensus], rounds: int) -> tuple[Consensus, float]:
    """What the work gives, and the wall milliseconds of its best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        outcome = work()
        best = min(best, 1000 * (time.perf_counter() - start))
    return outcome, best


def judged(model: dawid_skene.DawidSkene, rows: list[list[str]], table: LabelTable) -> Consensus:
    """From rows of text to the consensus of their items."""
    items, labelers, said = rows
    return model.apply(make_table(items, labelers, said, class_names=table.classes, labeler_names=table.labelers))


def table_of(count: int) -> LabelTable:
    """Simulated labels as a table; names are padded, so that they are in the order of the numbers."""
    draw = drawn(count)
    names = [[f"{n:08d}" for n in range(int(values.max()) + 1)] for values in (draw.task, draw.worker, draw.said)]
    codes = [values.astype(np.int32) for values in (draw.task, draw.worker, draw.said)]
    return LabelTable(names[0], names[1], tuple(names[2]), *codes)


def some(table: LabelTable, rows: np.ndarray) -> LabelTable:
    """Some rows of a table, all names kept."""
    codes = (table.item_codes[rows], table.labeler_codes[rows], table.class_codes[rows])
    return LabelTable(table.items, table.labelers, table.classes, *codes)


def columns(table: LabelTable) -> Iterator[tuple[list[str], list[int]]]:
    """The names and codes of each column."""
    yield list(table.items), table.item_codes.tolist()
    yield list(table.labelers), table.labeler_codes.tolist()
    yield list(table.classes), table.class_codes.tolist()


def written(count: int) -> str:
    """1000000 as 1e6."""
    return f"{count:.0e}".replace("+0", "")
