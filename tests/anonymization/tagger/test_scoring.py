"""How findings are counted against what is personal."""

import pytest

from labelmill_anonymization.findings import Finding
from tools.tagger.scoring import Score


def finding(kind: str, start: int, end: int) -> Finding:
    return Finding(kind, start, end, 1.0, "Tagger")


def test_characters_in_no_finding_leak_whatever_the_type() -> None:
    score = Score()
    score.add([(0, 10, "PERSON")], [finding("LOCATION", 0, 8)])
    assert score.leak == pytest.approx(0.2)
    assert score.precision == 1.0
    assert score.recall("PERSON") == 0.0
    assert score.precision_of("LOCATION") == 0.0


def test_an_overlap_of_the_same_type_counts_as_found_and_as_right() -> None:
    score = Score()
    score.add([(0, 4, "AGE"), (6, 8, "AGE")], [finding("AGE", 3, 5)])
    assert score.recall("AGE") == 0.5
    assert score.precision_of("AGE") == 1.0
    assert score.precision == 0.5


def test_what_nobody_knows_counts_neither_way() -> None:
    score = Score()
    score.add([(0, 5, "?")], [finding("PERSON", 0, 5)])
    assert (score.marked, score.characters, score.findings["PERSON"]) == (0, 0, 0)


def test_an_address_and_its_parts_are_counted_once_by_character() -> None:
    score = Score()
    score.add([(0, 10, "STREET_ADDRESS"), (6, 10, "LOCATION")], [finding("LOCATION", 6, 10)])
    assert score.characters == 10
    assert score.leak == pytest.approx(0.6)
    assert score.recall("LOCATION") == 1.0
