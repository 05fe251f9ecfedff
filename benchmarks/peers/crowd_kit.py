"""Runs crowd-kit on one task; executed in the environment of the peers, never imported.

    python benchmarks/peers/crowd_kit.py METHOD ANSWERS.csv OPTIONS.json

Prints {"cpu_s", "labels" (task -> class) or "value"} as JSON. The clock runs over the method alone, on a ready frame.
With "posterior" in OPTIONS, a path, the (tasks, classes) probabilities are written there, both ordered by name.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote
from crowdkit.metrics.data import alpha_krippendorff

ROUNDS = 2


def main() -> None:
    """Does the task some times and prints the best."""
    method, path, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    answers = pd.read_csv(path, dtype=str)
    best, outcome = float("inf"), None
    for _ in range(ROUNDS):
        start = time.process_time()
        outcome = run(method, answers, options)
        best = min(best, time.process_time() - start)
    found = {"labels": outcome.to_dict()} if isinstance(outcome, pd.Series) else {"value": float(outcome)}
    print(json.dumps({"cpu_s": best, **found}))


def run(method: str, answers: pd.DataFrame, options: dict[str, Any]) -> Any:
    """One answer of the library."""
    if method == "dawid_skene":
        posterior = options.get("posterior")
        model = DawidSkene(**{name: value for name, value in options.items() if name != "posterior"}).fit(answers)
        if posterior:
            np.save(posterior, model.probas_.sort_index().sort_index(axis=1).to_numpy())
        return model.labels_
    if method == "majority_vote":
        return MajorityVote().fit_predict(answers)
    # Alpha wants labels that compare as numbers or not at all; text does.
    return alpha_krippendorff(answers)


if __name__ == "__main__":
    main()
