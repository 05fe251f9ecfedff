"""A project and its quality plan. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from labelmill_annotation.errors import EtagMismatch, UpdateMaskInvalid

DEFAULT_LEASE_MS = 10 * 60 * 1000
PLAN_FIELDS = ("labels_per_asset", "overlap_share", "benchmark_share", "lease_duration", "show_predictions")
CHANGEABLE = ("display_name", "ontology", "quality_plan")


@dataclass(frozen=True, slots=True)
class QualityPlan:
    """How labels are bought and checked; see labelmill.annotation.v1.QualityPlan."""

    labels_per_asset: int = 1
    overlap_share: float = 1.0
    benchmark_share: float = 0.0
    lease_duration: int = DEFAULT_LEASE_MS
    """Milliseconds."""
    show_predictions: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """A labelling effort."""

    id: str
    display_name: str
    ontology_version: int
    plan: QualityPlan
    secret: bytes
    """Keys the project's hashes and lease tokens; never leaves the service."""
    revision: int
    create_ms: int
    update_ms: int

    @property
    def name(self) -> str:
        """The resource name."""
        return f"projects/{self.id}"

    @property
    def etag(self) -> str:
        """Changes with every update."""
        return hashlib.blake2b(f"{self.id}\0{self.revision}".encode(), digest_size=8, key=self.secret).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """What an update asks for; None leaves a thing as it is."""

    display_name: str | None
    ontology: bytes | None
    plan: QualityPlan | None


def changed_parts(
    mask: Sequence[str], current: Project, display_name: str, ontology: bytes, plan: QualityPlan
) -> Change:
    """What a mask picks from an update; no mask at all means everything.

    Raises:
        UpdateMaskInvalid: UPDATE_MASK_INVALID for a path that cannot be changed.
    """
    paths = set(mask) or set(CHANGEABLE)
    if paths == {"*"}:
        paths = set(CHANGEABLE)
    fields = {path for path in paths if path.partition(".")[0] == "quality_plan" and path != "quality_plan"}
    names = {path.partition(".")[2] for path in fields}
    unknown = [*(paths - fields - set(CHANGEABLE)), *(names - set(PLAN_FIELDS))]
    if unknown:
        raise UpdateMaskInvalid(unknown)
    partly = replace(current.plan, **{name: getattr(plan, name) for name in names}) if names else None
    return Change(
        display_name=display_name if "display_name" in paths else None,
        ontology=ontology if "ontology" in paths else None,
        plan=plan if "quality_plan" in paths else partly,
    )


def updated(current: Project, change: Change, etag: str, *, new_ontology: bool, now_ms: int) -> Project:
    """The project after a change.

    Raises:
        EtagMismatch: ETAG_MISMATCH if the change is based on another revision.
    """
    if etag and etag != current.etag:
        raise EtagMismatch
    return replace(
        current,
        display_name=current.display_name if change.display_name is None else change.display_name,
        plan=change.plan or current.plan,
        ontology_version=current.ontology_version + int(new_ontology),
        revision=current.revision + 1,
        update_ms=now_ms,
    )
