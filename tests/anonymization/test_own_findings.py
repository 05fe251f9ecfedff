"""What a policy finds by itself, and what it never reports."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_anonymization.errors import EntityTypeWithoutRule, InvalidPattern, UnknownEntityType, WordListTooLong
from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Redact, Replace
from labelmill_anonymization.policies.own_findings import AllowList, CustomRecognizer, DenyList, OwnRules
from labelmill_anonymization.policies.patterns import BadPattern, check_pattern, matches
from labelmill_anonymization.policies.word_lists import occurrences
from labelmill_anonymization.policy import Policy, Rule, validate
from labelmill_anonymization.transform import transform
from labelmill_runtime.errors import LabelmillError

EMPLOYEE = CustomRecognizer(
    "employee-id", "EMPLOYEE_ID", regex=r"\bE-(?P<value>\d{6})\b", score=0.4, context_words=("employee", "badge")
)


def spans(recognizer: CustomRecognizer, text: str) -> list[str]:
    return [text[one.start : one.end] for one in recognizer.findings(text)]


def test_a_pattern_finds_its_group_and_context_makes_it_more_certain() -> None:
    plain, near = EMPLOYEE.findings("E-123456 came in late on a Monday. The employee E-654321 left.")
    assert (plain.start, plain.end, plain.score, plain.recognizer) == (2, 8, 0.4, "policy:employee-id")
    assert near.score == pytest.approx(0.75)


def test_context_can_be_a_condition() -> None:
    strict = CustomRecognizer("room", "ROOM", regex=r"\d{3}", context_words=("room",), needs_context=True)
    assert spans(strict, "in room 101 there are 250 chairs, so they say, and far more of the people") == ["101", "250"]
    assert spans(strict, "250 chairs in a mushroomy hall") == []  # not within other words


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (("Ann",), "Ann, ANN and Annual Anna's ann", ["Ann", "ANN", "ann"]),
        (("Blue Bird", "Blue Bird Two"), "blue  bird two; Blue\nBird", ["blue  bird two", "Blue\nBird"]),
        (("C++",), "C and C++ and C+", ["C++"]),
        (("José",), "Jose\u0301 and José", ["Jose\u0301", "José"]),
        (("straße",), "STRASSE", ["STRASSE"]),
        (("عمر",), "قال عمر شيئا", ["عمر"]),
        (("👩‍🚀",), "a 👩‍🚀 b", ["👩‍🚀"]),
    ],
)
def test_words_are_found_as_wholes_however_they_are_written(
    words: tuple[str, ...], text: str, found: list[str]
) -> None:
    assert [text[start:end] for start, end in occurrences(words, text, case_sensitive=False)] == found


def test_ten_thousand_phrases_that_begin_alike_cost_no_more_than_one() -> None:
    words = tuple(f"a a a {number}" for number in range(10_000))
    text = "a " * 50_000 + "7777"
    assert [text[start:end] for start, end in occurrences(words, text, case_sensitive=False)] == ["a a a 7777"]


def test_case_can_matter() -> None:
    assert list(occurrences(("Apple",), "apple Apple", case_sensitive=True)) == [(6, 11)]
    assert list(matches("E-[a-z]", "E-x e-x", case_sensitive=True)) == [(0, 3)]


@given(st.text(max_size=60), st.text(min_size=1, max_size=6))
def test_a_listed_word_between_spaces_is_always_found(around: str, word: str) -> None:
    text = f"{around} {word} {around}"
    found = list(occurrences((word,), text, case_sensitive=True))
    if word.strip():
        start = len(around) + 1 + len(word) - len(word.lstrip())
        assert any(begin <= start < end for begin, end in found)


def test_offsets_are_code_points_beyond_the_basic_plane() -> None:
    text = "🚀é E-123456"
    assert [text[start:end] for start, end in matches(r"E-\d+", text, case_sensitive=False)] == ["E-123456"]


def test_the_allow_list_drops_whole_values_only() -> None:
    text = "Acme GmbH and acme and TEST-42"
    findings = [
        Finding("ORGANIZATION", 0, 9, 0.9, "x"),
        Finding("ORGANIZATION", 14, 18, 0.9, "x"),
        Finding("URL", 23, 30, 0.9, "x"),
    ]
    own = OwnRules(allow_list=AllowList(("ACME",), (r"TEST-\d+",)))
    assert own.amend(text, findings) == findings[:1]
    strict = OwnRules(allow_list=AllowList(("ACME",), case_sensitive=True))
    assert strict.amend(text, findings) == findings


def test_the_deny_list_beats_the_allow_list_and_every_threshold() -> None:
    own = OwnRules(
        allow_list=AllowList(("Bluebird",)),
        deny_lists=(DenyList("PROJECT", ("Bluebird",)),),
        recognizers=(CustomRecognizer("weak", "PROJECT", words=("Redbird",), score=0.2),),
    )
    policy = Policy((Rule("PROJECT", Replace(), 1.0),), own=own)
    validate(policy)
    text = "Bluebird and Redbird"
    clean = transform(text, own.amend(text, []), policy, ProjectKeys.derive(b"s" * 32, "demo"))
    assert clean.text == "<PROJECT> and Redbird"


def test_new_types_are_not_looked_for_by_the_service() -> None:
    policy = Policy((Rule("EMPLOYEE_ID", Redact()), Rule("PERSON", Redact())), own=OwnRules((EMPLOYEE,)))
    validate(policy)
    assert policy.wanted_types == {"PERSON"}


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"(?=a)", "(", "a*", "", r"\C{1001}", "(?:(?:a{1000}){1000}){1000}", "x{1001}"]
)
def test_patterns_that_cannot_be_used_are_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [(r"(a+)+$", 0), (r"(a|a)*b", 0), (r"(a|aa)+$", 0), (r"^(([a-z])+.)+[A-Z]([a-z])+$", 0), (r"(.*)(.*)(.*)!", 1)],
)
def test_patterns_that_run_away_elsewhere_end_here(pattern: str, found: int) -> None:
    """A backtracking engine would take longer over a hundred thousand characters than the universe has."""
    assert len(list(matches(pattern, "a" * 100_000 + "!", case_sensitive=True))) == found


@settings(max_examples=200)
@given(st.text(alphabet="ab()|*+?{}0123,.^$\\[]-", max_size=30))
def test_any_pattern_is_refused_or_ends(pattern: str) -> None:
    try:
        check_pattern(pattern)
    except BadPattern:
        return
    text = "ab" * 5_000
    for start, end in matches(pattern, text, case_sensitive=True):
        assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    ("policy", "error", "field"),
    [
        (
            Policy(default_operator=Redact(), own=OwnRules((CustomRecognizer("x", "X", regex="("),))),
            InvalidPattern,
            "policy.recognizers[0].regex",
        ),
        (
            Policy(own=OwnRules(allow_list=AllowList(patterns=("a", "b*")))),
            InvalidPattern,
            "policy.allow_list.patterns[1]",
        ),
        (Policy(own=OwnRules((EMPLOYEE,))), EntityTypeWithoutRule, "policy.recognizers[0].entity_type"),
        (
            Policy(own=OwnRules(deny_lists=(DenyList("X", ("y",)),))),
            EntityTypeWithoutRule,
            "policy.deny_lists[0].entity_type",
        ),
        (Policy(own=OwnRules(allow_list=AllowList(("x" * 200,) * 5001))), WordListTooLong, "policy.allow_list.values"),
        (Policy((Rule("EMPLOYEE_ID", Redact()),)), UnknownEntityType, "policy.rules[0].entity_type"),
    ],
)
def test_bad_rules_are_refused_with_their_field(policy: Policy, error: type[LabelmillError], field: str) -> None:
    with pytest.raises(error) as caught:
        validate(policy)
    assert list(caught.value.fields) == [field]
