"""`labelmill export`: annotations as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from labelmill import names
from labelmill.annotation.v1 import service_pb2
from labelmill.cli.progress import bar
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, session


def export(
    context: typer.Context,
    project: ProjectOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; replaced.", show_default="standard output")
    ] = None,
    annotation_filter: FilterOption = "",
    as_json: JsonOption = False,
) -> None:
    """Exports annotations as JSON lines, one labelmill.type.v1.Annotation a line.

    A file appears whole or not at all. With --json and a file, stdout gets {"path", "line_count"}.
    """
    current = session(context, as_json)
    request = service_pb2.ExportAnnotationsRequest(parent=names.project(project), filter=annotation_filter)
    count = 0
    with current.client() as client, bar(current, "exporting") as show, _sink(output) as sink:
        for part in client.annotations.export_annotations(request):
            sink.write(part.json_lines)
            count += part.line_count
            show(count, None)
    if output is None:
        return
    if as_json:
        current.document({"path": str(output), "line_count": count})
    else:
        current.say(f"{count} annotations in {output}.")


@contextmanager
def _sink(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = output.with_name(f".{output.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
