"""Policies: what to find, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.errors import (
    DuplicateEntityType,
    EntityTypeWithoutRule,
    InvalidPattern,
    UnknownEntityType,
    UnsupportedLocale,
    WordListTooLong,
)
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.operators import DateShift, Encrypt, EncryptFormat, KeyScope, Operator, Pseudonym
from labelmill_anonymization.policies.own_findings import OwnRules
from labelmill_anonymization.policies.patterns import BadPattern, check_pattern
from labelmill_anonymization.pseudonyms.name_lists import is_locale, locale_of
from labelmill_anonymization.tables.rules import TableRules

_MONTH_FIRST = ("", "en", "auto")
"""Languages in which 03/04/2024 is in March."""
_LIST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one entity type; `threshold` None: the policy's default."""

    entity_type: str
    operator: Operator
    threshold: float | None = None


@dataclass(frozen=True)
class Policy:
    """A policy's content; see labelmill.anonymization.v1.Policy."""

    rules: tuple[Rule, ...] = ()
    default_operator: Operator | None = None
    default_threshold: float = 0.0
    language: str = "en"
    display_name: str = ""
    media_rules: MediaRules = field(default_factory=MediaRules)
    table_rules: TableRules = field(default_factory=TableRules)
    own: OwnRules = field(default_factory=OwnRules)
    description: str = ""

    def operator_for(self, entity_type: str, score: float) -> Operator | None:
        """What happens to a finding; None: it is ignored (no rule and no default, or not certain enough)."""
        rule = self._by_type.get(entity_type)
        operator = rule.operator if rule else self._default
        threshold = rule.threshold if rule and rule.threshold is not None else self.default_threshold
        return operator if score >= threshold else None

    @cached_property
    def wanted_types(self) -> frozenset[str]:
        """The types that the service must look for; those of the policy's own recognizers are not among them."""
        known = entity_types(self.language)
        return known if self.default_operator is not None else known & self._by_type.keys()

    @cached_property
    def encrypts_by_subject(self) -> bool:
        """Whether a data subject needs an encryption key of its own."""
        return any(
            isinstance(operator, Encrypt | EncryptFormat) and operator.scope is KeyScope.SUBJECT
            for _, operator in _operators(self, "")
        )

    @cached_property
    def _by_type(self) -> dict[str, Rule]:
        return {rule.entity_type: replace(rule, operator=self.in_language(rule.operator)) for rule in self.rules}

    @cached_property
    def _default(self) -> Operator | None:
        return self.in_language(self.default_operator) if self.default_operator else None

    def in_language(self, operator: Operator) -> Operator:
        """The operator with what it leaves to the language of the text."""
        if isinstance(operator, Pseudonym) and not operator.locale:
            return replace(operator, locale=locale_of(self.language))
        if isinstance(operator, DateShift) and operator.day_first is None:
            return replace(operator, day_first=self.language not in _MONTH_FIRST)
        return operator


@dataclass(frozen=True)
class PolicyVersion:
    """One immutable version of a kept policy."""

    project: str
    policy_id: str
    version: int
    create_time_ms: int
    policy: Policy

    @property
    def name(self) -> str:
        """projects/{project}/policies/{policy}."""
        return f"projects/{self.project}/policies/{self.policy_id}"

    @property
    def etag(self) -> str:
        """Differs from version to version."""
        return f"{self.version}-{self.create_time_ms:x}"


def validate(policy: Policy, *, field: str = "policy") -> None:
    """Checks what a proto rule cannot: that the types, the language and the locales exist.

    Args:
        policy: The policy.
        field: The path of the policy in the request.

    Raises:
        UnsupportedLanguage, UnknownEntityType, DuplicateEntityType, UnsupportedLocale, InvalidPattern, WordListTooLong,
        EntityTypeWithoutRule: With the field path.
    """
    known = entity_types(policy.language, field=f"{field}.language") | policy.own.entity_types
    seen: set[str] = set()
    for index, rule in enumerate(policy.rules):
        path = f"{field}.rules[{index}]"
        if rule.entity_type not in known:
            raise UnknownEntityType(f"{path}.entity_type", policy.language)
        if rule.entity_type in seen:
            raise DuplicateEntityType(f"{path}.entity_type")
        seen.add(rule.entity_type)
    for index, column in enumerate(policy.table_rules.columns):
        if column.entity_type and column.entity_type not in known:
            raise UnknownEntityType(f"{field}.table_rules.columns[{index}].entity_type", policy.language)
    for path, operator in _operators(policy, field):
        if isinstance(operator, Pseudonym) and operator.locale and not is_locale(operator.locale):
            raise UnsupportedLocale(f"{path}.pseudonym.locale")
    _validate_own(policy, seen, field)


def _validate_own(policy: Policy, ruled: set[str], field: str) -> None:
    own = policy.own
    for path, pattern in (
        *((f"recognizers[{i}].regex", one.regex) for i, one in enumerate(own.recognizers) if one.regex),
        *((f"allow_list.patterns[{i}]", pattern) for i, pattern in enumerate(own.allow_list.patterns)),
    ):
        try:
            check_pattern(pattern)
        except BadPattern:
            raise InvalidPattern(f"{field}.{path}") from None
    for path, words in (
        *((f"recognizers[{i}].words", one.words) for i, one in enumerate(own.recognizers)),
        *((f"deny_lists[{i}].words", one.words) for i, one in enumerate(own.deny_lists)),
        ("allow_list.values", own.allow_list.values),
    ):
        if sum(map(len, words)) > _LIST_CHARACTERS:
            raise WordListTooLong(f"{field}.{path}", _LIST_CHARACTERS)
    for path, entity_type in (
        *((f"recognizers[{i}]", one.entity_type) for i, one in enumerate(own.recognizers)),
        *((f"deny_lists[{i}]", one.entity_type) for i, one in enumerate(own.deny_lists)),
    ):
        if policy.default_operator is None and entity_type not in ruled:
            raise EntityTypeWithoutRule(f"{field}.{path}.entity_type")


def _operators(policy: Policy, field: str) -> Iterator[tuple[str, Operator]]:
    for index, rule in enumerate(policy.rules):
        yield f"{field}.rules[{index}].operator", rule.operator
    if policy.default_operator is not None:
        yield f"{field}.default_operator", policy.default_operator
    for index, column in enumerate(policy.table_rules.columns):
        if column.operator is not None:
            yield f"{field}.table_rules.columns[{index}].operator", column.operator
