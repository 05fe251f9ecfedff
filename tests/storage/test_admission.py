"""BatchAdmitAssets: a receipt is the only way into CLEAN."""

import hashlib
import uuid
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.anonymization.v1 import resources_pb2 as anonymization_pb2
from labelmill.storage.v1 import resources_pb2, service_pb2
from labelmill_storage.adapters.secrets.trusted_keys import TrustedKeyDirectory
from tests.storage.client import CLEAN, PARENT, Refusal, Storage, refused
from tests.storage.signing import Signer

TEXT = b"Jane Doe wrote this."
REDACTED = b"<PERSON> wrote this."
REJECTED = (grpc.StatusCode.PERMISSION_DENIED, "RECEIPT_REJECTED")


async def test_receipt_admits_exactly_its_clean_content(on_both: Storage) -> None:
    raw = await on_both.upload(TEXT, external_id="letter", labels={"set": "nyt"})
    receipt = on_both.signer.receipt(raw, REDACTED)
    (result,) = await on_both.admit([(REDACTED, receipt)])
    asset = result.asset
    assert asset.zone == resources_pb2.ZONE_CLEAN
    assert asset.clean.sha256 == hashlib.sha256(REDACTED).hexdigest()
    assert (asset.clean.media_type, asset.clean.text_length) == ("text/plain", len(REDACTED))
    assert asset.receipt == receipt.name
    assert (asset.raw, asset.external_id, dict(asset.labels)) == (raw.raw, "letter", {"set": "nyt"})
    assert asset.create_time == raw.create_time
    assert asset.update_time.ToNanoseconds() >= raw.update_time.ToNanoseconds()
    assert await on_both.get(asset.name) == asset
    assert (await on_both.download(asset.name, CLEAN, who="annotator"))[1] == REDACTED


async def test_clean_content_is_kept_by_every_store(on_stores: Storage) -> None:
    asset = await on_stores.admit_one(await on_stores.upload(TEXT), REDACTED)
    assert (await on_stores.download(asset.name, CLEAN))[1] == REDACTED
    assert (await on_stores.download(asset.name))[1] == TEXT


