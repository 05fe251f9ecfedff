"""Answers ScoreConsensus."""

from __future__ import annotations

from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill_quality import aggregation
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.convert.labels import answers
from labelmill_quality.convert.resources import consensus_labels, labeler, method_name, method_number
from labelmill_quality.labelers import consensus_confusions
from labelmill_quality.labels import make_table
from labelmill_quality.limits import require_room
from labelmill_quality.report import labeler_scores


def score_consensus(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreConsensus."""
    request = pb.ScoreConsensusRequest.FromString(body)
    rows = answers(request.labels)
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=request.class_names or None)
    require_room(table, cell_limit)
    method = method_name(request.method)
    consensus = aggregation.aggregate(table, method)
    scores = labeler_scores(table, consensus, consensus_confusions(table, consensus.posterior), None)
    response = pb.ScoreConsensusResponse(
        labels=consensus_labels(ConsensusLabels.of(table, consensus), table.classes),
        labelers=[labeler(score, table.classes) for score in scores],
        method=method_number(method),
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
    )
    return response.SerializeToString()
