"""How annotations are compared with gold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from labelmill_quality.matching.measures import DEFAULT, Measures


class Mode(IntEnum):
    """Whose way of comparing counts; the numbers are those of the contract."""

    OPTIMAL = 1
    LABELBOX = 2
    CVAT = 3
    COCO = 4


@dataclass(frozen=True)
class DriftDesign:
    """How a labeler is watched; see `drift`."""

    baseline_count: int = 20
    """First items, which say how good a labeler is when nothing is wrong."""
    shift: float = 1.0
    """The fall that should be noticed soon, in standard deviations."""
    run_length: float = 500.0
    """Items until a false alarm, on average."""


@dataclass(frozen=True)
class Rules:
    """What counts as right, and how much is said about it."""

    mode: Mode = Mode.OPTIMAL
    threshold: float = 0.5
    """Shapes less alike are no pair."""
    class_aware: bool = False
    """Only shapes of one class are pairs."""
    measures: Measures = DEFAULT
    number_tolerance: float = 0.0
    text_threshold: float = 1.0
    """A text this similar is right."""
    class_orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The classes of ordinal features, lowest first."""
    window_ms: int = 0
    """Width of time windows; 0: none."""
    minimum_count: int = 1
    """Figures that rest on fewer observations are undefined."""
    bootstrap_count: int = 1000
    seed: int = 0
    drift: DriftDesign | None = None
    include_subclasses: bool = False
    """Of Mode.LABELBOX: attributes are half of the score of a pair of shapes."""
