"""Makes the report of ScoreProject."""

from __future__ import annotations

from dataclasses import dataclass

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.type.v1.ontology_pb2 import Feature
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.convert import resources as convert
from labelmill_quality.convert.agreement import pair_agreements
from labelmill_quality.convert.consensus import calibration
from labelmill_quality.ports import NewLabels
from labelmill_quality.report import Evidence, Plan, make_report


@dataclass(frozen=True)
class ReportHead:
    """What a report is called and about."""

    name: str
    feature: str
    annotation_filter: str


@dataclass(frozen=True)
class ScoredProject:
    """A report in the contract's form, and its consensus labels."""

    body: bytes
    class_names: tuple[str, ...]
    labels: NewLabels


def score_project(evidence: Evidence, plan: Plan, head: ReportHead) -> ScoredProject:
    """Makes a project's report."""
    report = make_report(evidence, plan)
    message = convert.report(
        report,
        kind=Feature.KIND_ORDINAL if evidence.ordered else Feature.KIND_SINGLE_CHOICE,
        method=plan.method,
        name=head.name,
        feature=head.feature,
        annotation_filter=head.annotation_filter,
    )
    message.calibration.MergeFrom(calibration(report.consensus.calibration) or pb.ConsensusCalibration())
    message.pairs.extend(pair_agreements(report.pairs, report.table.labelers))
    labels = NewLabels(ConsensusLabels.of(report.table, report.consensus), report.disagreement)
    return ScoredProject(message.SerializeToString(), report.table.classes, labels)
