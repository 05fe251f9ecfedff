"""The judgements of each feature: together, by labeler, by class, by time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.benchmark.drift import Drift, watch
from labelmill_quality.benchmark.figures import COLUMNS, Figures, counted, figures
from labelmill_quality.benchmark.judgement import Judgement
from labelmill_quality.benchmark.rules import Rules
from labelmill_quality.errors import TooManyCells

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_NONE = -1
_MOST_CELLS = 20_000_000
"""Numbers in the confusion matrices of a feature: 160 MB, more than any message holds."""


@dataclass(frozen=True)
class ClassConfusion:
    """Gold by what was said; the last row and column are for nothing."""

    class_names: tuple[str, ...]
    counts: Floats
    """(classes + 1, classes + 1)."""


@dataclass(frozen=True)
class Group:
    """Judgements that are counted together."""

    feature: str
    labeler: str
    """Empty for all."""
    class_name: str
    """Empty for all."""
    window_start_ms: int | None
    """None for all times."""
    figures: Figures
    confusion: ClassConfusion | None
    """None where classes say nothing: of one class, of texts and numbers."""


def grouped(judgements: Sequence[Judgement], rules: Rules) -> list[Group]:
    """Of each feature all, each class, each labeler, and each labeler's windows."""
    return [group for feature, found in _by_feature(judgements).items() for group in _of_feature(feature, found, rules)]


def drifts(judgements: Sequence[Judgement], rules: Rules) -> list[Drift]:
    """The watch over each labeler's answers to each feature; none without a design."""
    if rules.drift is None:
        return []
    found: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        found[judgement.feature, judgement.labeler].append(judgement)
    return [watch(labeler, feature, found[feature, labeler], rules.drift) for feature, labeler in sorted(found)]


def _by_feature(judgements: Sequence[Judgement]) -> dict[str, list[Judgement]]:
    found: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        found[judgement.feature].append(judgement)
    return dict(sorted(found.items()))


def _of_feature(feature: str, judgements: Sequence[Judgement], rules: Rules) -> Iterator[Group]:
    cells = Cells.of(judgements, rules.class_orders.get(feature, ()))
    _require_room(judgements, cells, rules.window_ms)
    counts = counted(judgements)
    items = _codes([judgement.item for judgement in judgements])

    def group(rows: Codes, labeler: str = "", window: int | None = None) -> Group:
        confusion = cells.confusion(rows) if cells.classes else None
        return Group(feature, labeler, "", window, figures(counts[rows], items[rows], rules), confusion)

    yield group(np.arange(len(judgements)))
    for code, name in enumerate(cells.classes):
        class_counts, one_vs_rest = cells.counts(code, counts)
        about = items[cells.rows[cells.about(code)]]
        of_class = figures(class_counts, about, rules, one_vs_rest=one_vs_rest)
        yield Group(feature, "", name, None, of_class, None)
    labelers = [judgement.labeler for judgement in judgements]
    for labeler, rows in _split(labelers):
        yield group(rows, labeler)
        for window, place in _windows([judgements[row].create_ms for row in rows.tolist()], rules.window_ms):
            yield group(rows[place], labeler, window)


@dataclass(frozen=True)
class Cells:
    """Where judgements count in the confusion matrix of a feature, as columns; _NONE for nothing."""

    classes: tuple[str, ...]
    rows: Codes
    """The judgement of each cell."""
    gold: Codes
    said: Codes

    @classmethod
    def of(cls, judgements: Sequence[Judgement], order: Sequence[str]) -> Cells:
        """The cells of judgements; classes come in the order given, others behind by name."""
        flat = [(row, *cell) for row, judgement in enumerate(judgements) for cell in judgement.verdict.cells]
        names = {name for _, gold, said in flat for name in (gold, said) if name is not None}
        classes = (*(name for name in order if name in names), *sorted(names.difference(order)))
        code: dict[str | None, int] = {name: place for place, name in enumerate(classes)}
        columns = [(row, code.get(gold, _NONE), code.get(said, _NONE)) for row, gold, said in flat]
        rows, gold, said = np.array(columns, np.int64).reshape(-1, 3).T
        return cls(classes, rows, gold, said)

    def about(self, code: int) -> npt.NDArray[np.bool_]:
        """The cells whose gold or answer is a class."""
        about: npt.NDArray[np.bool_] = (self.gold == code) | (self.said == code)
        return about

    def confusion(self, rows: Codes) -> ClassConfusion:
        """The matrix of some judgements."""
        size = len(self.classes) + 1
        here = np.isin(self.rows, rows)
        places = self.gold[here] % size * size + self.said[here] % size  # _NONE becomes the last
        counts = np.bincount(places, minlength=size * size).reshape(size, size)
        return ClassConfusion(self.classes, counts.astype(np.float64))

    def counts(self, code: int, judged: Floats) -> tuple[Floats, tuple[float, int]]:
        """What cells about a class count, seen from it; and how many of all judgements are right about it.

        Args:
            code: The class.
            judged: (judgements, COLUMNS): what the judgements count.
        """
        about = self.about(code)
        gold, said = self.gold[about] == code, self.said[about] == code
        seen = gold & (self.said[about] != _NONE)
        columns = dict(zip(COLUMNS, judged[self.rows[about]].T, strict=True))
        counts = np.column_stack(
            [
                *(gold & said, seen & ~said, said & (self.gold[about] == _NONE), gold & ~seen),
                *(gold & said, said, gold),
                *(seen, seen * columns["score"], seen * columns["errors"]),
                *(seen * columns["error"], seen * columns["absolute_error"]),
            ]
        ).astype(np.float64)
        wrong = int((gold != said).sum())
        return counts, (len(judged) - wrong, len(judged))


def _require_room(judgements: Sequence[Judgement], cells: Cells, window_ms: int) -> None:
    windows = {(j.labeler, j.create_ms // window_ms) for j in judgements if window_ms and j.create_ms is not None}
    labelers = len({judgement.labeler for judgement in judgements})
    if cells.classes and (len(cells.classes) + 1) ** 2 * (1 + labelers + len(windows)) > _MOST_CELLS:
        raise TooManyCells(items=0, labelers=labelers, classes=len(cells.classes), limit=_MOST_CELLS)


def _codes(names: Sequence[str]) -> Codes:
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)


def _split(names: Sequence[str]) -> list[tuple[str, Codes]]:
    """Each name with the rows that have it, by name."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        rows[name].append(row)
    return [(name, np.array(rows[name], np.int64)) for name in sorted(rows)]


def _windows(times: Sequence[int | None], width_ms: int) -> list[tuple[int, Codes]]:
    """Each window's beginning with the places of the times in it, by time."""
    if width_ms <= 0:
        return []
    places: dict[int, list[int]] = defaultdict(list)
    for place, time in enumerate(times):
        if time is not None:
            places[time // width_ms * width_ms].append(place)
    return [(start, np.array(places[start], np.int64)) for start in sorted(places)]
