"""What will be done to each column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_anonymization.operators import Operator, Replace
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.tables.cells import Kind
from labelmill_anonymization.tables.column_names import is_schema
from labelmill_anonymization.tables.errors import ColumnNotScalar, ColumnUnreadable, ColumnWithoutRule
from labelmill_anonymization.tables.profile import Evidence, Proposal, Summary
from labelmill_anonymization.tables.rules import ColumnRule, Hierarchy, Role, TableRules, Undersized, Unlisted

_CERTAIN = 1.0


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column. `operator` is that of direct identifiers."""

    name: str
    role: Role
    entity_type: str = ""
    operator: Operator | None = None
    hierarchy: Hierarchy | None = None
    is_emptied: bool = False
    """Nothing of it can be kept: no operator applies to its cells."""
    has_texts: bool = False
    """Its cells are looked at as texts: free text, and sensitive text that nobody has vouched for."""


def rule_of(name: str, rules: TableRules, column: int) -> ColumnRule | None:
    """The rule for a column, by what the policy says of unlisted ones; None: its role is to be inferred.

    Raises:
        ColumnWithoutRule: The policy wants a rule for each column.
    """
    rule = rules.rule_for(name)
    if rule is None and rules.unlisted is Unlisted.REFUSE:
        raise ColumnWithoutRule(column)
    if rule is None and rules.unlisted is Unlisted.FREE_TEXT:
        return ColumnRule(name, Role.FREE_TEXT)
    return rule


def names_to_check(summaries: Sequence[Summary], rules: TableRules) -> list[tuple[int, str]]:
    """(index of the column, part of its name as a text), for parts that neither a rule nor common use vouches for."""
    vouched = {rule.column for rule in rules.columns if rule.is_exact}
    return [
        (index, key.replace("_", " "))
        for index, summary in enumerate(summaries)
        if summary.name not in vouched
        for key in summary.keys
        if not is_schema(key)
    ]


def plan_column(
    number: int, summary: Summary, proposal: Proposal, policy: Policy, *, is_document: bool = False
) -> ColumnPlan:
    """What will be done to a column.

    In a document, a file of one record, there are no rows to hide among, nor has a list inside of a record rows. There
    the policy's rules for entity types decide about what was inferred to be a quasi-identifier.

    Args:
        number: Of the column, from 1.
        summary: What it looks like.
        proposal: Its role.
        policy: With the rules for tables.
        is_document: The file has one record.

    Raises:
        ColumnUnreadable: The cells cannot be looked into, and no rule says what they are.
        ColumnNotScalar: A quasi-identifier or a sensitive column inside of a list.
    """
    role, rules = proposal.role, policy.table_rules
    rule = rules.rule_for(summary.name)
    inferred = Evidence.RULE not in proposal.evidence
    if not summary.cell_count:
        return ColumnPlan(summary.name, Role.INSENSITIVE)
    if role is Role.QUASI_IDENTIFIER and inferred and proposal.entity_type and (is_document or not summary.is_scalar):
        operator = policy.operator_for(proposal.entity_type, _CERTAIN)
        if operator is None:
            return ColumnPlan(summary.name, Role.FREE_TEXT, has_texts=True)
        return ColumnPlan(summary.name, Role.DIRECT_IDENTIFIER, proposal.entity_type, operator)
    if summary.kind is Kind.OPAQUE:
        if role in (Role.FREE_TEXT, Role.QUASI_IDENTIFIER):
            raise ColumnUnreadable(number)
        return ColumnPlan(summary.name, role, proposal.entity_type, is_emptied=role is Role.DIRECT_IDENTIFIER)
    if not summary.is_scalar and role in (Role.QUASI_IDENTIFIER, Role.SENSITIVE):
        if role is Role.SENSITIVE and inferred:
            return ColumnPlan(summary.name, Role.FREE_TEXT, has_texts=True)
        if rules.undersized is not Undersized.SUPPRESS:
            raise ColumnNotScalar(number)
        return ColumnPlan(summary.name, role, is_emptied=True)
    if role is not Role.DIRECT_IDENTIFIER:
        unvouched = role is Role.SENSITIVE and summary.kind is Kind.TEXT and rule is None
        hierarchy = rule.hierarchy if rule is not None else None
        return ColumnPlan(summary.name, role, hierarchy=hierarchy, has_texts=unvouched or role is Role.FREE_TEXT)
    if rule is not None and rule.operator is not None:
        operator = policy.in_language(rule.operator)
    else:
        operator = policy.operator_for(proposal.entity_type, _CERTAIN)
    return ColumnPlan(summary.name, role, proposal.entity_type, operator or Replace())
