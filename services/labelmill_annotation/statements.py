"""What a labeler says about an asset, as plain values. Pure.

These mirror labelmill.type.v1.Annotation as far as rules need to look inside; the whole message travels beside them as
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class FeatureKind(IntEnum):
    """What a labeler does; the numbers are those of labelmill.type.v1.Feature.Kind."""

    SINGLE_CHOICE = 1
    MULTIPLE_CHOICE = 2
    ORDINAL = 3
    FREE_TEXT = 4
    NUMBER = 5
    BOX = 6
    POLYGON = 7
    POLYLINE = 8
    KEYPOINTS = 9
    MASK = 10
    TEXT_SPAN = 11
    RELATION = 12
    TIME_SEGMENT = 13


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Pixels of an image."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question: its kind, the classes chosen, and the source's own probabilities."""

    kind: FeatureKind
    class_names: tuple[str, ...] = ()
    distribution: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, rotated clockwise about its centre."""

    left: float
    top: float
    width: float
    height: float
    rotation_degrees: float
    size: ImageSize


@dataclass(frozen=True, slots=True)
class Polygon:
    """A ring with holes."""

    exterior: Sequence[Point]
    holes: Sequence[Sequence[Point]]
    size: ImageSize


@dataclass(frozen=True, slots=True)
class Polyline:
    """An open line."""

    points: Sequence[Point]
    size: ImageSize


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A named point; its position means nothing when it is absent."""

    name: str
    point: Point
    absent: bool


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Named points."""

    keypoints: Sequence[Keypoint]
    size: ImageSize


@dataclass(frozen=True, slots=True)
class Mask:
    """Run lengths, beginning with background."""

    counts: Sequence[int]
    size: ImageSize


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Code points, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    """From one annotation of the submission to another."""

    from_local_id: str
    to_local_id: str


@dataclass(frozen=True, slots=True)
class TimeSegment:
    """Milliseconds, end exclusive."""

    start_ms: float
    end_ms: float


Shape = Box | Polygon | Polyline | Keypoints | Mask
Value = Answer | Shape | TextSpan | Relation | TimeSegment

KIND_OF_SHAPE: dict[type, FeatureKind] = {
    Box: FeatureKind.BOX,
    Polygon: FeatureKind.POLYGON,
    Polyline: FeatureKind.POLYLINE,
    Keypoints: FeatureKind.KEYPOINTS,
    Mask: FeatureKind.MASK,
    TextSpan: FeatureKind.TEXT_SPAN,
    Relation: FeatureKind.RELATION,
    TimeSegment: FeatureKind.TIME_SEGMENT,
}


def kind_of(value: Value) -> FeatureKind:
    """The kind of feature that such a value answers."""
    return value.kind if isinstance(value, Answer) else KIND_OF_SHAPE[type(value)]


@dataclass(frozen=True, slots=True)
class Statement:
    """One annotation of a submission: what the rules look at, and the message as it is kept."""

    feature: str
    value: Value
    payload: bytes
    class_name: str = ""
    local_id: str = ""
    attributes: tuple[tuple[str, Answer], ...] = ()
    asset: str = ""
    """The asset's resource name, or empty: the task's."""
    name: str = ""
    """The annotation's resource name, where an existing one is meant."""

    @property
    def answered_class(self) -> str:
        """The one class that it names, for filters: a shape's class or a single answer; otherwise empty."""
        if isinstance(self.value, Answer) and len(self.value.class_names) == 1:
            return self.value.class_names[0]
        return self.class_name


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """What is known of a CLEAN asset."""

    asset: str
    media_type: str
    text_length: int | None = None
    image_size: ImageSize | None = None
