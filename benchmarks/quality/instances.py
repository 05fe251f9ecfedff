"""Objects from shapes of several labelers, on simulated labelers with known faults.

Boxes, beside ensemble-boxes' weighted boxes fusion (same threshold, a labeler's boxes all of score 1): how near what is
fused comes to the truth (mean over the true objects of the largest IoU), F1 of the objects found (at IoU 0.5; the
peer's by majority), CPU seconds; how well calibrated existence is after gold on 3 images, beside our limit of 0.07.
Masks, beside SimpleITK's STAPLE (each image by itself) and crowd-kit's majority, RASA and EM: IoU with the truth, CPU
seconds. Alpha of annotated lines beside our limit of 20,000 texts a second, from columns.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import peers
from benchmarks.quality.drawn_shapes import SIZE, Boxes, Hand, decoded, draw_boxes, encoded, paint_disks
from benchmarks.quality.figure import Figure, better, faster, timed
from labelmill_quality.agreement.unitized import Lines, line_alpha
from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.consensus import FeatureConsensus, Options, infer_objects
from labelmill_quality.instances.fusion import Weighting
from labelmill_quality.instances.masks import fuse_masks
from labelmill_quality.instances.seen import Seen
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Box, ImageSize

Floats = npt.NDArray[np.float64]
REQUIREMENTS = peers.ROOT / "benchmarks" / "instances-requirements.txt"
HOME = peers.ROOT / ".venvs" / "instances"
HANDS = (Hand(1.5), Hand(3.0, shift=4.0), Hand(6.0))
UNEQUAL = (
    Hand(2.0, sensitivity=0.55, false_per_image=0.05),
    Hand(2.0, sensitivity=0.6, false_per_image=0.05),
    Hand(3.0, sensitivity=0.65, false_per_image=8.0),
)
MATCH = 0.4
"""IoU from which a fused box is the true one."""
ECE_LIMIT = 0.07
LIMIT_S = 15.0
LIMIT_TEXTS = 20_000


def figures(*, quick: bool) -> Iterator[Figure]:
    """Boxes, masks, lines."""
    yield calibration()
    with tempfile.TemporaryDirectory() as folder:
        yield from boxes(Path(folder), images=100 if quick else 1000)
        yield from masks(Path(folder), images=20 if quick else 100)
    yield speed(1000 if quick else 10_000)
    yield lines(2000 if quick else 20_000)


def boxes(folder: Path, images: int) -> Iterator[Figure]:
    """How near to the truth, and how fast, beside weighted boxes fusion."""
    drawn = draw_boxes(HANDS, images=images, objects=20)
    consensus(drawn)  # compiles
    ours, seconds = timed(lambda: consensus(drawn))
    peer = beside("boxes", folder, images=drawn.images, labelers=drawn.labelers, boxes=drawn.boxes)
    what = f"boxes of 3 labelers, {images} images"
    accepted = [found for found in ours.objects if found.accepted]
    near = nearness(drawn, *columns(accepted))
    yield better(f"IoU with the truth, {what}", near, nearness(drawn, peer["images"], peer["boxes"]), unit="IoU")
    best = max(nearness(drawn, drawn.images[who], drawn.boxes[who]) for who in by_labeler(drawn))
    yield better(f"the same beside the best labeler, {what}", near, best, unit="IoU")
    yield faster(f"objects, {what}", seconds, float(peer["cpu_s"]))
    unequal = draw_boxes(UNEQUAL, images=images, objects=20, seed=1)
    found = consensus(unequal)
    peer = beside("boxes", folder, images=unequal.images, labelers=unequal.labelers, boxes=unequal.boxes)
    majority = peer["scores"] > 0.5
    yield better(
        f"F1 of unequal labelers' objects, {images} images",
        f1(unequal, *columns([one for one in found.objects if one.accepted])),
        f1(unequal, peer["images"][majority], peer["boxes"][majority]),
        unit="F1",
    )


def calibration() -> Figure:
    """Expected calibration error (ten bins) of existence, by some 70 objects that gold judges, on the other images."""
    drawn, size = draw_boxes(UNEQUAL, images=200, objects=20, seed=4), ImageSize(SIZE, SIZE)
    judged = [f"image-{image:06d}" for image in range(3)]
    gold = [
        Instance(judged[image], "", "object", "object", Box(left, top, right - left, bottom - top, 0.0, size))
        for image, (left, top, right, bottom) in zip(drawn.true_images.tolist(), drawn.true_boxes.tolist(), strict=True)
        if image < len(judged)
    ]
    found = infer_objects("object", drawn.instances(), Seen.of(drawn.views()), Options(), gold, frozenset(judged))
    rest = [one for one in found.objects if one.item not in judged]
    likenesses = [ious.max(axis=0, initial=0.0) for ious in tables(drawn, *columns(rest))]
    real, said = np.concatenate(likenesses) >= MATCH, np.array([one.existence for one in rest])
    bins = np.minimum((said * 10).astype(int), 9)
    error = np.abs(np.bincount(bins, said, 10) - np.bincount(bins, real, 10)).sum() / len(rest)
    return faster("calibration error of existence, 3 gold images", float(error), ECE_LIMIT, unit="ECE")


def masks(folder: Path, images: int) -> Iterator[Figure]:
    """STAPLE on run lengths beside SimpleITK's and crowd-kit's methods."""
    painted, truth = paint_disks((1.0, 1.5, 2.0, 4.0, 6.0), images=images, side=128)
    shapes = [encoded(pixels) for members in painted for pixels in members]
    labelers = np.tile(np.arange(painted.shape[1]), images)
    clusters = Clusters.of(np.repeat(np.arange(images), painted.shape[1]))
    fuse = partial(fuse_masks, shapes, labelers, painted.shape[1], clusters, Weighting.RELIABILITY)
    fuse()
    fused, seconds = timed(fuse)
    ours = overlap([decoded(shape) for shape in fused.shapes], truth)
    np.savez_compressed(folder / "masks.npz", masks=painted)
    peer = beside("masks", folder, masks=painted)
    what = f"masks of 5 labelers, {images} images"
    name = f"IoU with the truth beside SimpleITK's STAPLE, {what}"
    yield better(name, ours, overlap(peer["masks"], truth), unit="IoU")
    yield faster(f"STAPLE, {what}", seconds, float(peer["cpu_s"]), target=10)
    answer = peers.call("segmentation.py", str(folder / "masks.npz"), str(folder / "crowd.npz"))
    found = np.load(folder / "crowd.npz")
    for name, cpu_s in answer["cpu_s"].items():
        yield better(f"IoU with the truth beside crowd-kit's {name}", ours, overlap(found[name], truth), unit="IoU")
        yield faster(f"the same: CPU seconds beside {name}", seconds, cpu_s)


def speed(images: int) -> Figure:
    """From instances to objects, of a size that a large project has."""
    drawn = draw_boxes(HANDS, images=images, objects=20, seed=2)
    consensus(draw_boxes(HANDS, images=10, objects=5))
    instances, seen = drawn.instances(), Seen.of(drawn.views())
    start = time.process_time()
    infer_objects("object", instances, seen, Options())
    seconds = time.process_time() - start
    return faster(f"objects from {len(instances)} boxes, {images} images", seconds, LIMIT_S * images / 10_000)


def lines(texts: int) -> Figure:
    """Alpha of spans of three labelers, some 18 in a text."""
    generator = np.random.default_rng(0)
    shape = (texts, 3, 18)
    starts = np.sort(generator.integers(0, 2000, (texts, 1, 18)), axis=2) + generator.integers(0, 3, shape)
    ends = starts + generator.integers(3, 20, (texts, 1, 18))
    said = np.where(generator.random(shape) < 0.9, np.arange(18) % 4, generator.integers(0, 4, shape))
    data = Lines(
        np.repeat(np.arange(texts), 54),
        np.tile(np.repeat(np.arange(3), 18), texts),
        said.ravel(),
        starts.ravel().astype(np.float64),
        ends.ravel().astype(np.float64),
        np.full(texts, 2050.0),
        np.full(texts, 3),
        4,
    )
    line_alpha(data, replicates=2)
    _, seconds = timed(lambda: line_alpha(data, replicates=2))
    return faster(f"alpha of annotated lines, {texts} texts", seconds, texts / LIMIT_TEXTS)


def consensus(drawn: Boxes) -> FeatureConsensus:
    """Our objects."""
    return infer_objects("object", drawn.instances(), Seen.of(drawn.views()), Options())


def columns(objects: Sequence[Any]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Image and box of each object."""
    images = np.array([int(found.item.removeprefix("image-")) for found in objects], np.int64)
    shapes = [found.shape for found in objects if isinstance(found.shape, Box)]
    return images, np.array([(b.left, b.top, b.left + b.width, b.top + b.height) for b in shapes]).reshape(-1, 4)


