"""Media over the wire, in worker processes of their own that start when they are needed."""

import asyncio
import logging
import time
import warnings
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labelmill import errors
from labelmill.anonymization.v1 import content_service_pb2 as service
from labelmill.anonymization.v1 import media_rules_pb2, operators_pb2, service_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1.service_pb2 import PolicySource
from labelmill.type.v1.geometry_pb2 import TimeSegment
from labelmill_anonymization.adapters.media.worker_processes import MediaProcesses
from labelmill_anonymization.assembly import media as assembly
from labelmill_anonymization.convert.media_rules import media_rules_from_proto, media_rules_to_proto
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_anonymization.media.errors import MediaNotInstalled
from labelmill_anonymization.media.rules import Cover, DicomRules, MediaRules, Sound
from labelmill_anonymization.settings import AnonymizationSettings
from tests.anonymization.media_in_process import anonymized, policy
from tests.anonymization.media_samples import CANARY, decoded, encoded, page, portrait, recording
from tests.anonymization.memory_zones import MemoryZones
from tests.anonymization.server import anonymization

REPLACE = operators_pb2.Operator(replace=operators_pb2.Replace())


def source(**rules: Any) -> PolicySource:
    return PolicySource(inline=pb.Policy(default_operator=REPLACE, media_rules=media_rules_pb2.MediaRules(**rules)))


def request(data: bytes, media_type: str, wanted: PolicySource | None = None) -> service.AnonymizeContentRequest:
    content = service.Content(content=data, media_type=media_type)
    return service.AnonymizeContentRequest(parent="projects/demo", content=content, policy=wanted or source())


