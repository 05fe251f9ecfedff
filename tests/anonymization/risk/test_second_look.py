"""What is suspicious in a clean text, and what is not."""

import numpy as np

from labelmill_anonymization.findings import Finding
from labelmill_anonymization.offset_map import OffsetMap, Segment
from labelmill_anonymization.operators import Keep, Replace
from labelmill_anonymization.policies.own_findings import AllowList, OwnRules
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.risk.listed_names import ListedNames
from labelmill_anonymization.risk.second_look import Source, Suspicion, look, stricter
from labelmill_anonymization.tagger.features import word_hashes
from labelmill_anonymization.tagger.lexicon import Known, Lexicon, key
from labelmill_anonymization.tagger.tokens import cut

ALL = Policy(default_operator=Replace(), default_threshold=0.5)


def replaced(raw: str, *values: str) -> tuple[str, OffsetMap]:
    """The raw text with the first occurrence of each value, in order, replaced by <X>."""
    clean, segments, position = "", [], 0
    for value in values:
        start = raw.index(value, position)
        clean += raw[position:start]
        segments.append(Segment(start, start + len(value), len(clean), len(clean) + 3))
        clean, position = clean + "<X>", start + len(value)
    clean += raw[position:]
    return clean, OffsetMap(len(raw), len(clean), tuple(segments))


def seen(
    raw: str,
    *values: str,
    found: dict[str, str] | None = None,
    listed: tuple[str, ...] = (),
    policy: Policy = ALL,
) -> list[tuple[str, str, Source]]:
    clean, offsets = replaced(raw, *values)
    second_pass = [
        Finding(kind, clean.index(v), clean.index(v) + len(v), 0.1, "r") for v, kind in (found or {}).items()
    ]
    places = [(clean.index(word), clean.index(word) + len(word)) for word in listed]
    suspicions = look("a", raw, clean, offsets, policy, second_pass, places)
    return [(clean[s.start : s.end], s.entity_type, s.source) for s in suspicions]


def test_a_value_that_was_replaced_once_and_stands_elsewhere_is_suspicious() -> None:
    assert seen("Ann Lee met. Later ANN LEE left.", "Ann Lee") == [("ANN LEE", "", Source.RAW_VALUE)]


def test_a_value_inside_of_a_longer_word_is_not() -> None:
    assert seen("Ann met Annabel", "Ann") == []


def test_very_short_values_stand_everywhere_and_prove_nothing() -> None:
    assert seen("a 7 and 7 of them", "7") == []


def test_a_finding_of_the_stricter_pass_is_suspicious_however_low_its_score() -> None:
    assert seen("Ann met Bob", "Ann", found={"Bob": "PERSON"}) == [("Bob", "PERSON", Source.SECOND_PASS)]


def test_what_the_policy_has_put_there_is_not_suspicious() -> None:
    assert seen("Ann met Bob", "Ann", "Bob", found={"<X> met <X>": "PERSON"}) == [
        (" met ", "PERSON", Source.SECOND_PASS)
    ]
    assert seen("Ann met Bob", "Ann", found={"<X>": "PERSON"}) == []
    assert seen("Ann, Bob", "Ann", "Bob", found={"<X>, <X>": "PERSON"}) == []  # nothing but punctuation is left


def test_types_that_the_policy_leaves_or_keeps_are_nobodys_mistake() -> None:
    some = Policy(rules=(Rule("PERSON", Replace()), Rule("AGE", Keep())))
    found = {"Bob": "PERSON", "42": "AGE", "Rome": "LOCATION"}
    assert seen("Ann met Bob, 42, of Rome", "Ann", found=found, policy=some) == [("Bob", "PERSON", Source.SECOND_PASS)]


def test_a_place_is_reported_once_by_its_strongest_source() -> None:
    assert seen("Ann met Ann", "Ann", found={"Ann": "PERSON"}, listed=("Ann",)) == [("Ann", "", Source.RAW_VALUE)]


def test_a_stricter_policy_looks_for_everything_whatever_its_score() -> None:
    own = OwnRules(allow_list=AllowList(values=("Rome",)))
    policy = stricter(Policy(rules=(Rule("PERSON", Keep(), threshold=0.9),), language="en", own=own))
    assert policy.own == own  # what it allows on purpose is not suspicious
    assert policy.operator_for("CREDIT_CARD", 0.0) is not None
    assert policy.operator_for("PERSON", 0.0) is not None


def test_suspicions_hold_no_value() -> None:
    clean, offsets = replaced("Ann met Ann", "Ann")
    (suspicion,) = look("a", "Ann met Ann", clean, offsets, ALL, [], [])
    assert suspicion == Suspicion("a", "", 8, 11, Source.RAW_VALUE)


def test_listed_names_are_capitalized_words_that_are_nothing_else() -> None:
    words = {"kowalczyk": Known.SURNAME, "grace": Known.GIVEN_NAME | Known.COMMON, "boston": Known.CITY}
    hashes = word_hashes(cut([" ".join(words)]))
    order = np.argsort(key(hashes))
    bits = np.array([int(known) for known in words.values()], np.uint32)
    empty = Lexicon.empty()
    lexicon = Lexicon(key(hashes)[order], bits[order], empty.vector_keys, empty.vectors)
    text = "Grace of Boston, kowalczyk and Kowalczyk"
    assert [text[start:end] for start, end in ListedNames(lexicon).find(text)] == ["Boston", "Kowalczyk"]
    assert list(ListedNames(lexicon).find("")) == []
