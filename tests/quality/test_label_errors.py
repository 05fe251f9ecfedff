"""Label errors: golden values of cleanlab, and what holds whatever the labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality.label_errors import label_quality, multiple_choice, pruning
from labelmill_quality.label_errors.class_counts import class_counts
from labelmill_quality.label_errors.confident_joint import confident_joint, round_rows
from labelmill_quality.label_errors.cross_validation import out_of_fold
from labelmill_quality.label_errors.label_doubts import doubt
from labelmill_quality.label_errors.labeled_items import Kind, LabeledItems, Options
from tests.quality import cleanlab_golden as golden
from tests.quality.label_noise import multiple, simulated


@pytest.mark.parametrize("name", golden.SETS)
def test_joints_errors_and_scores_are_cleanlabs(name: str) -> None:
    _, labels, probabilities = simulated(*golden.SETS[name])
    joint = confident_joint(labels, probabilities)
    assert joint.counts.tolist() == golden.JOINTS[name]
    for method, places in golden.ERRORS[name].items():
        assert np.flatnonzero(pruning.find_errors(labels, probabilities, joint, method)).tolist() == places, method
    for method, scores in golden.SCORES[name].items():
        assert label_quality.SCORES[method](labels, probabilities)[:6] == pytest.approx(scores, abs=1e-9)


def test_multiple_choice_is_cleanlabs() -> None:
    given, probabilities = multiple(200, 4, 0)
    errors = multiple_choice.find_errors(given, probabilities)
    assert [np.flatnonzero(column).tolist() for column in errors.T] == golden.MULTIPLE_ERRORS
    scores = multiple_choice.score_items(multiple_choice.score_classes(given, probabilities))
    assert scores[:6] == pytest.approx(golden.MULTIPLE_SCORES, abs=1e-9)


def labeled(labels: npt.ArrayLike, probabilities: npt.NDArray[np.float64] | None, **known: object) -> LabeledItems:
    codes = np.asarray(labels, np.int32)
    classes = tuple(f"c{code}" for code in range(probabilities.shape[1] if probabilities is not None else 2))
    items = [f"i{row}" for row in range(len(codes))]
    return LabeledItems(items, classes, codes, np.ones(len(codes), np.int64), probabilities, **known)  # type: ignore[arg-type]


def test_most_wrong_labels_are_found_and_most_found_are_wrong() -> None:
    truth, labels, probabilities = simulated(4000, 5, 3, accuracy=0.97)
    doubts = doubt(labeled(labels, probabilities), Options())
    found = {issue.item for issue in doubts.issues}
    wrong = set(np.flatnonzero(truth != labels).tolist())
    assert len(found & wrong) > 0.8 * len(wrong)
    assert len(found & wrong) > 0.6 * len(found)
    assert doubts.error_rate.value == pytest.approx(
        len(wrong) / 4000, abs=0.03
    )  # what the model errs in is counted, too
    scores = [issue.score for issue in doubts.issues]
    assert scores == sorted(scores)
    assert all(issue.suggested != issue.label for issue in doubts.issues)


def test_an_item_of_tokens_is_as_good_as_its_worst_token() -> None:
    # Two items of three and two tokens; cleanlab's example: the last token is wrong.
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.05, 0.95], [0.8, 0.2], [0.8, 0.2]])
    labels, counts = np.array([0, 0, 1, 0, 1], np.int32), np.array([3, 2])
    items = LabeledItems(["x", "y"], ("a", "b"), labels, counts, probabilities)
    doubts = doubt(items, Options(kind=Kind.TOKENS))
    assert doubts.quality == pytest.approx([0.7, 0.2])
    assert [(issue.item, issue.token) for issue in doubts.issues] == [(1, 1)]


def test_without_probabilities_a_cross_validated_model_takes_their_place() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 600).astype(np.int32)
    embeddings = (random.normal(size=(600, 8)) + 3 * np.eye(8)[truth]).astype(np.float32)
    labels = truth.copy()
    labels[:30] = (labels[:30] + 1) % 3
    items = LabeledItems(
        [str(row) for row in range(600)], ("a", "b", "c"), labels, np.ones(600, np.int64), embeddings=embeddings
    )
    doubts = doubt(items, Options())
    found = {issue.item for issue in doubts.issues}
    assert len(found & set(range(30))) >= 24
    assert len(found) < 60
    assert doubts.probabilities_from == "cross_validated_logistic_regression"


def test_probabilities_out_of_fold_come_from_the_other_folds() -> None:
    # Class 1 has one item: whoever has not seen it cannot know the class.
    features = np.arange(20, dtype=np.float32)[:, None]
    labels = np.array([0] * 10 + [1] + [2] * 9, np.int32)
    probabilities = out_of_fold(features, labels, 3, folds=5, seed=0)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert probabilities[10, 1] == 0
    assert (out_of_fold(features, labels, 3, folds=5, seed=0) == probabilities).all()


def test_only_a_class_far_from_an_equal_share_is_rare() -> None:
    counts = class_counts(np.array([0] * 90 + [1] * 60 + [2] * 4, np.int32), 4)
    assert [count.label_count for count in counts] == [90, 60, 4, 0]
    assert [count.rare for count in counts] == [False, False, False, True]
    assert class_counts(np.array([0] * 99 + [1] * 1, np.int32), 2)[1].rare


@given(
    st.lists(st.lists(st.floats(0, 50), min_size=2, max_size=5), min_size=1, max_size=4).filter(
        lambda rows: len({len(row) for row in rows}) == 1
    )
)
def test_rows_are_rounded_to_their_sums(rows: list[list[float]]) -> None:
    given_rows = np.array(rows)
    rounded = round_rows(given_rows)
    assert (rounded.sum(axis=1) == given_rows.sum(axis=1).round()).all()
    assert (np.abs(rounded - given_rows) <= 1 + 1e-9).all()


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(1, 40), st.sampled_from(sorted(pruning.FILTERS)))
def test_whatever_the_labels_no_label_is_doubted_that_the_model_prefers(
    seed: int, classes: int, count: int, method: str
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count).astype(np.int32)
    probabilities = random.dirichlet(np.full(classes, 0.3), count)
    joint = confident_joint(labels, probabilities)
    assert joint.counts.sum(axis=1).tolist() == np.bincount(labels, minlength=classes).tolist()
    errors = pruning.find_errors(labels, probabilities, joint, method)
    assert not (errors & (probabilities.argmax(axis=1) == labels)).any()
    order = random.permutation(count)
    again = confident_joint(labels[order], probabilities[order])
    shuffled = pruning.find_errors(labels[order], probabilities[order], again, method)
    assert shuffled.sum() == errors.sum()
