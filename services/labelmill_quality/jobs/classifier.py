"""Answers ScoreWithClassifier."""

from __future__ import annotations

from labelmill.quality.v1 import classifier_service_pb2 as pb
from labelmill_quality.aggregation.beside_classifier import judge
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.convert import classifier as convert
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.labels import answers, gold, repeats, repeats_number
from labelmill_quality.convert.planning import predictions as predicted
from labelmill_quality.convert.resources import consensus_labels, labeler
from labelmill_quality.labelers import consensus_confusions
from labelmill_quality.labels import gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.predictions import prediction_table
from labelmill_quality.report import labeler_scores


def score_with_classifier(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreWithClassifier."""
    request = pb.ScoreWithClassifierRequest.FromString(body)
    rows, policy = answers(request.labels), repeats(request.repeat_policy)
    gold_items, gold_classes = gold(request.gold)
    named = {share.class_name for row in request.predictions for share in row.distribution}
    classes = list(request.class_names) or sorted({*rows.classes, *gold_classes, *named})
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=classes, repeats=policy)
    require_room(table, cell_limit)
    anchors = gold_codes(table.items, gold_items, gold_classes, classes) if gold_items else None
    predictions = prediction_table(table.items, classes, predicted(request.predictions))
    judged = judge(convert.method_name(request.method), table, predictions, anchors)
    consensus = judged.consensus
    scores = labeler_scores(table, consensus, consensus_confusions(table, consensus.posterior), None)
    response = pb.ScoreWithClassifierResponse(
        labels=consensus_labels(ConsensusLabels.of(table, consensus), table.classes),
        label_scores=convert.label_scores(table, judged),
        labelers=[labeler(score, table.classes) for score in scores],
        classifier_agreement=estimate(judged.classifier_agreement(predictions, anchors)),
        trust=convert.trust(judged.trust),
        method=convert.method_number(consensus.method),
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
        temperature=judged.temperature,
        calibration_count=judged.calibrated_on,
        repeat_policy=repeats_number(policy),
        repeated_label_count=len(rows) - table.answer_count,
    )
    return response.SerializeToString()
