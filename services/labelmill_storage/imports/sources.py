"""Where imports come from: folders, buckets and manifests, and what makes one impossible. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from datetime import datetime
from enum import Enum
from pathlib import PurePosixPath

from labelmill_runtime import names
from labelmill_runtime.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
)

SOURCE_NAME = "projects/{project}/sources/{source}"
MAX_LABELS = 64
_SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Format(Enum):
    """How a manifest is written."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_BY_ENDING = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
}


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory on the server's machine."""

    path: str
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket."""

    bucket: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A table of items."""

    uri: str
    format: Format | None = None
    """None: by the ending."""
    content_column: str = "text"
    uri_column: str = "uri"
    external_id_column: str = "external_id"
    label_columns: tuple[str, ...] = ()
    subject_column: str = "subject"
    media_type_column: str = "media_type"

    @property
    def written_as(self) -> Format:
        """The format said, or told by the ending; raises INVALID_SOURCE where neither tells."""
        tab_separated = self.uri.lower().endswith(".tsv")
        if self.format is Format.CSV and tab_separated:
            return Format.TSV
        found = self.format or _BY_ENDING.get(PurePosixPath(self.uri).suffix.lower())
        if found is None:
            raise InvalidSource("manifest.format", "must be said: the name's ending does not tell it")
        return found

    @property
    def columns(self) -> frozenset[str]:
        """All columns that mean something."""
        return frozenset(
            {
                self.content_column,
                self.uri_column,
                self.external_id_column,
                self.subject_column,
                self.media_type_column,
                *self.label_columns,
            }
        )


Place = Folder | Bucket | Manifest


@dataclass(frozen=True, slots=True)
class Source:
    """A place to import from, and what is remembered about it."""

    project: str
    id: str
    place: Place
    create_time: datetime
    labels: Mapping[str, str] = with_default(default_factory=dict)
    cursor: str = ""
    """The last key of a bucket that was dealt with."""
    operation: str = ""
    """The import that runs or ran last."""
    import_time: datetime | None = None
    """When the last import ended."""

    @property
    def name(self) -> str:
        """projects/{project}/sources/{source}."""
        return f"projects/{self.project}/sources/{self.id}"


class InvalidSource(InvalidArgument):
    """A source that can never work."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__("INVALID_SOURCE", f"The source can never work: {path} {problem}.", fields={path: problem})


class SourceForbidden(PermissionDenied):
    """A place that the service's settings do not open."""

    def __init__(self, message: str) -> None:
        super().__init__("SOURCE_FORBIDDEN", message)


class SourceExists(AlreadyExists):
    """The id is taken."""

    def __init__(self, name: str) -> None:
        message = "There is a source of this id."
        super().__init__("SOURCE_EXISTS", message, resource=("labelmill.io/Source", name))


class SourceNotFound(NotFound):
    """There is no such source."""

    def __init__(self, name: str) -> None:
        super().__init__("SOURCE_NOT_FOUND", "There is no such source.", resource=("labelmill.io/Source", name))


class ImportRunning(FailedPrecondition):
    """One import at a time."""

    def __init__(self, operation: str) -> None:
        message = "An import of this source is running; wait for it or cancel it."
        super().__init__("IMPORT_RUNNING", message, resource=("Operation", operation))


class SourceUnavailable(Unavailable):
    """The place cannot be reached right now."""

    def __init__(self) -> None:
        message = "The source cannot be reached right now; running the import again goes on where it was."
        super().__init__("SOURCE_UNAVAILABLE", message, retry_after_s=30)


class SourceMissing(FailedPrecondition):
    """The place is not there (any more)."""

    def __init__(self, kind: str) -> None:
        super().__init__("SOURCE_MISSING", f"The source's {kind} is not there.")


class InvalidManifest(InvalidArgument):
    """A manifest that cannot be read as what it is said to be."""

    def __init__(self, problem: str, *, row: int | None = None) -> None:
        metadata = {} if row is None else {"row": str(row)}
        super().__init__("INVALID_MANIFEST", f"The manifest cannot be read: {problem}.", metadata=metadata)


def check(place: Place, labels: Mapping[str, str]) -> None:
    """Refuses what can never work with INVALID_SOURCE."""
    if any("\0" in text for pair in labels.items() for text in pair):
        raise InvalidSource("labels", "must not hold NUL")
    match place:
        case Folder(path, include):
            _check_path("folder.path", path)
            for index, glob in enumerate(include):
                if glob.startswith("/") or ".." in glob.split("/"):
                    raise InvalidSource(f"folder.include[{index}]", "must be relative to the folder, without ..")
        case Bucket(bucket, prefix):
            _check_bucket("bucket.bucket", bucket)
            if "\0" in prefix:
                raise InvalidSource("bucket.prefix", "must not hold NUL")
        case Manifest():
            _check_manifest(place, labels)


def _check_manifest(place: Manifest, labels: Mapping[str, str]) -> None:
    if place.uri.startswith(_SCHEME):
        bucket, key = split_uri(place.uri)
        _check_bucket("manifest.uri", bucket)
        if not key or key.endswith("/"):
            raise InvalidSource("manifest.uri", "must name an object: s3://bucket/key")
    else:
        _check_path("manifest.uri", place.uri)
    _ = place.written_as
    if len(set(labels) | set(place.label_columns)) > MAX_LABELS:
        raise InvalidSource("manifest.label_columns", f"must make at most {MAX_LABELS} labels with those of the source")


def _check_path(name: str, path: str) -> None:
    parts = PurePosixPath(path)
    if not parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise InvalidSource(name, "must be an absolute path without ..")


def _check_bucket(name: str, bucket: str) -> None:
    if not _BUCKET.fullmatch(bucket):
        raise InvalidSource(name, "must hold the name of a bucket")


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of s3://bucket/key."""
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    return bucket, key


def parse_source(name: str, *, field: str = "name") -> tuple[str, str]:
    """(project, source id) of a name; raises InvalidArgument INVALID_NAME."""
    parts = names.parse(SOURCE_NAME, name, field=field)
    return parts["project"], parts["source"]


def is_s3(uri: str) -> bool:
    """Whether a URI names an object of a bucket."""
    return uri.startswith(_SCHEME)
