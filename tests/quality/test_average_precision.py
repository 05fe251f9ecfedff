"""Average precision, beside pycocotools on the same data: all figures are equal."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from labelmill_quality.average_precision.columns import (
    BoxLikeness,
    DetectionColumns,
    GoldColumns,
    KeypointLikeness,
    Likeness,
    MaskLikeness,
)
from labelmill_quality.average_precision.evaluation import BOXES, KEYPOINTS, Design, Evaluation, evaluate
from labelmill_quality.average_precision.instances import evaluate_instances
from labelmill_quality.matching.measures import Measures
from labelmill_quality.shapes.answers import Number
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.run_lengths import MaskBatch
from labelmill_quality.shapes.values import Box, ImageSize, Keypoints, Mask, Visibility
from tests.quality.drawing import keypoints, polyline

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools under numpy 2

Rows = list[dict[str, Any]]
CLASSES, IMAGES = 3, 12


def theirs(gold: Rows, found: Rows, kind: str, size: tuple[int, int] = (80, 100)) -> COCOeval:
    """What pycocotools says."""
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {
            "info": {},
            "images": [{"id": image, "height": size[0], "width": size[1]} for image in range(IMAGES)],
            "categories": [{"id": number, "name": str(number)} for number in range(CLASSES)],
            "annotations": [{"id": number, **row} for number, row in enumerate(gold, 1)],
        }
        known.createIndex()
        run = COCOeval(known, known.loadRes(found), kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


def columns(gold: Rows, found: Rows) -> tuple[GoldColumns, DetectionColumns]:
    def of(rows: Rows, name: str, kind: type) -> np.ndarray:
        return np.array([row[name] for row in rows], kind)

    return (
        GoldColumns(
            *(of(gold, "image_id", np.int64), of(gold, "category_id", np.int64)),
            *(of(gold, "area", np.float64), of(gold, "iscrowd", np.bool_)),
        ),
        DetectionColumns(
            *(of(found, "image_id", np.int64), of(found, "category_id", np.int64)),
            *(of(found, "area", np.float64), of(found, "score", np.float64)),
        ),
    )


def same(ours: Evaluation, run: COCOeval) -> None:
    np.testing.assert_allclose(ours.precision, run.eval["precision"], atol=1e-12)
    np.testing.assert_allclose(ours.recall, run.eval["recall"], atol=1e-12)
    assert len(run.stats) in (10, 12)
    figures = [
        *(ours.average_precision(), ours.average_precision(0.5), ours.average_precision(0.75)),
        *(ours.average_precision(area=area) for area in ours.design.area_names[1:]),
    ]
    np.testing.assert_allclose(np.nan_to_num(figures, nan=-1), run.stats[: len(figures)], atol=1e-12)


def random_boxes(generator: np.random.Generator) -> tuple[Rows, Rows]:
    """Boxes of all sizes, some crowds; detections near and far, with tied scores, too many for one image."""
    gold, found = [], []
    for image in range(IMAGES):
        for _ in range(int(generator.integers(0, 9))):
            left, top = generator.uniform(0, 300, 2).round(1)
            width, height = (generator.uniform(5, 30, 2) * generator.choice([1, 3, 9])).round(1)
            class_ = int(generator.integers(CLASSES - 1))  # nothing is there of the last one
            box, crowd = [left, top, width, height], int(generator.random() < 0.15)
            gold.append(row(image, class_, box, iscrowd=crowd))
            for _ in range(int(generator.choice([0, 1, 1, 2, 30], p=[0.2, 0.4, 0.2, 0.15, 0.05]))):
                moved = (np.array(box) * generator.uniform(0.85, 1.15, 4)).round(1).tolist()
                score = float(generator.integers(1, 20)) / 20
                said = class_ if generator.random() < 0.9 else int(generator.integers(CLASSES))
                found.append(row(image, said, moved, score=score))
    return gold, found


def row(image: int, class_: int, box: list[float], **more: Any) -> dict[str, Any]:
    area = box[2] * box[3]
    return {"image_id": image, "category_id": class_, "bbox": [float(side) for side in box], "area": area, **more}


def boxes_of(rows: Rows) -> np.ndarray:
    return np.array([one["bbox"] for one in rows], np.float64)


@pytest.mark.parametrize("seed", range(4))
def test_boxes_are_evaluated_as_by_pycocotools(seed: int) -> None:
    gold, found = random_boxes(np.random.default_rng(seed))
    ours = evaluate(*columns(gold, found), BoxLikeness(boxes_of(gold), boxes_of(found)), classes=CLASSES)
    run = theirs(gold, found, "bbox", (400, 400))
    same(ours, run)
    recalls = [ours.average_recall(most_detections=most) for most in BOXES.most_detections]
    recalls += [ours.average_recall(area=area) for area in BOXES.area_names[1:]]
    np.testing.assert_allclose(recalls, run.stats[6:], atol=1e-12)


def random_masks(generator: np.random.Generator) -> tuple[Rows, Rows]:
    gold, found = [], []
    y, x = np.mgrid[:80, :100]
    for image in range(IMAGES):
        for _ in range(int(generator.integers(0, 5))):
            centre, radius = generator.uniform(10, 70, 2), generator.uniform(3, 40)
            class_ = int(generator.integers(CLASSES))
            for rows, jitter in ((gold, 0), (found, 3), (found, 8)):
                middle = centre + generator.normal(0, 1, 2) * jitter
                pixels = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 <= radius**2
                if pixels.any():
                    rle = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
                    more = {"iscrowd": int(generator.random() < 0.2), "score": float(generator.random())}
                    area = float(pixels.sum())
                    known = {"image_id": image, "category_id": class_, "area": area, "segmentation": rle}
                    rows.append({**known, **more, "bbox": coco_mask.toBbox(rle).tolist(), "pixels": pixels})
    return gold, found


def batch(rows: Rows) -> MaskBatch:
    masks = []
    for one in rows:
        flat = np.concatenate([[False], one["pixels"].ravel(order="F"), [False]])
        edges = np.flatnonzero(flat[1:] != flat[:-1])
        counts = np.diff(np.concatenate([[0], edges, [8000]])).astype(np.uint32)
        masks.append(Mask(counts, ImageSize(100, 80)))
    return MaskBatch.of(masks)


def test_masks_are_evaluated_as_by_pycocotools() -> None:
    gold, found = random_masks(np.random.default_rng(0))
    ours = evaluate(*columns(gold, found), MaskLikeness(batch(gold), batch(found)), classes=CLASSES)
    bare = [[{name: v for name, v in one.items() if name != "pixels"} for one in rows] for rows in (gold, found)]
    for one in bare[1]:
        del one["iscrowd"]
    same(ours, theirs(*bare, "segm"))


def random_people(generator: np.random.Generator) -> tuple[Rows, Rows]:
    gold, found = [], []
    for image in range(IMAGES):
        for _ in range(int(generator.integers(0, 4))):
            points = generator.uniform(0, 120, (17, 2)).round()
            seen = generator.random(17) < 0.7
            if not seen.any():
                continue
            width, height = np.ptp(points, axis=0)
            area = float(width * height * generator.choice([0.05, 0.5]))
            common = {"image_id": image, "category_id": 0, "bbox": [*points.min(axis=0).tolist(), width, height]}
            flat = np.column_stack([points, 2 * seen]).ravel().tolist()
            gold.append({**common, "area": area, "iscrowd": 0, "num_keypoints": int(seen.sum()), "keypoints": flat})
            for _ in range(2):
                moved = (points + generator.normal(0, 4, points.shape)).round(1)
                flat = np.column_stack([moved, np.full(17, 2)]).ravel().tolist()
                extent = np.ptp(moved, axis=0)
                found.append(
                    {**common, "area": float(extent.prod()), "score": float(generator.random()), "keypoints": flat}
                )
    return gold, found


def test_keypoints_are_evaluated_as_by_pycocotools() -> None:
    gold, found = random_people(np.random.default_rng(1))
    run = theirs(gold, found, "keypoints")
    points = [np.array([one["keypoints"] for one in rows]).reshape(-1, 17, 3) for rows in (gold, found)]
    likeness = KeypointLikeness(
        points[0][..., :2], points[0][..., 2] > 0, columns(gold, found)[0].areas, points[1][..., :2],
        run.params.kpt_oks_sigmas,
    )  # fmt: skip
    same(evaluate(*columns(gold, found), likeness, classes=CLASSES, design=KEYPOINTS), run)


def drawn(rows: Rows, kind: str) -> list[Instance]:
    """The rows as annotations: boxes, or the pixels of masks."""
    size = ImageSize(400, 400)
    crowd = (("iscrowd", Number(1)),)
    return [
        Instance(
            *(f"i{one['image_id']:02}", "model", "thing", str(one["category_id"])),
            Box(*one["bbox"], 0.0, size) if kind == "box" else batch_mask(one),
            crowd if one.get("iscrowd") and "score" not in one else (),
            one.get("score"),
        )
        for one in rows
    ]


def batch_mask(one: dict[str, Any]) -> Mask:
    counts = batch([one]).counts
    return Mask(counts, ImageSize(100, 80))


def test_annotations_are_evaluated_like_columns() -> None:
    gold, found = random_boxes(np.random.default_rng(0))
    items = [f"i{image:02}" for image in range(IMAGES)]
    ours = evaluate_instances(drawn(gold, "box"), drawn(found, "box"), items, Measures())
    assert ours is not None
    assert (ours.classes, ours.unranked, ours.detections) == (("0", "1", "2"), 0, len(found))
    same(ours.evaluation, theirs(gold, found, "bbox", (400, 400)))


def test_gold_may_say_its_areas_as_cocos_files_do() -> None:
    gold, found = random_boxes(np.random.default_rng(0))
    for one in gold:
        one["area"] = one["area"] / 3
    items = [f"i{image:02}" for image in range(IMAGES)]
    noted = [
        replace(instance, attributes=(*instance.attributes, ("area", Number(one["area"]))))
        for instance, one in zip(drawn(gold, "box"), gold, strict=True)
    ]
    ours = evaluate_instances(noted, drawn(found, "box"), items, Measures())
    assert ours is not None
    same(ours.evaluation, theirs(gold, found, "bbox", (400, 400)))


def people(rows: Rows) -> list[Instance]:
    """The rows as annotations; each keypoint is named by its number."""
    names, size = tuple(f"k{number:02}" for number in range(17)), ImageSize(100, 80)
    instances = []
    for one in rows:
        points = np.array(one["keypoints"]).reshape(17, 3)
        visibility = np.where(points[:, 2] > 0, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8)
        shape = Keypoints(names, points[:, :2], visibility, size)
        area = (("area", Number(one["area"])),)
        instances.append(Instance(f"i{one['image_id']:02}", "m", "person", "0", shape, area, one.get("score")))
    return instances


def test_keypoints_of_annotations_are_evaluated_as_by_pycocotools() -> None:
    gold, found = random_people(np.random.default_rng(1))
    for one in found:
        del one["bbox"]  # else pycocotools takes its area
    run = theirs(gold, found, "keypoints")
    sigmas = {f"k{number:02}": float(sigma) for number, sigma in enumerate(run.params.kpt_oks_sigmas)}
    items = [f"i{image:02}" for image in range(IMAGES)]
    ours = evaluate_instances(people(gold), people(found), items, Measures(keypoint_sigmas=sigmas))
    assert ours is not None
    np.testing.assert_allclose(ours.evaluation.precision, run.eval["precision"][:, :, :1], atol=1e-12)


def test_masks_of_annotations_are_evaluated_like_columns() -> None:
    gold, found = random_masks(np.random.default_rng(0))
    for one in gold:
        del one["score"]
    items = [f"i{image:02}" for image in range(IMAGES)]
    ours = evaluate_instances(drawn(gold, "mask"), drawn(found, "mask"), items, Measures())
    columnar = evaluate(*columns(gold, found), MaskLikeness(batch(gold), batch(found)), classes=CLASSES)
    assert ours is not None
    np.testing.assert_allclose(ours.evaluation.precision, columnar.precision)


def test_annotations_of_keypoints_have_a_figure_and_lines_have_none() -> None:
    person = Instance("x", "model", "thing", "person", keypoints(a=(0, 0), b=(40, 40)), confidence=0.5)
    found = evaluate_instances([person], [person], ["x"], Measures())
    assert found is not None
    assert found.evaluation.average_precision() == pytest.approx(1)
    line = Instance("x", "model", "thing", "road", polyline((0, 0), (9, 9)))
    assert evaluate_instances([line], [line], ["x"], Measures()) is None


def one_of_each(design: Design = BOXES, **more: Any) -> Evaluation:
    gold, found = random_boxes(np.random.default_rng(0))
    likeness: Likeness = BoxLikeness(boxes_of(gold), boxes_of(found))
    return evaluate(*columns(gold, found), likeness, classes=CLASSES, design=design, **more)


def test_a_resample_with_every_image_once_gives_the_figure_itself() -> None:
    once = one_of_each(resamples=[np.ones(IMAGES)])
    assert once.replicates[0] == pytest.approx(once.average_precision())


def test_images_that_are_not_drawn_do_not_count() -> None:
    gold, found = random_boxes(np.random.default_rng(0))
    weights = np.array([2.0 if image < 6 else 0.0 for image in range(IMAGES)])
    half = [[one for one in rows if one["image_id"] < 6] for rows in (gold, found)]
    drawn = one_of_each(resamples=[weights]).replicates[0]
    alone = evaluate(*columns(*half), BoxLikeness(*(boxes_of(rows) for rows in half)), classes=CLASSES)
    assert drawn == pytest.approx(alone.average_precision())


def test_a_class_that_is_nowhere_has_no_figure() -> None:
    assert np.isnan(one_of_each().average_precision(class_=CLASSES - 1))


def test_nothing_found_and_nothing_there() -> None:
    gold, _ = random_boxes(np.random.default_rng(0))
    nothing = np.zeros((0, 4))
    assert evaluate(*columns(gold, []), BoxLikeness(boxes_of(gold), nothing), classes=CLASSES).average_precision() == 0
    empty = evaluate(*columns([], []), BoxLikeness(nothing, nothing), classes=CLASSES)
    assert np.isnan(empty.average_precision())
    assert np.isnan(empty.average_recall())
