"""Annotations as what is compared and aggregated, and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from labelmill.type.v1 import annotation_pb2, geometry_pb2
from labelmill_quality.convert.annotations import annotation, statements
from labelmill_quality.errors import InvalidAnnotation
from labelmill_quality.shapes.answers import FreeText, MultipleChoice, Number, OrdinalChoice, SingleChoice
from labelmill_quality.shapes.instance import Instance, Response
from labelmill_quality.shapes.outlines import corners, outlines
from labelmill_quality.shapes.values import Relation, Shape
from tests.quality import drawing
from tests.quality.drawing import SIZE, box, polygon

IMAGE = geometry_pb2.ImageSize(width_px=SIZE.width, height_px=SIZE.height)


def there_and_back(value: Instance | Response) -> Instance | Response:
    message = annotation_pb2.Annotation.FromString(annotation(value).SerializeToString())
    said = statements([message])
    return [*said.instances, *said.responses][0]


def ring(*points: tuple[float, float]) -> geometry_pb2.Ring:
    return geometry_pb2.Ring(points=[geometry_pb2.Point(x_px=x, y_px=y) for x, y in points])


@given(drawing.any_shape)
def test_every_shape_survives_the_way_there_and_back(shape: Shape) -> None:
    given_ = Instance("i", "", "thing", "cat", shape, (("colour", SingleChoice("red")),), 0.5, "one", 1234)
    back = there_and_back(given_)
    assert annotation(back) == annotation(given_)
    assert type(back.shape) is type(shape)


def test_a_polygon_with_holes_and_a_relation_survive_too() -> None:
    square = polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [(2, 2), (4, 2), (4, 4)])
    for shape in (square, Relation("one", "two")):
        given_ = Instance("i", "", "thing", "", shape)
        assert annotation(there_and_back(given_)) == annotation(given_)


@pytest.mark.parametrize(
    "answer",
    [
        SingleChoice("yes", (("yes", 0.75), ("no", 0.25))),
        OrdinalChoice("good"),
        MultipleChoice(frozenset({"a", "b"})),
        MultipleChoice(frozenset()),
        FreeText("words"),
        Number(2.5),
    ],
)
def test_every_answer_survives_the_way_there_and_back(answer: SingleChoice) -> None:
    assert there_and_back(Response("i", "", "question", answer)) == Response("i", "", "question", answer, index=0)


def test_what_was_withdrawn_says_nothing() -> None:
    message = annotation_pb2.Annotation(text_span=geometry_pb2.TextSpan(start=0, end=1), withdrawn=True)
    assert statements([message]).instances == []


def test_the_labeler_is_a_person_or_a_model_version() -> None:
    human, model = annotation_pb2.Annotation(), annotation_pb2.Annotation()
    human.classification.single = model.classification.single = "yes"
    human.provenance.human.labeler = "anna"
    model.provenance.model.model_version = "projects/p/models/m/versions/3"
    assert [said.labeler for said in statements([human, model]).responses] == ["anna", "projects/p/models/m/versions/3"]


NAN = math.nan


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"box": geometry_pb2.Box(left_px=NAN, width_px=1, height_px=1)}, "box.left_px"),
        ({"box": geometry_pb2.Box(width_px=0, height_px=1)}, "box.width_px"),
        ({"box": geometry_pb2.Box(width_px=1, height_px=math.inf)}, "box.height_px"),
        ({"box": geometry_pb2.Box(width_px=1, height_px=1, rotation_degrees=NAN)}, "box.rotation_degrees"),
        ({"box": geometry_pb2.Box(top_px=1e300, width_px=1, height_px=1)}, "box.top_px"),
        ({"polyline": geometry_pb2.Polyline(points=ring((0, 0), (0, -2e7)).points)}, "polyline.points[1]"),
        ({"polygon": geometry_pb2.Polygon(exterior=ring((0, 0), (1, NAN), (1, 1)))}, "polygon.exterior.points[1]"),
        ({"polygon": geometry_pb2.Polygon(exterior=ring((0, 0), (1, 1)))}, "polygon.exterior.points"),
        ({"polygon": geometry_pb2.Polygon(exterior=ring((0, 0), (1, 1), (2, 2)))}, "polygon"),
        ({"polyline": geometry_pb2.Polyline(points=ring((1, 1), (1, 1)).points)}, "polyline.points"),
        ({"mask": geometry_pb2.Mask(counts=[7999], image_size=IMAGE)}, "mask.counts"),
        ({"mask": geometry_pb2.Mask(counts=[8000], image_size=IMAGE)}, "mask.counts"),
        ({"mask": geometry_pb2.Mask(counts=[5, 0, 7995], image_size=IMAGE)}, "mask.counts"),
        ({"text_span": geometry_pb2.TextSpan(start=4, end=4)}, "text_span"),
        ({"time_segment": geometry_pb2.TimeSegment(start_ms=0, end_ms=math.inf)}, "time_segment"),
        ({"classification": annotation_pb2.Classification(number=NAN)}, "classification.number"),
        ({}, ""),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(message: dict[str, object], field: str) -> None:
    sound = annotation_pb2.Annotation(text_span=geometry_pb2.TextSpan(start=0, end=1))
    with pytest.raises(InvalidAnnotation) as refused:
        statements([sound, annotation_pb2.Annotation(**message)], first=40)  # type: ignore[arg-type]
    assert list(refused.value.fields) == [f"annotations[41].{field}".removesuffix(".")]


def test_keypoints_are_named_once_and_one_of_them_is_in_the_image() -> None:
    twice, absent = annotation_pb2.Annotation(), annotation_pb2.Annotation()
    for _ in range(2):
        twice.keypoints.keypoints.add(keypoint_name="nose", point=geometry_pb2.Point())
    absent.keypoints.keypoints.add(keypoint_name="nose", visibility="VISIBILITY_ABSENT")
    for message, field in ((twice, "keypoints.keypoints[1].keypoint_name"), (absent, "keypoints.keypoints")):
        with pytest.raises(InvalidAnnotation) as refused:
            statements([message])
        assert list(refused.value.fields) == [f"annotations[0].{field}"]


def test_a_polygon_that_crosses_itself_counts_as_the_area_it_encloses_and_is_named() -> None:
    bow_tie = polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    square = polygon([(0, 0), (10, 0), (10, 10), (0, 10)])
    areas, repaired = outlines([square, bow_tie])
    assert [area.area for area in areas] == [100, 50]
    assert repaired.tolist() == [False, True]
    said = statements([annotation(Instance("i", "", "f", "c", shape)) for shape in (square, bow_tie)])
    assert said.repaired == [1]


def test_a_box_turns_clockwise_about_its_centre() -> None:
    turned = corners(box(0, 0, 4, 2, 90))
    np.testing.assert_allclose(turned, [(3, -1), (3, 3), (1, 3), (1, -1)], atol=1e-12)
