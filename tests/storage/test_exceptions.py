"""BatchAdmitByException: a privacy officer's way into CLEAN, on record."""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.sql.tables import storage_tables
from tests.storage.audits import REASON, admit_by_exception, export, verified
from tests.storage.client import CLEAN, PARENT, RAW, Refusal, Storage, refused
from tests.storage.conftest import Start

NOTICE = b"The town hall is closed on Monday."
UNKNOWN = f"{PARENT}/assets/{'0' * 32}"


def reasons(response: Any) -> list[str]:
    return [Refusal(result.status).reason if result.status.code else "" for result in response.results]


async def test_raw_content_becomes_clean_as_it_is_and_the_log_says_why(on_both: Storage) -> None:
    contents = [NOTICE, "Großes Fest 🎉".encode()]
    raws = [result.asset for result in await on_both.create(contents)]
    response = await admit_by_exception(on_both, [raw.name for raw in raws])
    assert reasons(response) == ["", ""]
    assert response.exception.startswith(f"{PARENT}/exceptions/")
    for raw, result, content in zip(raws, response.results, contents, strict=True):
        asset = result.asset
        assert (asset.name, asset.zone, asset.clean, asset.raw) == (raw.name, CLEAN, raw.raw, raw.raw)
        assert (asset.exception, asset.receipt) == (response.exception, "")
        assert await on_both.get(raw.name) == asset
        assert (await on_both.download(raw.name, CLEAN, who="annotator"))[1] == content
        assert (await on_both.get(raw.name, who="annotator")).exception == ""
    entries = (await export(on_both)).entries
    assert {(entry.action, entry.actor) for entry in entries} == {("asset.admitted_by_exception", "privacy_officer")}
    assert [(entry.resource, dict(entry.details)) for entry in entries] == [
        (
            raw.name,
            {
                "exception": response.exception,
                "reason": REASON,
                "raw_sha256": raw.raw.sha256,
                "clean_sha256": raw.raw.sha256,
            },
        )
        for raw in raws
    ]
    assert await verified(on_both) == (0, set())


async def test_every_store_copies_contents_of_every_size(on_stores: Storage) -> None:
    contents = [b"x", b"y" * (4 * 1024 * 1024), b"z" * (4 * 1024 * 1024 + 1), b"12345678" * 2_000_000]
    raws = [await on_stores.upload(content) for content in contents]
    response = await admit_by_exception(on_stores, [raw.name for raw in raws])
    assert reasons(response) == [""] * 4
    for raw, content in zip(raws, contents, strict=True):
        clean = await on_stores.download(raw.name, CLEAN, who="annotator")
        assert hashlib.sha256(clean[1]).digest() == hashlib.sha256(content).digest()
        assert (await on_stores.download(raw.name, CLEAN, who="annotator", offset=len(content) - 1))[1] == content[-1:]


async def test_what_cannot_be_admitted_fails_alone(on_both: Storage) -> None:
    clean = await on_both.admit_one(await on_both.upload(b"Jane Doe wrote this."), b"<PERSON> wrote this.")
    raw, other = await on_both.upload(NOTICE), await on_both.upload(b"Another notice.")
    response = await admit_by_exception(on_both, [clean.name, UNKNOWN, raw.name, other.name, raw.name])
    assert reasons(response) == ["ALREADY_CLEAN", "ASSET_NOT_FOUND", "", "", ""]
    assert response.results[2] == response.results[4]
    assert (await on_both.download(clean.name, CLEAN))[1] == b"<PERSON> wrote this."
    assert [entry.resource for entry in (await export(on_both)).entries] == [clean.name, raw.name, other.name]
    nothing = await admit_by_exception(on_both, [raw.name, UNKNOWN])
    assert (reasons(nothing), nothing.exception) == (["ALREADY_CLEAN", "ASSET_NOT_FOUND"], "")
    assert len((await export(on_both)).entries) == 3


async def test_damaged_and_missing_raw_contents_stay_outside(storage: Storage) -> None:
    large = b"n" * (5 * 1024 * 1024)
    raws = [await storage.upload(content) for content in (NOTICE, b"Another notice.", large, large + b"n")]
    damage(file_of(storage.data_dir, raws[0]))
    file_of(storage.data_dir, raws[1]).unlink()
    damage(file_of(storage.data_dir, raws[2]))
    file_of(storage.data_dir, raws[3]).unlink()
    response = await admit_by_exception(storage, [raw.name for raw in raws])
    assert reasons(response) == ["CONTENT_DAMAGED", "OBJECT_MISSING"] * 2
    assert [file for file in storage.files() if "clean" in file.parts] == []
    assert storage.staged() == []
    assert (await export(storage)).entries == []


def file_of(data_dir: Path, asset: Any) -> Path:
    sha256: str = asset.raw.sha256
    return data_dir / "objects" / "raw" / "news" / sha256[:2] / sha256


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


async def test_one_request_id_is_one_exception(on_both: Storage) -> None:
    raw = await on_both.upload(NOTICE)
    request_id = str(uuid.uuid4())
    first = await admit_by_exception(on_both, [raw.name], request_id=request_id)
    assert await admit_by_exception(on_both, [raw.name], request_id=request_id) == first
    other = await refused(admit_by_exception(on_both, [raw.name, UNKNOWN], request_id=request_id))
    assert other.reason == "REQUEST_ID_REUSED"
    assert len((await export(on_both)).entries) == 1


