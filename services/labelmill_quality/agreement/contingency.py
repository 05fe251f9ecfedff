"""Many contingency tables at once, only their cells that are not 0: two answers to the same items each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.chance_corrected import Chance, chance_slopes

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class ContingencyTables:
    """A table for each key, such as a pair of labelers; ordered by key, then cell."""

    classes: int
    keys: Counts
    """(tables), rising."""
    starts: Counts
    """(tables + 1): where the cells of each table begin."""
    first_said: Counts
    """(cells): the one answer."""
    second_said: Counts
    """(cells): the other."""
    counts: Floats
    """(cells): items."""

    @cached_property
    def items(self) -> Counts:
        """(tables): items with both answers."""
        return self.sums(self.counts).astype(np.int64)

    @cached_property
    def table_of_cell(self) -> Counts:
        """(cells): number of the table."""
        return np.repeat(np.arange(len(self.keys)), np.diff(self.starts))

    def sums(self, values: Floats) -> Floats:
        """(tables): the values of each table's cells together."""
        return np.bincount(self.table_of_cell, values, minlength=len(self.keys)).astype(np.float64, copy=False)

    def agreed(self) -> Floats:
        """(tables): items with equal answers."""
        return self.sums(self.counts * (self.first_said == self.second_said))

    def with_items(self, minimum: int) -> ContingencyTables:
        """The tables with at least so many items."""
        kept = self.items >= minimum
        cells = kept[self.table_of_cell]
        sizes = np.diff(self.starts)[kept]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        return ContingencyTables(
            self.classes, self.keys[kept], starts, self.first_said[cells], self.second_said[cells], self.counts[cells]
        )


def contingency_tables(
    keys: npt.NDArray[np.signedinteger],
    first_said: npt.NDArray[np.signedinteger],
    second_said: npt.NDArray[np.signedinteger],
    classes: int,
) -> ContingencyTables:
    """The tables of (observations) with a key and two answers each; keys without any have no table."""
    names, numbers = np.unique(keys, return_inverse=True)
    cells, counts = np.unique((numbers * classes + first_said) * classes + second_said, return_counts=True)
    starts = np.searchsorted(cells, np.arange(len(names) + 1) * classes * classes)
    said, size = cells % max(classes * classes, 1), max(classes, 1)
    return ContingencyTables(
        classes, names.astype(np.int64), starts, said // size, said % size, counts.astype(np.float64)
    )


@dataclass(frozen=True)
class TableAgreement:
    """Observed and expected agreement of each table, and what it takes to know how sure they are."""

    observed: Floats
    """(tables)"""
    expected: Floats
    """(tables)"""
    variance: Floats
    """(tables): of the corrected coefficient; NaN where that is undefined."""

    @property
    def coefficient(self) -> Floats:
        """(tables): (p_o - p_e) / (1 - p_e); NaN where chance alone would agree always."""
        return (self.observed - self.expected) / _room(self.expected)


def table_agreement(tables: ContingencyTables, weights: Floats, chance: Chance | None) -> TableAgreement:
    """A coefficient of each table; None for Cohen's kappa, whose chance is that of the two labelers' own
    habits.

        p_o = sum_kl w_kl p_kl            p_e = sum_kl w_kl p_k. p_.l   (Cohen; others as in `chance_corrected`)

    with the large-sample variance, h_kl being how p_e depends on a cell (Cohen: sum_m w_km p_.m + sum_m w_ml p_m.):

        (sum_kl p_kl (w_kl - h_kl (1 - kappa))² - (kappa - p_e (1 - kappa))²) / (n (1 - p_e)²)

    (J. L. Fleiss, J. Cohen and B. S. Everitt, Psychological Bulletin 72, 1969.)
    """
    parts = [_agreement_of(part, weights, chance) for part in _chunks(tables, len(weights))]
    if not parts:
        return TableAgreement(*(np.empty(0) for _ in range(3)))
    observed, expected, variance = zip(*parts, strict=True)
    return TableAgreement(np.concatenate(observed), np.concatenate(expected), np.concatenate(variance))


def _agreement_of(tables: ContingencyTables, weights: Floats, chance: Chance | None) -> tuple[Floats, Floats, Floats]:
    table = tables.table_of_cell
    shares = tables.counts / tables.items[table]
    agreed = weights[tables.first_said, tables.second_said]
    observed = tables.sums(shares * agreed)
    expected, first_slopes, second_slopes = _chance(tables, shares, weights, chance)
    room = _room(expected)
    rest = 1 - (observed - expected) / room
    habit = first_slopes[table, tables.first_said] + second_slopes[table, tables.second_said]
    spread = tables.sums(shares * (agreed - habit * rest[table]) ** 2)
    variance = (spread - (1 - rest - expected * rest) ** 2) / (tables.items * room**2)
    return observed, expected, np.maximum(variance, 0)


def _chance(
    tables: ContingencyTables, shares: Floats, weights: Floats, chance: Chance | None
) -> tuple[Floats, Floats, Floats]:
    """(tables) p_e, and (tables, classes) how it depends on what each of the two says."""
    firsts = _marginals(tables, tables.first_said, shares)
    seconds = _marginals(tables, tables.second_said, shares)
    if chance is None:
        to_second, to_first = seconds @ weights, firsts @ weights
        return (firsts * to_second).sum(axis=1), to_second, to_first
    slopes = chance_slopes(weights, chance, (firsts + seconds) / 2)
    return ((firsts + seconds) / 2 * slopes).sum(axis=1), slopes, slopes


def _room(expected: Floats) -> Floats:
    return np.where(1 - expected > 1e-12, 1 - expected, np.nan)


def _marginals(tables: ContingencyTables, said: Counts, shares: Floats) -> Floats:
    cells = tables.table_of_cell * tables.classes + said
    size = (len(tables.keys), tables.classes)
    return np.bincount(cells, shares, minlength=size[0] * size[1]).reshape(size).astype(np.float64, copy=False)


def _chunks(tables: ContingencyTables, classes: int) -> list[ContingencyTables]:
    """Pieces of the tables whose (tables, classes) marginals fit."""
    step = max(1, _CHUNK_CELLS // max(classes, 1))
    pieces = []
    for start in range(0, len(tables.keys), step):
        keys = tables.keys[start : start + step]
        starts = tables.starts[start : start + len(keys) + 1]
        cells = slice(starts[0], starts[-1])
        pieces.append(
            ContingencyTables(
                tables.classes,
                keys,
                starts - starts[0],
                tables.first_said[cells],
                tables.second_said[cells],
                tables.counts[cells],
            )
        )
    return pieces
