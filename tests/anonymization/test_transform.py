"""From findings to clean text: overlaps, protection, and that nothing found stays readable."""

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.findings import Finding, merge, outside
from labelmill_anonymization.keys import DataKey, ProjectKeys
from labelmill_anonymization.operators import (
    DateShift,
    Encrypt,
    EncryptFormat,
    Generalize,
    Hash,
    Keep,
    Mask,
    Operator,
    Protection,
    Pseudonym,
    Redact,
    Replace,
)
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.transform import CleanText, transform

KEYS = replace(ProjectKeys.derive(b"s" * 32, "demo"), encryption=DataKey("00112233445566ff", b"k" * 32))
TYPES = ["PERSON", "LOCATION", "URL", "EMAIL_ADDRESS"]


def found(entity_type: str, start: int, end: int, score: float = 0.8) -> Finding:
    return Finding(entity_type, start, end, score, "test")


def apply(text: str, findings: list[Finding], *rules: Rule, **policy: Any) -> CleanText:
    return transform(text, findings, Policy(rules=rules, **policy), KEYS)


def test_values_are_replaced_where_they_stand() -> None:
    clean = apply(
        "Jane met Bob in Rome.",
        [found("LOCATION", 16, 20), found("PERSON", 0, 4), found("PERSON", 9, 12)],
        Rule("PERSON", Replace()),
        Rule("LOCATION", Redact()),
    )
    assert clean.text == "<PERSON> met <PERSON> in ."
    spans = [(a.finding.start, a.clean_start, a.clean_end, a.operator_name) for a in clean.findings]
    assert spans == [(0, 0, 8, "replace"), (9, 13, 21, "replace"), (16, 25, 25, "redact")]
    assert clean.protection is Protection.ANONYMIZED


def test_the_weakest_protection_counts() -> None:
    findings = [found("PERSON", 0, 4), found("LOCATION", 16, 20)]
    text = "Jane met Bob in Rome."
    assert apply(text, findings, default_operator=Hash()).protection is Protection.PSEUDONYMIZED
    kept = apply(text, findings, Rule("PERSON", Pseudonym()), Rule("LOCATION", Keep()))
    assert kept.protection is Protection.DETECTED_ONLY
    assert kept.text.endswith(" met Bob in Rome.")
    assert [a.operator_name for a in kept.findings] == ["pseudonym", "keep"]


def test_without_findings_the_text_stays() -> None:
    clean = apply("Nothing here.", [])
    assert (clean.text, clean.findings, clean.protection) == ("Nothing here.", (), Protection.ANONYMIZED)


def test_overlapping_findings_become_one_that_covers_all() -> None:
    merged = merge([found("PERSON", 0, 8, 0.6), found("EMAIL_ADDRESS", 5, 20, 1.0), found("URL", 18, 25, 0.5)])
    assert merged == [found("EMAIL_ADDRESS", 0, 25, 1.0)]


def test_neighbours_stay_apart() -> None:
    assert merge([found("URL", 4, 8), found("PERSON", 0, 4)]) == [found("PERSON", 0, 4), found("URL", 4, 8)]


def test_the_longest_of_equally_certain_ones_names_the_type() -> None:
    assert merge([found("PERSON", 0, 4), found("LOCATION", 0, 9)])[0].entity_type == "LOCATION"


def test_a_transformed_finding_wins_over_a_kept_one() -> None:
    text = "12 Main Street since 1990"
    findings = [found("DATE_TIME", 0, 25, 1.0), found("LOCATION", 0, 14, 0.6)]
    clean = apply(text, findings, Rule("DATE_TIME", Keep()), Rule("LOCATION", Redact()))
    assert clean.text == " since 1990"
    assert [(a.finding.entity_type, a.finding.start, a.finding.end) for a in clean.findings] == [
        ("LOCATION", 0, 14),
        ("DATE_TIME", 14, 25),
    ]


def test_an_ignored_finding_does_not_name_the_type() -> None:
    findings = [found("URL", 0, 20, 0.9), found("PERSON", 2, 6, 0.8)]
    clean = apply("x" * 20, findings, Rule("PERSON", Replace()))
    assert clean.text == "xx<PERSON>" + "x" * 14


def test_an_accent_goes_with_its_letter() -> None:
    text = unicodedata.normalize("NFD", "René came")
    clean = apply(text, [found("PERSON", 0, 4)], Rule("PERSON", Redact()))
    assert clean.text == " came"


def test_offsets_count_code_points_beyond_the_basic_plane() -> None:
    clean = apply("👩‍🚀 Jane 🎉", [found("PERSON", 4, 8)], Rule("PERSON", Mask()))
    assert clean.text == "👩‍🚀 **** 🎉"


