"""Who saw which item, and who drew which cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.existence import Looks, Views

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """(item, labeler) pairs, ordered by item, then labeler."""

    items: Sequence[str]
    labelers: Sequence[str]
    item_codes: Integers
    labeler_codes: Integers

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Seen:
        """From (item, labeler) pairs, in any order and any number of times."""
        known = sorted(set(pairs))
        items = sorted({item for item, _ in known})
        labelers = sorted({labeler for _, labeler in known})
        item_of = {item: code for code, item in enumerate(items)}
        labeler_of = {labeler: code for code, labeler in enumerate(labelers)}
        return cls(
            items,
            labelers,
            np.array([item_of[item] for item, _ in known], np.int64),
            np.array([labeler_of[labeler] for _, labeler in known], np.int64),
        )

    @property
    def per_labeler(self) -> Integers:
        """(labelers,): items seen."""
        return np.bincount(self.labeler_codes, minlength=len(self.labelers))

    def views(self, complete: Flags) -> Views:
        """For `infer_existence`."""
        return Views(self.item_codes, self.labeler_codes, len(self.items), complete)

    def looks(self, item_of_cluster: Integers, clusters: Clusters, labeler_of_row: Integers) -> Looks:
        """Every labeler who saw a cluster's item, and whether they drew the cluster.

        Args:
            item_of_cluster: (objects,): may be longer than the clusters; those beyond them nobody drew.
            clusters: Of rows.
            labeler_of_row: (rows,).
        """
        starts = np.searchsorted(self.item_codes, np.arange(len(self.items) + 1))
        sizes = np.diff(starts)[item_of_cluster]
        which = np.repeat(np.arange(len(item_of_cluster)), sizes)
        within = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        labelers = self.labeler_codes[starts[item_of_cluster][which] + within]
        count = len(self.labelers)
        drawn = clusters.cluster_of_member * count + labeler_of_row[clusters.members]
        drew = np.isin(which * count + labelers, drawn)
        return Looks(which, labelers, drew, len(item_of_cluster), count)
