"""How many labels an asset gets. Pure."""

from __future__ import annotations

from labelmill_annotation import keyed
from labelmill_annotation.projects import Project


def labels_for(project: Project, asset: str) -> int:
    """The plan's labels for an asset that falls into the overlap, otherwise one.

    Whether it falls into it is a keyed hash of the asset: a share of all assets does, the same ones every time, and
    nobody outside can tell which.
    """
    plan = project.plan
    in_overlap = keyed.fraction(project.secret, "overlap", asset) < plan.overlap_share
    return plan.labels_per_asset if in_overlap else 1
