"""One span of text, or one segment of time, from several. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.boundaries import NAME as BOUNDARIES
from labelmill_quality.instances.boundaries import infer_boundaries
from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, LabelerGeometry, Weighting, geometry_of, same_as_first
from labelmill_quality.instances.measurements import NAME, Measurements, locate
from labelmill_quality.shapes.values import TextSpan, TimeSegment

Integers = npt.NDArray[np.int64]

_TEXT = ("start_code_points", "end_code_points")
_TIME = ("start_ms", "end_ms")


def fuse_spans(
    shapes: Sequence[TextSpan],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
) -> Fused:
    """Spans whose ends are the likeliest of those that a member gave, by `infer_boundaries`: never one that nobody
    gave.

    Where the likeliest start does not lie before the likeliest end, the member whose two ends are likeliest together is
    taken.
    """
    rows = clusters.members
    ends = np.array([(shapes[row].start, shapes[row].end) for row in rows], np.int64).reshape(-1, 2)
    results = [
        infer_boundaries(
            ends[:, side], labelers[rows], labeler_count, clusters, learned=weighting is Weighting.RELIABILITY
        )
        for side in (0, 1)
    ]
    fused = []
    for cluster, (begin, end) in enumerate(
        zip(clusters.starts[:-1].tolist(), clusters.starts[1:].tolist(), strict=True)
    ):
        start, stop = (int(result.boundary[cluster]) for result in results)
        if start >= stop:
            member = begin + int(np.argmax(results[0].support[begin:end] * results[1].support[begin:end]))
            start, stop = ends[member].tolist()
        fused.append(TextSpan(start, stop))
    figures = [
        LabelerGeometry(name, result.bias, result.labeler_spread, result.counts)
        for name, result in zip(_TEXT, results, strict=True)
    ]
    spreads = np.column_stack([result.spread for result in results])
    return Fused(fused, spreads, _TEXT, f"span_{BOUNDARIES}", figures)


def fuse_segments(
    shapes: Sequence[TimeSegment],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
    gold: Sequence[TimeSegment | None] | None = None,
) -> Fused:
    """Segments whose ends are inferred by `locate`, in milliseconds."""
    members = [shapes[row] for row in clusters.members]
    values = np.array([(segment.start_ms, segment.end_ms) for segment in members]).reshape(-1, 2)
    scale = np.ones((len(clusters), 2))
    known = None
    if gold is not None:
        nowhere = (np.nan, np.nan)
        known = np.array([nowhere if true is None else (true.start_ms, true.end_ms) for true in gold]).reshape(-1, 2)
    data = Measurements(clusters.starts, labelers[clusters.members], values, scale, labeler_count, known)
    located = locate(data, weighted=weighting is Weighting.RELIABILITY)
    same = same_as_first(values, clusters.starts, located.values)
    fused = []
    for start, equal, (begin_ms, end_ms) in zip(clusters.starts[:-1], same, located.values.tolist(), strict=True):
        first = members[start]
        if equal or begin_ms >= end_ms:
            fused.append(first)
        else:
            fused.append(TimeSegment(max(0.0, begin_ms), end_ms, first.channel))
    return Fused(fused, located.spread, _TIME, f"segment_{NAME}", geometry_of(located, _TIME))
