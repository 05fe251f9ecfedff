"""Answers AnalyzeLabelers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import labelers_service_pb2 as pb
from labelmill_quality.convert import labelers as convert
from labelmill_quality.convert.labels import answers, gold
from labelmill_quality.convert.resources import method_name
from labelmill_quality.encoding import encode
from labelmill_quality.labelers.analysis import Plan, analyze
from labelmill_quality.labels import Codes, LabelTable, gold_codes, make_table
from labelmill_quality.limits import require_room, require_room_to_compare

_DEFAULT = Plan()
_LISTED = 100


def analyze_labelers(body: bytes, cell_limit: int) -> bytes:
    """Answers AnalyzeLabelers."""
    request = pb.AnalyzeLabelersRequest.FromString(body)
    rows = answers(request.labels)
    gold_items, gold_classes = gold(request.gold)
    classes = list(request.class_names) or sorted({*rows.classes, *gold_classes})
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=classes)
    require_room(table, cell_limit)
    require_room_to_compare(table, cell_limit, squares=False, pairs=True)
    method = method_name(request.method)
    plan = Plan(
        method,
        request.bootstrap_count or _DEFAULT.replicates,
        request.seed,
        request.min_pair_item_count or _DEFAULT.min_pair_items,
        _LISTED,
    )
    known = gold_codes(table.items, gold_items, gold_classes, classes) if gold_items else None
    milliseconds, task_types = _times(request, table)
    found = analyze(table, known, milliseconds, plan, task_types)
    response = convert.analysis(found, method, items=request.item_count or _LISTED, pairs=request.pair_count or _LISTED)
    return response.SerializeToString()


def _times(request: pb.AnalyzeLabelersRequest, table: LabelTable) -> tuple[npt.NDArray[np.float64], Codes]:
    """How long each of the table's labels took, and for what kind of task: the last answer counts, as in the table."""
    rows = {(row.item, row.labeler): row for row in request.labels}
    codes = zip(table.item_codes.tolist(), table.labeler_codes.tolist(), strict=True)
    kept = [rows[table.items[item], table.labelers[labeler]] for item, labeler in codes]
    times = [float(row.time_spent_ms) if row.HasField("time_spent_ms") else np.nan for row in kept]
    return np.array(times), encode([row.task_type for row in kept])[1]
