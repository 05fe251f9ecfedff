"""labelmill.audit: every single manipulation of a log is found, and in constant memory."""

import hashlib
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill import audit
from labelmill.audit import Admissions, ChainCheck, Problem
from labelmill.receipts import key_id
from labelmill.storage.v1.audit_service_pb2 import AuditEntry, AuditHead

PROJECT = "news"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
LENGTH = 12
TEXTS = ("actor", "action", "resource", "previous_hash", "hash")


def chain(length: int, details: Mapping[str, str] | None = None, *, start_us: int = 1_000_000) -> Iterator[AuditEntry]:
    previous = audit.GENESIS
    for sequence in range(1, length + 1):
        facts: dict[str, Any] = {
            "sequence": sequence,
            "time_us": start_us + sequence,
            "actor": "key/ann",
            "action": "asset.admitted",
            "resource": f"projects/{PROJECT}/assets/{sequence:032x}",
            "details": {"clean_sha256": hashlib.sha256(bytes([sequence % 256])).hexdigest(), **(details or {})},
            "previous_hash": previous,
        }
        previous = audit.entry_hash(project=PROJECT, **facts)
        yield AuditEntry(**facts, hash=previous)


def head_of(sequence: int, found: str, *, key: Ed25519PrivateKey = KEY, project: str = PROJECT) -> AuditHead:
    public = key.public_key().public_bytes_raw()
    name = f"projects/{project}/auditHead"
    head = AuditHead(name=name, sequence=sequence, hash=found, time_us=5, signing_key_id=key_id(public))
    head.signature, head.public_key = key.sign(audit.sign_bytes(head)), public
    return head


def resealed(entries: Sequence[AuditEntry], start: int) -> list[AuditEntry]:
    """What a thief of the database does: all hashes from an entry on made anew."""
    previous = entries[start - 1].hash if start else audit.GENESIS
    made = list(entries[:start])
    for entry in entries[start:]:
        copy = AuditEntry()
        copy.CopyFrom(entry)
        copy.sequence, copy.previous_hash = len(made) + 1, previous
        copy.hash = previous = audit.hash_of(PROJECT, copy)
        made.append(copy)
    return made


WHOLE = list(chain(LENGTH))
HEAD = head_of(LENGTH, WHOLE[-1].hash)
ANCHORS = [head_of(number, WHOLE[number - 1].hash) for number in (4, 9, LENGTH)]


def check(entries: Sequence[AuditEntry], **changes: Any) -> audit.Report:
    given = {"project": PROJECT, "head": HEAD, "anchors": ANCHORS, "public_keys": [PUBLIC]}
    return audit.verify(entries, **{**given, **changes})


def test_a_whole_log_is_whole() -> None:
    report = check(WHOLE, known_heads=ANCHORS[:1])
    assert (report.intact, report.first_broken, report.entry_count, report.head_count) == (True, None, LENGTH, 4)
    assert report.key_expected
    assert check([], head=head_of(0, audit.GENESIS), anchors=[]).intact
    # Somebody who has no key from elsewhere is told so.
    assert not check(WHOLE, public_keys=[]).key_expected


def copies() -> list[AuditEntry]:
    made = []
    for entry in WHOLE:
        copy = AuditEntry()
        copy.CopyFrom(entry)
        made.append(copy)
    return made


