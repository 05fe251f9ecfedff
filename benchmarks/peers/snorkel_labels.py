"""Runs Snorkel on one task; executed in the environment of the peers, never imported.

    python benchmarks/peers/snorkel_labels.py sentiment TEXTS.json
    python benchmarks/peers/snorkel_labels.py split LABELS.json
    python benchmarks/peers/snorkel_labels.py generate ITEMS FUNCTIONS CLASSES ABSTAIN FOLDER
    python benchmarks/peers/snorkel_labels.py fit VOTES.npy CLASSES BALANCE.json POSTERIOR.npy [APPLIED.npy]

Prints JSON. sentiment: TextBlob's polarity and subjectivity of texts. split: the rows of the last video that are the
tutorial's test set. generate: nothing, votes and truth are in the folder. fit: {"cpu_s"} of the best of two fits with
the tutorial's settings; the posterior (of APPLIED, where given) is in its file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Does the task."""
    print(
        json.dumps(
            {"sentiment": sentiment, "split": split, "generate": generate, "fit": fit}[sys.argv[1]](*sys.argv[2:])
        )
    )


def sentiment(path: str) -> dict[str, list[float]]:
    """What two labeling functions of the tutorial look at."""
    from textblob import TextBlob

    found = [TextBlob(text).sentiment for text in json.loads(Path(path).read_text())]
    return {"polarity": [one.polarity for one in found], "subjectivity": [one.subjectivity for one in found]}


def split(path: str) -> dict[str, list[int]]:
    """The tutorial's test set, as its utils.py draws it."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    labels = json.loads(Path(path).read_text())
    frame = pd.DataFrame({"row": range(len(labels)), "label": labels})
    frame = frame.sample(frac=1, random_state=123).reset_index(drop=True)
    _, test = train_test_split(frame, test_size=250, random_state=123, stratify=frame.label)
    return {"rows": test.row.tolist()}


def generate(items: str, functions: str, classes: str, abstain: str, folder: str) -> dict[str, float]:
    """Snorkel's own synthetic votes."""
    from snorkel.synthetic.synthetic_data import generate_simple_label_matrix

    np.random.seed(0)
    _, truth, votes = generate_simple_label_matrix(int(items), int(functions), int(classes), float(abstain))
    np.save(Path(folder) / "votes.npy", votes.astype(np.int16))
    np.save(Path(folder) / "truth.npy", truth.astype(np.int16))
    return {}


def fit(votes: str, classes: str, balance: str, posterior: str, applied: str = "") -> dict[str, float]:
    """The LabelModel."""
    from snorkel.labeling.model import LabelModel

    given, seen = np.load(votes).astype(int), np.load(applied or votes).astype(int)
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        model = LabelModel(cardinality=int(classes), verbose=False)
        model.fit(given, n_epochs=500, seed=123, progress_bar=False, class_balance=json.loads(balance))
        probabilities = model.predict_proba(seen)
        best = min(best, time.process_time() - start)
    np.save(posterior, probabilities)
    return {"cpu_s": best}


if __name__ == "__main__":
    main()
