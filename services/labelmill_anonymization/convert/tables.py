"""Profiles and reports of tables, to the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import resources_pb2, table_rules_pb2
from labelmill.anonymization.v1 import table_service_pb2 as pb
from labelmill_anonymization.convert.scalars import counts_to_proto, level
from labelmill_anonymization.tables.anonymize import CleanTable, ColumnReport, TableReport
from labelmill_anonymization.tables.measure import ClassMeasure
from labelmill_anonymization.tables.profile import Proposal, Summary
from labelmill_anonymization.tables.table_anonymizer import TableProfile


def profile_to_proto(profile: TableProfile) -> pb.ProfileTableResponse:
    """What a table looks like, with the proposal as rules."""
    pairs = list(zip(profile.summary.columns, profile.proposals, strict=True))
    return pb.ProfileTableResponse(
        row_count=profile.summary.row_count,
        columns=[_profile_to_proto(summary, proposal) for summary, proposal in pairs],
        proposed_rules=table_rules_pb2.TableRules(
            columns=[
                table_rules_pb2.ColumnRule(
                    column=summary.name, role=_role(proposal.role), entity_type=proposal.entity_type
                )
                for summary, proposal in pairs
            ],
            unlisted=table_rules_pb2.TableRules.UNLISTED_REFUSE,
        ),
    )


def clean_table_to_proto(
    clean: CleanTable, media_type: str, detector_versions: tuple[str, ...]
) -> pb.AnonymizeTableResponse:
    """The outcome for one table."""
    return pb.AnonymizeTableResponse(
        content=clean.data,
        media_type=media_type,
        report=_report_to_proto(clean.report),
        entity_counts=counts_to_proto(clean.entity_counts),
        operator_counts=[
            resources_pb2.OperatorCount(operator_name=name, count=count) for name, count in clean.operator_counts
        ],
        protection_level=level(clean.protection),
        detector_versions=detector_versions,
        key_ids=clean.key_ids,
    )


def _profile_to_proto(summary: Summary, proposal: Proposal) -> pb.ColumnProfile:
    return pb.ColumnProfile(
        column=summary.name,
        role=_role(proposal.role),
        entity_type=proposal.entity_type,
        kind=pb.ColumnProfile.Kind.ValueType(summary.kind.value),
        evidence=[pb.ColumnProfile.Evidence.ValueType(int(reason)) for reason in proposal.evidence],
        cell_count=summary.cell_count,
        missing_count=summary.missing_count,
        distinct_count=summary.distinct_count,
        found_types=[
            pb.ColumnProfile.FoundType(entity_type=f.entity_type, whole_share=f.whole_share, share=f.share)
            for f in proposal.found
        ],
    )


def _report_to_proto(report: TableReport) -> pb.TableReport:
    message = pb.TableReport(
        row_count=report.row_count,
        columns=[_column_to_proto(column) for column in report.columns],
        suppressed=report.suppressed,
    )
    if report.before is not None:
        message.before.CopyFrom(_measure_to_proto(report.before))
    if report.after is not None:
        message.after.CopyFrom(_measure_to_proto(report.after))
    if report.utility_loss is not None:
        loss = report.utility_loss
        message.utility_loss.average_class_size = loss.average_class_size
        message.utility_loss.discernibility = loss.discernibility
        message.utility_loss.certainty_penalty = loss.certainty_penalty
    return message


def _column_to_proto(column: ColumnReport) -> pb.ColumnReport:
    return pb.ColumnReport(
        column=column.name,
        role=_role(column.role),
        entity_type=column.entity_type,
        operator_name=column.operator_name,
        changed_count=column.changed,
        certainty_penalty=column.penalty,
    )


def _measure_to_proto(measured: ClassMeasure) -> pb.ClassMeasure:
    return pb.ClassMeasure(
        class_count=measured.class_count, k=measured.k, l=measured.l, entropy_l=measured.entropy_l, t=measured.t
    )


def _role(role: int) -> table_rules_pb2.ColumnRole.ValueType:
    return table_rules_pb2.ColumnRole.ValueType(int(role))  # the domain's numbers are the contract's
