"""labelmill.type.v1.Annotation -> what rules look at, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labelmill.type.v1 import annotation_pb2, geometry_pb2
from labelmill_annotation.statements import (
    Answer,
    Box,
    FeatureKind,
    ImageSize,
    Keypoint,
    Keypoints,
    Mask,
    Point,
    Polygon,
    Polyline,
    Relation,
    Statement,
    TextSpan,
    TimeSegment,
    Value,
)
from labelmill_annotation.versions import Annotation

_SET_BY_SERVER = ("name", "asset", "task", "provenance", "ontology_version", "version", "create_time", "withdrawn")


def statement(message: annotation_pb2.Annotation) -> Statement:
    """What was sent: the parts that rules look at, and the whole as it is kept."""
    kept = annotation_pb2.Annotation()
    kept.CopyFrom(message)
    for field in _SET_BY_SERVER:
        kept.ClearField(field)  # type: ignore[arg-type]
    which = message.WhichOneof("value")
    assert which is not None, "validated: a value is required"
    return Statement(
        feature=message.feature,
        value=_VALUES[which](getattr(message, which)),
        payload=kept.SerializeToString(deterministic=True),
        class_name=message.class_name,
        local_id=message.local_id,
        attributes=tuple((attribute.feature, _answer(attribute.answer)) for attribute in message.attributes),
        asset=message.asset,
        name=message.name,
    )


def annotation(kept: Annotation) -> annotation_pb2.Annotation:
    """A kept version with its names and provenance."""
    message = annotation_pb2.Annotation.FromString(kept.payload)
    parent = f"projects/{kept.project}"
    message.name = f"{parent}/annotations/{kept.id}"
    message.asset = f"{parent}/assets/{kept.asset}"
    message.task = f"{parent}/tasks/{kept.task}"
    human = message.provenance.human
    human.labeler = kept.labeler
    if kept.time_spent_ms is not None:
        human.time_spent_ms = kept.time_spent_ms
    message.ontology_version = kept.ontology_version
    message.version = kept.version
    message.create_time.FromMilliseconds(kept.create_ms)
    message.withdrawn = kept.withdrawn
    return message


_CHOICES = {"single": FeatureKind.SINGLE_CHOICE, "ordinal": FeatureKind.ORDINAL}


def _answer(message: annotation_pb2.Classification) -> Answer:
    distribution = tuple((entry.class_name, entry.probability) for entry in message.distribution)
    match message.WhichOneof("answer"):
        case "multiple":
            return Answer(FeatureKind.MULTIPLE_CHOICE, tuple(message.multiple.class_names), distribution)
        case "text":
            return Answer(FeatureKind.FREE_TEXT, (), distribution)
        case "number":
            return Answer(FeatureKind.NUMBER, (), distribution)
        case "single" | "ordinal" as which:
            return Answer(_CHOICES[which], (getattr(message, which),), distribution)
    raise AssertionError("validated: an answer is required")


def _size(message: geometry_pb2.ImageSize) -> ImageSize:
    return ImageSize(message.width_px, message.height_px)


def _points(messages: Iterable[geometry_pb2.Point]) -> list[Point]:
    return [(point.x_px, point.y_px) for point in messages]


def _box(message: geometry_pb2.Box) -> Box:
    return Box(
        message.left_px,
        message.top_px,
        message.width_px,
        message.height_px,
        message.rotation_degrees,
        _size(message.image_size),
    )


def _polygon(message: geometry_pb2.Polygon) -> Polygon:
    holes = [_points(hole.points) for hole in message.holes]
    return Polygon(_points(message.exterior.points), holes, _size(message.image_size))


def _keypoints(message: geometry_pb2.Keypoints) -> Keypoints:
    absent = geometry_pb2.Keypoints.VISIBILITY_ABSENT
    keypoints = [
        Keypoint(keypoint.keypoint_name, (keypoint.point.x_px, keypoint.point.y_px), keypoint.visibility == absent)
        for keypoint in message.keypoints
    ]
    return Keypoints(keypoints, _size(message.image_size))


_VALUES: dict[str, Callable[[Any], Value]] = {
    "classification": _answer,
    "box": _box,
    "polygon": _polygon,
    "polyline": lambda message: Polyline(_points(message.points), _size(message.image_size)),
    "keypoints": _keypoints,
    "mask": lambda message: Mask(list(message.counts), _size(message.image_size)),
    "text_span": lambda message: TextSpan(message.start, message.end),
    "relation": lambda message: Relation(message.from_local_id, message.to_local_id),
    "time_segment": lambda message: TimeSegment(message.start_ms, message.end_ms),
}
