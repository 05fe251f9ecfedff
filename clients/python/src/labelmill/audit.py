"""The audit log of storage: what an entry's hash covers, what a head's signature covers, and whether a log is whole.

An auditor who trusts nobody keeps two things outside of Labelmill: storage's public audit key, and a head of last time.

    from labelmill.audit import verify

    report = verify(entries, project="demo", head=head, public_keys=[public_key], known_heads=[kept])
    assert report.intact, report.findings

Each entry holds the hash of the one before, so whoever alters, removes, inserts or moves one must write all later ones
anew; those no longer lead to the heads that were signed and kept elsewhere. `labelmill audit verify` does all this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from labelmill.receipts import key_id, verify_bytes
from labelmill.storage.v1.audit_service_pb2 import AuditEntry, AuditHead

GENESIS = "0" * 64
"""The previous_hash of a project's first entry, and the hash of an empty log."""
HEAD_DOMAIN = b"labelmill-audit-head-v1\0"
"""Stands before every signed head, so that no signature made for something else fits."""

_ENTRY_DOMAIN = b"labelmill-audit-v1\0"
_MOST_FINDINGS = 100
ADMISSIONS = frozenset({"asset.admitted", "asset.admitted_by_exception"})
"""The actions by which an asset becomes CLEAN."""


class Problem(StrEnum):
    """What can be wrong with a log."""

    ENTRY_ALTERED = "ENTRY_ALTERED"
    """The entry does not have the hash that it claims."""
    SEQUENCE_BROKEN = "SEQUENCE_BROKEN"
    """Entries are missing before this one, or it is not in its place."""
    LINK_BROKEN = "LINK_BROKEN"
    """The entry does not follow the one before it: that one was replaced, or something was inserted or removed."""
    HEAD_DIFFERS = "HEAD_DIFFERS"
    """The log does not end where its head says."""
    CUT_OFF = "CUT_OFF"
    """A head that was signed earlier lies beyond the end of the log: its last entries are gone."""
    REWRITTEN = "REWRITTEN"
    """A head that was signed earlier has another hash at this entry: it or one before was written anew."""
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    """A head's signature does not fit, or was made with a key that is not expected."""
    MIGRATED_LATE = "MIGRATED_LATE"
    """An entry claims to be about the time before the log existed, but others stand before it."""
    NOT_ADMITTED = "NOT_ADMITTED"
    """An asset is CLEAN with a content that no entry of the log admitted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    problem: Problem
    message: str
    sequence: int | None = None
    """The entry at which it shows."""
    resource: str = ""
    """The asset, where it is about one."""


@dataclass(slots=True)
class Report:
    """What a verification found."""

    project: str
    entry_count: int = 0
    """Entries that were checked."""
    head_count: int = 0
    """Heads signed earlier (anchors, and heads that somebody kept) that were checked."""
    key_expected: bool = False
    """Whether signatures were checked against keys from elsewhere, rather than the one that the log itself brought."""
    findings: list[Finding] = field(default_factory=list)
    """In the order of the log, at most 100; empty for a log that is whole."""

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def first_broken(self) -> int | None:
        """The lowest sequence number at which something is wrong; None where nothing is, or nothing with a number."""
        return min((f.sequence for f in self.findings if f.sequence is not None), default=None)

    def add(self, problem: Problem, message: str, sequence: int | None = None, resource: str = "") -> None:
        """Adds a finding, unless there are too many already."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(problem, message, sequence, resource))


def entry_hash(
    *,
    project: str,
    sequence: int,
    time_us: int,
    actor: str,
    action: str,
    resource: str,
    details: Mapping[str, str],
    previous_hash: str,
) -> str:
    """SHA-256 in hex over the canonical form of an entry."""
    facts = {
        "project": project,
        "sequence": sequence,
        "time_us": time_us,
        "actor": actor,
        "action": action,
        "resource": resource,
        "details": dict(details),
        "previous_hash": previous_hash,
    }
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(_ENTRY_DOMAIN + canonical.encode()).hexdigest()


def hash_of(project: str, entry: AuditEntry) -> str:
    """The hash that an entry of a project must have."""
    return entry_hash(
        project=project,
        sequence=entry.sequence,
        time_us=entry.time_us,
        actor=entry.actor,
        action=entry.action,
        resource=entry.resource,
        details=entry.details,
        previous_hash=entry.previous_hash,
    )


def sign_bytes(head: AuditHead) -> bytes:
    """What is signed: the domain and the deterministic serialization of the head without signature and public key."""
    unsigned = AuditHead()
    unsigned.CopyFrom(head)
    unsigned.ClearField("signature")
    unsigned.ClearField("public_key")
    return HEAD_DOMAIN + unsigned.SerializeToString(deterministic=True)


def verify_head(head: AuditHead, public_key: bytes) -> bool:
    """Whether a head was signed with this Ed25519 key, and says so. Needs the package `cryptography`."""
    named = head.signing_key_id == key_id(public_key)
    return named and verify_bytes(sign_bytes(head), head.signature, public_key)


