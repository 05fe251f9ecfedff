"""Answers ModelQualityService."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import model_quality_service_pb2 as pb
from labelmill.quality.v1 import resources_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.benchmark.against_gold import score_benchmark
from labelmill_quality.convert import labels as label_rows
from labelmill_quality.convert import model_quality as convert
from labelmill_quality.convert.annotations import statements
from labelmill_quality.convert.estimates import confusion, estimate
from labelmill_quality.convert.shape_issues import shape_issue
from labelmill_quality.errors import TooManyCells, WrongAnswerKind
from labelmill_quality.intervals import proportion
from labelmill_quality.jobs.spooled import messages_in, parts_of, write_answers
from labelmill_quality.label_errors import model_score
from labelmill_quality.label_errors.class_counts import class_counts
from labelmill_quality.label_errors.errors import LabelerNamedAsModel, NothingToJudgeBy
from labelmill_quality.label_errors.item_doubts import duplicates, outlying
from labelmill_quality.label_errors.label_doubts import Doubts, doubt
from labelmill_quality.label_errors.labeled_items import Issue, Kind, LabeledItems, Options
from labelmill_quality.label_errors.shape_doubts import LEAST_CONFIDENCE, LEAST_SIMILARITY, doubt_shapes
from labelmill_quality.labels import NO_GOLD, Codes, gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.report import Answers
from labelmill_quality.scores import BENCHMARK, CONSENSUS, Confusion
from labelmill_quality.shapes.instance import Instance


def find_label_errors(body: bytes, cell_limit: int) -> bytes:
    """Answers FindLabelErrors."""
    request = pb.FindLabelErrorsRequest.FromString(body)
    options = convert.options(request.options)
    columns = convert.ItemColumns(request.options.class_names, options.kind)
    columns.add(request.items)
    items, issues, doubts, summary = _found(columns.items(), options, cell_limit)
    response = pb.FindLabelErrorsResponse(
        issues=convert.issues(items, issues),
        label_quality=() if doubts.quality is None else doubts.quality,
        summary=summary,
    )
    return response.SerializeToString()


def find_label_errors_of_stream(folder: str, cell_limit: int) -> None:
    """Answers StreamFindLabelErrors; the first message has the options."""
    messages = map(pb.StreamFindLabelErrorsRequest.FromString, messages_in(folder))
    first = next(messages)
    options = convert.options(first.options)
    columns = convert.ItemColumns(first.options.class_names, options.kind)
    for message in chain((first,), messages):
        columns.add(message.items)
    items, issues, doubts, summary = _found(columns.items(), options, cell_limit)
    quality = [] if doubts.quality is None else doubts.quality.tolist()
    answers: Iterator[pb.StreamFindLabelErrorsResponse] = chain(
        (pb.StreamFindLabelErrorsResponse(issues=part) for part in parts_of(convert.issues(items, issues), 1000)),
        (pb.StreamFindLabelErrorsResponse(label_quality=part) for part in parts_of(quality, 50_000)),
        (pb.StreamFindLabelErrorsResponse(summary=summary),),
    )
    write_answers(folder, answers)


def find_shape_errors(body: bytes) -> bytes:
    """Answers FindShapeErrors."""
    request = pb.FindShapeErrorsRequest.FromString(body)
    given = _instances(request.annotations, "annotations")
    found = doubt_shapes(
        given,
        _instances(request.predictions, "predictions"),
        least_similarity=request.least_similarity or LEAST_SIMILARITY,
        least_confidence=request.least_confidence or LEAST_CONFIDENCE,
    )
    doubted = len({issue.given.index for issue in found if issue.given is not None})
    share = proportion(doubted, len(given), "doubted_share", "there are no annotations")
    response = pb.FindShapeErrorsResponse(
        issues=map(shape_issue, found), annotation_count=len(given), doubted_share=estimate(share)
    )
    return response.SerializeToString()


def score_model(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreModel."""
    request = pb.ScoreModelRequest.FromString(body)
    rows, (gold_items, gold_classes) = label_rows.answers(request.labels), label_rows.gold(request.gold)
    if not rows and not gold_items:
        raise NothingToJudgeBy("A model is scored by gold or by labels; there are neither.", "gold")
    if request.model in rows.labelers:
        raise LabelerNamedAsModel(f"labels[{rows.labelers.index(request.model)}].labeler")
    said = {one.class_name for one in request.predictions if one.class_name}
    classes = list(request.class_names) or sorted({*said, *rows.classes, *gold_classes})
    items, predicted, probabilities = convert.predictions(request.predictions, classes, named=bool(request.class_names))
    gold = gold_codes(items, gold_items, gold_classes, classes)
    consensus = _consensus(rows, items, classes, cell_limit)
    reference, name = (gold, BENCHMARK) if (gold != NO_GOLD).any() else (consensus, CONSENSUS)
    own = make_table(items, [request.model] * len(items), [classes[code] for code in predicted], class_names=classes)
    benchmark = score_benchmark(own, _of(own.items, items, gold))
    response = pb.ScoreModelResponse(
        accuracy=estimate(model_score.accuracy(predicted, gold)),
        consensus_agreement=estimate(model_score.consensus_agreement(predicted, consensus)),
        consensus_kappa=estimate(model_score.consensus_kappa(predicted, consensus, len(classes))),
        calibration_error=estimate(model_score.calibration_error(probabilities, gold)),
        log_loss=estimate(model_score.log_loss(probabilities, gold)),
        confusion=confusion(Confusion(_counts(reference, predicted, len(classes)), name), classes),
        classes=[
            resources_pb2.ClassQuality(
                class_name=class_name,
                benchmark_recall=estimate(recall),
                benchmark_precision=estimate(precision),
            )
            for class_name, recall, precision in zip(classes, benchmark.recalls(), benchmark.precisions(), strict=True)
        ],
    )
    _add_reliability(response, request.model, rows, items, [classes[code] for code in predicted], classes)
    return response.SerializeToString()


