"""One mask from several, on run lengths. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, LabelerPixels, Weighting
from labelmill_quality.instances.staple import NAME, Staple, Votes, staple
from labelmill_quality.instances.tally import tally
from labelmill_quality.shapes.run_lengths import MaskBatch, majority
from labelmill_quality.shapes.values import ImageSize, Mask

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def fuse_masks(
    shapes: Sequence[Mask],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
) -> Fused:
    """Masks of the pixels that are rather the object's than not, by `staple` within the box around all members.

    Labelers are as sensitive and as specific everywhere: what is learned about them on all objects together decides
    about each. With `Weighting.EQUAL`: the pixels that more than half of the members hold.

    Args:
        shapes: All instances.
        labelers: (instances,): who painted them.
        labeler_count: How many there are.
        clusters: Which of them are one object.
        weighting: What members count.
    """
    bounds = zip(clusters.starts[:-1].tolist(), clusters.starts[1:].tolist(), strict=True)
    groups = [[shapes[row] for row in clusters.members[begin:end].tolist()] for begin, end in bounds]
    if weighting is Weighting.EQUAL:
        return Fused(
            [majority(group) for group in groups], np.full((len(groups), 1), np.nan), ("area_px",), "mask_majority"
        )
    overlays = [_Overlay.of(group) for group in groups]
    votes = _votes(overlays, labelers, clusters, labeler_count)
    found = staple(votes)
    fused, spreads, begin = [], np.empty((len(groups), 1)), 0
    for cluster, (group, laid) in enumerate(zip(groups, overlays, strict=True)):
        posterior = found.posterior[begin : begin + len(laid.patterns)]
        begin += len(laid.patterns)
        # Pixels of one pattern are right or wrong together: their uncertainty does not average out.
        spreads[cluster] = np.sqrt((laid.pixels**2 * posterior * (1 - posterior)).sum())
        fused.append(laid.mask(posterior > 0.5, group[0]))
    return Fused(fused, spreads, ("area_px",), f"mask_{NAME}", pixels=_pixels(found))


@dataclass(frozen=True)
class _Overlay:
    """The members of a cluster on top of one another."""

    lengths: Integers
    """(stretches,): pixels of each stretch of pixels that the same members hold, in the order of the image."""
    pattern_of: Integers
    """(stretches,): which pattern."""
    patterns: npt.NDArray[np.bool_]
    """(patterns, members): who holds the pixels; the pattern of nobody is always among them."""
    pixels: Floats
    """(patterns,): how many, those that nobody holds only within the box around all members."""
    size: ImageSize

    @classmethod
    def of(cls, masks: Sequence[Mask]) -> _Overlay:
        from labelmill_quality.instances import overlay

        batch = MaskBatch.of(masks)
        lengths, marks = overlay.stretches(batch.counts, batch.offsets)
        patterns, pattern_of = _distinct(marks)
        pixels = tally(pattern_of, lengths, len(patterns))
        left, top = batch.bounds[:, :2].min(axis=0)
        right, bottom = batch.bounds[:, 2:].max(axis=0)
        pixels[~patterns.any(axis=1)] -= batch.size.pixels - (right - left) * (bottom - top)
        return cls(lengths, pattern_of, patterns, pixels, batch.size)

    def mask(self, held: npt.NDArray[np.bool_], first: Mask) -> Mask:
        """The pixels of the patterns that are held; the first member's where that is nothing."""
        held = held & self.patterns.any(axis=1)
        inside = held[self.pattern_of]
        if not (self.lengths[inside] > 0).any():
            return first
        turns = np.flatnonzero(np.diff(inside)) + 1
        runs = np.add.reduceat(self.lengths, np.concatenate([[0], turns]))
        if inside[0]:
            runs = np.concatenate([[0], runs])
        return Mask(runs.astype(np.uint32), self.size)


def _distinct(marks: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], Integers]:
    """The patterns, that of nobody first, and which one each row is."""
    members = marks.shape[1]
    words = np.packbits(marks, axis=1, bitorder="little")
    words = np.pad(words, ((1, 0), (0, -words.shape[1] % 8))).view(np.uint64)  # the row in front: the pattern of nobody
    key = words[:, 0] if words.shape[1] == 1 else np.unique(words, axis=0, return_inverse=True)[1].ravel()
    _, first, pattern_of = np.unique(key, return_index=True, return_inverse=True)
    patterns = np.concatenate([np.zeros((1, members), np.bool_), marks])[first]
    return patterns, pattern_of[1:]


def _votes(overlays: Sequence[_Overlay], labelers: Integers, clusters: Clusters, labeler_count: int) -> Votes:
    pattern_count = [len(laid.patterns) for laid in overlays]
    starts = np.concatenate([[0], np.cumsum(pattern_count)])
    who, said, which = [], [], []
    for cluster, laid in enumerate(overlays):
        members = labelers[clusters.members[clusters.starts[cluster] : clusters.starts[cluster + 1]]]
        who.append(np.tile(members, len(laid.patterns)))
        said.append(laid.patterns.ravel())
        which.append(np.repeat(np.arange(starts[cluster], starts[cluster + 1]), len(members)))
    return Votes(
        image=np.repeat(np.arange(len(overlays)), pattern_count),
        pixels=np.concatenate([laid.pixels for laid in overlays]),
        entry=np.concatenate(which),
        labeler=np.concatenate(who).astype(np.int64),
        said=np.concatenate(said),
        labeler_count=labeler_count,
    )


def _pixels(found: Staple) -> LabelerPixels:
    return LabelerPixels(found.sensitivity, found.specificity, found.object_pixels, found.other_pixels)
