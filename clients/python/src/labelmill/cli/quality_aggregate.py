"""`labelmill quality aggregate`: consensus of a file of labels, kept nowhere."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.quality import Method
from labelmill.cli.session import JsonOption, session
from labelmill.quality.v1 import labels_pb2, resources_pb2
from labelmill.quality.v1.consensus_service_pb2 import AggregateLabelsRequest as Request
from labelmill.quality.v1.consensus_service_pb2 import AggregateLabelsResponse as Response

_BATCH_ROWS = 5000
_CHUNK_BYTES = 256 * 1024
_ARROW_SUFFIX = ".arrows"
_COLUMNS = ("item", "labeler", "class_name")


class Repeats(StrEnum):
    """What counts where one labeler answered one item several times."""

    LAST = "last"
    FIRST = "first"
    MAJORITY = "majority"
    ALL = "all"


def add_to(app: typer.Typer) -> None:
    """Adds the command to `labelmill quality`."""
    app.command(epilog=EPILOG)(aggregate)


def aggregate(
    context: typer.Context,
    labels: Annotated[
        Path,
        typer.Argument(help="CSV with the columns item, labeler, class_name, or an Arrow IPC stream (.arrows)."),
    ],
    gold: Annotated[
        Path | None, typer.Option(help="CSV with the columns item, class_name: known answers.", show_default=False)
    ] = None,
    method: Annotated[Method, typer.Option(help="How labels are aggregated.")] = Method.AUTO,
    repeats: Annotated[Repeats, typer.Option(help="Which of several answers of one labeler count.")] = Repeats.LAST,
    out: Annotated[
        Path | None, typer.Option(help="Where to: CSV, or an Arrow IPC stream (.arrows).", show_default="stdout")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Makes consensus labels of labels in a file, of any size, outside of any project; nothing is kept.

    CSV comes back with the columns item, class_name, probability, label_count, agreement, tied. With --json the summary
    is printed, and labels go to --out alone.
    """
    current = session(context, as_json)
    as_arrow = out is not None and out.suffix == _ARROW_SUFFIX
    header = Request.Header(
        method=resources_pb2.ConsensusMethod.Value(f"CONSENSUS_METHOD_{method.name}"),
        repeat_policy=labels_pb2.RepeatPolicy.Value(f"REPEAT_POLICY_{repeats.name}"),
        result_format=_format(as_arrow, wanted=out is not None or not as_json),
    )
    with current.client() as client:
        answers = iter(client.consensus.aggregate_labels(_messages(header, labels, gold)))
        summary = next(answers).summary
        if out is not None or not as_json:
            _write(answers, out, as_arrow)
    if as_json:
        current.document(document(summary))
    elif out is not None:
        current.line(f"{summary.item_count} items, {summary.label_count} labels, {summary.labeler_count} labelers")
        current.line(summary.note or method.value)


def _format(as_arrow: bool, *, wanted: bool) -> Request.ResultFormat.ValueType:
    if not wanted:
        return Request.RESULT_FORMAT_NONE
    return Request.RESULT_FORMAT_ARROW if as_arrow else Request.RESULT_FORMAT_ROWS


def _messages(header: Request.Header, labels: Path, gold: Path | None) -> Iterator[Request]:
    yield Request(header=header)
    if gold is not None:
        for some in _batches(_rows(gold, ("item", "class_name"))):
            rows = [labels_pb2.GoldRow(item=item, class_name=said) for item, said in some]
            yield Request(gold=Request.Gold(gold=rows))
    if labels.suffix == _ARROW_SUFFIX:
        with labels.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield Request(arrow=chunk)
        return
    for some in _batches(_rows(labels, _COLUMNS)):
        given = [labels_pb2.LabelRow(item=item, labeler=who, class_name=said) for item, who, said in some]
        yield Request(rows=Request.Rows(labels=given))


def _rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The cells of some columns; raises typer.BadParameter."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise typer.BadParameter(f"{path} has no column {', '.join(missing)}")
        for row in reader:
            yield [row[name] or "" for name in columns]


def _batches(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _write(answers: Iterable[Response], out: Path | None, as_arrow: bool) -> None:
    if as_arrow and out is not None:
        with out.open("wb") as binary:
            for answer in answers:
                binary.write(answer.arrow)
        return
    with _text(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["item", "class_name", "probability", "label_count", "agreement", "tied"])
        for answer in answers:
            writer.writerows(map(_row, answer.labels.labels))


def _row(label: resources_pb2.ConsensusLabel) -> list[object]:
    probability = next(each.probability for each in label.distribution if each.class_name == label.class_name)
    return [label.item, label.class_name, f"{probability:.6g}", label.label_count, f"{label.agreement:.6g}", label.tied]


@contextmanager
def _text(out: Path | None) -> Iterator[Any]:
    if out is None:
        yield sys.stdout
        return
    with out.open("w", newline="", encoding="utf-8") as file:
        yield file