def test_parts_outside_of_others() -> None:
    parts = outside(found("URL", 0, 10), [found("PERSON", 0, 2), found("PERSON", 4, 6), found("PERSON", 9, 12)])
    assert [(p.start, p.end) for p in parts] == [(2, 4), (6, 9)]


@st.composite
def texts_with_findings(draw: st.DrawFn) -> tuple[str, list[Finding]]:
    text = draw(st.text(alphabet="abß\u0301é👩🚀\u200d \r\n123\u0639\u05e2\u202e", min_size=1, max_size=40))
    findings = []
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        score = draw(st.sampled_from([0.1, 0.5, 0.85, 1.0]))
        findings.append(found(draw(st.sampled_from(TYPES)), start, end, score))
    return text, findings


OPERATORS: list[Operator] = [
    *(Redact(), Replace(), Replace("\U0001f600x"), Mask("#"), Hash(8), Pseudonym()),
    *(Encrypt(), EncryptFormat(), DateShift(), Generalize()),
]


@given(texts_with_findings(), st.lists(st.sampled_from(OPERATORS), min_size=4, max_size=4))
def test_every_found_code_point_is_covered_and_every_other_one_stays(
    case: tuple[str, list[Finding]], operators: list[Operator]
) -> None:
    text, findings = case
    rules = tuple(Rule(entity_type, operator) for entity_type, operator in zip(TYPES, operators, strict=True))
    clean = transform(text, findings, Policy(rules=rules), KEYS)
    covered = [False] * len(text)
    for segment in clean.offsets.segments:
        for i in range(segment.raw_start, segment.raw_end):
            assert not covered[i]
            covered[i] = True
    for finding in findings:
        assert all(covered[finding.start : finding.end])
    untouched = [(segment.raw_end, segment.clean_end) for segment in clean.offsets.segments]
    ends = [(segment.raw_start, segment.clean_start) for segment in clean.offsets.segments]
    for (raw, new), (raw_end, new_end) in zip([(0, 0), *untouched], [*ends, (len(text), len(clean.text))], strict=True):
        assert text[raw:raw_end] == clean.text[new:new_end]


@given(texts_with_findings(), st.sampled_from(OPERATORS), st.data())
def test_spans_between_values_go_to_clean_and_back(
    case: tuple[str, list[Finding]], operator: Operator, data: st.DataObject
) -> None:
    text, findings = case
    clean = transform(text, findings, Policy(default_operator=operator), KEYS)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    there = clean.offsets.to_clean(start, end)
    back = clean.offsets.to_raw(there.start, there.end)
    if not any(one.raw_start < end and start < one.raw_end for one in clean.offsets.segments):
        assert clean.text[there.start : there.end] == text[start:end]
        assert (back.start, back.end, back.widened) == (start, end, False)
    elif operator != Redact():  # of which nothing is left that could be carried back
        assert back.start <= start
        assert end <= back.end


def test_the_keys_that_were_used_are_named() -> None:
    findings = [found("PERSON", 0, 4), found("LOCATION", 16, 20)]
    text = "Jane met Bob in Rome."
    assert apply(text, findings, Rule("PERSON", Encrypt()), Rule("LOCATION", Hash())).key_ids == (
        "00112233445566ff",
        "1",
    )
    assert apply(text, findings, Rule("PERSON", Redact()), Rule("LOCATION", Encrypt())).key_ids == ("00112233445566ff",)
    assert apply(text, findings, default_operator=Generalize()).key_ids == ()
    assert apply(text, [], default_operator=Encrypt()).key_ids == ()


def test_a_text_of_five_megabytes_with_a_hundred_thousand_values() -> None:
    text = ("x" * 42 + "Jane Doe") * 100_000
    findings = [found("PERSON", 50 * i + 42, 50 * i + 50) for i in range(100_000)]
    clean = apply(text, findings, default_operator=Encrypt())
    assert len(text) == 5_000_000
    assert "Jane" not in clean.text
    last = clean.findings[-1]
    back = clean.offsets.to_raw(last.clean_start, last.clean_end)
    assert (back.start, back.end) == (4_999_992, 5_000_000)


@given(texts_with_findings())
def test_the_order_of_findings_does_not_matter(case: tuple[str, list[Finding]]) -> None:
    text, findings = case
    policy = Policy(default_operator=Replace(), rules=(Rule("URL", Keep()),))
    assert transform(text, findings, policy, KEYS) == transform(text, findings[::-1], policy, KEYS)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_texts(text: str) -> None:
    assert apply(text, [], default_operator=Redact()).text == text