async def test_pictures_sound_and_errors_over_the_wire(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        client = server.client.content
        answer = await client.anonymize_content(request(encoded(portrait("NameJane"), "PNG"), "image/png"))
        assert {region.entity_type for region in answer.regions} == {"FACE", "PERSON"}
        face = next(region for region in answer.regions if region.entity_type == "FACE")
        assert (face.box.image_size.width_px, face.box.image_size.height_px) == (512, 512)
        assert not decoded(answer.content)[100, 225].any()
        assert answer.protection_level == pb.PROTECTION_LEVEL_ANONYMIZED
        assert any(version.startswith("CenterFace") for version in answer.detector_versions)
        assert "words 1" in answer.detector_versions

        sound = request(recording(), "audio/wav")
        with pytest.raises(errors.InvalidArgument) as caught:
            await client.anonymize_content(sound)
        assert caught.value.reason == "TRANSCRIPT_REQUIRED"
        sound.content.transcript.add(text="NameJane", segment=TimeSegment(start_ms=500, end_ms=900))
        answer = await client.anonymize_content(sound)
        assert (answer.regions[0].segment.start_ms, answer.regions[0].segment.end_ms) == (400, 1000)

        with pytest.raises(errors.InvalidArgument) as caught:
            await client.anonymize_content(request(CANARY.encode(), "application/pdf"))
        assert caught.value.reason == "CONTENT_MALFORMED"
        with pytest.raises(errors.Internal) as failed:  # the detector of words fails on this one
            await client.anonymize_content(request(encoded(page("FAIL NameJane"), "PNG"), "image/png"))
        assert failed.value.reason == "DETECTION_FAILED"
        assert CANARY not in server.log.getvalue()


async def test_one_bad_picture_of_a_stream_fails_alone(tmp_path: Path) -> None:
    contents = {"good": encoded(page("NameJane"), "PNG"), "bad": b"\x89PNG"}

    async def sent() -> AsyncIterator[service.StreamAnonymizeContentsRequest]:
        header = service.StreamAnonymizeContentsRequest.Header(parent="projects/demo", policy=source(keep_faces=True))
        yield service.StreamAnonymizeContentsRequest(header=header)
        for item_id, data in contents.items():
            content = service.Content(content=data, media_type="image/png")
            item = service.StreamAnonymizeContentsRequest.Item(item_id=item_id, content=content)
            yield service.StreamAnonymizeContentsRequest(item=item)

    async with anonymization(tmp_path) as server:
        answers = {a.item_id: a async for a in server.client.content.stream_anonymize_contents(sent())}
    assert [answers[name].status.code for name in contents] == [0, 3]
    assert answers["good"].anonymized.entity_counts[0].entity_type == "PERSON"


async def test_assets_of_all_kinds_are_admitted_by_one_operation(tmp_path: Path) -> None:
    zones = MemoryZones()
    picture = zones.add("demo", encoded(portrait("NameJane"), "PNG"), "image/png")
    text = zones.add("demo", "NameJane was here")
    sound = zones.add("demo", recording(), "audio/wav")
    broken = zones.add("demo", CANARY.encode(), "image/jpeg")
    wanted = pb.Policy(default_operator=REPLACE)
    async with anonymization(tmp_path, zones) as server:
        client = server.client.anonymization
        await client.create_policy(
            service_pb2.CreatePolicyRequest(parent="projects/demo", policy_id="strict", policy=wanted)
        )
        operation = await client.anonymize_assets(
            service_pb2.AnonymizeAssetsRequest(parent="projects/demo", policy="projects/demo/policies/strict")
        )
        result = await operation.result(timeout_s=60)
        failures = {each.item: each.status for each in operation.metadata().progress.partial_failures}
        receipts = [r async for r in client.list_receipts(service_pb2.ListReceiptsRequest(parent="projects/demo"))]
    assert (result.admitted_count, result.failed_count) == (2, 2)
    assert zones.assets[text].clean == b"<PERSON> was here"
    clean = zones.assets[picture].clean
    assert clean is not None
    assert not decoded(clean)[100, 225].any()
    assert set(failures) == {sound, broken}  # what is said in a stored recording is not known
    counts = {r.asset: {c.entity_type: c.count for c in r.entity_counts} for r in receipts}
    assert counts == {picture: {"FACE": 1, "PERSON": 1}, text: {"PERSON": 1}}


async def test_no_process_starts_before_the_first_picture() -> None:
    workers = MediaProcesses(1)
    try:
        assert not workers._pool._executor._processes
        assert await workers.call(1, np.add, 1, 2) == 3
        assert len(workers._pool._executor._processes) == 1
    finally:
        await workers.close()


async def test_workers_that_fail_or_are_stuck_quote_nothing() -> None:
    workers = MediaProcesses(1, timeout_s=1)
    try:
        with pytest.raises(DetectionFailed) as caught:
            await workers.call(30, int, CANARY)
        assert CANARY not in repr(caught.value) + str(caught.value.__cause__)
        with pytest.raises(DetectionTimeout):
            await asyncio.wait_for(workers.call(1, time.sleep, 20), 10)
    finally:
        await workers.close(grace_s=0)


async def test_readers_that_quote_what_they_read_are_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    workers = MediaProcesses(1)
    try:
        await workers.call(30, warnings.warn, CANARY)
        await workers.call(30, logging.error, CANARY)
    finally:
        await workers.close()
    heard = capfd.readouterr()
    assert CANARY not in heard.out + heard.err


async def test_an_installation_without_media_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "find_spec", lambda name: None if name == "cv2" else name)
    area = assembly.media(SimpleNamespace(settings=AnonymizationSettings(), anonymizer=None))  # type: ignore[arg-type]
    assert {"image/png", "application/pdf", "audio/*", "video/*"} <= {t for h in area.handlers for t in h.media_types}
    for handler in area.handlers:
        with pytest.raises(MediaNotInstalled):
            await handler.anonymize(None, None, None)  # type: ignore[arg-type]


def test_rules_survive_the_way_through_the_contract() -> None:
    rules = MediaRules(
        cover=Cover.PIXELATE,
        keep_faces=True,
        cover_all_text=True,
        threshold=0.4,
        sound=Sound.DROP,
        padding=0,
        sound_padding_ms=0,
        max_passes=5,
        frame_step=3,
        page_dpi=100,
        dicom=DicomRules(retain_uids=True),
    )
    assert media_rules_from_proto(media_rules_to_proto(rules)) == rules
    assert media_rules_from_proto(media_rules_pb2.MediaRules()) == MediaRules()


async def test_a_policy_for_nothing_still_removes_metadata() -> None:
    wanted = policy(keep_faces=True, keep_text=True, keep_license_plates=True, keep_codes=True)
    clean = await anonymized(encoded(page("NameJane"), "JPEG", comment=CANARY), "image/jpeg", wanted)
    assert CANARY.encode() not in clean.data
    names: Sequence[str] = [name for name, _ in clean.entity_counts]
    assert names == ["METADATA"]
