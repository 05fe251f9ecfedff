"""Our label models and Snorkel's, each with its defaults, on the same votes: percent right and CPU seconds.

Snorkel's tutorial (YouTube comments, its ten labeling functions): the labels of its training set, those of its test
set, and a classifier trained as in the tutorial on n-grams: on the probabilities themselves, and on likeliest classes.
Ties count in parts. Text messages: ten functions of our own, with the class balance told and not told. Snorkel's own
synthetic votes. The settings of our models were chosen on these three: not held-out comparisons. The test set of the
tutorial has 250 comments: two points there are five of them, and a classifier trained on the truth itself gets 90 %.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks import peers
from benchmarks.quality.figure import Figure, better, faster, timed
from benchmarks.quality.spam_texts import HOME, REQUIREMENTS, Voted, comments, messages
from labelmill_quality.weak_supervision import one_accuracy
from labelmill_quality.weak_supervision.analysis import repetitions, weights_of
from labelmill_quality.weak_supervision.fitting import Evidence, Options
from labelmill_quality.weak_supervision.label_model import supervise
from labelmill_quality.weak_supervision.votes import VoteMatrix

Floats = npt.NDArray[np.float64]
SYNTHETIC = ((2000, 10, 2, 1.0), (2000, 10, 2, 5.0), (2000, 10, 5, 2.0))


def figures(*, quick: bool) -> Iterator[Figure]:
    """Every figure, as soon as it is known."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = comments()
        if found is not None:
            yield from _tutorial(folder, *found)
        yield from _messages(folder, messages())
        for items, functions, classes, abstain in SYNTHETIC:
            _ask("generate", items, functions, classes, abstain, folder)
            votes, truth = np.load(folder / "votes.npy"), np.load(folder / "truth.npy")
            ours = supervise(_matrix(votes, classes)).posterior
            peer, _ = _snorkel(folder, votes, classes)
            title = f"synthetic votes, {functions} functions, {classes} classes, abstain x{abstain:g}"
            yield better(title, _right(ours, truth), _right(peer, truth))
        yield _speed(folder, 100_000 if quick else 1_000_000)


def _tutorial(folder: Path, voted: Voted, training: npt.NDArray[np.bool_]) -> Iterator[Figure]:
    votes, truth = voted.matrix.votes, voted.truth
    test = np.flatnonzero(~training)[_ask_with("split", folder, truth[~training].tolist())["rows"]]
    ours = _applied(_matrix(votes[training], 2), voted.matrix)
    peer, _ = _snorkel(folder, votes[training], 2, applied=votes)
    for rows, name in ((training, "training"), (test, "test")):
        yield better(
            f"tutorial: labels of the {name} set", _right(ours[rows], truth[rows]), _right(peer[rows], truth[rows])
        )
    learn = np.flatnonzero(training & voted.matrix.covered)
    for soft, kind in ((True, "probabilities"), (False, "likeliest classes")):
        scores = [_classified(voted, learn, test, labels, soft=soft) for labels in (ours, peer)]
        yield better(f"tutorial: test set, by n-grams trained on {kind}", *scores)


def _messages(folder: Path, voted: Voted) -> Iterator[Figure]:
    share = float(voted.truth.mean())
    for balance, how in ((None, "not told"), ([1 - share, share], "told")):
        ours = supervise(voted.matrix, balance=None if balance is None else np.array(balance)).posterior
        peer, _ = _snorkel(folder, voted.matrix.votes, 2, balance=balance)
        yield better(f"text messages, class balance {how}", _right(ours, voted.truth), _right(peer, voted.truth))


def _speed(folder: Path, items: int) -> Figure:
    """Votes of 20 functions for any of two classes, abstaining half of the time."""
    random = np.random.default_rng(0)
    truth, votes = random.integers(0, 2, items), np.empty((items, 20), np.int16)
    for column in range(20):
        right = random.random(items) < 0.55 + 0.02 * column
        votes[:, column] = np.where(random.random(items) < 0.5, -1, np.where(right, truth, 1 - truth))
    _, seconds = timed(lambda: supervise(_matrix(votes, 2)), rounds=2)
    _, peer_seconds = _snorkel(folder, votes, 2)
    return faster(
        f"label model and analysis, {items:.0e} items x 20 functions".replace("e+0", "e"), seconds, peer_seconds
    )


def _matrix(votes: npt.NDArray[np.int16], classes: int) -> VoteMatrix:
    functions = tuple(f"f{column:02}" for column in range(votes.shape[1]))
    return VoteMatrix(range(len(votes)), functions, tuple("abcdefgh"[:classes]), votes)  # type: ignore[arg-type]


def _applied(seen: VoteMatrix, everything: VoteMatrix) -> Floats:
    """What a model that was fitted to some votes makes of others."""
    weights = weights_of(repetitions(seen), len(seen.functions))
    fitted = one_accuracy.fit(Evidence(seen.patterns, weights), Options())
    return fitted.judge(everything.patterns, weights).posterior[everything.patterns.pattern_of_item]


def _snorkel(
    folder: Path,
    votes: npt.NDArray[np.int16],
    classes: int,
    *,
    balance: list[float] | None = None,
    applied: npt.NDArray[np.int16] | None = None,
) -> tuple[Floats, float]:
    """Snorkel's probabilities, and the CPU seconds of its fit."""
    given, seen, posterior = folder / "given.npy", folder / "seen.npy", folder / "posterior.npy"
    np.save(given, votes)
    np.save(seen, votes if applied is None else applied)
    answer = _ask("fit", given, classes, json.dumps(balance), posterior, seen)
    return np.load(posterior), answer["cpu_s"]


def _ask(*arguments: object) -> dict[str, Any]:
    return peers.call("snorkel_labels.py", *map(str, arguments), requirements=REQUIREMENTS, home=HOME)


def _ask_with(task: str, folder: Path, values: list[int]) -> dict[str, Any]:
    path = folder / "values.json"
    path.write_text(json.dumps(values))
    return _ask(task, path)


def _right(posterior: Floats, truth: npt.NDArray[np.int64]) -> float:
    """Percent of items whose likeliest class is the true one; of n that are equally likely, 1 / n."""
    largest = np.abs(posterior - posterior.max(axis=1, keepdims=True)) < 1e-9
    return float(100 * (largest[np.arange(len(truth)), truth] / largest.sum(axis=1)).mean())


def _classified(
    voted: Voted, learn: npt.NDArray[np.intp], test: npt.NDArray[np.intp], labels: Floats, *, soft: bool
) -> float:
    """Percent of the test set that the tutorial's classifier gets right: logistic regression on 1- to 5-grams."""
    grams = CountVectorizer(ngram_range=(1, 5))
    features = grams.fit_transform([voted.texts[row] for row in learn])
    model = LogisticRegression(C=1e3, solver="liblinear")
    if soft:  # every text twice, weighted by the probability of each class
        classes = np.repeat([0, 1], len(learn))
        model.fit(sparse.vstack([features, features]), classes, sample_weight=labels[learn].T.ravel())
    else:
        model.fit(features, labels[learn].argmax(axis=1))
    return float(100 * model.score(grams.transform([voted.texts[row] for row in test]), voted.truth[test]))
