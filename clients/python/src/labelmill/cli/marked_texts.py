"""Texts in which people marked personal data, as `labelmill anonymize evaluate` reads them.

JSON lines, or an array: {"id", "text", "spans": [{"entity_type", "start", "end"}]}; the rows of presidio-research
("full_text", "start_position", "end_position"); or an export of Label Studio in its JSON form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from labelmill.anonymization.v1.evaluation_service_pb2 import AnnotatedText, GoldSpan
from labelmill.type.v1.geometry_pb2 import TextSpan


def read(path: Path) -> Iterator[AnnotatedText]:
    """The texts of a file; raises typer.BadParameter with the number of the row that cannot be read."""
    for number, row in enumerate(_rows(path), 1):
        try:
            yield _from_label_studio(row, number) if "annotations" in row else _from_row(row, number)
        except (KeyError, TypeError, ValueError) as error:
            raise typer.BadParameter(f"{path}, row {number}: {_problem(error)}") from None


def _rows(path: Path) -> Iterator[Any]:
    content = path.read_text(encoding="utf-8-sig")
    try:
        if content.lstrip().startswith("["):
            yield from json.loads(content)
        else:
            yield from (json.loads(line) for line in content.splitlines() if line.strip())
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"{path} is neither a JSON array nor JSON lines: {error.msg}") from None


def _problem(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error) or "it is not what was expected"


def _from_row(row: dict[str, Any], number: int) -> AnnotatedText:
    text = row["full_text"] if "full_text" in row else row["text"]
    return AnnotatedText(
        document_id=str(row.get("id", number)), text=text, gold_spans=[_span(span) for span in row["spans"]]
    )


def _span(span: dict[str, Any]) -> GoldSpan:
    start = span["start_position"] if "start_position" in span else span["start"]
    end = span["end_position"] if "end_position" in span else span["end"]
    return _gold(span["entity_type"], start, end)


def _from_label_studio(task: dict[str, Any], number: int) -> AnnotatedText:
    """The first annotation that was not cancelled."""
    text = _only_text(task["data"])
    valid = [annotation for annotation in task["annotations"] if not annotation.get("was_cancelled")]
    if not valid:
        raise ValueError("it has no annotation")
    values = [result["value"] for result in valid[0]["result"] if result.get("type") == "labels"]
    spans = [_gold(label, *_ends(text, value)) for value in values for label in value["labels"]]
    return AnnotatedText(document_id=str(task.get("id", number)), text=text, gold_spans=spans)


def _only_text(data: dict[str, Any]) -> str:
    strings = [value for value in data.values() if isinstance(value, str)]
    text = data.get("text", strings[0] if len(strings) == 1 else None)
    if not isinstance(text, str):
        raise ValueError('its data has no "text" and not exactly one string')
    return text


def _ends(text: str, value: dict[str, Any]) -> tuple[int, int]:
    """Start and end in code points; some versions count UTF-16 units, which the marked text itself tells apart."""
    start, end = value["start"], value["end"]
    marked = value.get("text")
    if marked is None or text[start:end] == marked:
        return start, end
    units = text.encode("utf-16-le")
    if units[2 * start : 2 * end] == marked.encode("utf-16-le"):
        before = len(units[: 2 * start].decode("utf-16-le"))
        return before, before + len(marked)
    raise ValueError("a marked span is not what stands there in the text")


def _gold(entity_type: str, start: int, end: int) -> GoldSpan:
    return GoldSpan(entity_type=entity_type, span=TextSpan(start=start, end=end))
