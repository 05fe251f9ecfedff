"""Answers ComputeAgreement and StreamAgreement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill.quality.v1 import consensus_service_pb2, labels_pb2
from labelmill_quality.agreement.breakdown import Window, by_class, by_pair, by_window, windows
from labelmill_quality.agreement.coefficients import Coefficient, Labels, Question, agreement
from labelmill_quality.agreement.krippendorff import Metric
from labelmill_quality.convert import agreement as convert
from labelmill_quality.convert.agreement_question import Asked, asked
from labelmill_quality.convert.compared_answers import CLASS, NUMBER, SETS, answer_kind, compared_answers
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.errors import AnswerTimeMissing, TooManyWindows
from labelmill_quality.intake.layout import ANSWER, ROWS
from labelmill_quality.intake.spool import framed, frames
from labelmill_quality.jobs.aggregation import Limits, read_labels
from labelmill_quality.labels import LabelTable, make_table
from labelmill_quality.limits import require_room_for_edits, require_room_to_compare

T = TypeVar("T")

_ALPHA = (Coefficient.KRIPPENDORFF_ALPHA,)
_DEFAULT_PAIR_ITEMS = 5
_WINDOW_LIMIT = 2000
_ROWS_A_MESSAGE = 200
"""Classes, pairs or windows with up to 15 estimates of some 150 bytes each: half a megabyte."""


def compute_agreement(body: bytes, cell_limit: int) -> bytes:
    """Answers ComputeAgreement."""
    request = pb.ComputeAgreementRequest.FromString(body)
    wanted = asked(request, answer_kind(request.labels))
    compared = _compared(request, wanted)
    latest = _latest_ms(request.labels) if request.window_ms else {}
    response = pb.ComputeAgreementResponse()
    for part in _answer(wanted, compared, latest, cell_limit):
        response.MergeFrom(part)
    return response.SerializeToString()


def stream_agreement(folder: str, head: bytes, media_type: str, limits: Limits) -> bytes:
    """Answers StreamAgreement: reads the labels from the folder and writes the answer there.

    Args:
        folder: The spool.
        head: The header.
        media_type: Of the source; empty: there is none.
        limits: What may be asked for.
    """
    place, header = Path(folder), pb.StreamAgreementRequest.Header.FromString(head)
    request = header.question
    wanted = asked(request, CLASS)
    source = consensus_service_pb2.AggregateLabelsRequest.Header(
        class_names=request.class_names, columns=header.columns, repeat_policy=request.repeat_policy
    )
    latest = _latest_ms(_rows(place)) if request.window_ms else {}
    table, _ = read_labels(place, source, media_type, limits.rows)
    numbers = _numbers(table, wanted.numbers(table.classes, "class_name")) if wanted.needs_numbers else None
    with (place / ANSWER).open("wb") as file:
        for part in _answer(wanted, _Compared(table, numbers, table.classes, None), latest, limits.cells):
            file.write(framed(pb.StreamAgreementResponse(agreement=part).SerializeToString()))
    return b""


@dataclass(frozen=True)
class _Compared:
    """What is compared."""

    table: LabelTable
    numbers: npt.NDArray[np.float64] | None
    """(the table's classes): what they are as numbers, if they are."""
    classes: Sequence[str]
    """What "by class" is about."""
    members: npt.NDArray[np.bool_] | None
    """(the table's classes, classes): where the table's are sets, what each holds."""

    @property
    def label_counts(self) -> list[int]:
        """(classes): labels that say each."""
        counts = np.bincount(self.table.class_codes, minlength=len(self.table.classes))
        found: list[int] = (counts if self.members is None else counts @ self.members).tolist()
        return found


def _compared(request: pb.ComputeAgreementRequest, wanted: Asked) -> _Compared:
    """The labels sent along."""
    given = compared_answers(request.labels, request.class_names)
    rows = given.rows
    by_name: dict[str, float] = {}
    if given.kind == NUMBER:
        wanted.require_ratio([label.number for label in request.labels], "labels[{index}].number")
        by_name = dict(zip(given.class_names or (), given.numbers, strict=True))
    elif wanted.needs_numbers:
        by_name = wanted.numbers(rows.classes, "labels[{index}].class_name")
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=given.class_names, repeats=wanted.repeats)
    classes = given.options if given.kind == SETS else table.classes
    return _Compared(table, _numbers(table, by_name) if by_name else None, classes, given.members)


def _numbers(table: LabelTable, by_name: dict[str, float]) -> npt.NDArray[np.float64]:
    return np.array([by_name[name] for name in table.classes])


def _answer(
    wanted: Asked, compared: _Compared, latest: dict[str, int], cell_limit: int
) -> Iterator[pb.ComputeAgreementResponse]:
    """The answer in parts that fit into a message each; merged, they are the whole."""
    request, table = wanted.request, compared.table
    require_room_to_compare(table, cell_limit, squares=wanted.needs_squares, pairs=request.per_pair)
    if wanted.metric is Metric.EDIT:
        require_room_for_edits(table, cell_limit)
    question = wanted.question(table.classes, compared.numbers, compared.members)
    labels = Labels(table)
    yield pb.ComputeAgreementResponse(
        alpha=estimate(agreement(labels, replace(question, coefficients=_ALPHA))[0]),
        coefficients=map(estimate, agreement(labels, question)),
    )
    question = replace(question, coefficients=question.coefficients or _ALPHA)
    if request.per_class:
        rows = by_class(labels, question, compared.members)
        for some in _pieces(convert.class_agreements(compared.classes, compared.label_counts, rows)):
            yield pb.ComputeAgreementResponse(classes=some)
    if request.per_pair:
        scores = by_pair(table, question, request.min_pair_item_count or _DEFAULT_PAIR_ITEMS)
        yield pb.ComputeAgreementResponse(small_pair_count=scores.left_out)
        for pairs in _pieces(convert.pair_agreements(scores, table.labelers)):
            yield pb.ComputeAgreementResponse(pairs=pairs)
    if request.window_ms and len(table):
        times = np.array([latest[item] for item in table.items], np.int64)
        for stretches in _pieces(list(map(convert.window, _windows(table, times, question, request.window_ms)))):
            yield pb.ComputeAgreementResponse(windows=stretches)


def _pieces(rows: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(rows), _ROWS_A_MESSAGE):
        yield rows[start : start + _ROWS_A_MESSAGE]


def _windows(
    table: LabelTable, latest_ms: npt.NDArray[np.int64], question: Question, width_ms: int
) -> Iterator[Window]:
    count = len(np.unique(windows(latest_ms, width_ms)))
    if count > _WINDOW_LIMIT:
        raise TooManyWindows(windows=count, limit=_WINDOW_LIMIT)
    return by_window(table, latest_ms, question, width_ms)


def _rows(place: Path) -> Iterator[labels_pb2.LabelRow]:
    """The spooled rows; raises AnswerTimeMissing where labels came in another form."""
    if not (place / ROWS).exists():
        raise AnswerTimeMissing("rows")
    for frame in frames(place / ROWS):
        yield from consensus_service_pb2.AggregateLabelsRequest.Rows.FromString(frame).labels


def _latest_ms(labels: Iterable[labels_pb2.LabelRow]) -> dict[str, int]:
    """When each item was last answered."""
    latest: dict[str, int] = {}
    for number, row in enumerate(labels):
        if not row.HasField("answer_time"):
            raise AnswerTimeMissing(f"labels[{number}].answer_time")
        latest[row.item] = max(latest.get(row.item, -(2**62)), row.answer_time.ToMilliseconds())
    return latest
