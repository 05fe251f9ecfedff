"""Fuses masks with crowd-kit; executed in the environment of the peers, never imported.

    python benchmarks/peers/segmentation.py INPUT.npz OUTPUT.npz

Writes the masks of each method to OUTPUT and prints {"cpu_s": {method: seconds}} as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
from crowdkit.aggregation import SegmentationEM, SegmentationMajorityVote, SegmentationRASA


def main() -> None:
    """Does the task."""
    masks = np.load(sys.argv[1])["masks"]  # (images, labelers, height, width)
    images, labelers = masks.shape[:2]
    frame = pd.DataFrame(
        [(image, labeler, masks[image, labeler]) for image in range(images) for labeler in range(labelers)],
        columns=["task", "worker", "segmentation"],
    )
    answers, seconds = {}, {}
    for model in (SegmentationMajorityVote(), SegmentationRASA(), SegmentationEM()):
        name = type(model).__name__
        start = time.process_time()
        found = model.fit_predict(frame)
        seconds[name] = time.process_time() - start
        answers[name] = np.stack([found[image] for image in range(images)]).astype(bool)
    np.savez_compressed(sys.argv[2], **answers)
    print(json.dumps({"cpu_s": seconds}))


if __name__ == "__main__":
    main()
