"""Which kinds of shapes there are, and what each needs: one line each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from labelmill_quality.errors import InvalidAnnotation, MixedShapes
from labelmill_quality.instances.boxes import fuse_boxes
from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.drawn import Drawn
from labelmill_quality.instances.fusion import Fused, Weighting
from labelmill_quality.instances.keypoints import fuse_keypoints
from labelmill_quality.instances.masks import fuse_masks
from labelmill_quality.instances.polygons import fuse_polygons
from labelmill_quality.instances.polylines import fuse_polylines
from labelmill_quality.instances.stretches import fuse_segments, fuse_spans
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Box, Keypoints, Mask, Polygon, Polyline, TextSpan, TimeSegment

Fuse = Callable[[Sequence[Any], Any, int, Clusters, Weighting], Fused]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of shape is treated."""

    shape: type
    threshold: float
    """Similarity above which two instances are rather one object than two; CVAT's 0.4 for areas, less where one pixel
    more or less counts for more."""
    fuse: Fuse


KINDS = (
    Kind(Box, 0.4, fuse_boxes),
    Kind(Polygon, 0.4, fuse_polygons),
    Kind(Polyline, 0.2, fuse_polylines),
    Kind(Keypoints, 0.3, fuse_keypoints),
    Kind(Mask, 0.4, fuse_masks),
    Kind(TextSpan, 0.3, fuse_spans),
    Kind(TimeSegment, 0.3, fuse_segments),
)


def kind_of(feature: str, instances: Sequence[Instance]) -> Kind:
    """The kind of all shapes of a feature.

    Raises:
        MixedShapes: They are of several kinds.
        InvalidAnnotation: Masks of one item have different sizes.
    """
    shape = type(instances[0].shape)
    for instance in instances:
        if type(instance.shape) is not shape:
            raise MixedShapes(feature, f"annotations[{instance.index}]")
    if shape is Mask:
        _require_one_size(instances)
    return next(kind for kind in KINDS if kind.shape is shape)


def fused(
    kind: Kind,
    drawn: Drawn,
    clusters: Clusters,
    weighting: Weighting,
    *,
    oriented: bool = False,
    gold: Sequence[Any] | None = None,
) -> Fused:
    """The shapes of all clusters.

    Args:
        kind: Of all shapes.
        drawn: The instances.
        clusters: Of them.
        weighting: What members count.
        oriented: The direction in which lines are drawn means something.
        gold: The true shape of each cluster where it is known; of boxes and segments it shows biases that all labelers
            share.
    """
    fuse = kind.fuse
    if kind.shape is Polyline:
        fuse = partial(fuse_polylines, oriented=oriented)
    elif kind.shape is Box:
        fuse = partial(fuse_boxes, gold=gold)
    elif kind.shape is TimeSegment:
        fuse = partial(fuse_segments, gold=gold)
    return fuse(drawn.shapes, drawn.labeler_codes, len(drawn.labelers), clusters, weighting)


def _require_one_size(instances: Sequence[Instance]) -> None:
    sizes: dict[str, object] = {}
    for instance in instances:
        if (
            isinstance(instance.shape, Mask)
            and sizes.setdefault(instance.item, instance.shape.size) != instance.shape.size
        ):
            raise InvalidAnnotation(
                f"annotations[{instance.index}].mask.image_size", "must be that of the item's other masks"
            )
