"""The only way into CLEAN: what a receipt must prove. Pure; the signature itself is checked through a port."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError, PermissionDenied
from labelmill_storage.assets import Asset, AssetNotFound, Content, Recorded, asset_name
from labelmill_storage.gate.audit import AuditRecord

RECEIPT_NAME = "projects/{project}/receipts/{receipt}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it came in."""

    name: str
    asset: str
    raw_sha256: str
    clean_sha256: str
    policy: str
    """projects/{project}/policies/{policy}@{version}."""
    create_time_us: int
    signing_key_id: str
    signature: bytes
    signed: bytes
    """The bytes under the signature."""
    body: bytes
    """The whole receipt, kept as proof."""

    @property
    def id(self) -> str:
        """The last segment of the name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Admission:
    """A receipt that was checked, and the clean content that it admits."""

    receipt: Receipt
    asset_id: str
    clean: Content


class ReceiptRejected(PermissionDenied):
    """A receipt that does not prove what it must.

    `check` says which test failed: name, asset, unknown_key, signature, raw_sha256, clean_sha256, receipt_reused,
    superseded.
    """

    def __init__(self, check: str, message: str) -> None:
        super().__init__("RECEIPT_REJECTED", message, metadata={"check": check})
        self.check = check


def check_names(receipt: Receipt, project: str) -> str:
    """The id of the asset that a receipt names; receipt and asset must belong to the project."""
    try:
        mine = names.parse(RECEIPT_NAME, receipt.name)["project"] == project
    except LabelmillError:
        mine = False
    if not mine:
        raise ReceiptRejected("name", "The receipt is not one of this project.")
    asset_id = receipt.asset.rpartition("/")[2]
    if not asset_id or receipt.asset != asset_name(project, asset_id):
        raise ReceiptRejected("asset", "The receipt is for an asset of another project.")
    return asset_id


def check_signature(holds: bool | None) -> None:
    """Judges what the trusted keys say about a signature: None stands for a key that is not trusted."""
    if holds is None:
        raise ReceiptRejected("unknown_key", "The receipt was signed by a key that storage does not trust.")
    if not holds:
        raise ReceiptRejected("signature", "The receipt's signature does not fit the receipt.")


def check_hashes(receipt: Receipt, asset: Asset, clean: Content) -> None:
    """The receipt must be about exactly this raw and this clean content."""
    if receipt.raw_sha256 != asset.raw.sha256:
        raise ReceiptRejected("raw_sha256", "The receipt is for another raw content than the asset's.")
    if receipt.clean_sha256 != clean.sha256:
        raise ReceiptRejected("clean_sha256", "The receipt is for another clean content than the one sent.")


def is_recorded(receipt: Receipt, asset: Asset, recorded_body: bytes | None) -> bool:
    """Whether this very receipt was admitted before; if not, it must be new and not older than the asset's.

    Args:
        receipt: The receipt at the door.
        asset: As it is now.
        recorded_body: The receipt that is kept under the same name; None if there is none.
    """
    if recorded_body is not None:
        if recorded_body != receipt.body:
            raise ReceiptRejected("receipt_reused", "Another receipt of this name was admitted already.")
        return True
    if receipt.create_time_us < asset.receipt_time_us:
        # An old receipt must not bring back what a later one replaced.
        raise ReceiptRejected("superseded", "A later receipt or exception has admitted this asset already.")
    return False


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a batch of admissions."""

    outcomes: list[Recorded | LabelmillError]
    """One an admission, in order."""
    new: list[Admission]
    """Those that change something."""
    assets: dict[str, Asset]
    """The assets afterwards."""


def judge(
    admissions: Sequence[Admission],
    assets: Mapping[str, Asset],
    recorded_bodies: Mapping[str, bytes],
    now: datetime,
    beyond: Mapping[int, LabelmillError] = MappingProxyType({}),
) -> Judged:
    """Admits one after the other.

    Args:
        admissions: Checked receipts and their contents.
        assets: As they are now, by id.
        recorded_bodies: The receipts that were admitted before, by id.
        now: The time of the admissions.
        beyond: Admissions, by identity, that are refused for another reason.
    """
    judged = Judged([], [], dict(assets))
    bodies = dict(recorded_bodies)
    for admission in admissions:
        receipt = admission.receipt
        try:
            if id(admission) in beyond:
                raise beyond[id(admission)]
            asset = judged.assets.get(admission.asset_id)
            if asset is None:
                raise AssetNotFound(receipt.asset)
            already = is_recorded(receipt, asset, bodies.get(receipt.id))
        except LabelmillError as error:
            judged.outcomes.append(error)
            continue
        if not already:
            asset = judged.assets[asset.id] = admitted(asset, admission, now)
            bodies[receipt.id] = receipt.body
            judged.new.append(admission)
        judged.outcomes.append(Recorded(asset, already))
    return judged


def audit_record(admission: Admission) -> AuditRecord:
    """What the audit log says about an admission."""
    receipt = admission.receipt
    details = {
        "raw_sha256": receipt.raw_sha256,
        "clean_sha256": receipt.clean_sha256,
        "receipt": receipt.name,
        "receipt_sha256": hashlib.sha256(receipt.body).hexdigest(),
        "policy": receipt.policy,
    }
    return AuditRecord("asset.admitted", receipt.asset, details)


def admitted(asset: Asset, admission: Admission, now: datetime) -> Asset:
    """The asset after an admission."""
    receipt = admission.receipt
    return replace(
        asset,
        clean=admission.clean,
        receipt=receipt.name,
        exception="",
        receipt_time_us=receipt.create_time_us,
        update_time=now,
    )
