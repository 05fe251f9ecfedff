"""Leads shards through EM: every round asks all of them for sums, and adds them up. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.aggregation.confusion_counts import Counts
from labelmill_quality.distributed.shard import Shard
from labelmill_quality.labels import Floats

_DEFAULT = dawid_skene.Options()


class Shards(Protocol):
    """Shards, wherever they are."""

    def each(self, method: str, *arguments: Any) -> list[Any]:
        """Calls a method of every Shard, all at once; what they return, in the order of the shards."""


@dataclass(frozen=True)
class Here:
    """Shards in this process, one after the other; each uses all cores."""

    shards: Sequence[Shard]

    def each(self, method: str, *arguments: Any) -> list[Any]:
        """See Shards."""
        return [getattr(shard, method)(*arguments) for shard in self.shards]


@dataclass(frozen=True)
class Summed:
    """Shards as the parts of one whole."""

    shards: Shards

    def votes(self) -> Counts:
        """See Parts."""
        counts: list[Counts] = self.shards.each("votes")
        return reduce(Counts.__add__, counts)

    def round(self, prior: Floats, confusion: Floats) -> Counts:
        """See Parts."""
        counts: list[Counts] = self.shards.each("round", prior, confusion)
        return reduce(Counts.__add__, counts)


@dataclass(frozen=True)
class Aggregated:
    """What came of it."""

    model: dawid_skene.DawidSkene
    labelers: list[str]
    """Ordered by name, as in the model."""
    classes: list[str]
    label_count: int
    item_count: int
    paths: list[str]
    """The files with the consensus labels, a shard a file; empty where none were asked for."""


def aggregate(
    shards: Shards,
    *,
    class_names: Sequence[str] = (),
    gold: Mapping[str, str] | None = None,
    options: dawid_skene.Options = _DEFAULT,
    folder: str = "",
) -> Aggregated:
    """Fits Dawid and Skene's model to the labels of all shards, and has each write the consensus of its items.

    The same as in one process, but for the order in which numbers are added.

    Args:
        shards: The shards.
        class_names: The classes in order; empty: those that occur, ordered by name.
        gold: Item -> its known class.
        options: How EM is run.
        folder: Where each shard writes, as its machine sees it; empty: nowhere.

    Raises:
        UnknownClass: A label or gold has a class that is not in class_names.
    """
    gold = gold or {}
    found = shards.each("names")
    labelers = sorted({labeler for names, _ in found for labeler in names})
    classes = list(class_names) or sorted({name for _, names in found for name in names} | set(gold.values()))
    sizes = shards.each("number", labelers, classes, gold, options.least_labels)
    model = dawid_skene.fit_parts(Summed(shards), len(labelers), options)
    confusion = model.confusion.reshape(-1, len(classes))
    paths = shards.each("write", model.prior, confusion, folder) if folder else []
    labels, items = (sum(size[i] for size in sizes) for i in (0, 1))
    return Aggregated(model, labelers, classes, labels, items, paths)
