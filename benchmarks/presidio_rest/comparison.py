"""Both systems under the same loads in one run, in turns, and the figures."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.presidio_rest.figures import Figure, Spans, figure, shares
from benchmarks.presidio_rest.load import Load, Outcome
from benchmarks.presidio_rest.servers import ROOT, Server, ours, presidio
from labelmill_anonymization.entity_types import entity_types

PEER = "presidio-rest"
_OVERLOAD = 2.0
_TRIES = 10


@dataclass(frozen=True)
class Material:
    """Texts of one kind."""

    name: str
    texts: list[str]
    target: float
    """How many times the peer's texts a second at 32 callers."""
    gold: list[Spans] | None = None
    """Marked personal data; None: nothing is marked."""


@dataclass(frozen=True)
class Effort:
    """Seconds of each load, and how many callers."""

    warm_up: float
    load: float
    overload: float
    concurrencies: tuple[int, ...] = (1, 8, 32)


@dataclass(frozen=True)
class Comparison:
    """The two systems, running."""

    mine: Server
    theirs: Server
    effort: Effort
    types: list[str]
    """What both look for, unless said otherwise."""

    def figures(self, materials: Sequence[Material]) -> Iterator[Figure]:
        """Everything."""
        for server in (self.mine, self.theirs):
            self._wait_for(server, materials[0])
            for material in materials:
                self._run(server, material, self.effort.warm_up, concurrency=8)
        for material in materials:
            yield from self._on(material)
        yield from self._overloaded(materials[0])
        memory = self.mine.worker_memory_mb(), self.theirs.worker_memory_mb()
        yield _figure("memory of a worker, below 600", *memory, "MB", None, lower_is_better=True)

    def _wait_for(self, server: Server, material: Material) -> None:
        """Until it answers: the port is open before the models are loaded."""
        for _ in range(_TRIES):
            if not self._run(server, material, 0.1, concurrency=1, quiet=True).failed:
                return
        raise RuntimeError(f"{server.name} does not answer")

    def _on(self, material: Material) -> Iterator[Figure]:
        for concurrency in self.effort.concurrencies:
            marked = material.gold is not None and concurrency == max(self.effort.concurrencies)
            mine, theirs, unary = (
                self._run(server, material, self.effort.load, way=way, concurrency=concurrency, every_text=marked)
                for server, way in ((self.mine, ""), (self.theirs, ""), (self.mine, "unary"))
            )
            about = f"{material.name}, {concurrency} callers"
            target = {1: 1.0, 32: material.target}.get(concurrency)
            yield _figure(f"texts per second, {about}", mine.per_second, theirs.per_second, "1/s", target)
            rates = unary.per_second, theirs.per_second
            yield _figure(f"texts per second, one RPC a text, {about}", *rates, "1/s", None)
            yield _figure(
                f"server CPU of a text, {about}", mine.cpu_ms, theirs.cpu_ms, "ms", None, lower_is_better=True
            )
            for percent in (50, 99):
                pair = percentile(mine, percent), percentile(theirs, percent)
                yield _figure(f"p{percent}, {about}", *pair, "ms", None, lower_is_better=True)
            if marked and material.gold is not None:
                shares = leaked(material, mine), leaked(material, theirs)
                yield _figure(f"leaked characters, {material.name}", *shares, "share", 1.0, lower_is_better=True)

    def _overloaded(self, material: Material) -> Iterator[Figure]:
        """Each at twice the rate that it has just shown to be its own."""
        outcomes = []
        for server in (self.mine, self.theirs):
            way = "unary" if server is self.mine else ""  # the SDK's `anonymize` waits where RPCs are refused
            capacity = self._run(server, material, self.effort.load, way=way, concurrency=64).per_second
            outcomes.append(self._run(server, material, self.effort.overload, way=way, rate=_OVERLOAD * capacity))
        mine, theirs = outcomes
        about = f"{material.name}, offered twice the capacity"
        pair = percentile(mine, 99), percentile(theirs, 99)
        yield _figure(f"p99, {about}", *pair, "ms", 1.0, lower_is_better=True)
        growth = [percentile_of(last_tenth(one), 50) for one in outcomes]
        yield _figure(f"p50 of the last tenth of the answers, {about}", *growth, "ms", 1.0, lower_is_better=True)
        yield _figure(f"refused at once, {about}", refused(mine), refused(theirs), "share", None)

    def _run(
        self, server: Server, material: Material, seconds: float, *, way: str = "", quiet: bool = False, **how: Any
    ) -> Outcome:
        load = Load(server.target, material.texts, self.types, seconds, way=way or server.target["way"], **how)
        command = [sys.executable, "-m", "benchmarks.presidio_rest.load"]
        began_s = server.cpu_s()
        done = subprocess.run(
            command, cwd=ROOT, check=True, input=json.dumps(asdict(load)).encode(), stdout=subprocess.PIPE
        )
        outcome = Outcome(**json.loads(done.stdout))
        outcome.server_cpu_s = server.cpu_s() - began_s
        if outcome.failed and not quiet:
            print(f"{server.name}, {material.name}: calls failed: {outcome.failures}", file=sys.stderr)
        return outcome


def compare(materials: Sequence[Material], effort: Effort) -> Iterator[Figure]:
    """Starts both, runs every load on both in turns, stops them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ours(Path(folder) / "ours") as mine,
        presidio(Path(folder) / "presidio") as theirs,
    ):
        url = f"http://127.0.0.1:{theirs.target['analyzer']}/supportedentities?language=en"
        with urllib.request.urlopen(url) as answer:
            supported = set(json.load(answer))
        yield from Comparison(mine, theirs, effort, sorted(supported & entity_types("en"))).figures(materials)


def percentile(outcome: Outcome, percent: int) -> float:
    """Of all answers, in ms."""
    return percentile_of(outcome.latencies_ms, percent)


def percentile_of(values: Sequence[float], percent: int) -> float:
    """NaN where there are too few values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else float("nan")


def last_tenth(outcome: Outcome) -> Sequence[float]:
    """The latest answers."""
    return outcome.latencies_ms[-max(2, len(outcome.latencies_ms) // 10) :]


def refused(outcome: Outcome) -> float:
    """Share of what was sent."""
    return outcome.refused / (outcome.refused + outcome.failed + len(outcome.latencies_ms))


def leaked(material: Material, outcome: Outcome) -> float:
    """Share of the marked characters outside of everything that was found."""
    assert material.gold is not None
    indices = sorted(outcome.found)
    gold, texts = [material.gold[int(i)] for i in indices], [material.texts[int(i)] for i in indices]
    return shares(gold, [outcome.found[i] for i in indices], texts)[0]


def _figure(name: str, mine: float, theirs: float, unit: str, target: float | None, **how: bool) -> Figure:
    return figure(name, mine, theirs, unit, target, peer=PEER, **how)
