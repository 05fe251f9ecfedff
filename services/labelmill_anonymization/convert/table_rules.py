"""What policies say about tables, to and from the contract."""

from __future__ import annotations

from collections.abc import Callable

from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import table_rules_pb2 as pb
from labelmill_anonymization.operators import Operator
from labelmill_anonymization.tables.rules import (
    DEFAULT_K,
    Branches,
    ColumnRule,
    CsvHeader,
    Diversity,
    Hierarchy,
    LDiversity,
    Prefix,
    Role,
    TableRules,
    Undersized,
    Unlisted,
)

FromOperator = Callable[[operators_pb2.Operator], Operator]
ToOperator = Callable[[Operator], operators_pb2.Operator]


def table_rules_from_proto(message: pb.TableRules, operator: FromOperator) -> TableRules:
    """What a policy says about tables; unset fields are at their defaults."""
    diversity = message.l_diversity
    return TableRules(
        k=message.k or DEFAULT_K,
        columns=tuple(_column_from_proto(rule, operator) for rule in message.columns),
        unlisted=Unlisted(message.unlisted or Unlisted.INFER),
        l_diversity=LDiversity(Diversity(diversity.kind or Diversity.DISTINCT), diversity.l)
        if message.HasField("l_diversity")
        else None,
        t_closeness=message.t_closeness if message.HasField("t_closeness") else None,
        undersized=Undersized(message.undersized or Undersized.FAIL),
        csv_header=CsvHeader(message.csv_header or CsvHeader.DETECT),
        subject_column=message.subject_column,
    )


def table_rules_to_proto(rules: TableRules, operator: ToOperator) -> pb.TableRules:
    """What a policy says about tables."""
    message = pb.TableRules(
        k=rules.k,
        columns=[_column_to_proto(rule, operator) for rule in rules.columns],
        unlisted=pb.TableRules.Unlisted.ValueType(int(rules.unlisted)),
        t_closeness=rules.t_closeness,
        undersized=pb.TableRules.Undersized.ValueType(int(rules.undersized)),
        csv_header=pb.TableRules.CsvHeader.ValueType(int(rules.csv_header)),
        subject_column=rules.subject_column,
    )
    if rules.l_diversity is not None:
        kind = pb.LDiversity.Kind.ValueType(int(rules.l_diversity.kind))
        message.l_diversity.CopyFrom(pb.LDiversity(kind=kind, l=rules.l_diversity.l))
    return message


def _column_from_proto(message: pb.ColumnRule, operator: FromOperator) -> ColumnRule:
    return ColumnRule(
        column=message.column,
        role=Role(message.role),
        entity_type=message.entity_type,
        operator=operator(message.operator) if message.HasField("operator") else None,
        hierarchy=_hierarchy_from_proto(message.hierarchy) if message.HasField("hierarchy") else None,
    )


def _column_to_proto(rule: ColumnRule, operator: ToOperator) -> pb.ColumnRule:
    return pb.ColumnRule(
        column=rule.column,
        role=pb.ColumnRole.ValueType(int(rule.role)),
        entity_type=rule.entity_type,
        operator=operator(rule.operator) if rule.operator is not None else None,
        hierarchy=_hierarchy_to_proto(rule.hierarchy) if rule.hierarchy is not None else None,
    )


def _hierarchy_from_proto(message: pb.Hierarchy) -> Hierarchy:
    if message.WhichOneof("kind") == "prefix":
        return Prefix()
    return Branches({branch.value: tuple(branch.groups) for branch in message.branches.branches})


def _hierarchy_to_proto(hierarchy: Hierarchy) -> pb.Hierarchy:
    if isinstance(hierarchy, Prefix):
        return pb.Hierarchy(prefix=pb.Hierarchy.Prefix())
    branches = [pb.Hierarchy.Branch(value=value, groups=groups) for value, groups in hierarchy.groups.items()]
    return pb.Hierarchy(branches=pb.Hierarchy.Branches(branches=branches))
