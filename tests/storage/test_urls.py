"""URLs over real HTTP: what they give, to whom they are given, and what becomes of one that is late or altered."""

import asyncio
import hashlib
import os
import sqlite3
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import grpc
import pytest
import urllib3
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.duration_pb2 import Duration

from labelmill.storage.v1 import lifecycle_service_pb2, lifecycle_service_pb2_grpc, resources_pb2, service_pb2
from tests.storage.client import CLEAN, PARENT, RAW, Part, Refusal, Storage, header, refused

MIB = 1024 * 1024
TEXT, REDACTED = b"Jane Doe wrote this.", b"<PERSON> wrote this."
PRECONDITION, DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


async def http(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, Mapping[str, str]]:
    """One request by somebody who has a URL and nothing else."""

    def call() -> tuple[int, bytes, Mapping[str, str]]:
        with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
            answer = pool.request(method, url, body=body, headers=dict(headers or {}))
            return answer.status, answer.data, answer.headers

    return await asyncio.to_thread(call)


def upload_header(content: bytes, upload_id: str, /, **values: Any) -> Part.Header:
    return header(**{"size_bytes": len(content), "upload_id": upload_id, **values}).header


async def upload_url(storage: Storage, head: Part.Header, *, who: str = "manager", **values: Any) -> Any:
    request = service_pb2.CreateUploadUrlRequest(header=head, **values)
    return await storage.call("CreateUploadUrl", request, who=who)


async def put(storage: Storage, content: bytes, **values: Any) -> str:
    """Puts a content by URL; the upload's name."""
    made = await upload_url(storage, upload_header(content, str(uuid.uuid4()), **values))
    assert made.method == "PUT"
    status, answer, _ = await http("PUT", made.url, content, made.headers)
    assert status == 200, answer
    return str(made.upload)


async def finish(storage: Storage, name: str, sha256: str, *, who: str = "manager") -> operations_pb2.Operation:
    request = service_pb2.FinishUploadRequest(name=name, sha256=sha256)
    return await finished(storage, await storage.call("FinishUpload", request, who=who), who=who)


async def finished(
    storage: Storage, operation: operations_pb2.Operation, *, who: str = "manager"
) -> operations_pb2.Operation:
    """The operation when it is done."""
    stub = operations_pb2_grpc.OperationsStub(storage.channel)
    metadata = (*storage.as_(who), ("x-labelmill-service", "storage"))
    async with asyncio.timeout(30):
        while not operation.done:
            await asyncio.sleep(0.02)
            request = operations_pb2.GetOperationRequest(name=operation.name)
            operation = await stub.GetOperation(request, metadata=metadata)
    return operation


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def asset_of(operation: operations_pb2.Operation) -> resources_pb2.Asset:
    assert not operation.HasField("error"), operation.error
    return resources_pb2.Asset.FromString(operation.response.value)


async def test_content_put_by_url_becomes_an_asset(on_stores: Storage) -> None:
    content = os.urandom(9 * MIB + 1)
    name = await put(on_stores, content, external_id="scan", labels={"set": "big"}, media_type="application/x-scan")
    assert await on_stores.listed() == []
    waiting = await on_stores.call("GetUpload", service_pb2.GetUploadRequest(name=name))
    assert (waiting.received_bytes, waiting.size_bytes, waiting.asset) == (len(content), len(content), "")
    operation = await finish(on_stores, name, digest(content))
    asset = asset_of(operation)
    assert (asset.raw.sha256, asset.raw.media_type) == (digest(content), "application/x-scan")
    assert (asset.external_id, dict(asset.labels)) == ("scan", {"set": "big"})
    metadata = service_pb2.FinishUploadMetadata.FromString(operation.metadata.value)
    assert (metadata.progress.done_count, metadata.progress.total_count) == (len(content), len(content))
    assert (await on_stores.download(asset.name))[1] == content
    assert asset_of(await finish(on_stores, name, digest(content))) == asset  # whoever lost the answer asks again
    done = await on_stores.call("GetUpload", service_pb2.GetUploadRequest(name=name))
    assert (done.asset, done.received_bytes) == (asset.name, len(content))


async def test_finished_more_than_once_at_a_time_is_one_asset(on_both: Storage) -> None:
    content = os.urandom(9 * MIB)
    name = await put(on_both, content)
    ended = await asyncio.gather(*(finish(on_both, name, digest(content)) for _ in range(4)))
    assert len({asset_of(operation).name for operation in ended}) == 1
    assert len(await on_both.listed()) == 1


