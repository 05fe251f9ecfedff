"""Near duplicates and outliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from labelmill_quality.label_errors import near_duplicates
from labelmill_quality.label_errors.item_doubts import duplicates, outlying
from labelmill_quality.label_errors.labeled_items import IssueType, LabeledItems, Options
from labelmill_quality.label_errors.near_duplicates import Pairs
from labelmill_quality.label_errors.outliers import robust_z
from labelmill_quality.label_errors.text_sketches import common_share, grams_of, sketches

TEXTS = [
    "The soup was wonderful, I loved it.",
    "the soup was  wonderful, I loved it!",
    "A film about nothing at all.",
    "",
    "The soup was wonderful, I loved it.",
    "",
]


def groups(pairs: Pairs, items: int) -> list[list[int]]:
    return [group.tolist() for group in pairs.groups(items)]


def test_texts_are_alike_whatever_their_case_and_spacing() -> None:
    pairs = near_duplicates.by_text(TEXTS, 0.7)
    assert groups(pairs, len(TEXTS)) == [[0, 1, 4]]
    assert pairs.closest(len(TEXTS))[4] == 1
    assert groups(near_duplicates.by_text(TEXTS, 1.0), len(TEXTS)) == [[0, 4]]


def test_sketches_estimate_what_sets_have_in_common() -> None:
    one, other = grams_of("a long enough text about soup and bread"), grams_of("a long enough text about soup and jam")
    sketched = sketches([one, other], 2000)
    assert (sketched[0] == sketched[1]).mean() == pytest.approx(common_share(one, other), abs=0.04)


def test_a_text_of_few_letters_is_one_gram_and_an_empty_one_is_like_nothing() -> None:
    assert len(grams_of("ab")) == 1
    assert common_share(grams_of("ab"), grams_of("AB ")) == 1
    assert common_share(grams_of("ab"), grams_of("ac")) == 0
    assert common_share(grams_of(""), grams_of(" ")) == 0


def twins(items: int, width: int, seed: int = 0) -> tuple[npt.NDArray[np.float32], set[tuple[int, int]]]:
    """Embeddings, of which every tenth has a near copy right after it."""
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=(items, width))
    first = np.arange(0, items - 1, 10)
    embeddings[first + 1] = embeddings[first] + 0.15 * random.normal(size=(len(first), width))
    return embeddings.astype(np.float32), {(int(one), int(one) + 1) for one in first}


@pytest.mark.parametrize("items", [900, 6000])
def test_embeddings_are_alike_by_their_cosine(items: int) -> None:
    embeddings, expected = twins(items, 64)
    pairs = near_duplicates.by_embedding(embeddings, 0.95)
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found <= expected
    assert len(found) >= 0.99 * len(expected)


def test_hashes_that_differ_in_few_bits_are_all_found() -> None:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, 500, dtype=np.int64).astype(np.uint64)
    for row in range(0, 100, 2):
        bits = random.choice(64, random.integers(0, 5), replace=False)
        hashes[row + 1] = hashes[row] ^ np.uint64(sum(1 << int(bit) for bit in bits))
    pairs = near_duplicates.by_hash(hashes, 4)
    assert groups(pairs, 500) == [[row, row + 1] for row in range(0, 100, 2)]


@pytest.mark.parametrize(
    "search",
    [
        lambda n: near_duplicates.by_text(["all the same text"] * n, 0.7),
        lambda n: near_duplicates.by_embedding(np.ones((n, 4), np.float32), 0.9),
        lambda n: near_duplicates.by_hash(np.full(n, 7, np.uint64), 4),
    ],
)
def test_many_copies_are_one_group_of_few_pairs(search: Callable[[int], Pairs]) -> None:
    pairs = search(5000)
    assert groups(pairs, 5000) == [list(range(5000))]
    assert len(pairs.first) < 10_000


def test_copies_with_other_labels_come_first() -> None:
    labels = np.array([0, 0, 1, 1, 1, 0], np.int32)
    texts = [*TEXTS[:3], "Nothing new.", "The soup was wonderful, I loved it.", "Nothing new."]
    same = LabeledItems([str(n) for n in range(6)], ("a", "b"), labels, np.ones(6, np.int64), texts=texts)
    issues = duplicates(same, Options())
    assert {(issue.item, issue.kind) for issue in issues} == {
        (row, IssueType.CONFLICTING_DUPLICATE) for row in (0, 1, 3, 4, 5)
    }
    assert issues[0].score == 0
    assert next(issue for issue in issues if issue.item == 3).others == (5,)
    alike = LabeledItems(same.items, ("a", "b"), np.zeros(6, np.int32), same.counts, texts=texts)
    assert {issue.kind for issue in duplicates(alike, Options())} == {IssueType.NEAR_DUPLICATE}


@pytest.mark.parametrize("items", [300, 5000])
def test_what_is_unlike_all_others_is_an_outlier(items: int) -> None:
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(items, 16)).astype(np.float32) * 0.2 + np.eye(16, dtype=np.float32)[0]
    embeddings[7] = -np.eye(16, dtype=np.float32)[0]
    z = robust_z(embeddings)
    assert z.argmax() == 7
    assert z[7] > 8
    labeled = LabeledItems(
        [str(n) for n in range(items)],
        ("a",),
        np.zeros(items, np.int32),
        np.ones(items, np.int64),
        embeddings=embeddings,
    )
    assert outlying(labeled, Options())[0].item == 7


def test_few_or_equal_embeddings_have_no_outliers() -> None:
    assert (robust_z(np.random.default_rng(0).normal(size=(19, 3)).astype(np.float32)) == 0).all()
    assert (robust_z(np.ones((100, 3), np.float32)) == 0).all()
