"""AdmitAsset: clean contents of any size, by the same receipts as in a batch."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.storage.client import CLEAN, PARENT, Storage, refused
from tests.storage.signing import Signer

MIB = 1024 * 1024
Part = service_pb2.AdmitAssetRequest
INVALID, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED
TEXT, REDACTED = b"Jane Doe wrote this.", b"<PERSON> wrote this."


def header(receipt: Any, parent: str = PARENT) -> Part:
    return Part(header=Part.Header(parent=parent, receipt=receipt))


def parts(clean: bytes, receipt: Any, *, sha256: str | None = None) -> Iterator[Part]:
    yield header(receipt)
    for start in range(0, len(clean), 262_144):
        yield Part(chunk=clean[start : start + 262_144])
    yield Part(sha256=hashlib.sha256(clean).hexdigest() if sha256 is None else sha256)


async def admit(storage: Storage, messages: Any, *, who: str = "service") -> resources_pb2.Asset:
    asset: resources_pb2.Asset = await storage.stub.AdmitAsset(
        iter(list(messages)), metadata=storage.as_(who), timeout=60
    )
    return asset


def clean_files(storage: Storage) -> int:
    return sum("clean" in path.relative_to(storage.data_dir / "objects").parts[:1] for path in storage.files())


async def test_large_clean_content_is_admitted(on_stores: Storage) -> None:
    raw = await on_stores.upload(os.urandom(7 * MIB))
    clean = os.urandom(11 * MIB + 5)
    receipt = on_stores.signer.receipt(raw, clean)
    asset = await admit(on_stores, parts(clean, receipt))
    assert (asset.name, asset.zone, asset.receipt) == (raw.name, resources_pb2.ZONE_CLEAN, receipt.name)
    assert (await on_stores.download(asset.name, CLEAN, who="annotator"))[1] == clean
    assert await admit(on_stores, parts(clean, receipt)) == asset  # whoever lost the answer asks again


async def test_everything_redacted_leaves_nothing(on_both: Storage) -> None:
    raw = await on_both.upload(TEXT)
    asset = await admit(on_both, parts(b"", on_both.signer.receipt(raw, b"")))
    assert asset.clean.size_bytes == 0
    assert (await on_both.download(asset.name, CLEAN, who="annotator"))[1] == b""


async def test_same_door_as_for_batches(storage: Storage) -> None:
    """Whatever a batch item is refused for, a stream is refused for as well, and leaves nothing."""
    raw = await storage.upload(TEXT)
    other = await storage.upload(b"Another raw content.")
    good = storage.signer.receipt(raw, REDACTED)
    forged = storage.signer.receipt(raw, REDACTED)
    forged.entity_counts[0].count += 1
    refusals = {
        "signature": forged,
        "unknown_key": Signer(None).receipt(raw, REDACTED),
        "asset": storage.signer.receipt(raw, REDACTED, asset="projects/elsewhere/assets/" + "0" * 32),
        "name": storage.signer.receipt(raw, REDACTED, name="projects/elsewhere/receipts/r1"),
        "raw_sha256": storage.signer.receipt(raw, REDACTED, raw_sha256=other.raw.sha256),
        "clean_sha256": storage.signer.receipt(raw, b"something else"),
    }
    for check, receipt in refusals.items():
        refusal = await refused(admit(storage, parts(REDACTED, receipt)))
        assert (refusal.said, refusal.metadata) == ((DENIED, "RECEIPT_REJECTED"), {"check": check})
    assert clean_files(storage) == 0
    assert storage.staged() == []
    unknown = storage.signer.receipt(raw, REDACTED, asset=f"{PARENT}/assets/{'0' * 32}")
    assert (await refused(admit(storage, parts(REDACTED, unknown)))).reason == "ASSET_NOT_FOUND"
    assert (await storage.get(raw.name)).zone == resources_pb2.ZONE_RAW
    await admit(storage, parts(REDACTED, good))
    later = storage.signer.receipt(raw, TEXT[::-1], name=good.name)
    refusal = await refused(admit(storage, parts(TEXT[::-1], later)))
    assert (refusal.said, refusal.metadata) == ((DENIED, "RECEIPT_REJECTED"), {"check": "receipt_reused"})


async def test_receipt_is_judged_before_the_content_is_read(storage: Storage) -> None:
    raw = await storage.upload(TEXT)

    async def header_then_silence() -> Any:
        yield header(Signer(None).receipt(raw, REDACTED))
        await asyncio.sleep(60)

    async with asyncio.timeout(10):
        call = storage.stub.AdmitAsset(header_then_silence(), metadata=storage.as_("service"), timeout=60)
        assert (await refused(call)).said == (DENIED, "RECEIPT_REJECTED")


@pytest.mark.parametrize("case", ["truncated", "wrong checksum", "second header", "no header", "bad text"])
async def test_faulty_stream_is_refused_and_leaves_nothing(storage: Storage, case: str) -> None:
    raw = await storage.upload(TEXT)
    receipt = storage.signer.receipt(raw, REDACTED)
    good = list(parts(REDACTED, receipt))
    broken = b"caf\xe9"
    messages = {
        "truncated": good[:-1],
        "wrong checksum": list(parts(REDACTED, receipt, sha256="0" * 64)),
        "second header": [good[0], good[0], *good[1:]],
        "no header": good[1:],
        "bad text": list(parts(broken, storage.signer.receipt(raw, broken))),
    }[case]
    refusal = await refused(admit(storage, messages))
    assert refusal.code is INVALID
    assert clean_files(storage) == 0
    assert storage.staged() == []
    assert (await storage.get(raw.name)).zone == resources_pb2.ZONE_RAW


@pytest.mark.parametrize("who", ["owner", "manager", "reviewer", "annotator", "privacy_officer", "stranger"])
async def test_services_alone_may_admit(storage: Storage, who: str) -> None:
    raw = await storage.upload(TEXT)
    refusal = await refused(admit(storage, parts(REDACTED, storage.signer.receipt(raw, REDACTED)), who=who))
    assert refusal.code is DENIED
    assert (await storage.get(raw.name)).zone == resources_pb2.ZONE_RAW