def _instances(messages: Iterable[annotation_pb2.Annotation], field: str) -> Sequence[Instance]:
    said = statements(messages, field=field)
    if said.responses:
        raise WrongAnswerKind(f"{field}[{said.responses[0].index}].classification", "a shape")
    return said.instances


def _found(
    items: LabeledItems, options: Options, cell_limit: int
) -> tuple[LabeledItems, list[Issue], Doubts, pb.LabelErrorSummary]:
    rows = len(items.items) if options.kind is not Kind.TOKENS else len(items.labels)
    width = len(items.classes) + (0 if items.embeddings is None else items.embeddings.shape[1])
    if rows * width + sum(map(len, items.texts or ())) > cell_limit:
        raise TooManyCells(items=rows, labelers=0, classes=len(items.classes), limit=cell_limit)
    doubts = doubt(items, options)
    issues = [*doubts.issues, *duplicates(items, options), *outlying(items, options)]
    counts = class_counts(items.labels, len(items.classes))
    return items, issues, doubts, convert.summary(items, doubts, counts, options)


def _consensus(rows: Answers, items: Sequence[str], classes: Sequence[str], cell_limit: int) -> Codes:
    """(items): the consensus of the labelers, NO_GOLD where there is none or it is tied."""
    if not rows:
        return np.full(len(items), NO_GOLD, np.int32)
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=classes)
    require_room(table, cell_limit)
    consensus = aggregation.aggregate(table, dawid_skene.NAME)
    winners = np.where(consensus.tied, NO_GOLD, consensus.winners)
    found = dict(zip(table.items, winners.tolist(), strict=True))
    return np.array([found.get(item, NO_GOLD) for item in items], np.int32)


def _add_reliability(
    response: pb.ScoreModelResponse,
    model: str,
    rows: Answers,
    items: Sequence[str],
    predicted: Sequence[str],
    classes: Sequence[str],
) -> None:
    table = make_table(
        [*rows.items, *items],
        [*rows.labelers, *([model] * len(items))],
        [*rows.classes, *predicted],
        class_names=classes,
    )
    found = model_score.reliability(table, model)
    response.reliability.CopyFrom(estimate(found.model))
    response.best_labeler_reliability.CopyFrom(estimate(found.best))
    response.median_labeler_reliability.CopyFrom(estimate(found.median))


def _of(wanted: Sequence[str], items: Sequence[str], codes: Codes) -> Codes:
    found = dict(zip(items, codes.tolist(), strict=True))
    return np.array([found[item] for item in wanted], np.int32)


def _counts(reference: Codes, predicted: Codes, classes: int) -> npt.NDArray[np.float64]:
    known = reference != NO_GOLD
    cells = reference[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.float64)
