"""Policies as documents, and the ones that come with the service."""

import json
from collections.abc import Mapping

import pytest

from labelmill.policies import BadPolicy, read_policy
from labelmill_anonymization.convert.policies import policy_from_proto, policy_to_proto
from labelmill_anonymization.convert.ready_policies import ready_policies
from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.operators import (
    DateShift,
    Encrypt,
    EncryptFormat,
    Fallback,
    Generalize,
    KeyScope,
    Mask,
    Operator,
    Protection,
    Pseudonym,
    Replace,
)
from labelmill_anonymization.policies.own_findings import AllowList, CustomRecognizer, DenyList
from labelmill_anonymization.policy import Policy, Rule, validate

DOCUMENT = r"""
display_name: Support tickets
description: For the support team.
language: de
threshold: 0.4
default: replace
rules:
  PERSON: pseudonym
  PHONE_NUMBER: {mask: {character_count: 6, from_end: true}}
  DATE_TIME: {operator: {date_shift: {max_days: 90}}, threshold: 0.6}
  CREDIT_CARD: {encrypt_format: {fallback: encrypt}}
  EMPLOYEE_ID: {encrypt: {scope: subject}}
recognizers:
  - {name: employee-id, type: EMPLOYEE_ID, regex: 'E-\d{6}', score: 0.4, context: [employee], boost: 0.4,
     needs_context: true}
  - {name: code-names, type: PROJECT, words: [Bluebird, Red Fox], case_sensitive: true}
allow: {values: [Acme], patterns: ['TEST-.*'], case_sensitive: true}
deny:
  - {type: ORGANIZATION, values: [Globex], case_sensitive: true}
tables: {k: 10}
media: {cover: blur}
"""


def test_a_document_says_all_that_a_policy_can_say() -> None:
    message = read_policy(DOCUMENT)
    policy = policy_from_proto(message)
    validate(policy)
    assert policy.rules == (
        Rule("PERSON", Pseudonym()),
        Rule("PHONE_NUMBER", Mask(character_count=6, from_end=True)),
        Rule("DATE_TIME", DateShift(90), 0.6),
        Rule("CREDIT_CARD", EncryptFormat(fallback=Fallback.ENCRYPT)),
        Rule("EMPLOYEE_ID", Encrypt(KeyScope.SUBJECT)),
    )
    assert (policy.default_operator, policy.default_threshold, policy.language) == (Replace(), 0.4, "de")
    assert policy.own.recognizers == (
        CustomRecognizer("employee-id", "EMPLOYEE_ID", r"E-\d{6}", (), 0.4, ("employee",), 0.4, True),
        CustomRecognizer("code-names", "PROJECT", words=("Bluebird", "Red Fox"), case_sensitive=True),
    )
    assert policy.own.allow_list == AllowList(("Acme",), ("TEST-.*",), True)
    assert policy.own.deny_lists == (DenyList("ORGANIZATION", ("Globex",), True),)
    assert policy.table_rules.k == 10
    assert policy.encrypts_by_subject


def test_what_is_kept_is_what_was_sent() -> None:
    policy = policy_from_proto(read_policy(DOCUMENT))
    assert policy_from_proto(policy_to_proto(policy)) == policy


def test_json_is_read_too_in_both_forms() -> None:
    short = {"rules": {"PERSON": "redact"}, "default": {"generalize": {"age_band": 5}}}
    contract = {
        "rules": [{"entityType": "PERSON", "operator": {"redact": {}}}],
        "defaultOperator": {"generalize": {"ageBand": 5}},
    }
    assert read_policy(json.dumps(short)) == read_policy(json.dumps(contract))
    assert policy_from_proto(read_policy(json.dumps(short))).default_operator == Generalize(age_band=5)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ("- a\n- b", "mapping"),
        ("rules: [", "YAML"),
        ("rulez: {}", "rulez: unknown"),
        ("rules: {PERSON: shred}", "rules.PERSON: 'shred' is no operator"),
        ("rules: {PERSON: {mask: {characters: 4}}}", "rules.PERSON"),
        ("rules: {PERSON: {mask: {}, redact: {}}}", "rules.PERSON"),
        ("rules: {PERSON: {operator: redact, treshold: 1}}", "rules.PERSON.treshold"),
        ("threshold: high", "threshold"),
        ("recognizers: [{name: x, typ: X}]", r"recognizers\[0\].typ"),
        ("recognizers: {name: x}", "recognizers: must be a list"),
        ("allow: {value: [x]}", "allow"),
        ("deny: [{type: X}]", r"deny\[0\].values"),
        ("tables: 5", "table_rules"),
        ("!!python/object:os.system {}", "YAML"),
    ],
)
def test_a_document_that_is_no_policy_is_refused_with_the_place(document: str, where: str) -> None:
    with pytest.raises(BadPolicy, match=where):
        read_policy(document)


