"""Annotations as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from google.protobuf import json_format

from labelmill.annotation.v1 import service_pb2
from labelmill_annotation.convert.statements import annotation
from labelmill_annotation.versions import Annotation

_PART_BYTES = 512 * 1024


def json_line(kept: Annotation) -> bytes:
    """One annotation in protobuf's JSON form, on one line."""
    text = json.dumps(json_format.MessageToDict(annotation(kept)), ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def parts(kept: Iterable[Annotation]) -> Iterator[service_pb2.ExportAnnotationsResponse]:
    """Messages of whole lines, of half a megabyte or one line."""
    lines: list[bytes] = []
    size = 0
    for version in kept:
        line = json_line(version)
        if lines and size + len(line) > _PART_BYTES:
            yield service_pb2.ExportAnnotationsResponse(json_lines=b"".join(lines), line_count=len(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield service_pb2.ExportAnnotationsResponse(json_lines=b"".join(lines), line_count=len(lines))
