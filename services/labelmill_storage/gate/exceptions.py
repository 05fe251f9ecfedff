"""The other way into CLEAN: a privacy officer lets RAW contents in as they are, and the audit log says who and why.

An exception and receipts: an asset that is CLEAN already is refused, so an exception never replaces anonymized content
by raw one. A receipt that was made after the exception replaces it, since anonymized content is what everybody wants
in the end. One that was made before is refused as superseded: the officer decided later than it, and annotators must
not find other content under their labels because a message came late. Who wants it all the same anonymizes anew. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from labelmill_runtime.errors import FailedPrecondition, InvalidArgument, LabelmillError
from labelmill_storage.assets import Asset, AssetNotFound, Content, Recorded, Zone, asset_name
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.gate.zones import ContentRemoved


class AlreadyClean(FailedPrecondition):
    """An asset that is CLEAN: there is nothing to make an exception for."""

    def __init__(self, name: str) -> None:
        super().__init__("ALREADY_CLEAN", "The asset is CLEAN already.", resource=("labelmill.io/Asset", name))


@dataclass(frozen=True, slots=True)
class Copied:
    """A RAW content that lies in CLEAN, too, and is not recorded there yet."""

    asset_id: str
    clean: Content


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of the assets of an exception."""

    outcomes: dict[str, Recorded | LabelmillError]
    """By asset id."""
    new: list[Copied]
    """Those that are admitted."""

    @property
    def admitted(self) -> list[Asset]:
        """They, afterwards."""
        found = [self.outcomes[copied.asset_id] for copied in self.new]
        return [outcome.asset for outcome in found if isinstance(outcome, Recorded)]


def check_reason(reason: str) -> None:
    """Refuses what PostgreSQL cannot keep."""
    if "\0" in reason:
        problem = {"reason": "must not hold NUL"}
        raise InvalidArgument("INVALID_TEXT", "reason holds a NUL character.", fields=problem)


def exception_name(project: str, exception_id: str) -> str:
    """The resource name of an exception."""
    return f"projects/{project}/exceptions/{exception_id}"


def admissible(asset: Asset | None, name: str) -> Asset:
    """The asset, if an exception may admit it."""
    if asset is None:
        raise AssetNotFound(name)
    if asset.zone is Zone.CLEAN:
        raise AlreadyClean(name)
    if asset.raw.removed_time is not None:
        raise ContentRemoved(name)
    return asset


def judge(
    exception: str,
    copies: Sequence[Copied],
    assets: Mapping[str, Asset],
    now: datetime,
    now_us: int,
    beyond: Mapping[str, LabelmillError] = MappingProxyType({}),
) -> Judged:
    """Admits what can be admitted.

    Args:
        exception: Its name.
        copies: Contents in their place, one an asset.
        assets: As they are now, by id.
        now: The time of the exception.
        now_us: The same in microseconds since 1970; receipts made earlier no longer count.
        beyond: Assets, by id, that are refused for another reason.
    """
    judged = Judged({}, [])
    project = exception.split("/")[1]
    for copied in copies:
        try:
            if copied.asset_id in beyond:
                raise beyond[copied.asset_id]
            asset = admissible(assets.get(copied.asset_id), asset_name(project, copied.asset_id))
        except LabelmillError as error:
            judged.outcomes[copied.asset_id] = error
            continue
        admitted = replace(
            asset,
            clean=copied.clean,
            receipt="",
            exception=exception,
            receipt_time_us=max(asset.receipt_time_us, now_us),
            update_time=now,
        )
        judged.outcomes[asset.id] = Recorded(admitted, already_existed=False)
        judged.new.append(copied)
    return judged


def audit_record(asset: Asset, reason: str) -> AuditRecord:
    """What the audit log says about an asset that an exception admitted."""
    sha256 = asset.raw.sha256
    details = {"exception": asset.exception, "reason": reason, "raw_sha256": sha256, "clean_sha256": sha256}
    return AuditRecord("asset.admitted_by_exception", asset.name, details)
