"""Answers WeakSupervisionService, and what SuperviseProject computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from labelmill.quality.v1 import labels_pb2
from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill_quality.aggregation.consensus import ConsensusLabels, pick
from labelmill_quality.convert import labels as label_rows
from labelmill_quality.convert import weak_supervision as convert
from labelmill_quality.errors import TooManyCells
from labelmill_quality.jobs.spooled import messages_in, parts_of, write_answers
from labelmill_quality.labels import NO_GOLD, LabelTable, gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.ports import NewLabels
from labelmill_quality.report import Answers, disagreements
from labelmill_quality.weak_supervision.errors import TooFewClasses, VotesMissing
from labelmill_quality.weak_supervision.functions import apply, check
from labelmill_quality.weak_supervision.label_model import Supervision, supervise
from labelmill_quality.weak_supervision.rules import Prediction, TextItem
from labelmill_quality.weak_supervision.votes import ABSTAIN, VoteMatrix, matrix_of


@dataclass(frozen=True)
class ReportHead:
    """What a report is called and about."""

    name: str
    feature: str
    filter_text: str


@dataclass(frozen=True)
class Supervised:
    """A project's probabilistic labels: the report and the summary in the contract's form, and the labels."""

    report: bytes
    summary: bytes
    class_names: tuple[str, ...]
    labels: NewLabels


def apply_labeling_functions(body: bytes, predictions: Mapping[str, Sequence[Prediction]]) -> bytes:
    """Answers ApplyLabelingFunctions; predictions are those of each model, one an item."""
    request = pb.ApplyLabelingFunctionsRequest.FromString(body)
    functions, items = convert.functions(request.functions), convert.items(request.items, dict(predictions))
    check(functions)
    votes = [
        labels_pb2.LabelRow(item=vote.item, labeler=vote.function, class_name=vote.class_name)
        for vote in apply(functions, items)
    ]
    return pb.ApplyLabelingFunctionsResponse(votes=votes).SerializeToString()


def check_functions(functions: bytes, class_names: Sequence[str]) -> None:
    """Raises what is wrong with functions, which come as an ApplyLabelingFunctionsRequest; compiling takes its time."""
    check(convert.functions(pb.ApplyLabelingFunctionsRequest.FromString(functions).functions), class_names)


def fit_label_model(body: bytes, cell_limit: int) -> bytes:
    """Answers FitLabelModel."""
    request = pb.FitLabelModelRequest.FromString(body)
    options = pb.LabelModelOptions(
        class_names=request.class_names, class_balance=request.class_balance, label_model=request.label_model
    )
    gold = label_rows.gold(request.gold)
    matrix, supervision = _fitted(label_rows.answers(request.votes), request.items, gold, options, cell_limit)
    response = pb.FitLabelModelResponse(
        labels=convert.labels(matrix, supervision), summary=convert.summary(matrix, supervision)
    )
    return response.SerializeToString()


def fit_label_model_of_stream(folder: str, cell_limit: int) -> None:
    """Answers StreamFitLabelModel; the first message has the options."""
    options, rows, items = pb.LabelModelOptions(), Answers(), list[str]()
    gold: tuple[list[str], list[str]] = ([], [])
    for body in messages_in(folder):
        message = pb.StreamFitLabelModelRequest.FromString(body)
        options.MergeFrom(message.options)
        votes = label_rows.answers(message.votes, first=len(rows))
        for vote in zip(votes.items, votes.labelers, votes.classes, strict=True):
            rows.add(*vote)
        items.extend(message.items)
        for known, more in zip(gold, label_rows.gold(message.gold), strict=True):
            known.extend(more)
    if not rows:
        raise VotesMissing
    matrix, supervision = _fitted(rows, items, gold, options, cell_limit)
    answers: Iterator[pb.StreamFitLabelModelResponse] = chain(
        (pb.StreamFitLabelModelResponse(labels=part) for part in parts_of(convert.labels(matrix, supervision), 2000)),
        (pb.StreamFitLabelModelResponse(summary=convert.summary(matrix, supervision)),),
    )
    write_answers(folder, answers)


def vote_on_texts(functions: bytes, items: Sequence[TextItem]) -> Answers:
    """The votes on a page of a project's texts; functions come as an ApplyLabelingFunctionsRequest."""
    given = convert.functions(pb.ApplyLabelingFunctionsRequest.FromString(functions).functions)
    answers = Answers()
    for vote in apply(given, items):
        answers.add(vote.item, vote.function, vote.class_name)
    return answers


def supervise_project(
    body: bytes, votes: Answers, items: Sequence[str], gold: Mapping[str, str], head: ReportHead,
    class_names: tuple[str, ...], cell_limit: int,
) -> Supervised:  # fmt: skip
    """The labels of a project; the body is its SuperviseProjectRequest, whose given votes are among the votes."""
    request = pb.SuperviseProjectRequest.FromString(body)
    functions = [one.function_id for one in request.functions]
    table = _table(votes, class_names, len(items), cell_limit)
    matrix = matrix_of(table, items, functions)
    known = gold_codes(matrix.items, list(gold), list(gold.values()), class_names)
    supervision = supervise(
        matrix,
        model=convert.model_name(request.label_model),
        balance=convert.balance(request.class_balance, class_names),
        gold=known if (known != NO_GOLD).any() else None,
    )
    return Supervised(
        convert.report(head.name, head.feature, head.filter_text, matrix, supervision).SerializeToString(),
        convert.summary(matrix, supervision).SerializeToString(),
        class_names,
        _new_labels(table, matrix, supervision),
    )


def _fitted(
    rows: Answers,
    items: Sequence[str],
    gold: tuple[list[str], list[str]],
    options: pb.LabelModelOptions,
    cell_limit: int,
) -> tuple[VoteMatrix, Supervision]:
    classes = list(options.class_names) or sorted({*rows.classes, *gold[1]})
    matrix = matrix_of(_table(rows, classes, len(items), cell_limit), items)
    known = gold_codes(matrix.items, *gold, classes) if gold[0] else None
    model, balance = convert.model_name(options.label_model), convert.balance(options.class_balance, classes)
    return matrix, supervise(matrix, model=model, balance=balance, gold=known)


def _table(rows: Answers, classes: Sequence[str], items: int, cell_limit: int) -> LabelTable:
    if len(classes) < 2:
        raise TooFewClasses
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=classes, field="votes[{row}].class_name")
    require_room(table, cell_limit)
    everything, functions = len(table.items) + items, len(table.labelers)
    if functions * max(everything, functions) > cell_limit:
        raise TooManyCells(items=everything, labelers=functions, classes=len(classes), limit=cell_limit)
    return table


def _new_labels(table: LabelTable, matrix: VoteMatrix, supervision: Supervision) -> NewLabels:
    """Of the items with votes, which are those of the table: the others have no label."""
    at = np.flatnonzero(matrix.covered)
    posterior, votes = supervision.posterior[at], matrix.votes[at]
    winners, tied = pick(posterior)
    counts = (votes != ABSTAIN).sum(axis=1)
    agreement = (votes == winners[:, None]).sum(axis=1) / counts
    labels = ConsensusLabels(table.items, winners, posterior, counts, agreement, tied)
    return NewLabels(labels, disagreements(table))
