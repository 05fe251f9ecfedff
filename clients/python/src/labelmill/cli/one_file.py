"""`labelmill anonymize file`: one content of any media type, anonymized and kept nowhere."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Annotated, Any

import typer

from labelmill import names
from labelmill.anonymization.v1 import content_service_pb2 as service
from labelmill.anonymization.v1 import resources_pb2
from labelmill.anonymization.v1.service_pb2 import PolicySource
from labelmill.cli import policies
from labelmill.cli.documents import document
from labelmill.cli.session import JsonOption, ProjectOption, session
from labelmill.type.v1.geometry_pb2 import TimeSegment

_MAX_BYTES = 3 * 1024 * 1024
_TYPES = {
    ".dcm": "application/dicom",
    ".webp": "image/webp",
    ".flac": "audio/flac",
    ".parquet": "application/vnd.apache.parquet",
}
"""Extensions that not every system knows."""


def anonymize_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A text, table, picture, document, sound or film.", exists=True, dir_okay=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the result goes.", dir_okay=False)],
    project: ProjectOption,
    policy: Annotated[str, typer.Option(help="The policy's id, or a file with a policy.")],
    media_type: Annotated[str, typer.Option(help="Of the file.", show_default="told from its extension")] = "",
    transcript: Annotated[
        Path | None,
        typer.Option(help="What is said in it: a JSON list of {text, start_ms, end_ms}.", exists=True, dir_okay=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Anonymizes one file of up to 3 MiB; larger ones go by `ingest` and `anonymize run`.

    Example: labelmill anonymize file portrait.jpg -o clean.jpg -p street --policy faces.yaml
    """
    current = session(context, as_json)
    if file.stat().st_size > _MAX_BYTES:
        raise typer.BadParameter("has more than 3 MiB; ingest it and use `labelmill anonymize run`")
    content = service.Content(content=file.read_bytes(), media_type=media_type or _told_type(file))
    content.transcript.extend(_words(transcript) if transcript else ())
    request = service.AnonymizeContentRequest(
        parent=names.project(project), content=content, policy=_source(policy, project)
    )
    with current.client() as client:
        answer = client.content.anonymize_content(request)
    out.write_bytes(answer.content)
    if as_json:
        answer.ClearField("content")
        current.document({name: value for name, value in document(answer).items() if name != "content"})
        return
    level = resources_pb2.ProtectionLevel.Name(answer.protection_level).removeprefix("PROTECTION_LEVEL_")
    current.say(f"{out}: {answer.media_type}, {level}.")
    if answer.entity_counts:
        current.table(("found", "count"), [(c.entity_type, c.count) for c in answer.entity_counts])


def _told_type(file: Path) -> str:
    told = _TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
    if told is None:
        raise typer.BadParameter(f"the extension of {file.name} does not tell its type; use --media-type")
    return told


def _source(policy: str, project: str) -> PolicySource:
    path = Path(policy)
    if path.is_file():
        return PolicySource(inline=policies.read(path))
    return PolicySource(policy=names.policy(project, policy))


def _words(path: Path) -> list[service.SpokenWord]:
    try:
        return [_word(given) for given in json.loads(path.read_bytes())]
    except (ValueError, TypeError, KeyError):
        raise typer.BadParameter(f"{path.name} is no JSON list of {{text, start_ms, end_ms}}") from None


def _word(given: dict[str, Any]) -> service.SpokenWord:
    segment = TimeSegment(start_ms=float(given["start_ms"]), end_ms=float(given["end_ms"]))
    return service.SpokenWord(text=str(given["text"]), segment=segment)
