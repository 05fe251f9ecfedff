"""Fuses shapes with ensemble-boxes or SimpleITK; executed in their environment, never imported.

    python benchmarks/peers/fused_shapes.py boxes|masks INPUT.npz OUTPUT.npz

Writes what was fused to OUTPUT and prints {"cpu_s"} as JSON. The clock runs over the library's calls alone.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

import numpy as np

SIZE = 1000.0


def main() -> None:
    """Does the task."""
    task, source, target = sys.argv[1:4]
    data = np.load(source)
    seconds = weighted_boxes(data, target) if task == "boxes" else staple(data, target)
    print(json.dumps({"cpu_s": seconds}))


def weighted_boxes(data: np.lib.npyio.NpzFile, target: str) -> float:
    """Weighted boxes fusion of every image; a score is the share of the labelers who drew the box."""
    from ensemble_boxes import weighted_boxes_fusion

    images, labelers, boxes = data["images"], data["labelers"], data["boxes"] / SIZE
    order = np.argsort(images, kind="stable")
    bounds = np.searchsorted(images[order], np.arange(images.max() + 2))
    fused, owners, scores, seconds = [], [], [], 0.0
    for image, (begin, end) in enumerate(itertools.pairwise(bounds)):
        rows = order[begin:end]
        drawn = [boxes[rows[labelers[rows] == labeler]].tolist() for labeler in range(labelers.max() + 1)]
        confidences = [[1.0] * len(some) for some in drawn]
        kinds = [[0] * len(some) for some in drawn]
        start = time.process_time()
        found, score, _ = weighted_boxes_fusion(drawn, confidences, kinds, iou_thr=0.4)
        seconds += time.process_time() - start
        fused.append(found * SIZE)
        scores.append(score)
        owners.append(np.full(len(found), image))
    np.savez(target, boxes=np.concatenate(fused), scores=np.concatenate(scores), images=np.concatenate(owners))
    return seconds


def staple(data: np.lib.npyio.NpzFile, target: str) -> float:
    """STAPLE of every image by itself."""
    import SimpleITK

    answers, seconds = [], 0.0
    for members in data["masks"]:  # (images, labelers, height, width)
        start = time.process_time()
        images = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in members]
        posterior = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0))
        answers.append(posterior > 0.5)
        seconds += time.process_time() - start
    np.savez_compressed(target, masks=np.array(answers))
    return seconds


if __name__ == "__main__":
    main()