def by_labeler(drawn: Boxes) -> Iterator[npt.NDArray[np.bool_]]:
    """Which boxes are each labeler's."""
    for labeler in range(drawn.labeler_count):
        yield drawn.labelers == labeler


def beside(task: str, folder: Path, **arrays: npt.NDArray[Any]) -> dict[str, Any]:
    """What the peer fuses, and its CPU seconds."""
    source, target = folder / f"{task}-in.npz", folder / f"{task}-out.npz"
    np.savez(source, **arrays)
    script = peers.FOLDER / "fused_shapes.py"
    python = peers.ensure(REQUIREMENTS, HOME)
    done = subprocess.run([python, script, task, source, target], check=True, capture_output=True, text=True)
    return {**np.load(target), **json.loads(done.stdout.splitlines()[-1])}


def nearness(drawn: Boxes, images: npt.NDArray[np.int64], fused: Floats) -> float:
    """Mean over the true objects of the largest IoU; 0 for what was not found."""
    return float(np.mean([ious.max(initial=0.0, axis=1).sum() for ious in tables(drawn, images, fused)]) / 20)


def f1(drawn: Boxes, images: npt.NDArray[np.int64], fused: Floats) -> float:
    """Of the objects, at IoU 0.5; true boxes hardly overlap, so a pair is mutual when both are each other's best."""
    hits = 0
    for ious in tables(drawn, images, fused):
        if ious.size:
            best = ious.argmax(axis=1)
            mutual = ious.argmax(axis=0)[best] == np.arange(len(ious))
            hits += int((mutual & (ious.max(axis=1) >= 0.5)).sum())
    return 2 * hits / (len(fused) + len(drawn.true_boxes))


def tables(drawn: Boxes, images: npt.NDArray[np.int64], fused: Floats) -> Iterator[Floats]:
    """(true, fused) IoU of every image."""
    order = np.argsort(images, kind="stable")
    bounds = np.searchsorted(images[order], np.arange(drawn.image_count + 1))
    for image in range(drawn.image_count):
        true, found = drawn.true_boxes[drawn.true_images == image], fused[order[bounds[image] : bounds[image + 1]]]
        low = np.maximum(true[:, None, :2], found[None, :, :2])
        high = np.minimum(true[:, None, 2:], found[None, :, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=2)
        areas = [(some[:, 2:] - some[:, :2]).prod(axis=1) for some in (true, found)]
        yield shared / (areas[0][:, None] + areas[1][None, :] - shared)


def overlap(found: Sequence[npt.NDArray[np.bool_]] | npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    """Mean IoU of masks."""
    return float(np.mean([(a & b).sum() / (a | b).sum() for a, b in zip(found, truth, strict=True)]))
