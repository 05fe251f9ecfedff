"""What every method of aggregation returns, and what all methods share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.selection import Selection
from labelmill_quality.labels import Codes, LabelTable

if TYPE_CHECKING:
    from labelmill_quality.aggregation.calibration import Calibration

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

TIE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Others:
    """For every label, the consensus of its item without it; an item's only label has no others: tied."""

    winners: Codes
    tied: Flags


@dataclass(frozen=True)
class Consensus:
    """The inferred class of every item of a table."""

    posterior: Floats
    """(items, classes); every row sums to 1. Not calibrated, unless `calibration` is there."""
    others: Callable[[], Others]
    """Computes, when it is asked for, what is said about each label's item without that label (`leave_one_out.py`)."""
    method: str
    version: str
    iterations: int = 0
    converged: bool = True
    note: str = ""
    """What a reader should know of how it came about, such as why `auto` weighs methods as it does."""
    selection: Selection | None = None
    """What `auto` found out about every method; None for other methods."""
    ordered: bool = False
    """The classes are in an order: an item's winner is the middle of its posterior, which errs by the fewest ranks."""
    calibration: Calibration | None = None
    """What made the posterior probabilities; None: nothing, it is as the method made it."""

    @cached_property
    def winners(self) -> Codes:
        """The likeliest class of every item, the first of equals; with ordered classes, the median."""
        return self._picked[0]

    @cached_property
    def tied(self) -> Flags:
        """Where several classes were equally likely."""
        return self._picked[1]

    @cached_property
    def _picked(self) -> tuple[Codes, Flags]:
        return middle(self.posterior) if self.ordered else pick(self.posterior)

    def agreement(self, table: LabelTable) -> Floats:
        """Share of each item's labelers who said its winner."""
        agreeing = table.class_codes == self.winners[table.item_codes]
        said = np.bincount(table.item_codes[agreeing], minlength=len(table.items))
        return said / table.labels_per_item


@dataclass(frozen=True)
class ConsensusLabels:
    """A consensus as columns, one row an item, ordered by item: what is sent and stored."""

    items: Sequence[str]
    winners: Codes
    posterior: Floats
    label_counts: npt.NDArray[np.int64]
    agreement: Floats
    tied: Flags

    @classmethod
    def of(cls, table: LabelTable, consensus: Consensus) -> ConsensusLabels:
        """The columns of a consensus about a table."""
        return cls(
            table.items,
            consensus.winners,
            consensus.posterior,
            table.labels_per_item,
            consensus.agreement(table),
            consensus.tied,
        )


def pick(scores: Floats) -> tuple[Codes, Flags]:
    """The column of the largest score in each row, the first of equals, and whether there were equals."""
    largest = scores.max(axis=1, keepdims=True)
    near = scores >= largest - TIE_TOLERANCE
    return near.argmax(axis=1).astype(np.int32), near.sum(axis=1) > 1


def middle(posterior: Floats) -> tuple[Codes, Flags]:
    """The median class of each row, the lower of two, and whether there were two."""
    below = np.cumsum(posterior, axis=1)
    lower = (below < 0.5 - TIE_TOLERANCE).sum(axis=1)
    upper = (below < 0.5 + TIE_TOLERANCE).sum(axis=1)
    last = posterior.shape[1] - 1  # where rounding leaves a sum below one half
    return np.minimum(lower, last).astype(np.int32), lower != upper
