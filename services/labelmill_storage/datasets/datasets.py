"""Datasets: named sets of a project's assets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from labelmill_runtime import names
from labelmill_runtime.errors import Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound

DATASET_NAME = "projects/{project}/datasets/{dataset}"
ALL = "*"
"""The filter that every asset matches."""


@dataclass(frozen=True, slots=True)
class DatasetKey:
    """Which dataset."""

    project: str
    id: str

    @property
    def name(self) -> str:
        """projects/{project}/datasets/{dataset}."""
        return f"projects/{self.project}/datasets/{self.id}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of assets."""

    key: DatasetKey
    display_name: str
    description: str
    etag: str
    """Changes with the texts; not with the assets."""
    asset_count: int
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class Selection:
    """Assets by their ids or by a filter, one of the two."""

    asset_ids: Sequence[str] = ()
    filter_text: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """What a change of a dataset's assets came to."""

    changed: int
    asset_count: int
    """How many are in it now."""


class DatasetNotFound(NotFound):
    """There is no such dataset."""

    def __init__(self, name: str) -> None:
        super().__init__("DATASET_NOT_FOUND", "There is no such dataset.", resource=("labelmill.io/Dataset", name))


class DatasetExists(AlreadyExists):
    """The id is taken."""

    def __init__(self, name: str) -> None:
        message = "There is a dataset with this id already."
        super().__init__("DATASET_EXISTS", message, resource=("labelmill.io/Dataset", name))


class EtagMismatch(Aborted):
    """Somebody else changed the dataset since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "ETAG_MISMATCH",
            "The dataset has changed since it was read; read it again.",
            fields={"dataset.etag": "is not the current one"},
        )


class DatasetHasSnapshots(FailedPrecondition):
    """A dataset that lineages point at stays."""

    def __init__(self, name: str) -> None:
        message = "The dataset has snapshots, which models may come from; it stays."
        super().__init__("DATASET_HAS_SNAPSHOTS", message, resource=("labelmill.io/Dataset", name))


class DatasetEmpty(FailedPrecondition):
    """Nothing to freeze."""

    def __init__(self, name: str) -> None:
        super().__init__("DATASET_EMPTY", "The dataset has no assets.", resource=("labelmill.io/Dataset", name))


class AssetsNotClean(FailedPrecondition):
    """Clean assets alone were wanted."""

    def __init__(self, raw_count: int) -> None:
        super().__init__(
            "ASSETS_NOT_CLEAN",
            f"{raw_count} assets of the dataset are not clean yet.",
            metadata={"raw_count": str(raw_count)},
        )


def selection(asset_ids: Sequence[str], filter_text: str) -> Selection:
    """The assets that a request means.

    Raises:
        InvalidArgument: INVALID_SELECTION, both ways or neither were used.
    """
    if bool(asset_ids) == bool(filter_text.strip()):
        problem = "one of asset_names and filter must be given, and not both"
        message = "Assets are named either by asset_names or by filter."
        raise InvalidArgument("INVALID_SELECTION", message, fields={"asset_names": problem, "filter": problem})
    return Selection(list(dict.fromkeys(asset_ids)), filter_text.strip())


def parse_dataset(name: str, *, field: str = "name") -> DatasetKey:
    """The dataset of a name."""
    parts = names.parse(DATASET_NAME, name, field=field)
    return DatasetKey(parts["project"], parts["dataset"])
