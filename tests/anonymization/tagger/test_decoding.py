"""The best sequence of states is found, and becomes spans."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from labelmill_anonymization.findings import Finding, merge
from labelmill_anonymization.tagger.blocks import join
from labelmill_anonymization.tagger.decoding import Span, spans
from labelmill_anonymization.tagger.labels import OUTSIDE, STATES, TYPES, begin, inside

USED = (OUTSIDE, begin("PERSON"), inside("PERSON"), begin("AGE"), inside("AGE"))


def decoded(logits: NDArray[np.float32], texts: list[int] | None = None, caution: float = 0.0) -> list[Span]:
    return list(spans(logits, np.array(texts or [0] * len(logits)), 1.0, caution))


def sure(*states: int, weight: float = 9.0) -> NDArray[np.float32]:
    logits = np.zeros((len(states), STATES), np.float32)
    logits[np.arange(len(states)), states] = weight
    return logits


def best_by_trying_all(logits: NDArray[np.float32]) -> float:
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    best = -np.inf
    for path in product(USED, repeat=len(logits)):
        before = (OUTSIDE, *path[:-1])
        if all(now <= len(TYPES) or then in (now, now - len(TYPES)) for then, now in zip(before, path, strict=True)):
            best = max(best, sum(logs[row, state] for row, state in enumerate(path)))
    return float(best)


def weight_of(logits: NDArray[np.float32], found: list[Span]) -> float:
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    states = [OUTSIDE] * len(logits)
    for span in found:
        for token in range(span.first, span.last + 1):
            states[token] = begin(span.entity_type) if token == span.first else inside(span.entity_type)
    return float(sum(logs[row, state] for row, state in enumerate(states)))


@given(st.lists(st.lists(st.floats(-4, 4, width=32), min_size=5, max_size=5), min_size=1, max_size=4))
@settings(deadline=None)
def test_the_likeliest_lawful_sequence_is_found(rows: list[list[float]]) -> None:
    logits = np.full((len(rows), STATES), -30, np.float32)
    logits[:, USED] = np.array(rows, np.float32)
    assert abs(weight_of(logits, decoded(logits)) - best_by_trying_all(logits)) < 1e-3


def test_two_names_in_a_row_are_two_spans() -> None:
    found = decoded(sure(begin("PERSON"), inside("PERSON"), begin("PERSON"), OUTSIDE, begin("AGE")))
    assert [(span.entity_type, span.first, span.last) for span in found] == [
        ("PERSON", 0, 1),
        ("PERSON", 2, 2),
        ("AGE", 4, 4),
    ]
    assert all(0.9 < span.score <= 1 for span in found)


def test_no_span_reaches_into_the_next_text() -> None:
    found = decoded(sure(begin("PERSON"), inside("PERSON"), inside("PERSON")), [0, 0, 1])
    assert [(span.first, span.last) for span in found] == [(0, 1)]


def test_caution_finds_more() -> None:
    doubtful = sure(OUTSIDE, weight=1.0)
    doubtful[0, begin("AGE")] = 0.8
    assert decoded(doubtful) == []
    assert [span.entity_type for span in decoded(doubtful, caution=0.5)] == ["AGE"]


def test_nothing_comes_of_nothing() -> None:
    assert decoded(np.zeros((0, STATES), np.float32), []) == []


def test_the_parts_of_an_address_are_joined_with_what_is_between() -> None:
    text = "at 9 Elm Row\nYork, YO1 7AB, not York"
    parts = [
        ("STREET_ADDRESS", 3, 12, 0.9),
        ("LOCATION", 13, 17, 0.5),
        ("POSTAL_CODE", 19, 26, 0.95),
        ("LOCATION", 32, 36, 0.7),
    ]
    found = [Finding(*part, "Tagger") for part in parts]
    address = Finding("STREET_ADDRESS", 3, 26, 0.95, "Tagger")
    assert join(found, text) == [address, *found]
    assert merge(join(found, text)) == [address, found[-1]]
    assert join(found[1:], text) == found[1:]