async def test_only_privacy_officers_make_exceptions(storage: Storage) -> None:
    raw = await storage.upload(NOTICE)
    for who in ("owner", "manager", "reviewer", "annotator", "service", "stranger"):
        denied = await refused(admit_by_exception(storage, [raw.name], who=who))
        assert denied.code is grpc.StatusCode.PERMISSION_DENIED, who
    assert (await storage.get(raw.name)).zone == RAW


async def test_a_reason_is_needed_that_both_databases_can_keep(on_both: Storage) -> None:
    raw = await on_both.upload(NOTICE)
    assert (await refused(admit_by_exception(on_both, [raw.name], reason="too short"))).fields.keys() == {"reason"}
    assert (await refused(admit_by_exception(on_both, [raw.name], reason="x" * 1001))).fields.keys() == {"reason"}
    nul = await refused(admit_by_exception(on_both, [raw.name], reason="A reason with\0 NUL."))
    assert (nul.reason, set(nul.fields)) == ("INVALID_TEXT", {"reason"})
    elsewhere = await refused(admit_by_exception(on_both, [f"projects/elsewhere/assets/{'0' * 32}"]))
    assert elsewhere.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_reasons_hold_every_character_there_is(on_both: Storage) -> None:
    points = [*range(1, 0xD800), *range(0xE000, 0x110000)]
    wanted = points[:0x3000] + points[0x3000::97] + points[-20:]
    texts = ["".join(map(chr, wanted[start : start + 990])) + "." * 10 for start in range(0, len(wanted), 990)]
    raws = [result.asset for result in await on_both.create([f"Notice {n}.".encode() for n in range(len(texts))])]
    for raw, reason in zip(raws, texts, strict=True):
        await admit_by_exception(on_both, [raw.name], reason=reason)
    log = await export(on_both)
    assert [entry.details["reason"] for entry in log.entries] == texts
    assert log.verify().intact


def at(nanoseconds: int) -> Timestamp:
    moment = Timestamp()
    moment.FromNanoseconds(nanoseconds)
    return moment


async def test_a_later_receipt_replaces_an_exception_and_an_earlier_one_does_not(on_both: Storage) -> None:
    raw = await on_both.upload(NOTICE)
    early = on_both.signer.receipt(raw, b"anonymized before")
    excepted = (await admit_by_exception(on_both, [raw.name])).results[0].asset
    (result,) = await on_both.admit([(b"anonymized before", early)])
    assert Refusal(result.status).metadata == {"check": "superseded"}
    assert await on_both.get(raw.name) == excepted
    late = on_both.signer.receipt(raw, b"anonymized", create_time=at(excepted.update_time.ToNanoseconds() + 1000))
    (result,) = await on_both.admit([(b"anonymized", late)])
    assert (result.asset.exception, result.asset.receipt) == ("", late.name)
    assert (await on_both.download(raw.name, CLEAN, who="annotator"))[1] == b"anonymized"
    actions = [entry.action for entry in (await export(on_both)).entries]
    assert actions == ["asset.admitted_by_exception", "asset.admitted"]
    assert await verified(on_both) == (0, set())


async def test_the_copy_goes_once_a_receipt_replaces_it_and_the_raw_content_stays(on_stores: Storage) -> None:
    raw = await on_stores.upload(NOTICE)
    excepted = (await admit_by_exception(on_stores, [raw.name])).results[0].asset
    late = on_stores.signer.receipt(raw, b"clean", create_time=at(excepted.update_time.ToNanoseconds() + 1000))
    await on_stores.admit([(b"clean", late)])
    assert (await on_stores.download(raw.name, CLEAN))[1] == b"clean"
    assert (await on_stores.download(raw.name, RAW))[1] == NOTICE


async def test_an_unknown_project_has_no_exceptions(storage: Storage) -> None:
    raw = await storage.upload(NOTICE)
    storage.projects.projects.discard("news")
    assert (await refused(admit_by_exception(storage, [raw.name]))).reason == "PROJECT_NOT_FOUND"


async def test_copies_count_against_the_quota(start: Start, both_settings: RuntimeSettings) -> None:
    async with start(both_settings) as storage:
        raws = [result.asset for result in await storage.create([b"One.", b"Two.", b"Three."])]
        database = await Database.open(both_settings, "storage", storage_tables().metadata)
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO quotas VALUES ('news', 0, 5, 0)"))
        response = await admit_by_exception(storage, [raw.name for raw in raws])
        assert reasons(response) == ["", "", "QUOTA_EXCEEDED"]
        assert (await storage.get(raws[2].name)).zone == RAW
        assert [entry.resource for entry in (await export(storage)).entries] == [raw.name for raw in raws[:2]]
        async with database.reading() as session:
            used = await session.execute(text("SELECT stored_bytes, object_count FROM usage WHERE zone = 2"))
            assert used.one() == (8, 2)
            # The copy that is not needed is on its way out.
            gone = await session.scalar(text("SELECT path FROM deletions WHERE zone = 2"))
        sha256 = raws[2].raw.sha256
        assert gone == f"news/{sha256[:2]}/{sha256}"
        await database.close()
