"""All pairs of labelers at once: what two of them said about the items that both answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.chance_corrected import Chance, chance_slopes
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class PairTables:
    """A contingency table for each pair of labelers, only the cells that are not 0; ordered by pair, then cell."""

    labelers: int
    classes: int
    pairs: Counts
    """(pairs): first * labelers + second, first < second, rising."""
    starts: Counts
    """(pairs + 1): where the cells of each pair begin."""
    first_said: Counts
    """(cells)"""
    second_said: Counts
    """(cells)"""
    counts: Floats
    """(cells): items."""

    @property
    def first(self) -> Counts:
        """(pairs): code of the one labeler."""
        return self.pairs // max(self.labelers, 1)

    @property
    def second(self) -> Counts:
        """(pairs): code of the other."""
        return self.pairs % max(self.labelers, 1)

    @cached_property
    def items(self) -> Counts:
        """(pairs): items that both answered."""
        return self.sums(self.counts).astype(np.int64)

    @cached_property
    def pair_of_cell(self) -> Counts:
        """(cells): number of the pair."""
        return np.repeat(np.arange(len(self.pairs)), np.diff(self.starts))

    def sums(self, values: Floats) -> Floats:
        """(pairs): the values of each pair's cells together."""
        return np.bincount(self.pair_of_cell, values, minlength=len(self.pairs)).astype(np.float64, copy=False)

    def with_items(self, minimum: int) -> PairTables:
        """The pairs with at least so many shared items."""
        kept = self.items >= minimum
        cells = kept[self.pair_of_cell]
        sizes = np.diff(self.starts)[kept]
        return PairTables(
            self.labelers,
            self.classes,
            self.pairs[kept],
            np.concatenate([[0], np.cumsum(sizes)]),
            self.first_said[cells],
            self.second_said[cells],
            self.counts[cells],
        )


@dataclass(frozen=True)
class PairRows:
    """Pairs of labels about one item, as numbers of a table's rows; the second row is the later one."""

    first: Counts
    second: Counts


def pair_rows(table: LabelTable) -> PairRows:
    """Every pair of labels that an item has."""
    place = np.arange(len(table)) - table.offsets[table.item_codes]
    left = table.labels_per_item[table.item_codes] - place - 1  # labels of the same item that follow
    first = np.repeat(np.arange(len(table)), left)
    steps = np.arange(len(first)) - np.repeat(np.cumsum(left) - left, left) + 1
    return PairRows(first, first + steps)


def pair_count(table: LabelTable) -> int:
    """How many rows `pair_rows` has."""
    sizes = table.labels_per_item.astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def pair_tables(table: LabelTable) -> PairTables:
    """Compares every two labelers with a shared item."""
    rows, size, labelers = pair_rows(table), len(table.classes), len(table.labelers)
    pairs = table.labeler_codes[rows.first].astype(np.int64) * labelers + table.labeler_codes[rows.second]
    names, pair_codes = np.unique(pairs, return_inverse=True)
    cells = (pair_codes * size + table.class_codes[rows.first]) * size + table.class_codes[rows.second]
    cells, counts = np.unique(cells, return_counts=True)
    starts = np.searchsorted(cells, np.arange(len(names) + 1) * size * size)
    said, size = cells % max(size * size, 1), max(size, 1)
    return PairTables(labelers, size, names, starts, said // size, said % size, counts.astype(np.float64))


@dataclass(frozen=True)
class PairAgreement:
    """Observed and expected agreement of each pair, and what it takes to know how sure they are."""

    observed: Floats
    """(pairs)"""
    expected: Floats
    """(pairs)"""
    variance: Floats
    """(pairs): of the corrected coefficient; NaN where that is undefined."""

    @property
    def coefficient(self) -> Floats:
        """(pairs): (p_o - p_e) / (1 - p_e); NaN where chance alone would agree always."""
        return (self.observed - self.expected) / _room(self.expected)


def pair_agreement(tables: PairTables, weights: Floats, chance: Chance | None) -> PairAgreement:
    """A coefficient of each pair; None for Cohen's kappa, whose chance is that of the two labelers' own habits.

        p_o = sum_kl w_kl p_kl            p_e = sum_kl w_kl p_k. p_.l   (Cohen; others as in `chance_corrected`)

    with the large-sample variance, h_kl being how p_e depends on a cell (Cohen: sum_m w_km p_.m + sum_m w_ml p_m.):

        (sum_kl p_kl (w_kl - h_kl (1 - kappa))² - (kappa - p_e (1 - kappa))²) / (n (1 - p_e)²)

    (J. L. Fleiss, J. Cohen and B. S. Everitt, Psychological Bulletin 72, 1969.)
    """
    parts = [_agreement_of(part, weights, chance) for part in _chunks(tables, len(weights))]
    if not parts:
        return PairAgreement(*(np.empty(0) for _ in range(3)))
    observed, expected, variance = zip(*parts, strict=True)
    return PairAgreement(np.concatenate(observed), np.concatenate(expected), np.concatenate(variance))


def _agreement_of(tables: PairTables, weights: Floats, chance: Chance | None) -> tuple[Floats, Floats, Floats]:
    pair = tables.pair_of_cell
    shares = tables.counts / tables.items[pair]
    agreed = weights[tables.first_said, tables.second_said]
    observed = tables.sums(shares * agreed)
    expected, first_slopes, second_slopes = _chance(tables, shares, weights, chance)
    room = _room(expected)
    rest = 1 - (observed - expected) / room
    habit = first_slopes[pair, tables.first_said] + second_slopes[pair, tables.second_said]
    spread = tables.sums(shares * (agreed - habit * rest[pair]) ** 2)
    variance = (spread - (1 - rest - expected * rest) ** 2) / (tables.items * room**2)
    return observed, expected, np.maximum(variance, 0)


def _chance(
    tables: PairTables, shares: Floats, weights: Floats, chance: Chance | None
) -> tuple[Floats, Floats, Floats]:
    """(pairs) p_e, and (pairs, classes) how it depends on what each of the two says."""
    firsts = _marginals(tables, tables.first_said, shares)
    seconds = _marginals(tables, tables.second_said, shares)
    if chance is None:
        to_second, to_first = seconds @ weights, firsts @ weights
        return (firsts * to_second).sum(axis=1), to_second, to_first
    slopes = chance_slopes(weights, chance, (firsts + seconds) / 2)
    return ((firsts + seconds) / 2 * slopes).sum(axis=1), slopes, slopes


def _room(expected: Floats) -> Floats:
    return np.where(1 - expected > 1e-12, 1 - expected, np.nan)


def _marginals(tables: PairTables, said: Counts, shares: Floats) -> Floats:
    cells = tables.pair_of_cell * tables.classes + said
    size = (len(tables.pairs), tables.classes)
    return np.bincount(cells, shares, minlength=size[0] * size[1]).reshape(size).astype(np.float64, copy=False)


def _chunks(tables: PairTables, classes: int) -> list[PairTables]:
    """Pieces of the pairs whose (pairs, classes) tables fit."""
    step = max(1, _CHUNK_CELLS // max(classes, 1))
    pieces = []
    for start in range(0, len(tables.pairs), step):
        pairs = tables.pairs[start : start + step]
        begin, end = tables.starts[start], tables.starts[start + len(pairs)]
        pieces.append(
            PairTables(
                tables.labelers,
                tables.classes,
                pairs,
                tables.starts[start : start + len(pairs) + 1] - begin,
                tables.first_said[begin:end],
                tables.second_said[begin:end],
                tables.counts[begin:end],
            )
        )
    return pieces