async def test_crash_between_commit_and_record_costs_no_second_put(storage: Storage) -> None:
    content = os.urandom(5 * MIB)
    kept, lost = await put(storage, content), await put(storage, b"x" + content)
    sizes = {path.stat().st_size: path for path in (storage.data_dir / "objects" / "uploads").rglob("*.*")}
    place = storage.data_dir / "objects" / "raw" / "news" / digest(content)[:2] / digest(content)
    place.parent.mkdir(parents=True)
    sizes[len(content)].rename(place)
    sizes[len(content) + 1].unlink()
    asset = asset_of(await finish(storage, kept, digest(content)))
    assert (await storage.download(asset.name))[1] == content
    gone = await finish(storage, lost, digest(b"x" + content))
    assert Refusal(gone.error).said == (NOT_FOUND, "UPLOAD_NOT_FOUND")


async def test_content_that_is_not_the_announced_one_is_thrown_away(on_stores: Storage) -> None:
    name = await put(on_stores, os.urandom(300_000))
    operation = await finish(on_stores, name, "0" * 64)
    assert Refusal(operation.error).said == (INVALID, "CHECKSUM_MISMATCH")
    gone = await refused(on_stores.call("GetUpload", service_pb2.GetUploadRequest(name=name)))
    assert gone.said == (NOT_FOUND, "UPLOAD_NOT_FOUND")
    assert await on_stores.listed() == []


async def test_what_local_files_take_is_compared_when_it_is_read_back(storage: Storage) -> None:
    content = os.urandom(300_000)
    name = await put(storage, content, sha256="0" * 64)
    operation = await finish(storage, name, digest(content))
    assert Refusal(operation.error).said == (INVALID, "CHECKSUM_MISMATCH")
    assert await storage.listed() == []


async def test_content_that_is_here_is_not_put_again(on_stores: Storage) -> None:
    content = os.urandom(300_000)
    asset = await on_stores.upload(content)
    head = upload_header(content, str(uuid.uuid4()), sha256=digest(content))
    made = await upload_url(on_stores, head)
    assert (made.asset.name, made.url, made.upload) == (asset.name, "", "")
    begun = upload_header(content + b"!", str(uuid.uuid4()), sha256=digest(content + b"!"))
    first = await upload_url(on_stores, begun)
    other = await on_stores.upload(content + b"!")  # comes another way meanwhile
    assert (await upload_url(on_stores, begun)).asset.name == other.name
    done = await on_stores.call("GetUpload", service_pb2.GetUploadRequest(name=first.upload))
    assert done.asset == other.name


async def test_content_of_another_kind_is_thrown_away(storage: Storage) -> None:
    name = await put(storage, b"caf\xe9", media_type="text/plain")
    operation = await finish(storage, name, digest(b"caf\xe9"))
    assert Refusal(operation.error).said == (INVALID, "INVALID_UTF8")
    assert await storage.listed() == []


async def test_nothing_put_yet_cannot_be_finished(on_stores: Storage) -> None:
    content = os.urandom(1000)
    head = upload_header(content, str(uuid.uuid4()))
    made = await upload_url(on_stores, head)
    refusal = await refused(finish(on_stores, made.upload, digest(content)))
    assert refusal.said == (PRECONDITION, "UPLOAD_INCOMPLETE")
    again = await upload_url(on_stores, head)  # another URL for the same upload
    assert again.upload == made.upload
    assert (await http("PUT", again.url, content, again.headers))[0] == 200
    assert asset_of(await finish(on_stores, made.upload, digest(content))).raw.sha256 == digest(content)
    assert (await refused(upload_url(on_stores, head))).said == (PRECONDITION, "UPLOAD_FINISHED")


async def test_streamed_and_put_uploads_do_not_mix(storage: Storage) -> None:
    content, upload_id = os.urandom(1000), str(uuid.uuid4())
    made = await upload_url(storage, upload_header(content, upload_id))
    streamed = Part(header=upload_header(content, upload_id))
    assert (await refused(storage.send([streamed]))).said == (PRECONDITION, "UPLOAD_CHANGED")
    other = str(uuid.uuid4())
    await refused(storage.send([Part(header=upload_header(content, other)), Part(chunk=content)]))
    assert (await refused(upload_url(storage, upload_header(content, other)))).said == (PRECONDITION, "UPLOAD_CHANGED")
    refusal = await refused(finish(storage, f"{PARENT}/uploads/{other}", digest(content)))
    assert refusal.said == (PRECONDITION, "UPLOAD_INCOMPLETE")
    assert made.upload == f"{PARENT}/uploads/{upload_id}"


