"""Which findings a policy acts on, and which policies are refused."""

import pytest

from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.errors import (
    DuplicateEntityType,
    UnknownEntityType,
    UnsupportedLanguage,
    UnsupportedLocale,
)
from labelmill_anonymization.operators import Keep, Mask, Operator, Pseudonym, Redact, Replace
from labelmill_anonymization.policy import Policy, PolicyVersion, Rule, validate
from labelmill_runtime.errors import LabelmillError

POLICY = Policy(
    rules=(Rule("PERSON", Redact()), Rule("URL", Keep(), 0.9), Rule("AGE", Mask(), 0.0)),
    default_operator=Replace(),
    default_threshold=0.5,
)


@pytest.mark.parametrize(
    ("entity_type", "score", "operator"),
    [
        ("PERSON", 0.5, Redact()),
        ("PERSON", 0.49, None),
        ("URL", 0.9, Keep()),
        ("URL", 0.89, None),
        ("AGE", 0.0, Mask()),
        ("LOCATION", 0.5, Replace()),
        ("LOCATION", 0.4, None),
    ],
)
def test_rule_then_default_then_threshold(entity_type: str, score: float, operator: Operator | None) -> None:
    assert POLICY.operator_for(entity_type, score) == operator


def test_without_a_default_other_types_are_left_alone() -> None:
    policy = Policy(rules=(Rule("PERSON", Redact()),))
    assert policy.operator_for("LOCATION", 1.0) is None
    assert policy.wanted_types == {"PERSON"}
    assert POLICY.wanted_types == entity_types("en")


@pytest.mark.parametrize(
    ("policy", "error", "field"),
    [
        (Policy((Rule("URL", Keep()), Rule("SHOE_SIZE", Redact()))), UnknownEntityType, "policy.rules[1].entity_type"),
        (Policy((Rule("URL", Keep()), Rule("URL", Redact()))), DuplicateEntityType, "policy.rules[1].entity_type"),
        (Policy(language="tlh"), UnsupportedLanguage, "policy.language"),
        (
            Policy((Rule("URL", Pseudonym("xx_XX")),)),
            UnsupportedLocale,
            "policy.rules[0].operator.pseudonym.locale",
        ),
        (
            Policy(default_operator=Pseudonym("en-US")),
            UnsupportedLocale,
            "policy.default_operator.pseudonym.locale",
        ),
    ],
)
def test_bad_policies_are_refused_with_their_field(policy: Policy, error: type[LabelmillError], field: str) -> None:
    with pytest.raises(error) as caught:
        validate(policy)
    assert list(caught.value.fields) == [field]


def test_good_policies_pass() -> None:
    validate(POLICY)
    validate(Policy())
    validate(Policy(default_operator=Pseudonym("de_DE"), language="en"))


def test_every_version_has_its_own_etag() -> None:
    etags = {PolicyVersion("p", "x", version, 1000, POLICY).etag for version in (1, 2, 3)}
    assert len(etags) == 3
