"""Answers PlanLabels."""

from __future__ import annotations

import numpy as np

from labelmill.quality.v1 import planning_service_pb2 as pb
from labelmill_quality.convert import planning as convert
from labelmill_quality.convert.labels import answers, gold, repeats
from labelmill_quality.encoding import look_up
from labelmill_quality.errors import UnknownLabeler
from labelmill_quality.labels import NO_GOLD, LabelTable, gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.planning.belief import believe
from labelmill_quality.planning.budget import allocate
from labelmill_quality.planning.plan import make_plan
from labelmill_quality.predictions import prediction_table


def plan_labels(body: bytes, cell_limit: int) -> bytes:
    """Answers PlanLabels."""
    request = pb.PlanLabelsRequest.FromString(body)
    rows = answers(request.labels)
    gold_items, gold_classes = gold(request.gold)
    named = {share.class_name for row in request.predictions for share in row.distribution}
    classes = list(request.class_names) or sorted({*rows.classes, *gold_classes, *named})
    table = make_table(
        rows.items, rows.labelers, rows.classes, class_names=classes, repeats=repeats(request.repeat_policy)
    )
    require_room(table, cell_limit)
    anchors = gold_codes(table.items, gold_items, gold_classes, classes) if gold_items else None
    predicted = convert.predictions(request.predictions)
    predictions = prediction_table(table.items, classes, predicted) if request.predictions else None
    belief = believe(table, anchors, predictions, _labeler(table, request.labeler))
    options, counts = convert.options(request), table.labels_per_item
    known = None if anchors is None else anchors != NO_GOLD
    plan = make_plan(belief.posterior, counts, belief.confusion, known, options)
    allocation = None
    if request.budget:
        rooms = np.maximum(options.most_labels - counts, 0)
        rooms = rooms if known is None else np.where(known, 0, rooms)
        allocation = allocate(belief.posterior, belief.confusion, request.budget, rooms)
    return convert.answer(request, table, belief, plan, allocation).SerializeToString()


def _labeler(table: LabelTable, name: str) -> int | None:
    """The code of a labeler; None for nobody in particular."""
    if not name:
        return None
    code = int(look_up([name], table.labelers)[0])
    if code < 0:
        raise UnknownLabeler
    return code
