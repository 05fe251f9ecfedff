"""A project's figures kept current, beside limits that we set ourselves: no peer keeps any.

A crowd of 200 labelers of different skill, five labels an item, ten classes, drawn with a fixed seed; the last 1,000
labels come one thousand at once, about items that have labels already. Measured are the local update alone (CPU), the
same through SQLite as the service does it (wall), how far its posteriors are from a fit of everything, and a report's
page.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality.figure import Figure, faster, timed
from labelmill_quality.adapters.report_page import render
from labelmill_quality.adapters.sql import metadata
from labelmill_quality.adapters.sql_live import SqlLive
from labelmill_quality.jobs.projects import ReportHead, score_project
from labelmill_quality.live.answers import Change, Said
from labelmill_quality.live.refitting import empty, refit
from labelmill_quality.live.state import LiveState
from labelmill_quality.live.updating import update
from labelmill_quality.page.contents import FeaturePage
from labelmill_quality.report import Answers, Evidence, Plan
from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings

CLASSES = tuple(f"class-{n}" for n in range(10))
PROJECT = "p-one"
NEW = 1000


def figures(quick: bool) -> Iterator[Figure]:
    """The figures."""
    labels = 20_000 if quick else 200_000
    changes = crowd(labels // 5)
    old, new = changes[:-NEW], changes[-NEW:]
    before, _ = refit(LiveState(empty("f", 1, CLASSES), {}, {}), old, {})
    touched = {change.item for change in new}
    part = LiveState(before.feature, before.labelers, {name: before.items[name] for name in touched})
    after, seconds = timed(lambda: update(part, new, {}), rounds=5)
    yield faster(f"local update, {NEW} of {labels:,} labels", seconds, 0.1)
    whole = LiveState(after.feature, {**before.labelers, **after.labelers}, {**before.items, **after.items})
    (_, difference), everything = timed(lambda: refit(whole, changes, {}), rounds=1)
    yield faster(f"local update beside a fit of {labels:,} labels", seconds, everything, target=2)
    yield faster("mean posterior change of that fit", difference.mean_posterior_change, 0.02, unit="probability")
    yield faster(f"{NEW} labels through SQLite", asyncio.run(stored(before, new)), 0.5, unit="s")
    yield faster("page of a report", page(changes[: min(labels, 50_000)]), 1.0)


def crowd(items: int) -> list[Change]:
    """Labels in a random order, but for the last ones: those are about items that have some."""
    generator = np.random.default_rng(0)
    skill = generator.uniform(0.4, 0.95, 200)
    rows = [
        (item, int(labeler), item % 10 if generator.random() < skill[labeler] else int(generator.integers(10)))
        for item in range(items)
        for labeler in generator.choice(200, 5, replace=False)
    ]
    order = generator.permutation(len(rows))
    return [
        Change(
            "f",
            f"projects/{PROJECT}/assets/{rows[row][0]:032x}",
            Said(f"{number:010d}", 1, f"labeler-{rows[row][1]:03d}", False, CLASSES[rows[row][2]], number * 1000),
            withdrawn=False,
        )
        for number, row in enumerate(order.tolist())
    ]


async def stored(before: LiveState, new: list[Change]) -> float:
    """Seconds to read what is kept about the items, judge them, and write what is different."""
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(RuntimeSettings(data_dir=Path(folder)), "quality", metadata)
        try:
            store = SqlLive(database)
            watch = await store.watch(PROJECT)
            assert await store.write(watch, watch, [before], 0)
            watch = await store.watch(PROJECT)
            start = time.perf_counter()
            feature = await store.feature(PROJECT, "f")
            assert feature is not None
            items, people = ({getattr(each, name) for each in some} for name, some in parts_of(new))
            state = await store.read(PROJECT, feature, sorted(items), sorted(people))
            assert await store.write(watch, replace(watch, start_ms=1), [update(state, new, {})], 0)
            return time.perf_counter() - start
        finally:
            await database.close()


def parts_of(changes: list[Change]) -> tuple[tuple[str, list[Change]], tuple[str, list[Said]]]:
    """Where the items and the labelers of changes are."""
    return ("item", changes), ("labeler", [change.said for change in changes])


def page(changes: list[Change]) -> float:
    """CPU seconds to make the page of a report of these labels."""
    labels = Answers()
    for change in changes:
        labels.add(change.item, change.said.labeler, change.said.value, change.said.time_ms)
    evidence = Evidence(labels, Answers(), {}, CLASSES, ordered=False)
    scored = score_project(evidence, Plan("dawid_skene", 100), ReportHead("", "f", ""))
    return timed(lambda: render(PROJECT, [FeaturePage(scored.body)]), rounds=3)[1]
