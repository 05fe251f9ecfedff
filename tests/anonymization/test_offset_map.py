"""Spans carried between raw and clean text, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.offset_map import MappedSpan, OffsetMap, Segment
from labelmill_anonymization.operators import Operator, Redact, Replace
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.transform import CleanText, transform

KEYS = ProjectKeys.derive(b"s" * 32, "demo")
# raw   "Hi Jane Doe, from Rome!"        clean "Hi <PERSON>, from !"
MAP = OffsetMap(23, 19, (Segment(3, 11, 3, 11), Segment(18, 22, 18, 18)))


@pytest.mark.parametrize(
    ("raw", "clean", "widened"),
    [
        ((0, 2), (0, 2), False),
        ((3, 11), (3, 11), False),
        ((3, 7), (3, 11), True),
        ((8, 11), (3, 11), True),
        ((5, 6), (3, 11), True),
        ((0, 5), (0, 11), True),
        ((11, 18), (11, 18), False),
        ((22, 23), (18, 19), False),
        ((13, 20), (13, 18), True),
        ((13, 23), (13, 19), False),
    ],
)
def test_raw_to_clean(raw: tuple[int, int], clean: tuple[int, int], widened: bool) -> None:
    assert MAP.to_clean(*raw) == MappedSpan(*clean, widened)


@pytest.mark.parametrize("raw", [(18, 22), (19, 20)])
def test_a_removed_value_is_nowhere(raw: tuple[int, int]) -> None:
    assert MAP.to_clean(*raw).is_empty


@pytest.mark.parametrize(
    ("clean", "raw", "widened"),
    [
        ((0, 3), (0, 3), False),
        ((4, 5), (3, 11), True),
        ((11, 18), (11, 18), False),  # ends where a removed value was: without it
        ((18, 19), (22, 23), False),  # begins there: without it, too
        ((17, 19), (17, 23), False),  # reaches across: with it
    ],
)
def test_clean_to_raw(clean: tuple[int, int], raw: tuple[int, int], widened: bool) -> None:
    assert MAP.to_raw(*clean) == MappedSpan(*raw, widened)


def test_removed_neighbours() -> None:
    offsets = OffsetMap(6, 2, (Segment(1, 3, 1, 1), Segment(3, 5, 1, 1)))
    assert offsets.to_clean(1, 5).is_empty
    assert offsets.to_raw(0, 1) == MappedSpan(0, 1, False)
    assert offsets.to_raw(1, 2) == MappedSpan(5, 6, False)
    assert offsets.to_raw(0, 2) == MappedSpan(0, 6, False)


@st.composite
def cleaned(draw: st.DrawFn) -> tuple[str, CleanText]:
    text = draw(st.text(alphabet="abcé\u0301👩🚀 ", min_size=1, max_size=60))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=10)))
    operators: list[Operator] = [Redact(), Replace("R"), Replace("\U0001f600" * 5)]
    types = ["PERSON", "URL", "AGE"]
    findings = [
        Finding(types[draw(st.integers(0, 2))], start, end, 1.0, "test")
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    rules = tuple(Rule(t, operator) for t, operator in zip(types, operators, strict=True))
    return text, transform(text, findings, Policy(rules=rules), KEYS)


@given(cleaned(), st.data())
def test_untouched_spans_come_back_as_they_were(case: tuple[str, CleanText], data: st.DataObject) -> None:
    text, clean = case
    bounds = [0, *(x for s in clean.offsets.segments for x in (s.raw_start, s.raw_end)), len(text)]
    gaps = [(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True) if b > a]
    if not gaps:
        return
    low, high = data.draw(st.sampled_from(gaps))
    start = data.draw(st.integers(low, high - 1))
    end = data.draw(st.integers(start + 1, high))
    there = clean.offsets.to_clean(start, end)
    assert clean.text[there.start : there.end] == text[start:end]
    assert clean.offsets.to_raw(there.start, there.end) == MappedSpan(start, end, False)


@given(cleaned(), st.data())
def test_mapping_is_monotone_and_stays_inside(case: tuple[str, CleanText], data: st.DataObject) -> None:
    text, clean = case
    for length, other, carry in (
        (len(text), len(clean.text), clean.offsets.to_clean),
        (len(clean.text), len(text), clean.offsets.to_raw),
    ):
        if not length:
            continue
        start = data.draw(st.integers(0, length - 1))
        end = data.draw(st.integers(start + 1, length))
        outer_start = data.draw(st.integers(0, start))
        outer_end = data.draw(st.integers(end, length))
        inner, outer = carry(start, end), carry(outer_start, outer_end)
        assert 0 <= outer.start <= inner.start <= inner.end <= outer.end <= other


@given(cleaned(), st.data())
def test_there_and_back_covers_the_span_or_it_is_gone(case: tuple[str, CleanText], data: st.DataObject) -> None:
    text, clean = case
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    there = clean.offsets.to_clean(start, end)
    removed = [(s.raw_start, s.raw_end) for s in clean.offsets.segments if s.clean_start == s.clean_end]
    left = set(range(start, end)) - {i for a, b in removed for i in range(a, b)}
    if there.is_empty:
        assert not left
    else:
        back = clean.offsets.to_raw(there.start, there.end)
        assert left <= set(range(back.start, back.end))


@given(cleaned())
def test_encoding_loses_nothing(case: tuple[str, CleanText]) -> None:
    offsets = case[1].offsets
    assert OffsetMap.decode(offsets.encode()) == offsets


def test_encoding_is_compact() -> None:
    assert len(MAP.encode()) == 8
