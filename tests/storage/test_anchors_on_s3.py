"""Heads of the audit log as objects of an S3 bucket, also of one where nothing can be made to disappear."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig

from labelmill.storage.v1 import audit_service_pb2
from labelmill_storage.adapters.audit.s3_anchors import S3Anchors
from labelmill_storage.adapters.objects.s3_calls import Bucket
from labelmill_storage.adapters.secrets.audit_key import AuditKey
from labelmill_storage.convert.audit import head_line
from labelmill_storage.gate.audit import Head
from tests.storage.audits import export, verified
from tests.storage.client import PROJECT, Storage
from tests.storage.conftest import Start, s3_settings
from tests.support.s3 import RAW_BUCKET, S3Server


async def admit(storage: Storage, number: int) -> None:
    raw = await storage.upload(f"Jane Doe wrote letter {number}.".encode())
    await storage.admit_one(raw, f"<PERSON> wrote letter {number}.".encode())


def paths(client: Minio) -> list[str]:
    return [str(found.object_name) for found in client.list_objects(RAW_BUCKET, prefix="_audit/", recursive=True)]


async def test_heads_go_into_the_raw_bucket_where_no_client_reaches_them(start: Start, s3: S3Server) -> None:
    client = s3.client(s3.raw)
    for path in paths(client):  # of other tests, whose logs were others
        client.remove_object(RAW_BUCKET, path)
    for number in range(2):
        async with start(**s3_settings(s3), audit_anchor_seconds=3600.0) as storage:
            await admit(storage, number)
    wanted = [f"_audit/{PROJECT}/{sequence:020}.json" for sequence in (1, 2)]
    assert paths(client) == wanted
    found = json.loads(client.get_object(RAW_BUCKET, wanted[1]).read())
    assert (found["name"], found["sequence"]) == (f"projects/{PROJECT}/auditHead", "2")
    async with start(**s3_settings(s3), audit_anchor_seconds=3600.0) as storage:
        log = await export(storage)
        assert [head.sequence for head in log.anchors] == [1, 2]
        assert log.verify(public_keys=[log.head.public_key]).intact
        client.put_object(RAW_BUCKET, wanted[0], io.BytesIO(b"{}"), 2)
        assert await verified(storage) == (7, {"SIGNATURE_WRONG"})
        client.remove_object(RAW_BUCKET, wanted[0])
        assert await verified(storage) == (0, set())


@pytest.fixture
def locked(s3: S3Server) -> Minio:
    client = s3.client(s3.admin)
    if not client.bucket_exists("labelmill-audit"):
        client.make_bucket("labelmill-audit", object_lock=True)
        client.set_object_lock_config("labelmill-audit", ObjectLockConfig(COMPLIANCE, 1, DAYS))
    return client


def overwritten(client: Minio, path: str) -> Any:
    return client.put_object("labelmill-audit", path, io.BytesIO(b"{}"), 2)


def deleted(client: Minio, path: str) -> Any:
    return client.remove_object("labelmill-audit", path)


def destroyed(client: Minio, path: str) -> Any:
    (version,) = client.list_objects("labelmill-audit", prefix=path, include_version=True)
    with pytest.raises(S3Error):
        client.remove_object("labelmill-audit", path, version_id=version.version_id)


@pytest.mark.parametrize("hide", [overwritten, deleted, destroyed])
async def test_where_versions_are_kept_no_anchor_disappears(
    locked: Minio, tmp_path: Any, hide: Callable[[Minio, str], Any]
) -> None:
    key, anchors, project = AuditKey.open(tmp_path / "key"), S3Anchors(Bucket(locked, "labelmill-audit")), hide.__name__
    heads = [key.sign_head(Head(project, sequence, f"{sequence:064x}")) for sequence in (9, 10, 11)]
    for head in heads:
        await anchors.write(head)
    assert list(await anchors.newest(project, 1000)) == heads
    assert list(await anchors.newest(project, 2)) == heads[1:]
    hide(locked, f"_audit/{project}/{11:020}.json")
    assert heads[2] in await anchors.newest(project, 1000)
    await anchors.close()


async def test_a_bucket_of_its_own_has_credentials_of_its_own(start: Start, s3: S3Server, locked: Minio) -> None:
    own = {"audit_bucket": "labelmill-audit", "audit_access_key": s3.admin.access_key}
    async with start(**s3_settings(s3), **own, audit_secret_key=s3.admin.secret_key) as storage:
        await admit(storage, 1)
    path = f"_audit/{PROJECT}/{1:020}.json"
    assert path not in paths(s3.client(s3.raw))
    assert locked.get_object("labelmill-audit", path).read().startswith(b'{"name"')
    with pytest.raises(ValueError, match="audit_bucket needs its own"):
        async with start(**s3_settings(s3), audit_bucket="labelmill-audit"):
            pass


def test_a_line_is_what_the_command_line_reads(tmp_path: Any) -> None:
    from google.protobuf.json_format import Parse

    head = AuditKey.open(tmp_path / "key").sign_head(Head(PROJECT, 3, "a" * 64))
    parsed = Parse(head_line(head), audit_service_pb2.AuditHead())
    assert (parsed.sequence, parsed.signature, parsed.public_key) == (3, head.signature, head.public_key)
