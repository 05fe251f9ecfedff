"""Runs crowd-kit on texts; executed in the environment of the peers, never imported.

    python benchmarks/peers/crowd_kit_texts.py METHOD ANSWERS.csv

METHOD is "rover" or "rasa"; the latter compares texts by vectors, for which trigrams of letters are counted in 512
places: crowd-kit leaves the choice open, and its examples download a language model. Prints {"cpu_s", "texts" (task ->
text)} as JSON. The clock runs over the method alone, on a ready frame.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import ROVER, TextRASA


def main() -> None:
    """Does the task once and prints what came."""
    method, path = sys.argv[1], sys.argv[2]
    answers = pd.read_csv(path, dtype=str, keep_default_na=False)
    start = time.process_time()
    found = run(method, answers)
    print(json.dumps({"cpu_s": time.process_time() - start, "texts": found.to_dict()}))


def run(method: str, answers: pd.DataFrame) -> Any:
    """One answer of the library."""
    if method == "rover":
        return ROVER(str.split, " ".join).fit_predict(answers)
    return TextRASA(encoder=encode).fit_predict(answers, None)  # a Series would fail: its truth value is asked for


def encode(text: str) -> Any:
    """A text as counts of its trigrams, of length one."""
    vector = np.zeros(512)
    for place in range(max(1, len(text) - 2)):
        vector[zlib.crc32(text[place : place + 3].encode()) % 512] += 1
    return vector / np.linalg.norm(vector)


if __name__ == "__main__":
    main()
