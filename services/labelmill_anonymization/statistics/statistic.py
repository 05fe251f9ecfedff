"""What may be asked: which data, which figure, at what price. See labelmill.anonymization.v1.Statistic."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.statistics.errors import InvalidStatistic

DEFAULT_CANDIDATES = 1000
# Beyond these, noise takes minutes to be calibrated, and tells nothing anyway.
_GAUSS_EPSILON = 0.01
_GAUSS_DISTANCE = 100
_LAPLACE_DISTANCE = 10_000_000


class Property(IntEnum):
    """What is told of an asset; the contract's numbers."""

    MEDIA_TYPE = 1
    LANGUAGE = 2
    LABEL = 3


@dataclass(frozen=True, slots=True)
class TableData:
    """A column of a table: an asset's, or one that was sent along."""

    asset: str = ""
    content: RawContent | None = field(default=None, repr=False)
    column: str = ""
    subject_column: str = ""
    max_contributions: int = 1


@dataclass(frozen=True, slots=True)
class AssetData:
    """The project's assets."""

    filter: str = ""
    property: Property = Property.MEDIA_TYPE
    label_key: str = ""
    max_contributions: int = 1


@dataclass(frozen=True, slots=True)
class EntityData:
    """Entity types found in assets."""

    policy: str = ""
    max_contributions: int = 1


@dataclass(frozen=True, slots=True)
class LabelData:
    """Classes that labelers gave to assets."""

    feature: str
    filter: str = ""
    max_contributions: int = 1


@dataclass(frozen=True, slots=True)
class Count:
    """How many units; with a value, how many of this value."""

    value: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many units by category, or by bin between edges."""

    categories: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def labels(self) -> list[str]:
        """The names of the figures."""
        if self.categories:
            return list(self.categories)
        last = len(self.edges) - 2
        return [
            f"[{low:g}, {high:g}{']' if index == last else ')'}"
            for index, (low, high) in enumerate(zip(self.edges, self.edges[1:], strict=False))
        ]


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of numbers clamped to bounds."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of numbers clamped to bounds."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile, chosen among candidates that lie evenly between bounds."""

    fraction: float
    lower: float
    upper: float
    candidate_count: int = DEFAULT_CANDIDATES


Data = TableData | AssetData | EntityData | LabelData
Figure = Count | Histogram | Sum | Mean | Quantile


@dataclass(frozen=True, slots=True)
class Statistic:
    """What is asked."""

    data: Data
    figure: Figure

    @property
    def unit(self) -> str:
        """Whom the guarantee is about: all units of one person together, at most max_contributions."""
        if isinstance(self.data, TableData):
            return "subject" if self.data.subject_column else "row"
        return "asset"

    @property
    def distance(self) -> int:
        """How many counted values can appear or vanish with one person: known of the question, never of the data."""
        several = isinstance(self.figure, Histogram) and isinstance(self.data, EntityData | LabelData)
        each = len(self.figure.labels) if several and isinstance(self.figure, Histogram) else 1
        return self.data.max_contributions * each


def validate(statistic: Statistic, epsilon: float, delta: float) -> None:
    """Checks what can be said before any data is read; raises InvalidStatistic with the field path."""
    data, figure = statistic.data, statistic.figure
    if isinstance(figure, Sum | Mean | Quantile):
        name = type(figure).__name__.lower()
        if not isinstance(data, TableData):
            raise InvalidStatistic(f"statistic.{name}", "needs a column of a table")
        if not figure.lower < figure.upper:
            raise InvalidStatistic(f"statistic.{name}.bounds", "must have lower below upper")
        if delta:
            raise InvalidStatistic("delta", "must be 0 but for counts and histograms")
    if isinstance(data, TableData) and not data.column and not (isinstance(figure, Count) and not figure.value):
        raise InvalidStatistic("statistic.table.column", "is needed for this figure")
    if isinstance(data, AssetData) and (data.property is Property.LABEL) != bool(data.label_key):
        raise InvalidStatistic("statistic.assets.label_key", "goes with PROPERTY_LABEL")
    if isinstance(figure, Histogram):
        _validate_histogram(figure, data)
    if delta and (epsilon < _GAUSS_EPSILON or statistic.distance > _GAUSS_DISTANCE):
        raise InvalidStatistic(
            "delta", f"goes with epsilon from {_GAUSS_EPSILON} and at most {_GAUSS_DISTANCE} per person"
        )
    if statistic.distance > _LAPLACE_DISTANCE:
        raise InvalidStatistic("statistic", f"lets one person count more than {_LAPLACE_DISTANCE} times")


def _validate_histogram(figure: Histogram, data: Data) -> None:
    path = "statistic.histogram"
    if bool(figure.categories) == bool(figure.edges):
        raise InvalidStatistic(path, "needs categories or edges, not both")
    if len(set(figure.categories)) < len(figure.categories):
        raise InvalidStatistic(f"{path}.categories", "must differ from each other")
    if figure.edges:
        if not isinstance(data, TableData):
            raise InvalidStatistic(f"{path}.edges", "need a column of a table")
        ascending = all(low < high for low, high in zip(figure.edges, figure.edges[1:], strict=False))
        if len(figure.edges) < 2 or not ascending or not all(map(math.isfinite, figure.edges)):
            raise InvalidStatistic(f"{path}.edges", "must be two finite numbers at least, ascending")
