"""Speed of comparing shapes, on simulated ones; with the peers' own answers, which must be the same or the run fails.

Boxes: 10,000 images (1,000 with --quick) of 20 boxes by 3 labelers, every two labelers matched one to one at the
largest sum of IoUs; beside pycocotools' IoU with SciPy's assignment, and beside our limit of 5 s for the 10,000.

Average precision: as many images with 20 boxes and 20 detections of 10 classes, from columns in memory to the twelve
figures; beside COCOeval of pycocotools and of faster-coco-eval from loaded annotations, and beside our limit of 10,000
images a second.

ScoreAnnotations: 3 labelers' boxes of 200 images (50 with --quick) against gold, from the bytes of the request to those
of the answer, with 1,000 resamples for the intervals; beside our limit of 10,000 annotations a second.

Masks: the majority of 3 blobs of 1024 x 1024, on run lengths; beside pycocotools (decode, vote, encode), and beside our
limit of 5,000 a second.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.quality.figure import Figure, better, faster, timed
from labelmill.quality.v1 import benchmark_service_pb2, scoring_pb2
from labelmill_quality.average_precision.columns import BoxLikeness, DetectionColumns, GoldColumns
from labelmill_quality.average_precision.evaluation import Evaluation, evaluate
from labelmill_quality.convert.annotations import annotation
from labelmill_quality.jobs.scoring import score_annotations
from labelmill_quality.matching.boxes import BoxGroups, match_groups
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.run_lengths import majority
from labelmill_quality.shapes.values import Box, ImageSize, Mask

HOME = peers.ROOT / ".venvs" / "coco"
REQUIREMENTS = peers.ROOT / "benchmarks" / "coco-requirements.txt"
BOXES, LABELERS, CLASSES = 20, 3, 10
MATCHING_LIMIT_S, IMAGES_LIMIT, MASKS_LIMIT, ANNOTATIONS_LIMIT = 5.0, 10_000.0, 5_000.0, 10_000.0
SIZE = ImageSize(1024, 1024)


def figures(quick: bool) -> Iterator[Figure]:
    """Boxes, average precision, masks."""
    images = 1_000 if quick else 10_000
    yield from _boxes(images)
    yield from _average_precision(images)
    yield from _scoring(50 if quick else 200)
    yield from _masks(300 if quick else 1_500)


def _peer(task: str, **columns: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "columns.npz"
        np.savez(path, **columns)
        return peers.call("coco.py", task, str(path), requirements=REQUIREMENTS, home=HOME)


def _same(what: str, ours: float, theirs: float, tolerance: float = 1e-6) -> None:
    if abs(ours - theirs) > tolerance * max(1.0, abs(theirs)):
        raise RuntimeError(f"{what}: ours {ours}, the peer's {theirs}")


def _drawn(generator: np.random.Generator, images: int) -> np.ndarray:
    """(images, BOXES, 4): left, top, width, height."""
    shape = (images, BOXES, 2)
    return np.concatenate([generator.uniform(0, 900, shape), generator.uniform(10, 150, shape)], axis=2)


def _boxes(images: int) -> Iterator[Figure]:
    generator = np.random.default_rng(0)
    there = _drawn(generator, images)
    boxes = np.stack([there + generator.normal(0, 3, there.shape) for _ in range(LABELERS)])
    boxes[..., 2:] = np.maximum(boxes[..., 2:], 1)
    groups = [_groups(side) for side in boxes]

    def work() -> tuple[float, int]:
        found = [match_groups(one, other, threshold=0.5) for one, other in combinations(groups, 2)]
        return sum(float(alike.sum()) for _, alike in found), sum(int((to >= 0).sum()) for to, _ in found)

    work()  # compiles
    (total, pairs), ours = timed(work)
    peer = _peer("match", boxes=boxes)
    _same("sum of IoUs", total, peer["total"])
    _same("pairs", pairs, peer["pairs"])
    name = f"match boxes, {images:,} images x {BOXES} x {LABELERS}"
    yield faster(f"{name}, pycocotools and SciPy", ours, peer["cpu_s"])
    yield faster(f"{name}, limit", ours, MATCHING_LIMIT_S * images / 10_000)


def _groups(boxes: np.ndarray) -> BoxGroups:
    flat = boxes.reshape(-1, 4)
    corners = np.concatenate([flat[:, :2], flat[:, :2] + flat[:, 2:]], axis=1)
    return BoxGroups(corners, np.arange(len(boxes) + 1) * BOXES, np.zeros(len(flat), np.int64))


def _average_precision(images: int) -> Iterator[Figure]:
    generator = np.random.default_rng(1)
    count = images * BOXES
    there = _drawn(generator, images).reshape(-1, 4)
    found = there * generator.uniform(0.93, 1.07, there.shape)
    image, classes = np.repeat(np.arange(images), BOXES), generator.integers(0, CLASSES, count)
    said = np.where(generator.random(count) < 0.8, classes, generator.integers(0, CLASSES, count))
    scores = np.round(generator.random(count), 3)
    areas = there[:, 2:].prod(axis=1), found[:, 2:].prod(axis=1)
    gold = GoldColumns(image, classes, areas[0], np.zeros(count, bool))
    detections = DetectionColumns(image, said, areas[1], scores)

    def work() -> Evaluation:
        return evaluate(gold, detections, BoxLikeness(there, found), classes=CLASSES)

    work()  # compiles
    evaluation, ours = timed(work)
    columns = {
        "gold_image_id": image,
        "gold_category_id": classes,
        "gold_bbox": there,
        "gold_area": areas[0],
        "found_image_id": image,
        "found_category_id": said,
        "found_bbox": found,
        "found_area": areas[1],
    }
    for library in ("pycocotools", "faster_coco_eval"):
        peer = _peer(library, **columns, found_score=scores)
        _same(f"average precision of {library}", evaluation.average_precision(), peer["average_precision"])
        yield better(f"mAP, {images:,} images, {library}", images / ours, images / peer["cpu_s"], unit="images/CPU s")
    yield better(f"mAP, {images:,} images, limit", images / ours, IMAGES_LIMIT, unit="images/CPU s")


def _scoring(images: int) -> Iterator[Figure]:
    generator = np.random.default_rng(3)
    there = _drawn(generator, images)
    gold = [_annotation(image, box) for image, boxes in enumerate(there) for box in boxes]
    said = []
    for labeler in range(LABELERS):
        for image, boxes in enumerate(there + generator.normal(0, 2, there.shape) * [1, 1, 0, 0]):
            for box in boxes:
                message = _annotation(image, box)
                message.provenance.human.labeler = f"l{labeler}"
                said.append(message)
    request = benchmark_service_pb2.ScoreAnnotationsRequest(
        annotations=said, gold=scoring_pb2.GoldSet(annotations=gold)
    )
    body = request.SerializeToString()
    _, ours = timed(lambda: score_annotations(body))
    yield better("ScoreAnnotations, boxes, limit", len(said) / ours, ANNOTATIONS_LIMIT, unit="annotations/CPU s")


def _annotation(image: int, box: np.ndarray) -> Any:
    left, top, width, height = box.tolist()
    return annotation(Instance(f"i{image}", "", "thing", "c", Box(left, top, width, height, 0.0, SIZE)))


def _masks(count: int) -> Iterator[Figure]:
    generator = np.random.default_rng(2)
    masks = [_blob(generator) for _ in range(3 * min(count, 100))]
    threes = [masks[place : place + 3] for place in range(0, len(masks), 3)]

    def work() -> int:
        return sum(int(majority(three).counts[1::2].sum()) for _ in range(count // len(threes)) for three in threes)

    work()  # compiles
    pixels, ours = timed(work)
    done = count // len(threes) * len(threes)
    offsets = np.concatenate([[0], np.cumsum([len(mask.counts) for mask in masks])])
    size = np.array([SIZE.height, SIZE.width])
    peer = _peer("majority", counts=np.concatenate([mask.counts for mask in masks]), offsets=offsets, size=size)
    _same("pixels", pixels / done, peer["pixels"] / len(threes))
    rate = done / ours
    name = "majority of 3 masks of 1024 x 1024"
    yield better(f"{name}, pycocotools", rate, len(threes) / peer["cpu_s"], unit="masks/CPU s")
    yield better(f"{name}, limit", rate, MASKS_LIMIT, unit="masks/CPU s")


def _blob(generator: np.random.Generator) -> Mask:
    """Something round with a ragged edge, in some 600 columns."""
    y, x = np.mgrid[: SIZE.height, : SIZE.width]
    angle = np.arctan2(y - 512, x - 512)
    waves = 0.15 * np.sin(5 * angle + generator.uniform(0, 6)) + 0.05 * np.sin(23 * angle + generator.uniform(0, 6))
    pixels = np.hypot(x - 512, y - 512) < 300 * (1 + waves)
    flat = np.concatenate([[False], pixels.ravel(order="F"), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return Mask(np.diff(np.concatenate([[0], edges, [SIZE.pixels]])).astype(np.uint32), SIZE)