@pytest.mark.parametrize(
    ("values", "field"), [({"size_bytes": 0}, "header.size_bytes"), ({"upload_id": ""}, "header.upload_id")]
)
async def test_size_and_id_are_required(storage: Storage, values: dict[str, Any], field: str) -> None:
    refusal = await refused(upload_url(storage, upload_header(b"x", str(uuid.uuid4()), **values)))
    assert refusal.said == (INVALID, "INVALID_REQUEST")
    assert field in refusal.fields


async def test_too_large_a_content_gets_no_url(storage: Storage) -> None:
    refusal = await refused(upload_url(storage, upload_header(b"", str(uuid.uuid4()), size_bytes=5 * 1024**3 + 1)))
    assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONTENT_TOO_LARGE")


async def test_same_request_gets_the_same_url(on_both: Storage) -> None:
    head, request_id = upload_header(b"x", str(uuid.uuid4())), str(uuid.uuid4())
    first = await upload_url(on_both, head, request_id=request_id)
    assert await upload_url(on_both, head, request_id=request_id) == first
    other = await refused(upload_url(on_both, upload_header(b"xy", str(uuid.uuid4())), request_id=request_id))
    assert other.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("who", ["annotator", "reviewer", "stranger"])
async def test_upload_urls_are_for_those_who_may_upload(storage: Storage, who: str) -> None:
    refusal = await refused(upload_url(storage, upload_header(b"x", str(uuid.uuid4())), who=who))
    assert refusal.code is DENIED


async def download_url(storage: Storage, name: str, zone: Any = CLEAN, *, who: str = "annotator", **values: Any) -> Any:
    request = service_pb2.CreateDownloadUrlRequest(name=name, zone=zone, **values)
    return await storage.call("CreateDownloadUrl", request, who=who)


async def test_url_gives_the_content_whole_and_in_ranges(on_stores: Storage) -> None:
    clean = os.urandom(900_000)
    asset = await on_stores.admit_one(await on_stores.upload(os.urandom(900_000)), clean)
    made = await download_url(on_stores, asset.name)
    assert (made.method, made.sha256) == ("GET", digest(clean))
    status, body, headers = await http("GET", made.url, headers=made.headers)
    assert (status, body) == (200, clean)
    assert headers["Content-Type"] == asset.clean.media_type
    status, body, _ = await http("GET", made.url, headers={**made.headers, "Range": "bytes=100-299"})
    assert (status, body) == (206, clean[100:300])


async def test_url_lives_five_minutes_and_at_most_fifteen(storage: Storage) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), REDACTED)
    now = asset.update_time.seconds
    assert 290 <= (await download_url(storage, asset.name)).expire_time.seconds - now <= 330
    longest = await download_url(storage, asset.name, expire_after=Duration(seconds=900))
    assert 890 <= longest.expire_time.seconds - now <= 930
    for refused_s in (901, -1):
        refusal = await refused(download_url(storage, asset.name, expire_after=Duration(seconds=refused_s)))
        assert refusal.said == (INVALID, "INVALID_REQUEST")


async def test_expired_url_is_refused(on_stores: Storage) -> None:
    asset = await on_stores.admit_one(await on_stores.upload(TEXT), REDACTED)
    made = await download_url(on_stores, asset.name, expire_after=Duration(nanos=1))
    content = os.urandom(1000)
    head = upload_header(content, str(uuid.uuid4()))
    to_put = await upload_url(on_stores, head, expire_after=Duration(seconds=1))
    async with asyncio.timeout(20):
        while (await http("GET", made.url, headers=made.headers))[0] == 200:
            await asyncio.sleep(0.1)
    status, body, _ = await http("GET", made.url, headers=made.headers)
    assert status in (400, 403)
    assert REDACTED not in body
    async with asyncio.timeout(20):
        while (await http("PUT", to_put.url, content, to_put.headers))[0] == 200:
            await asyncio.sleep(0.1)


