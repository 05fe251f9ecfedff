"""Figures as rows, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa

from labelmill_quality.live.answers import Said
from labelmill_quality.live.ports import Watch
from labelmill_quality.live.state import Floats, LiveFeature, LiveItem, LiveLabeler

_DOUBLE = np.dtype("<f8")


def watch(row: sa.Row[Any]) -> Watch:
    """How far a project is."""
    return Watch(row.project, row.revision, row.start_ms, row.token, row.change_ms, row.due_ms)


def feature_row(feature: LiveFeature) -> Mapping[str, Any]:
    """A feature's columns."""
    return {
        "feature": feature.feature,
        "kind": feature.kind,
        "class_names": json.dumps(feature.class_names),
        "class_counts": _bytes(feature.class_counts),
        "labels_since_refit": feature.labels_since_refit,
        "last_refit": feature.last_refit,
    }


def feature(row: sa.Row[Any]) -> LiveFeature:
    """A feature."""
    return LiveFeature(
        row.feature,
        row.kind,
        tuple(json.loads(row.class_names)),
        _floats(row.class_counts),
        row.labels_since_refit,
        bytes(row.last_refit),
    )


def labeler_row(feature_name: str, labeler: LiveLabeler) -> Mapping[str, Any]:
    """A labeler's columns."""
    return {
        "feature": feature_name,
        "labeler": labeler.labeler,
        "label_count": labeler.label_count,
        "agreed_count": labeler.agreed_count,
        "compared_count": labeler.compared_count,
        "right_count": labeler.right_count,
        "gold_count": labeler.gold_count,
        "counts": _bytes(labeler.counts),
    }


def labeler(row: sa.Row[Any]) -> LiveLabeler:
    """A labeler."""
    counts = _floats(row.counts)
    side = math.isqrt(len(counts))
    return LiveLabeler(
        row.labeler,
        row.label_count,
        row.agreed_count,
        row.compared_count,
        row.right_count,
        row.gold_count,
        counts.reshape(side, side),
    )


def item_row(feature_name: str, item: LiveItem) -> Mapping[str, Any]:
    """An item's columns."""
    said = [
        [each.annotation, each.version, each.labeler, each.benchmark, each.value, each.time_ms] for each in item.said
    ]
    return {
        "feature": feature_name,
        "item": item.item,
        "said": json.dumps(said, separators=(",", ":")),
        "gold": item.gold,
        "posterior": _bytes(item.posterior),
        "agreed": json.dumps(dict(item.agreed), separators=(",", ":")),
        "label_count": item.label_count,
        "disagreement": item.disagreement,
        "uncertainty": item.uncertainty,
        "tally": item.tally,
    }


def item(row: sa.Row[Any]) -> LiveItem:
    """An item."""
    return LiveItem(
        row.item,
        tuple(Said(*said) for said in json.loads(row.said)),
        row.gold,
        _floats(row.posterior),
        json.loads(row.agreed),
        row.label_count,
        row.disagreement,
        row.uncertainty,
        row.tally,
    )


def _bytes(numbers: Floats) -> bytes:
    return numbers.astype(_DOUBLE).tobytes()


def _floats(data: bytes) -> Floats:
    return np.frombuffer(data, _DOUBLE).astype(np.float64)
