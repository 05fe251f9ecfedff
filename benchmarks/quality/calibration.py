"""Expected calibration error of consensus on the public crowd sets (../shared/data/crowd, where the machine has them).

For each method: as it is (the peer), with the strength that is usual elsewhere (the geometric mean of what fits each of
the other sets: leave one set out), and with 50 gold answers, scored on the other items, over 20 draws. The error is of
ten bins of equal width, on all items with gold: large enough a number but for the smallest sets.
Last the strengths themselves: `ours` is the geometric mean of what fits each set, `peer` what is built in as default.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.quality.accuracy import GOLD, METHODS
from benchmarks.quality.figure import Figure, better, faster
from benchmarks.quality.labels import CROWD, SETS, SMALL_SETS, crowd_set
from labelmill_quality import aggregation
from labelmill_quality.aggregation import calibration
from labelmill_quality.aggregation.calibration import Calibration, calibrate, fitted_strength, form_of
from labelmill_quality.aggregation.calibration_measures import calibration_error, expected_by_chance, finds_errors
from labelmill_quality.labels import NO_GOLD, Codes, Floats, LabelTable, gold_codes, make_table

LIMIT = 0.07
DRAWS = 20


@dataclass(frozen=True)
class Judged:
    """What a method said of the items with gold of one set."""

    posterior: Floats
    labels: Floats
    gold: Codes

    def error(self, posterior: Floats, rows: slice | npt.NDArray[np.int64] = slice(None)) -> float:
        """The error of other probabilities for some of the same items."""
        return calibration_error(posterior, self.gold[rows]).value or 0.0


def figures(*, quick: bool) -> Iterator[Figure]:
    """Method by method."""
    if not CROWD.is_dir():
        return
    tables = [table_of(name) for name in (SMALL_SETS if quick else SETS)]
    for method in METHODS:
        yield from of_method(method, [judged(method, *each) for each in tables], 3 if quick else DRAWS)


def table_of(name: str) -> tuple[LabelTable, Codes]:
    """A set and its gold."""
    labels = crowd_set(name)
    classes = sorted({*labels.classes, *labels.truth.values()})
    table = make_table(labels.tasks, labels.workers, labels.classes, class_names=classes)
    return table, gold_codes(table.items, list(labels.truth), list(labels.truth.values()), classes)


def judged(method: str, table: LabelTable, gold: Codes) -> Judged:
    """The items with gold."""
    known = np.flatnonzero(gold != NO_GOLD)
    posterior = aggregation.aggregate(table, method).posterior[known]
    return Judged(posterior, table.labels_per_item[known].astype(np.float64), gold[known])


def of_method(method: str, sets: Sequence[Judged], draws: int) -> Iterator[Figure]:
    """Its figures."""
    form, usual = form_of(method), calibration.DEFAULT_STRENGTHS[method]
    logs = np.log([fitted_strength(each.posterior, each.labels, each.gold, form) for each in sets])
    raw = float(np.mean([each.error(each.posterior) for each in sets]))
    none = calibration.default(method)
    left_out = [
        Calibration(form, float(np.exp(np.delete(logs, place).mean())), 0, none.error, none.error, None)
        for place in range(len(sets))
    ]
    without = [each.error(one.apply(each.posterior, each.labels)) for each, one in zip(sets, left_out, strict=True)]
    yield faster(f"ECE {method} without gold, left-out sets' strength (raw)", float(np.mean(without)), raw, unit="ECE")
    told = [told_error(method, each, seed) for each in sets for seed in range(draws)]
    found, chance = (float(x) for x in np.mean(told, axis=0))
    yield faster(f"ECE {method} with {GOLD} gold (limit)", found, LIMIT, unit="ECE")
    yield faster(f"ECE {method} with {GOLD} gold (raw)", found, raw, unit="ECE")
    yield faster(
        f"ECE {method} with {GOLD} gold (of perfect probabilities, by chance)", found, chance, target=0, unit="ECE"
    )
    finds = [finds_errors(each.posterior, each.gold) or 0.5 for each in sets]
    yield better(f"AUROC {method}: confidence finds errors (coin)", float(np.mean(finds)), 0.5, unit="AUROC")
    fitted = float(np.exp(logs.mean()))
    yield better(f"strength {method}: mean of {len(sets)} sets (built in)", fitted, usual, target=0.9, unit=form)


def told_error(method: str, each: Judged, seed: int) -> tuple[float, float]:
    """The error on the items that were not told, and what chance makes of it."""
    chosen = np.random.default_rng([seed, GOLD]).choice(len(each.gold), GOLD, replace=False)
    rest = np.setdiff1d(np.arange(len(each.gold)), chosen)
    learned = calibrate(method, each.posterior[chosen], each.labels[chosen], each.gold[chosen])
    posterior = learned.apply(each.posterior[rest], each.labels[rest])
    return each.error(posterior, rest), expected_by_chance(posterior)
