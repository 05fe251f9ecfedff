"""Numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.features.kind import Answer, Answers, Floats, Inferred, Kind, responses, rows
from labelmill_quality.shapes.answers import Number
from labelmill_quality.shapes.instance import Response


def number(answer: Answer) -> float:
    """The number that is said; NaN for none."""
    said = [each.answer.value for each in responses(answer) if isinstance(each.answer, Number)]
    return said[-1] if said else np.nan


def likeness(one: Answer, other: Answer) -> float:
    """1 less the difference by the larger of the two: 9 and 10 are 0.9 alike, 9 and -10 not at all."""
    first, second = number(one), number(other)
    if first == second:
        return 1.0
    share = 1 - abs(first - second) / max(abs(first), abs(second))
    return max(0.0, share) if np.isfinite(share) else 0.0


def distances(left: Sequence[Answer], right: Sequence[Answer]) -> Floats:
    """The square of the difference: Krippendorff's distance of an interval scale."""
    first, second = (np.array([number(each) for each in some], np.float64) for some in (left, right))
    return np.asarray(np.subtract.outer(first, second) ** 2)


def infer(answers: Answers) -> Inferred:
    """The number of each item, by the model of the labelers' bias, gain and noise."""
    from labelmill_quality import numeric
    from labelmill_quality.numeric.table import make_number_table

    said = [(item, labeler, number(answer)) for item, labeler, answer in rows(answers)]
    said = [row for row in said if np.isfinite(row[2])]
    table = make_number_table([row[0] for row in said], [row[1] for row in said], [row[2] for row in said])
    found = numeric.aggregate_numbers(table)
    inferred = dict(zip(table.items, found.values.tolist(), strict=True))
    features = {item: answer[0].feature for item, _, answer in rows(answers) if answer}
    return Inferred(
        {item: (Response(item, "", features[item], Number(value)),) for item, value in inferred.items()},
        found.method,
        found.version,
        found.note,
        found.iterations,
        found.converged,
    )


NUMBERS = Kind(likeness, infer, "krippendorff_alpha_interval", distances, sample=2000)
