"""What is kept about a feature, its labelers and its items, so that a change costs no more than its items. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.live import answers
from labelmill_quality.live.answers import Said

Floats = npt.NDArray[np.float64]
CHOICES = frozenset({1, 3})
"""The contract's numbers of the kinds whose answers are single classes: single choice, ordinal."""
NONE: Floats = np.zeros(0)
NO_COUNTS: Floats = np.zeros((0, 0))


@dataclass(frozen=True)
class LiveItem:
    """One item."""

    item: str
    said: tuple[Said, ...]
    gold: str = ""
    """The gold class, where the item is a benchmark for labelers."""
    posterior: Floats = field(default_factory=lambda: NONE)
    """(classes); later classes have probability 0. Empty where nobody answered an ordinary task."""
    agreed: Mapping[str, bool] = field(default_factory=dict)
    """Labeler -> whether they said what the others' consensus is; absent where the others are tied or none."""
    label_count: int = 0
    disagreement: float = 0.0
    uncertainty: float = 0.0
    tally: str = ""

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labeler -> the class they said in ordinary tasks."""
        return answers.labels(self.said)

    @cached_property
    def sets(self) -> dict[str, tuple[str, ...]]:
        """Labeler -> everything they said in ordinary tasks."""
        return answers.sets(self.said)


@dataclass(frozen=True)
class LiveLabeler:
    """One labeler."""

    labeler: str
    label_count: int = 0
    agreed_count: int = 0
    compared_count: int = 0
    right_count: int = 0
    gold_count: int = 0
    counts: Floats = field(default_factory=lambda: NO_COUNTS)
    """(classes said, true classes): labels about shared items, each counted under its item's posterior."""


@dataclass(frozen=True)
class LiveFeature:
    """One feature."""

    feature: str
    kind: int
    """The contract's number."""
    class_names: tuple[str, ...] = ()
    """What the numbers of classes stand for: new ones are added at the end, so that what is kept stays right."""
    class_counts: Floats = field(default_factory=lambda: NONE)
    """(classes): shared items, each counted under its posterior."""
    labels_since_refit: int = 0
    last_refit: bytes = b""
    """In the contract's form; empty before the first."""

    @property
    def is_choice(self) -> bool:
        """Whether answers are single classes."""
        return self.kind in CHOICES


@dataclass(frozen=True)
class LiveState:
    """A feature, and those of its labelers and items that are at hand."""

    feature: LiveFeature
    labelers: Mapping[str, LiveLabeler]
    items: Mapping[str, LiveItem]
    gone: frozenset[str] = frozenset()
    """Items that nobody says anything about any more."""
    change_count: int = 0
    """Annotations that are new, corrected or withdrawn since the state before."""


def with_classes(feature: LiveFeature, used: Iterable[str]) -> tuple[str, ...]:
    """The feature's classes, and those among `used` that it did not know, by name."""
    return (*feature.class_names, *sorted(set(used).difference(feature.class_names)))


def grown(counts: Floats, size: int) -> Floats:
    """Counts over fewer classes as counts over `size` classes."""
    room = np.zeros((size,) * counts.ndim)
    room[tuple(slice(0, length) for length in counts.shape)] = counts
    return room


def posteriors(items: Sequence[LiveItem], size: int) -> Floats:
    """(items, classes): what was inferred about items."""
    return np.stack([grown(item.posterior, size) for item in items]) if items else np.zeros((0, size))
