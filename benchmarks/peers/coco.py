"""Runs pycocotools or faster-coco-eval on one task; executed in an environment of their own, never imported.

    python benchmarks/peers/coco.py TASK COLUMNS.npz

TASK is "pycocotools" or "faster_coco_eval" (average precision of boxes), "match" (IoU by pycocotools and the assignment
by SciPy, image by image), or "majority" (masks decoded, voted on, encoded by pycocotools). Prints {"cpu_s", ...} as
JSON. The clock runs over the method alone, on ready objects: average precision starts from loaded annotations.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import sys
import time
from typing import Any

import numpy as np
from pycocotools import mask


def main() -> None:
    """Does the task once."""
    task, columns = sys.argv[1], np.load(sys.argv[2])
    work = {"match": match, "majority": majority}.get(task, average_precision)
    print(json.dumps(work(columns, task)))


def average_precision(columns: Any, library: str) -> dict[str, float]:
    """COCOeval's evaluate, accumulate and summarize."""
    if library == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval as Evaluation
    else:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as Evaluation
    names = ("image_id", "category_id", "bbox", "area")
    gold, found = (
        [
            dict(zip(names, row, strict=True))
            for row in zip(*(columns[f"{side}_{n}"].tolist() for n in names), strict=True)
        ]
        for side in ("gold", "found")
    )
    for number, row in enumerate(gold, 1):
        row.update(id=number, iscrowd=0)
    for row, score in zip(found, columns["found_score"].tolist(), strict=True):
        row["score"] = score
    images, classes = sorted({row["image_id"] for row in gold}), sorted({row["category_id"] for row in gold})
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {
            "info": {},
            "images": [{"id": image, "width": 1000, "height": 1000} for image in images],
            "categories": [{"id": number, "name": str(number)} for number in classes],
            "annotations": gold,
        }
        known.createIndex()
        results = known.loadRes(found)
        start = time.process_time()
        run = Evaluation(known, results, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
        cpu_s = time.process_time() - start
    return {"cpu_s": cpu_s, "average_precision": float(run.stats[0])}


def match(columns: Any, _task: str) -> dict[str, float]:
    """Every two labelers of every image: the pairs of an IoU of a half or more with the largest sum of IoUs."""
    from scipy.optimize import linear_sum_assignment

    boxes = columns["boxes"]  # (labelers, images, boxes, 4): left, top, width, height
    labelers, images = boxes.shape[:2]
    start, total, pairs = time.process_time(), 0.0, 0
    for one, other in itertools.combinations(range(labelers), 2):
        for image in range(images):
            alike = mask.iou(boxes[one, image], boxes[other, image], [0] * boxes.shape[2])
            alike[alike < 0.5] = 0
            rows, matched = linear_sum_assignment(-alike)
            values = alike[rows, matched]
            total, pairs = total + values.sum(), pairs + int((values > 0).sum())
    return {"cpu_s": time.process_time() - start, "total": float(total), "pairs": pairs}


def majority(columns: Any, _task: str) -> dict[str, float]:
    """The majority of each three masks, which come as runs of one length a mask."""
    height, width = columns["size"].tolist()
    runs = [part.tolist() for part in np.split(columns["counts"], columns["offsets"][1:-1])]
    rles = [mask.frPyObjects({"counts": counts, "size": [height, width]}, height, width) for counts in runs]
    start, pixels = time.process_time(), 0
    for place in range(0, len(rles), 3):
        votes = mask.decode(rles[place : place + 3]).sum(axis=2)
        pixels += int(mask.area(mask.encode(np.asfortranarray((votes >= 2).astype(np.uint8)))))
    return {"cpu_s": time.process_time() - start, "pixels": pixels}


if __name__ == "__main__":
    main()
