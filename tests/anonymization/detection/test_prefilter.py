"""The prefilter lets everything pass that can match, whatever the text is written in."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelmill_anonymization.adapters.hyperscan import HyperscanPrefilter
from labelmill_anonymization.adapters.presidio import presidio_rules
from labelmill_anonymization.detection.catalogue import RULES, finders
from labelmill_anonymization.detection.finders import EveryPattern
from labelmill_anonymization.detection.rules import CASED, Rule, RuleSet
from tests.anonymization.detection.detectors import ALL, detector
from tests.anonymization.detection.test_recognizers import FOUND

PLAIN = [rule for rule in presidio_rules() if rule.entity_type != "URL"]  # too large to draw from
PREFILTER = HyperscanPrefilter([(rule.pattern, rule.flags) for rule in PLAIN])

OURS = RuleSet(RULES)
HYPERSCAN = HyperscanPrefilter([rule.prefilter for rule in RULES] + [(finder.hint, CASED) for finder in finders()])


@pytest.mark.parametrize("index", range(len(PLAIN)), ids=lambda i: f"{PLAIN[i].recognizer}-{i}")
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_match_is_shut_out(index: int, data: st.DataObject) -> None:
    rule = PLAIN[index]
    match = data.draw(st.from_regex(re.compile(rule.pattern, re.DOTALL | re.MULTILINE | re.IGNORECASE)))
    if list(RuleSet([Rule("X", "x", rule.pattern, 0.5, rule.flags)]).findings(match, [0], frozenset({"X"}))):
        assert index in PREFILTER.candidates(match)


@given(
    before=st.text(max_size=12),
    case=st.sampled_from(FOUND),
    after=st.text(max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_findings_are_those_of_trying_every_pattern(before: str, case: tuple[str, str, str], after: str) -> None:
    text = f"{before} {case[0]} {after}"
    hinted = HYPERSCAN.candidates(text)
    every = EveryPattern(len(RULES)).candidates(text)
    assert OURS.findings(text, [i for i in hinted if i < len(RULES)], ALL) == OURS.findings(text, every, ALL)
    assert not _second_misses(text)
    for number, finder in enumerate(finders()):
        if list(finder.findings(text)):
            assert len(RULES) + number in hinted


SECOND = [(rule, rule.second_prefilter) for rule in (*RULES, *presidio_rules())]
BOTH = [(rule, second) for rule, second in SECOND if second is not None]
SECONDS = HyperscanPrefilter([second for _, second in BOTH])


def _second_misses(text: str) -> list[str]:
    """Rules that find something in a text that the second prefilter shuts out."""
    hinted = SECONDS.candidates(text)
    return [
        rule.recognizer
        for number, (rule, _) in enumerate(BOTH)
        if number not in hinted and RuleSet([rule]).findings(text, [0], ALL)
    ]


@pytest.mark.parametrize("index", range(len(BOTH)), ids=lambda i: f"{BOTH[i][0].recognizer}-{i}")
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_rule_that_needs_context_is_tried_where_context_and_pattern_are(index: int, data: st.DataObject) -> None:
    rule, _ = BOTH[index]
    match = data.draw(st.from_regex(re.compile(rule.pattern, re.DOTALL | re.MULTILINE | re.IGNORECASE)))
    assert rule.recognizer not in _second_misses(f"{rule.context.before[0]} {match}")


def test_lone_surrogates_are_scanned() -> None:
    [outcome] = detector().detect(["\ud800 call 212-555-0123 \udfff"], "en", [frozenset({"PHONE_NUMBER"})])
    assert isinstance(outcome, list)
    assert len(outcome) == 1


@pytest.mark.parametrize(("entity_type", "mark"), [("EMAIL_ADDRESS", "@"), ("URL", ".")])
@given(
    text=st.text(alphabet='ab1.@-_+/:"( \n\u00e9\u00a0\u2003', max_size=60),
    word=st.sampled_from(["", "http://b.com", "b.de/a"]),
)
@settings(deadline=None)
def test_what_has_no_white_space_is_found_in_words_as_in_whole_texts(
    entity_type: str, mark: str, text: str, word: str
) -> None:
    text = text.replace("a", "a" + word)
    rules = [rule for rule in presidio_rules() if rule.entity_type == entity_type]
    assert all(rule.inside == mark for rule in rules)
    in_words, in_texts = RuleSet(rules), RuleSet([replace(rule, inside="") for rule in rules])
    asked = list(range(len(rules))), frozenset({entity_type})
    assert in_words.findings(text, *asked) == in_texts.findings(text, *asked)
