"""One line of the outcome, and how it is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """A measurement of ours beside a peer's or a limit."""

    figure: str
    """What was measured, on what."""
    ours: float
    peer: float
    """The peer's; where there is none, the limit that we set ourselves."""
    unit: str
    ratio: float
    """How many times better ours is; above 1 is ahead."""
    target: float
    """The ratio that we want."""


def faster(name: str, ours: float, peer: float, *, target: float = 1.0, unit: str = "CPU s") -> Figure:
    """A figure of which less is better."""
    return Figure(name, ours, peer, unit, peer / ours, target)


def better(name: str, ours: float, peer: float, *, target: float = 1.0, unit: str = "% correct") -> Figure:
    """A figure of which more is better."""
    return Figure(name, ours, peer, unit, ours / peer, target)


def timed(work: Callable[[], T], rounds: int = 3) -> tuple[T, float]:
    """What the work gives, and the CPU seconds of its best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        outcome = work()
        best = min(best, time.process_time() - start)
    return outcome, best


def readable(figure: Figure) -> str:
    """A line for people."""
    return (
        f"{figure.figure:56} ours {figure.ours:10.4g}  peer {figure.peer:10.4g} {figure.unit:10} "
        f"{figure.ratio:8.2f}x (target {figure.target:g}x)"
    )
