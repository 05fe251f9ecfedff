"""Answers ComputeAgreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2
from labelmill_quality.agreement.breakdown import Window, by_class, by_pair, by_window, windows
from labelmill_quality.agreement.coefficients import Coefficient, Labels, Question, agreement
from labelmill_quality.convert import agreement as convert
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.labels import answers
from labelmill_quality.errors import AnswerTimeMissing, TooManyWindows
from labelmill_quality.labels import LabelTable, make_table
from labelmill_quality.limits import require_room_to_compare

_ALPHA = (Coefficient.KRIPPENDORFF_ALPHA,)
_DEFAULT_PAIR_ITEMS = 5
_WINDOW_LIMIT = 2000


def compute_agreement(body: bytes, cell_limit: int) -> bytes:
    """Answers ComputeAgreement."""
    request = pb.ComputeAgreementRequest.FromString(body)
    convert.require_order(request)
    rows = answers(request.labels)
    numbers = convert.checked_numbers(request, rows.classes) if convert.needs_numbers(request) else None
    latest = _latest_ms(request.labels) if request.window_ms else {}
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=request.class_names or None)
    require_room_to_compare(table, cell_limit, squares=bool(request.coefficients), pairs=request.per_pair)
    values = None if numbers is None else np.array([numbers[name] for name in table.classes])
    question = convert.question(request, len(table.classes), values)
    labels = Labels(table)
    response = pb.ComputeAgreementResponse(
        alpha=estimate(agreement(labels, replace(question, coefficients=_ALPHA))[0]),
        coefficients=map(estimate, agreement(labels, question)),
    )
    asked = replace(question, coefficients=question.coefficients or _ALPHA)
    _break_down(response, request, labels, asked)
    if request.window_ms:
        times = np.array([latest[item] for item in table.items], np.int64)
        response.windows.extend(map(convert.window, _windows(table, times, asked, request.window_ms)))
    return response.SerializeToString()


def _break_down(
    response: pb.ComputeAgreementResponse, request: pb.ComputeAgreementRequest, labels: Labels, question: Question
) -> None:
    table = labels.table
    if request.per_class:
        counts = np.bincount(table.class_codes, minlength=len(table.classes)).tolist()
        response.classes.extend(convert.class_agreements(table.classes, counts, by_class(labels, question)))
    if request.per_pair:
        scores = by_pair(table, question, request.min_pair_item_count or _DEFAULT_PAIR_ITEMS)
        response.pairs.extend(convert.pair_agreements(scores, table.labelers))
        response.small_pair_count = scores.left_out


def _windows(table: LabelTable, latest_ms: npt.NDArray[np.int64], question: Question, width_ms: int) -> list[Window]:
    count = len(np.unique(windows(latest_ms, width_ms)))
    if count > _WINDOW_LIMIT:
        raise TooManyWindows(windows=count, limit=_WINDOW_LIMIT)
    return list(by_window(table, latest_ms, question, width_ms))


def _latest_ms(labels: Sequence[labels_pb2.LabelRow]) -> dict[str, int]:
    """When each item was last answered."""
    latest: dict[str, int] = {}
    for number, row in enumerate(labels):
        if not row.HasField("answer_time"):
            raise AnswerTimeMissing(f"labels[{number}].answer_time")
        latest[row.item] = max(latest.get(row.item, -(2**62)), row.answer_time.ToMilliseconds())
    return latest
