"""labelmill.type.v1.Annotation -> what is compared and aggregated, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from labelmill.type.v1 import annotation_pb2, geometry_pb2
from labelmill_quality.errors import InvalidAnnotation
from labelmill_quality.shapes.answers import (
    Answer,
    FreeText,
    MultipleChoice,
    Number,
    OrdinalChoice,
    SingleChoice,
)
from labelmill_quality.shapes.checks import answer_problems, shape_problems
from labelmill_quality.shapes.instance import Attributes, Instance, Response, Statements
from labelmill_quality.shapes.outlines import outlines
from labelmill_quality.shapes.values import (
    Box,
    ImageSize,
    Keypoints,
    Mask,
    Points,
    Polygon,
    Polyline,
    Relation,
    Shape,
    TextSpan,
    TimeSegment,
)


def statements(
    messages: Iterable[annotation_pb2.Annotation], *, field: str = "annotations", first: int = 0
) -> Statements:
    """What annotations say, checked; those that were withdrawn say nothing.

    Args:
        messages: The annotations.
        field: The request's field that holds them, for errors.
        first: The index of the first of them, where they come in batches.

    Raises:
        InvalidAnnotation: A shape or an answer makes no sense: a NaN, no area, an empty mask.
    """
    instances: list[Instance] = []
    responses: list[Response] = []
    for index, message in enumerate(messages, first):
        if message.withdrawn:
            continue
        if message.HasField("classification"):
            responses.append(_response(message, index, f"{field}[{index}]"))
        else:
            instances.append(_instance(message, index, f"{field}[{index}]"))
    return Statements(instances, responses, _repaired(instances, field))


def annotation(value: Instance | Response) -> annotation_pb2.Annotation:
    """An instance or an answer as a message, without a provenance."""
    message = annotation_pb2.Annotation(
        asset=value.item, feature=value.feature, local_id=value.local_id, confidence=value.confidence
    )
    if value.create_ms is not None:
        message.create_time.FromMilliseconds(value.create_ms)
    if isinstance(value, Response):
        message.classification.CopyFrom(classification(value.answer))
        return message
    message.class_name = value.class_name
    field, shape = _shape_message(value.shape)
    getattr(message, field).CopyFrom(shape)
    for name, answer in value.attributes:
        message.attributes.add(feature=name, answer=classification(answer))
    return message


def labeler_of(message: annotation_pb2.Annotation) -> str:
    """Who said it: the labeler or the model version; empty for a consensus and where nobody said."""
    provenance = message.provenance
    return provenance.human.labeler or provenance.model.model_version


def classification(answer: Answer) -> annotation_pb2.Classification:
    """An answer as a message."""
    match answer:
        case SingleChoice(name, distribution):
            message = annotation_pb2.Classification(single=name)
        case OrdinalChoice(name, distribution):
            message = annotation_pb2.Classification(ordinal=name)
        case MultipleChoice(names, distribution):
            message = annotation_pb2.Classification(multiple=annotation_pb2.ClassNames(class_names=sorted(names)))
        case FreeText(text):
            return annotation_pb2.Classification(text=text)
        case Number(value):
            return annotation_pb2.Classification(number=value)
    for name, probability in distribution:
        message.distribution.add(class_name=name, probability=probability)
    return message


def _response(message: annotation_pb2.Annotation, index: int, path: str) -> Response:
    return Response(
        item=message.asset,
        labeler=labeler_of(message),
        feature=message.feature,
        answer=_answer(message.classification, f"{path}.classification"),
        confidence=_confidence(message),
        local_id=message.local_id,
        create_ms=_create_ms(message),
        index=index,
    )


def _instance(message: annotation_pb2.Annotation, index: int, path: str) -> Instance:
    which = message.WhichOneof("value")
    if which is None:
        raise InvalidAnnotation(path, "must have a value")
    shape = _SHAPES[which](getattr(message, which))
    for below, problem in shape_problems(shape):
        raise InvalidAnnotation(f"{path}.{below}", problem)
    return Instance(
        item=message.asset,
        labeler=labeler_of(message),
        feature=message.feature,
        class_name=message.class_name,
        shape=shape,
        attributes=_attributes(message, path),
        confidence=_confidence(message),
        local_id=message.local_id,
        create_ms=_create_ms(message),
        index=index,
    )


def _repaired(instances: Sequence[Instance], field: str) -> list[int]:
    """Indices of the polygons that cross themselves; refuses those that enclose nothing."""
    drawn = [(instance.index, instance.shape) for instance in instances if isinstance(instance.shape, Polygon)]
    if not drawn:
        return []
    areas, broken = outlines([shape for _, shape in drawn])
    for (index, _), area in zip(drawn, areas, strict=True):
        if not area.area > 0:
            raise InvalidAnnotation(f"{field}[{index}].polygon", "must enclose an area")
    return [index for (index, _), repaired in zip(drawn, broken.tolist(), strict=True) if repaired]


def _attributes(message: annotation_pb2.Annotation, path: str) -> Attributes:
    return tuple(
        (attribute.feature, _answer(attribute.answer, f"{path}.attributes[{place}].answer"))
        for place, attribute in enumerate(message.attributes)
    )


def _answer(message: annotation_pb2.Classification, path: str) -> Answer:
    answer = _bare_answer(message, path)
    for below, problem in answer_problems(answer):
        raise InvalidAnnotation(f"{path}.{below}", problem)
    return answer


def _bare_answer(message: annotation_pb2.Classification, path: str) -> Answer:
    distribution = tuple((entry.class_name, entry.probability) for entry in message.distribution)
    match message.WhichOneof("answer"):
        case "single":
            return SingleChoice(message.single, distribution)
        case "ordinal":
            return OrdinalChoice(message.ordinal, distribution)
        case "multiple":
            return MultipleChoice(frozenset(message.multiple.class_names), distribution)
        case "text":
            return FreeText(message.text)
        case "number":
            return Number(message.number)
    raise InvalidAnnotation(path, "must have an answer")


def _confidence(message: annotation_pb2.Annotation) -> float | None:
    return message.confidence if message.HasField("confidence") else None


def _create_ms(message: annotation_pb2.Annotation) -> int | None:
    return message.create_time.ToMilliseconds() if message.HasField("create_time") else None


def _size(message: geometry_pb2.ImageSize) -> ImageSize:
    return ImageSize(message.width_px, message.height_px)


def _points(messages: Iterable[geometry_pb2.Point]) -> Points:
    return np.array([(point.x_px, point.y_px) for point in messages], np.float64).reshape(-1, 2)


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
    return Keypoints(
        tuple(keypoint.keypoint_name for keypoint in message.keypoints),
        _points(keypoint.point for keypoint in message.keypoints),
        np.array([keypoint.visibility for keypoint in message.keypoints], np.uint8),
        _size(message.image_size),
    )


def _segment(message: geometry_pb2.TimeSegment) -> TimeSegment:
    return TimeSegment(message.start_ms, message.end_ms, message.channel if message.HasField("channel") else None)


_SHAPES: dict[str, Callable[[Any], Shape]] = {
    "box": _box,
    "polygon": _polygon,
    "polyline": lambda message: Polyline(_points(message.points), _size(message.image_size)),
    "keypoints": _keypoints,
    "mask": lambda message: Mask(np.array(message.counts, np.uint32), _size(message.image_size)),
    "text_span": lambda message: TextSpan(message.start, message.end),
    "time_segment": _segment,
    "relation": lambda message: Relation(message.from_local_id, message.to_local_id),
}


def _shape_message(shape: Shape) -> tuple[str, Any]:
    """The name of the field that holds such a shape, and the message."""
    match shape:
        case Box(left, top, width, height, rotation, size):
            return "box", geometry_pb2.Box(
                left_px=left,
                top_px=top,
                width_px=width,
                height_px=height,
                rotation_degrees=rotation,
                image_size=_size_message(size),
            )
        case Polygon():
            return "polygon", geometry_pb2.Polygon(
                exterior=geometry_pb2.Ring(points=_point_messages(shape.exterior)),
                holes=[geometry_pb2.Ring(points=_point_messages(hole)) for hole in shape.holes],
                image_size=_size_message(shape.size),
            )
        case Polyline():
            return "polyline", geometry_pb2.Polyline(
                points=_point_messages(shape.points), image_size=_size_message(shape.size)
            )
        case Keypoints():
            return "keypoints", _keypoints_message(shape)
        case Mask():
            return "mask", geometry_pb2.Mask(counts=shape.counts.tolist(), image_size=_size_message(shape.size))
        case TextSpan(start, end):
            return "text_span", geometry_pb2.TextSpan(start=start, end=end)
        case TimeSegment(start_ms, end_ms, channel):
            return "time_segment", geometry_pb2.TimeSegment(start_ms=start_ms, end_ms=end_ms, channel=channel)
        case Relation(from_local_id, to_local_id):
            return "relation", geometry_pb2.Relation(from_local_id=from_local_id, to_local_id=to_local_id)


def _keypoints_message(shape: Keypoints) -> geometry_pb2.Keypoints:
    message = geometry_pb2.Keypoints(image_size=_size_message(shape.size))
    visibilities = shape.visibility.tolist()
    for name, (x, y), visibility in zip(shape.names, shape.points.tolist(), visibilities, strict=True):
        message.keypoints.add(keypoint_name=name, point=geometry_pb2.Point(x_px=x, y_px=y), visibility=visibility)
    return message


def _size_message(size: ImageSize) -> geometry_pb2.ImageSize:
    return geometry_pb2.ImageSize(width_px=size.width, height_px=size.height)


def _point_messages(points: Points) -> list[geometry_pb2.Point]:
    return [geometry_pb2.Point(x_px=x, y_px=y) for x, y in points.tolist()]