def verify(
    entries: Iterable[AuditEntry],
    *,
    project: str,
    head: AuditHead,
    anchors: Sequence[AuditHead] = (),
    public_keys: Sequence[bytes] = (),
    known_heads: Sequence[AuditHead] = (),
) -> Report:
    """Checks a whole log; takes as much memory as the heads do, however long the log is.

    Args:
        entries: All entries, in order (ExportAuditLog).
        project: The project's id.
        head: The head that the log has now.
        anchors: Heads that were written down outside of the database.
        public_keys: The keys that are expected to have signed, several after a change of keys; empty: the head's own,
            which tells nothing about who signed.
        known_heads: Heads that the auditor kept.
    """
    check = ChainCheck(project, public_keys or [head.public_key], earlier=[*known_heads, *anchors])
    for entry in entries:
        check.add(entry)
    report = check.finish(head)
    report.key_expected = bool(public_keys)
    return report


class ChainCheck:
    """`verify`, entry by entry, for a log that comes in pieces.

    Args:
        project: The project's id.
        public_keys: The keys that may have signed.
        earlier: Heads that the chain must pass through.
        after: (sequence, hash) of the entry before the first one that comes, if that is not the log's first.
    """

    def __init__(
        self,
        project: str,
        public_keys: Sequence[bytes],
        *,
        earlier: Sequence[AuditHead] = (),
        after: tuple[int, str] = (0, GENESIS),
    ) -> None:
        self.report = Report(project)
        self.sequence, self.hash = after
        self._keys = public_keys
        self._only_migrated = self.sequence == 0
        self._to_pass: dict[int, set[str]] = {}
        for head in earlier:
            self.report.head_count += 1
            if self._is_signed(head, "head that was signed earlier"):
                self._to_pass.setdefault(head.sequence, set()).add(head.hash)
        self._pass(*after)

    def add(self, entry: AuditEntry) -> None:
        """Checks the next entry."""
        report, number = self.report, entry.sequence
        report.entry_count += 1
        if number != self.sequence + 1:
            report.add(
                Problem.SEQUENCE_BROKEN,
                f"Entry {self.sequence + 1} is not in its place: {number} is.",
                self.sequence + 1,
            )
        if entry.hash != hash_of(report.project, entry):
            report.add(Problem.ENTRY_ALTERED, f"Entry {number} was altered: it does not have its hash.", number)
        elif entry.previous_hash != self.hash:
            report.add(Problem.LINK_BROKEN, f"Entry {number} does not follow the one before it.", number)
        migrated = entry.details.get("migrated") == "true"
        if migrated and not self._only_migrated:
            message = (
                f"Entry {number} claims to be from before the log existed, but it does not stand at its beginning."
            )
            report.add(Problem.MIGRATED_LATE, message, number)
        self._only_migrated &= migrated
        self.sequence, self.hash = number, entry.hash
        self._pass(number, entry.hash)

    def finish(self, head: AuditHead) -> Report:
        """Checks the end."""
        report = self.report
        self._is_signed(head, "head of the log")
        if (head.sequence, head.hash) != (self.sequence, self.hash):
            message = f"The log ends with entry {self.sequence}, its head names entry {head.sequence}"
            message += "." if head.sequence != self.sequence else " with another hash."
            report.add(
                Problem.HEAD_DIFFERS, message, min(self.sequence, head.sequence) + (head.sequence != self.sequence)
            )
        for number in sorted(self._to_pass):
            if number > self.sequence:
                message = f"The log ends with entry {self.sequence}, but entry {number} was signed earlier."
                report.add(Problem.CUT_OFF, message, self.sequence + 1)
        return report

    def _pass(self, number: int, found: str) -> None:
        if any(wanted != found for wanted in self._to_pass.pop(number, ())):
            message = f"Entry {number} has another hash than when it was signed: it or an earlier one was written anew."
            self.report.add(Problem.REWRITTEN, message, number)

    def _is_signed(self, head: AuditHead, which: str) -> bool:
        ours = head.name == f"projects/{self.report.project}/auditHead"
        if ours and any(verify_head(head, key) for key in self._keys):
            return True
        message = f"The {which}, for entry {head.sequence}, is not signed by an expected key."
        self.report.add(Problem.SIGNATURE_WRONG, message, head.sequence)
        return False


class Admissions:
    """Which clean contents the log admitted; takes memory for each asset."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._since: set[tuple[str, str]] | None = None

    def add(self, entry: AuditEntry) -> None:
        """Takes notice of an entry."""
        if entry.action in ADMISSIONS:
            clean = entry.details.get("clean_sha256", "")
            self._last[entry.resource] = clean
            if self._since is not None:
                self._since.add((entry.resource, clean))
        elif entry.action == "asset.erased":
            self._last.pop(entry.resource, None)

    def assets_are_read(self) -> None:
        """Says that assets are being listed from now on: entries that come later may be newer than what was listed."""
        self._since = set()

    def fits(self, asset: str, clean_sha256: str) -> bool:
        """Whether the log admitted this content for this asset, and no other one after it before assets were read."""
        return self._last.get(asset) == clean_sha256 or (asset, clean_sha256) in (self._since or ())