def forged(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    receipt = storage.signer.receipt(asset, REDACTED)
    receipt.entity_counts[0].count += 1  # one bit of the message changed after it was signed
    return receipt


def unsigned(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    receipt = storage.signer.receipt(asset, REDACTED)
    receipt.signature = b""
    return receipt


def by_a_stranger(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    return Signer(None).receipt(asset, REDACTED)


def by_a_stranger_in_our_name(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    return Signer(None).receipt(asset, REDACTED, signing_key_id=storage.signer.key_id)


def of_another_project(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    return storage.signer.receipt(asset, REDACTED, name="projects/elsewhere/receipts/r1")


def for_an_asset_of_another_project(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    return storage.signer.receipt(asset, REDACTED, asset=asset.name.replace("/news/", "/elsewhere/"))


def for_other_raw_content(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    return storage.signer.receipt(asset, REDACTED, raw_sha256="0" * 64)


def for_other_clean_content(storage: Storage, asset: resources_pb2.Asset) -> anonymization_pb2.Receipt:
    return storage.signer.receipt(asset, b"something else")


FALSE = {
    forged: "signature",
    unsigned: "signature",
    by_a_stranger: "unknown_key",
    by_a_stranger_in_our_name: "signature",
    of_another_project: "name",
    for_an_asset_of_another_project: "asset",
    for_other_raw_content: "raw_sha256",
    for_other_clean_content: "clean_sha256",
}


@pytest.mark.parametrize(("make", "check"), FALSE.items(), ids=lambda value: getattr(value, "__name__", value))
async def test_false_receipt_is_rejected_with_the_check_that_failed(storage: Storage, make, check: str) -> None:  # type: ignore[no-untyped-def]
    asset, good = await storage.upload(TEXT), await storage.upload(b"another")
    items = [(REDACTED, make(storage, asset)), (b"clean", storage.signer.receipt(good, b"clean"))]
    false, true = await storage.admit(items)
    refusal = Refusal(false.status)
    assert refusal.said == REJECTED
    assert refusal.metadata == {"check": check}
    assert not false.HasField("asset")
    assert true.status.code == 0  # one bad item fails alone
    assert await storage.get(asset.name) == asset
    assert len(storage.files()) == 3


async def test_unknown_asset_and_undecodable_text_fail_alone(storage: Storage) -> None:
    asset = await storage.upload(TEXT)
    ghost = resources_pb2.Asset(name=f"{PARENT}/assets/{'0' * 32}", raw=asset.raw)
    broken = b"caf\xe9"
    results = await storage.admit(
        [(REDACTED, storage.signer.receipt(ghost, REDACTED)), (broken, storage.signer.receipt(asset, broken))]
    )
    assert [Refusal(result.status).said for result in results] == [
        (grpc.StatusCode.NOT_FOUND, "ASSET_NOT_FOUND"),
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_UTF8"),
    ]
    assert await storage.get(asset.name) == asset


async def test_text_of_which_nothing_is_left_is_admitted(storage: Storage) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), b"")
    assert (asset.clean.size_bytes, asset.clean.text_length) == (0, 0)
    assert (await storage.download(asset.name, CLEAN, who="annotator"))[1] == b""


async def test_later_receipt_replaces_and_an_older_one_does_not_come_back(on_both: Storage) -> None:
    asset = await on_both.upload(TEXT)
    first = on_both.signer.receipt(asset, b"Jane <NAME> wrote this.")
    second = on_both.signer.receipt(asset, REDACTED)
    old = on_both.signer.receipt(asset, b"Jane Doe", create_time=Timestamp(seconds=1))
    await on_both.admit([(b"Jane <NAME> wrote this.", first), (REDACTED, second)])
    (rejected,) = await on_both.admit([(b"Jane Doe", old)])
    assert Refusal(rejected.status).metadata == {"check": "superseded"}
    (replayed,) = await on_both.admit([(b"Jane <NAME> wrote this.", first)])  # a retry is answered, and changes nothing
    assert replayed.already_existed
    assert replayed.asset.receipt == second.name
    assert (await on_both.download(asset.name, CLEAN))[1] == REDACTED


async def test_receipt_name_is_good_for_one_receipt(storage: Storage) -> None:
    one, two = [result.asset for result in await storage.create([b"one", b"two"])]
    receipt = storage.signer.receipt(one, b"1")
    twin = storage.signer.receipt(two, b"2", name=receipt.name)
    first, second = await storage.admit([(b"1", receipt), (b"2", twin)])
    assert first.status.code == 0
    assert Refusal(second.status).metadata == {"check": "receipt_reused"}


async def test_same_request_id_has_one_effect(on_both: Storage) -> None:
    asset = await on_both.upload(TEXT)
    items, request_id = [(REDACTED, on_both.signer.receipt(asset, REDACTED))], str(uuid.uuid4())
    first = await on_both.admit(items, request_id=request_id)
    assert await on_both.admit(items, request_id=request_id) == first
    assert not first[0].already_existed
    assert (await on_both.admit(items))[0].already_existed


@pytest.mark.parametrize("who", ["owner", "manager", "reviewer", "annotator", "privacy_officer", "stranger"])
async def test_only_services_admit(storage: Storage, who: str) -> None:
    asset = await storage.upload(TEXT)
    refusal = await refused(storage.admit([(REDACTED, storage.signer.receipt(asset, REDACTED))], who=who))
    assert refusal.said == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert await storage.get(asset.name) == asset


async def test_admission_without_receipt_or_into_an_unknown_project_is_refused(storage: Storage) -> None:
    item = service_pb2.BatchAdmitAssetsRequest.Item(content=REDACTED)
    request = service_pb2.BatchAdmitAssetsRequest(parent=PARENT, items=[item])
    refusal = await refused(storage.call("BatchAdmitAssets", request, who="service"))
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    asset = await storage.upload(TEXT)
    receipt = storage.signer.receipt(asset, REDACTED)
    refusal = await refused(storage.admit([(REDACTED, receipt)], parent="projects/unknown"))
    assert refusal.said == (grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND")


async def test_key_that_appears_while_the_server_runs_is_trusted(storage: Storage) -> None:
    late = Signer(storage.data_dir / "secrets" / "receipt-keys")
    asset = await storage.upload(TEXT)
    (result,) = await storage.admit([(REDACTED, late.receipt(asset, REDACTED))])
    assert result.status.code == 0


def test_directory_is_read_again_for_unknown_keys_but_not_for_each(tmp_path: Path) -> None:
    clock = [100.0]
    keys = TrustedKeyDirectory(tmp_path, monotonic=lambda: clock[0])
    signer = Signer(None)
    assert keys.verify(signer.key_id, b"", b"") is None
    (tmp_path / "late.pub").write_text(signer.public.hex())
    assert keys.verify(signer.key_id, b"", b"") is None  # read a moment ago
    clock[0] += 2
    assert keys.verify(signer.key_id, b"", b"") is False


def test_damaged_key_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty.pub").touch()
    (tmp_path / "binary.pub").write_bytes(b"\xff" * 64)
    signer = Signer(tmp_path)
    assert TrustedKeyDirectory(tmp_path).verify(signer.key_id, b"x", b"y") is False
