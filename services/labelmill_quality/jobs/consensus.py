"""Answers ScoreConsensus."""

from __future__ import annotations

from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill_quality import aggregation
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.convert import consensus as about
from labelmill_quality.convert import labels as convert
from labelmill_quality.convert.resources import consensus_labels, labeler, method_name, method_number
from labelmill_quality.labelers import consensus_confusions
from labelmill_quality.labels import gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.report import labeler_scores


def score_consensus(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreConsensus."""
    request = pb.ScoreConsensusRequest.FromString(body)
    rows, policy = convert.answers(request.labels), convert.repeats(request.repeat_policy)
    table = make_table(
        rows.items, rows.labelers, rows.classes, class_names=_class_names(request, rows.classes), repeats=policy
    )
    require_room(table, cell_limit)
    method = method_name(request.method)
    anchors = gold_codes(table.items, *convert.gold(request.gold), table.classes) if request.gold else None
    ordered = about.is_ordered(method, request.ordered, request.class_names)
    consensus = aggregation.aggregate_calibrated(table, method, anchors, ordered=ordered)
    scores = labeler_scores(table, consensus, consensus_confusions(table, consensus.posterior), None)
    response = pb.ScoreConsensusResponse(
        labels=consensus_labels(ConsensusLabels.of(table, consensus), table.classes),
        labelers=[labeler(score, table.classes) for score in scores],
        method=method_number(method),
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
        repeat_policy=convert.repeats_number(policy),
        repeated_label_count=len(rows) - table.answer_count,
        note=consensus.note,
        selection=about.selection(consensus.selection),
        calibration=about.calibration(consensus.calibration),
    )
    return response.SerializeToString()


def _class_names(request: pb.ScoreConsensusRequest, said: list[str]) -> list[str] | None:
    """The classes in order; None: those that occur in the labels."""
    if request.class_names or not request.gold:
        return list(request.class_names) or None
    return sorted({*said, *(row.class_name for row in request.gold)})
