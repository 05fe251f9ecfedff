"""Labeled items and what is known of them, as columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.label_errors import label_quality, pruning
from labelmill_quality.label_errors.confident_joint import Codes, Flags, Floats
from labelmill_quality.label_errors.cross_validation import FOLDS


class Kind(Enum):
    """What one item's labels are."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    TOKENS = "tokens"


@dataclass(frozen=True)
class Options:
    """How labels are doubted."""

    kind: Kind = Kind.SINGLE
    method: str = pruning.DEFAULT
    score: str = label_quality.DEFAULT
    folds: int = FOLDS
    seed: int = 0
    least_cosine: float = 0.9
    least_jaccard: float = 0.7
    most_bits: int = 4
    least_z: float = 3.5


@dataclass(frozen=True)
class LabeledItems:
    """Columns; those that are not known are None."""

    items: Sequence[str]
    classes: tuple[str, ...]
    labels: Codes
    """SINGLE: (items); MULTIPLE: the classes of item after item; TOKENS: those of token after token."""
    counts: npt.NDArray[np.int64]
    """(items): how many of the labels are each item's."""
    probabilities: Floats | None = None
    """(items, classes), for TOKENS (tokens, classes): by a model that has not seen the labels."""
    embeddings: npt.NDArray[np.float32] | None = None
    texts: Sequence[str] | None = None
    hashes: npt.NDArray[np.uint64] | None = None

    @cached_property
    def item_of_label(self) -> npt.NDArray[np.intp]:
        """(labels): whose it is."""
        return np.repeat(np.arange(len(self.items)), self.counts)

    @cached_property
    def given(self) -> Flags:
        """(items, classes): the item has the class."""
        flags = np.zeros((len(self.items), len(self.classes)), bool)
        flags[self.item_of_label, self.labels] = True
        return flags

    @cached_property
    def label_sets(self) -> list[tuple[int, ...]]:
        """(items): what the item's labels are, to tell whether two items have the same."""
        ends = np.cumsum(self.counts).tolist()
        codes = self.labels.tolist()
        return [tuple(codes[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


class IssueType(Enum):
    """Why to look at an item."""

    LABEL_ERROR = "label_error"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    OUTLIER = "outlier"


@dataclass(frozen=True, slots=True)
class Issue:
    """One reason to look at an item."""

    item: int
    kind: IssueType
    score: float
    """In [0, 1]; the lower, the more urgent."""
    reason: str
    label: int | None = None
    suggested: int | None = None
    others: tuple[int, ...] = field(default=())
    token: int | None = None