@st.composite
def manipulated(draw: st.DrawFn) -> tuple[str, list[AuditEntry]]:
    """A log after one manipulation in the database: its kind, and what is there then."""
    entries = copies()
    at = draw(st.integers(0, LENGTH - 1))
    kind = draw(st.sampled_from(["text", "number", "detail", "remove", "cut", "swap", "repeat", "insert", "rewrite"]))
    entry = entries[at]
    match kind:
        case "text":
            field = draw(st.sampled_from(TEXTS))
            old = getattr(entry, field)
            setattr(entry, field, draw(st.text(st.characters(codec="utf-8"), max_size=70).filter(lambda t: t != old)))
        case "number":
            field = draw(st.sampled_from(["time_us", "sequence"]))
            setattr(entry, field, getattr(entry, field) + draw(st.integers(-50, 50).filter(bool)))
        case "detail":
            name = draw(st.sampled_from(["clean_sha256", "reason", "migrated"]))
            value = draw(st.text(st.characters(codec="utf-8")).filter(lambda t: t != entry.details.get(name)))
            entry.details[name] = value
        case "remove":
            del entries[at]
        case "cut":
            del entries[at:]
        case "swap":
            other = draw(st.integers(0, LENGTH - 1).filter(lambda i: i != at))
            entries[at], entries[other] = entries[other], entries[at]
        case "repeat":
            entries.insert(at, entries[draw(st.integers(0, LENGTH - 1))])
        case "insert":
            new = next(chain(1, {"reason": draw(st.text(st.characters(codec="utf-8"), max_size=5))}))
            entries.insert(at, new)
        case "rewrite":
            entry.actor = "key/eve"
            entries = resealed(entries, at)
            if draw(st.booleans()):
                del entries[-1]
    return kind, entries


@given(manipulated())
@settings(max_examples=1000, deadline=None)
def test_every_manipulation_is_found(found: tuple[str, list[AuditEntry]]) -> None:
    kind, entries = found
    report = check(entries)
    assert not report.intact, kind
    # Without any anchor, the head alone, of today or kept from yesterday, shows the same.
    assert not check(entries, anchors=[]).intact, kind


@pytest.mark.parametrize(
    ("manipulate", "problem", "sequence"),
    [
        (lambda log: setattr(log[5], "actor", "key/eve"), Problem.ENTRY_ALTERED, 6),
        (lambda log: log.pop(5), Problem.SEQUENCE_BROKEN, 6),
        (lambda log: log.__delitem__(slice(10, None)), Problem.CUT_OFF, 11),
        (lambda log: log.insert(5, log[6]), Problem.SEQUENCE_BROKEN, 6),
        (lambda log: log.__setitem__(slice(5, 7), [log[6], log[5]]), Problem.SEQUENCE_BROKEN, 6),
        (lambda log: log.__setitem__(slice(0), resealed(chain_of_eve(), 0)), Problem.REWRITTEN, 4),
    ],
)
def test_it_is_said_what_and_where(
    manipulate: Callable[[list[AuditEntry]], object], problem: Problem, sequence: int
) -> None:
    entries = copies()
    manipulate(entries)
    entries = entries if problem is not Problem.REWRITTEN else entries[:LENGTH]
    report = check(entries)
    assert report.first_broken == sequence
    assert problem in {finding.problem for finding in report.findings if finding.sequence == sequence}


def chain_of_eve() -> list[AuditEntry]:
    return list(chain(LENGTH, start_us=7))


def test_a_log_written_anew_with_a_new_head_leads_to_no_head_of_before() -> None:
    anew = chain_of_eve()
    head = head_of(LENGTH, anew[-1].hash)  # the thief has the signing key, too
    assert check(anew, head=head, anchors=[]).intact  # by itself it is perfect
    kept = check(anew, head=head, anchors=[], known_heads=[ANCHORS[0]])
    assert {finding.problem for finding in kept.findings} == {Problem.REWRITTEN}
    assert {finding.problem for finding in check(anew, head=head).findings} == {Problem.REWRITTEN}


def test_a_log_cut_off_with_a_new_head_ends_before_a_head_of_before() -> None:
    report = check(WHOLE[:10], head=head_of(10, WHOLE[9].hash))
    assert [(f.problem, f.sequence) for f in report.findings] == [(Problem.CUT_OFF, 11)]
    emptied = check([], head=head_of(0, audit.GENESIS))
    assert {f.problem for f in emptied.findings} == {Problem.CUT_OFF}


