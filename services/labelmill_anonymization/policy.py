"""Policies: what to find, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.errors import DuplicateEntityType, UnknownEntityType, UnsupportedLocale
from labelmill_anonymization.inventions import is_locale
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.operators import Operator, Pseudonym
from labelmill_anonymization.tables.rules import TableRules


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
    media_rules: MediaRules = MediaRules()
    table_rules: TableRules = TableRules()

    def operator_for(self, entity_type: str, score: float) -> Operator | None:
        """What happens to a finding; None: it is ignored (no rule and no default, or not certain enough)."""
        rule = self._by_type.get(entity_type)
        operator = rule.operator if rule else self.default_operator
        threshold = rule.threshold if rule and rule.threshold is not None else self.default_threshold
        return operator if score >= threshold else None

    @cached_property
    def wanted_types(self) -> frozenset[str]:
        """The types that must be looked for."""
        if self.default_operator is not None:
            return entity_types(self.language)
        return frozenset(self._by_type)

    @cached_property
    def _by_type(self) -> dict[str, Rule]:
        return {rule.entity_type: rule for rule in self.rules}


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
        UnsupportedLanguage, UnknownEntityType, DuplicateEntityType, UnsupportedLocale: With the field path.
    """
    known = entity_types(policy.language, field=f"{field}.language")
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
        if isinstance(operator, Pseudonym) and not is_locale(operator.locale):
            raise UnsupportedLocale(f"{path}.pseudonym.locale")


def _operators(policy: Policy, field: str) -> Iterator[tuple[str, Operator]]:
    for index, rule in enumerate(policy.rules):
        yield f"{field}.rules[{index}].operator", rule.operator
    if policy.default_operator is not None:
        yield f"{field}.default_operator", policy.default_operator
    for index, column in enumerate(policy.table_rules.columns):
        if column.operator is not None:
            yield f"{field}.table_rules.columns[{index}].operator", column.operator
