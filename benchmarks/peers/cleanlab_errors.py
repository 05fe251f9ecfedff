"""Runs cleanlab on one task; executed in the environment of the peers, never imported.

    python benchmarks/peers/cleanlab_errors.py LABELS.npy PROBABILITIES.npy FOUND.npy

Prints {"cpu_s", "mb"}: the best of three, and how much memory the process took at most; the errors are in their file.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
from cleanlab.filter import find_label_issues


def main() -> None:
    """Does the task some times and prints the best."""
    labels, probabilities = np.load(sys.argv[1]), np.load(sys.argv[2])
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        found = find_label_issues(labels, probabilities, n_jobs=1)
        best = min(best, time.process_time() - start)
    np.save(sys.argv[3], found)
    print(json.dumps({"cpu_s": best, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