@pytest.mark.parametrize("field", ["name", "sequence", "hash", "time_us", "signing_key_id", "signature"])
def test_a_head_that_was_changed_is_not_signed(field: str) -> None:
    head = AuditHead()
    head.CopyFrom(HEAD)
    old = getattr(head, field)
    new = old + 1 if isinstance(old, int) else old[1:] + old[:1]
    setattr(head, field, new)
    assert new != old
    assert Problem.SIGNATURE_WRONG in {f.problem for f in check(WHOLE, head=head).findings}
    assert Problem.SIGNATURE_WRONG in {f.problem for f in check(WHOLE, anchors=[head]).findings}


def test_heads_by_other_keys_or_of_other_projects_do_not_count() -> None:
    stranger = head_of(LENGTH, WHOLE[-1].hash, key=Ed25519PrivateKey.generate())
    for head in (stranger, head_of(LENGTH, WHOLE[-1].hash, project="elsewhere")):
        assert {f.problem for f in check(WHOLE, head=head).findings} == {Problem.SIGNATURE_WRONG}
        assert {f.problem for f in check(WHOLE, anchors=[head]).findings} == {Problem.SIGNATURE_WRONG}
    # After a change of keys, the old one may be expected as well.
    assert check(WHOLE, head=stranger, public_keys=[PUBLIC, stranger.public_key]).intact


def test_two_signed_heads_that_contradict_each_other_are_found() -> None:
    fork = head_of(4, chain_of_eve()[3].hash)
    assert {f.problem for f in check(WHOLE, anchors=[*ANCHORS, fork]).findings} == {Problem.REWRITTEN}


def test_entries_about_the_time_before_stand_at_the_beginning_alone() -> None:
    early = list(chain(3, {"migrated": "true"}))
    assert check(early, head=head_of(3, early[-1].hash), anchors=[]).intact
    late = copies()
    late[6].details["migrated"] = "true"
    late = resealed(late, 6)
    report = check(late, head=head_of(LENGTH, late[-1].hash), anchors=[])
    assert [(f.problem, f.sequence) for f in report.findings] == [(Problem.MIGRATED_LATE, 7)]


def test_an_asset_is_what_the_log_admitted_last_unless_it_was_erased() -> None:
    admissions = Admissions()

    def happens(action: str, asset: str, clean: str = "") -> None:
        admissions.add(AuditEntry(action=action, resource=asset, details={"clean_sha256": clean}))

    happens("asset.admitted", "a", "1")
    happens("asset.admitted_by_exception", "b", "2")
    happens("asset.raw_read", "c", "3")
    assert (admissions.fits("a", "1"), admissions.fits("b", "2"), admissions.fits("c", "3")) == (True, True, False)
    assert not admissions.fits("a", "2")
    happens("asset.admitted", "a", "4")
    assert (admissions.fits("a", "1"), admissions.fits("a", "4")) == (False, True)
    happens("content.expired", "a")
    happens("asset.erased", "b")
    assert (admissions.fits("a", "4"), admissions.fits("b", "2")) == (True, False)
    admissions.assets_are_read()
    happens("asset.admitted", "a", "5")
    happens("asset.admitted", "a", "6")
    # Listed meanwhile, it may be any of these; what it was before them, it may be no more once they are known.
    assert (admissions.fits("a", "5"), admissions.fits("a", "6"), admissions.fits("a", "4")) == (True, True, False)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_details_hold_every_character(details: dict[str, str]) -> None:
    details.pop("migrated", None)
    entries = list(chain(2, details))
    sent = [AuditEntry.FromString(entry.SerializeToString()) for entry in entries]
    assert check(sent, head=head_of(2, entries[-1].hash), anchors=[]).intact


def test_a_long_log_takes_no_memory() -> None:
    checking = ChainCheck(PROJECT, [PUBLIC], earlier=[])
    entries = chain(20_000)
    for _ in range(1000):
        checking.add(next(entries))
    tracemalloc.start()
    try:
        for entry in entries:
            checking.add(entry)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    report = checking.finish(head_of(checking.sequence, checking.hash))
    assert (report.intact, report.entry_count) == (True, 20_000)
    assert peak_bytes < 1024 * 1024