READY: Mapping[str, Policy] = ready_policies()
HIPAA_TYPES = frozenset(
    {
        *("PERSON", "LOCATION", "STREET_ADDRESS", "POSTAL_CODE", "DATE_TIME", "AGE", "PHONE_NUMBER", "EMAIL_ADDRESS"),
        *("US_SSN", "MEDICAL_RECORD_NUMBER", "HEALTH_PLAN_NUMBER", "ACCOUNT_NUMBER", "IBAN_CODE", "CREDIT_CARD"),
        *("US_BANK_NUMBER", "US_DRIVER_LICENSE", "MEDICAL_LICENSE", "VEHICLE_ID", "LICENSE_PLATE", "DEVICE_ID"),
        *("MAC_ADDRESS", "URL", "IP_ADDRESS", "UUID", "US_PASSPORT", "US_ITIN"),
    }
)
"""Those of 45 CFR 164.514(b)(2)(i) that a text can hold."""


def operator(policy: str, entity_type: str) -> Operator | None:
    return READY[policy].operator_for(entity_type, 0.5)


def test_the_ready_policies_are_these_and_valid() -> None:
    assert sorted(READY) == ["gdpr-pseudonymize", "hipaa-safe-harbor", "max", "names-only", "pci"]
    for policy in READY.values():
        validate(policy)
        assert policy.display_name
        assert policy.description
        assert policy.language == "auto"


@pytest.mark.parametrize("entity_type", sorted(HIPAA_TYPES))
def test_hipaa_leaves_no_identifier_of_the_list(entity_type: str) -> None:
    assert entity_type in entity_types("en")
    chosen = operator("hipaa-safe-harbor", entity_type)
    assert chosen is not None
    assert chosen.protection("x") is Protection.ANONYMIZED


def test_max_removes_everything_however_uncertain() -> None:
    for entity_type in entity_types("en"):
        found = READY["max"].operator_for(entity_type, 0.0)
        assert found is not None
        assert found.protection("x") is Protection.ANONYMIZED


def test_gdpr_replaces_special_categories_and_keeps_the_rest_reversible_or_linkable() -> None:
    assert operator("gdpr-pseudonymize", "NRP") == Replace()
    assert operator("gdpr-pseudonymize", "EMAIL_ADDRESS") == Encrypt(KeyScope.SUBJECT)
    assert isinstance(operator("gdpr-pseudonymize", "PERSON"), Pseudonym)
    assert isinstance(operator("gdpr-pseudonymize", "DATE_TIME"), DateShift)
    assert READY["gdpr-pseudonymize"].encrypts_by_subject


def test_no_ready_policy_weakens_its_output_by_a_kept_value() -> None:
    for name, policy in READY.items():
        for entity_type in policy.wanted_types:
            chosen = policy.operator_for(entity_type, 0.95)
            assert chosen is None or chosen.protection("x") is not Protection.DETECTED_ONLY, (name, entity_type)


def test_pci_and_names_only_look_for_what_they_name() -> None:
    assert READY["names-only"].wanted_types == {"PERSON"}
    assert READY["pci"].wanted_types == {"CREDIT_CARD", "PERSON", "IBAN_CODE", "US_BANK_NUMBER", "ACCOUNT_NUMBER"}