def altered(url: str, change: str) -> str:
    """The URL for something else than it was made for."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    path = parts.path
    if change == "path":
        path = path[:-1] + ("0" if path[-1] != "0" else "1")
    elif change == "zone":
        path = path.replace("clean", "raw")
    elif change == "longer life":
        names = {"expires": "99999999999", "X-Amz-Expires": "604800"}
        query = [(name, names.get(name, value)) for name, value in query]
    elif change == "signature":
        last = [(name, value[:-1] + ("0" if value[-1] != "0" else "1")) for name, value in query if value]
        query = [(n, dict(last)[n] if n.lower().endswith("signature") else v) for n, v in query]
    elif change == "no signature":
        query = [(name, value) for name, value in query if not name.lower().endswith("signature")]
    return urlunsplit(parts._replace(path=path, query=urlencode(query)))


async def test_altered_url_gives_nothing(on_stores: Storage) -> None:
    asset = await on_stores.admit_one(await on_stores.upload(TEXT), REDACTED)
    made = await download_url(on_stores, asset.name)
    for change in ("path", "zone", "longer life", "signature", "no signature"):
        other = altered(made.url, change)
        assert other != made.url
        status, body, _ = await http("GET", other, headers=made.headers)
        assert status in (400, 403, 404), change
        assert REDACTED not in body, change
        assert TEXT not in body, change


async def test_url_works_for_its_method_alone(on_stores: Storage) -> None:
    asset = await on_stores.admit_one(await on_stores.upload(TEXT), REDACTED)
    made = await download_url(on_stores, asset.name)
    assert (await http("PUT", made.url, b"overwritten", made.headers))[0] in (400, 403)
    assert (await http("DELETE", made.url, None, made.headers))[0] in (400, 403, 405)
    assert (await on_stores.download(asset.name, CLEAN))[1] == REDACTED
    name = await put(on_stores, TEXT * 2)
    content = os.urandom(500)
    head = upload_header(content, str(uuid.uuid4()))
    to_put = await upload_url(on_stores, head)
    assert (await http("GET", to_put.url, content, to_put.headers))[0] in (400, 403)
    assert name != to_put.upload


ZONES: list[tuple[str, Any, tuple[grpc.StatusCode, str] | None]] = [
    ("annotator", CLEAN, None),
    ("annotator", RAW, (DENIED, "RAW_FORBIDDEN")),
    ("reviewer", RAW, (DENIED, "RAW_FORBIDDEN")),
    ("manager", RAW, (DENIED, "RAW_FORBIDDEN")),
    ("owner", RAW, (DENIED, "RAW_FORBIDDEN")),
    ("privacy_officer", RAW, None),
    ("service", RAW, None),
]


async def test_same_rules_for_zones_as_for_downloads(storage: Storage) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), REDACTED)
    for who, zone, said in ZONES:
        if said is not None:
            assert (await refused(download_url(storage, asset.name, zone, who=who))).said == said, who
            continue
        made = await download_url(storage, asset.name, zone, who=who)
        assert (await http("GET", made.url, headers=made.headers))[1] == (TEXT if zone == RAW else REDACTED), who


async def test_annotator_learns_nothing_of_what_is_not_clean(storage: Storage) -> None:
    asset = await storage.upload(TEXT)
    hidden = await refused(download_url(storage, asset.name))
    absent = await refused(download_url(storage, f"{PARENT}/assets/{'0' * 32}"))
    assert hidden.said == absent.said == (NOT_FOUND, "ASSET_NOT_FOUND")
    assert (await refused(download_url(storage, asset.name, who="manager"))).said == (PRECONDITION, "NOT_CLEAN")


async def test_url_of_raw_is_in_the_audit_log_and_one_of_clean_is_not(storage: Storage) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), REDACTED)
    await download_url(storage, asset.name)
    await refused(download_url(storage, asset.name, RAW))
    await download_url(storage, asset.name, RAW, who="privacy_officer")
    with sqlite3.connect(f"file:{storage.data_dir / 'storage.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT actor, resource FROM audit_entries WHERE action = 'asset.raw_url_created'")
        assert rows.fetchall() == [("privacy_officer", asset.name)]


async def test_url_counts_as_bytes_that_left(storage: Storage) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), REDACTED)
    quota = lifecycle_service_pb2.Usage.Quota(max_daily_egress_bytes=2 * len(REDACTED))
    limit = lifecycle_service_pb2.UpdateQuotaRequest(name=f"{PARENT}/usage", quota=quota)
    stub = lifecycle_service_pb2_grpc.LifecycleServiceStub(storage.channel)
    await stub.UpdateQuota(limit, metadata=storage.as_("owner"))
    for _ in range(2):
        await download_url(storage, asset.name)
    refusal = await refused(download_url(storage, asset.name))
    assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    await download_url(storage, asset.name, who="service")


async def test_url_to_put_more_than_the_quota_is_refused(storage: Storage) -> None:
    quota = lifecycle_service_pb2.Usage.Quota(max_stored_bytes=1000)
    limit = lifecycle_service_pb2.UpdateQuotaRequest(name=f"{PARENT}/usage", quota=quota)
    stub = lifecycle_service_pb2_grpc.LifecycleServiceStub(storage.channel)
    await stub.UpdateQuota(limit, metadata=storage.as_("owner"))
    refusal = await refused(upload_url(storage, upload_header(b"", str(uuid.uuid4()), size_bytes=1001)))
    assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert (await upload_url(storage, upload_header(b"", str(uuid.uuid4()), size_bytes=1000))).url
