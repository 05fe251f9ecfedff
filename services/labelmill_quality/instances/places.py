"""Outlines and lines as many places, each measured by every member of its object. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.measurements import Located, Measurements, locate

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def member_rows(clusters: Clusters) -> Iterator[Integers]:
    """The rows of every cluster."""
    for begin, end in zip(clusters.starts[:-1].tolist(), clusters.starts[1:].tolist(), strict=True):
        yield clusters.members[begin:end]


def locate_places(
    blocks: Sequence[Floats], clusters: Clusters, labelers: Integers, labeler_count: int, *, weighted: bool
) -> tuple[Located, list[slice]]:
    """`locate` for places of one size, and which of them are each cluster's.

    Args:
        blocks: For each cluster (places, members, coordinates).
        clusters: Of rows.
        labelers: (rows,).
        labeler_count: How many there are.
        weighted: See `locate`.
    """
    counts = np.array([len(block) for block in blocks], np.int64)
    starts = np.concatenate([[0], np.cumsum(np.repeat(clusters.sizes, counts))]).astype(np.int64)
    who = [np.tile(labelers[rows], count) for rows, count in zip(member_rows(clusters), counts.tolist(), strict=True)]
    coordinates = blocks[0].shape[2]
    values = np.concatenate([block.reshape(-1, coordinates) for block in blocks])
    scale = np.ones((len(starts) - 1, coordinates))
    located = locate(Measurements(starts, np.concatenate(who), values, scale, labeler_count), weighted=weighted)
    ends = np.cumsum(counts)
    return located, [slice(begin, end) for begin, end in zip((ends - counts).tolist(), ends.tolist(), strict=True)]
