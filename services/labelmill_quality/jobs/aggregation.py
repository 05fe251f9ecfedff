"""Answers AggregateLabels: from what was spooled to an answer in the same folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill_quality import aggregation
from labelmill_quality.aggregation.consensus import Consensus, ConsensusLabels
from labelmill_quality.convert import consensus as about
from labelmill_quality.convert import labels as convert
from labelmill_quality.convert.resources import consensus_labels, labeler, method_name, method_number
from labelmill_quality.encoding import encode
from labelmill_quality.intake.errors import NoRows, TooManyRows
from labelmill_quality.intake.layout import ANSWER, ARROW, GOLD, OUTPUT, RESULT, ROWS, SOURCE
from labelmill_quality.intake.spool import framed, frames
from labelmill_quality.labelers import consensus_confusions
from labelmill_quality.labels import LabelTable, gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.report import labeler_scores

_GOLD_LIMIT = 1_000_000
_MESSAGE_BYTES = 500_000
_CONFUSED_CLASSES = 300
Request, Response = pb.AggregateLabelsRequest, pb.AggregateLabelsResponse


@dataclass(frozen=True)
class Limits:
    """What one call may ask for."""

    cells: int
    rows: int


def aggregate_labels(folder: str, head: bytes, media_type: str, limits: Limits) -> bytes:
    """Reads the labels from the folder and writes the answer there; the summary.

    Args:
        folder: The spool.
        head: The header.
        media_type: Of the source; empty: there is none.
        limits: What may be asked for.
    """
    place, header = Path(folder), Request.Header.FromString(head)
    table, rows = read_labels(place, header, media_type, limits.rows)
    require_room(table, limits.cells)
    gold = read_gold(place)
    anchors = gold_codes(table.items, *gold, table.classes) if gold[0] else None
    method = method_name(header.method)
    ordered = about.is_ordered(method, header.ordered, header.class_names)
    consensus = aggregation.aggregate_calibrated(table, method, anchors, ordered=ordered)
    _write(place, header, table, consensus)
    return Response.Summary(
        method=method_number(method),
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
        note=consensus.note,
        selection=about.selection(consensus.selection),
        calibration=about.calibration(consensus.calibration),
        class_names=table.classes,
        label_count=len(table),
        item_count=len(table.items),
        labeler_count=len(table.labelers),
        repeat_policy=convert.repeats_number(convert.repeats(header.repeat_policy)),
        repeated_label_count=rows - table.answer_count,
    ).SerializeToString()


def read_labels(
    place: Path, header: pb.AggregateLabelsRequest.Header, media_type: str, limit: int
) -> tuple[LabelTable, int]:
    """The labels, and how many rows there were."""
    from labelmill_quality.intake import tables

    names = tables.ColumnNames(*_column_names(header.columns))
    field = f"{names.class_name}[{{row}}]"
    if media_type:
        found = tables.read_table(place / SOURCE, media_type, names, limit)
    elif (place / ARROW).exists():
        found = tables.read_table(place / ARROW, tables.ARROW_STREAM, names, limit)
    else:
        field = "labels[{row}].class_name"
        found = _read_rows(place, limit)
    if not found.rows:
        raise NoRows
    columns = found.columns()
    classes = list(header.class_names) or None
    gold_classes = read_gold(place)[1]
    if classes is None and gold_classes:
        classes = sorted({*encode(columns[2])[0], *gold_classes})
    policy = convert.repeats(header.repeat_policy)
    return make_table(*columns, class_names=classes, repeats=policy, field=field), found.rows


def _column_names(columns: pb.AggregateLabelsRequest.Columns) -> tuple[str, str, str]:
    return columns.item or "item", columns.labeler or "labeler", columns.class_name or "class_name"


def _read_rows(place: Path, limit: int) -> Any:
    import pyarrow as pa

    from labelmill_quality.intake.tables import ColumnNames, LabelColumns

    found, names = LabelColumns(limit), ColumnNames()
    for frame in frames(place / ROWS):
        rows = convert.answers(Request.Rows.FromString(frame).labels, first=found.rows)
        items, labelers, classes = (pa.array(each, pa.string()) for each in (rows.items, rows.labelers, rows.classes))
        found.add(items, labelers, classes, names)
    return found


def read_gold(place: Path) -> tuple[list[str], list[str]]:
    items: list[str] = []
    classes: list[str] = []
    for frame in frames(place / GOLD):
        some = convert.gold(Request.Gold.FromString(frame).gold)
        items += some[0]
        classes += some[1]
        if len(items) > _GOLD_LIMIT:
            raise TooManyRows(_GOLD_LIMIT, "gold")
    return items, classes


def _write(place: Path, header: pb.AggregateLabelsRequest.Header, table: LabelTable, consensus: Consensus) -> None:
    from labelmill_quality.intake import results

    labels = ConsensusLabels.of(table, consensus)
    with (place / ANSWER).open("wb") as file:
        for labelers in _labelers(table, consensus):
            file.write(framed(Response(labelers=labelers).SerializeToString()))
        if header.result_format in (Request.RESULT_FORMAT_UNSPECIFIED, Request.RESULT_FORMAT_ROWS):
            for some in _rows(labels, table.classes):
                file.write(framed(Response(labels=some).SerializeToString()))
    if header.result_format == Request.RESULT_FORMAT_ARROW:
        results.write_stream(place / RESULT, labels, table.classes)
    if header.output_parent:
        results.write_parquet(place / OUTPUT, labels, table.classes)


def _labelers(table: LabelTable, consensus: Consensus) -> Iterator[pb.AggregateLabelsResponse.Labelers]:
    scores = labeler_scores(table, consensus, consensus_confusions(table, consensus.posterior), None)
    confused = len(table.classes) <= _CONFUSED_CLASSES
    step = max(1, _MESSAGE_BYTES // (1000 + (9 * len(table.classes) ** 2 if confused else 0)))
    for start in range(0, len(scores), step):
        some = [labeler(score, table.classes) for score in scores[start : start + step]]
        for one in some if not confused else ():
            one.ClearField("confusion")
        yield Response.Labelers(labelers=some)


def _rows(labels: ConsensusLabels, classes: tuple[str, ...]) -> Iterator[pb.AggregateLabelsResponse.Labels]:
    from labelmill_quality.intake.results import part

    step = max(1, _MESSAGE_BYTES // (300 + sum(len(name) + 16 for name in classes)))
    for start in range(0, len(labels.items), step):
        yield Response.Labels(labels=consensus_labels(part(labels, start, start + step), classes))
