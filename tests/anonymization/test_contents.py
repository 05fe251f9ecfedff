"""Contents of any media type: who handles what, one bad content fails alone, and nothing passes unlooked at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import content_service_pb2 as service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1.service_pb2 import PolicySource
from tests.anonymization.server import anonymization

REPLACE = PolicySource(inline=pb.Policy(default_operator=operators_pb2.Operator(replace=operators_pb2.Replace())))


def request(data: bytes, media_type: str) -> service.AnonymizeContentRequest:
    content = service.Content(content=data, media_type=media_type)
    return service.AnonymizeContentRequest(parent="projects/demo", content=content, policy=REPLACE)


async def test_a_text_is_a_content_like_any_other(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        answer = await server.client.content.anonymize_content(request(b"NameJane left", "text/plain; charset=utf-8"))
    assert answer.content == b"<PERSON> left"
    assert answer.media_type == "text/plain; charset=utf-8"
    assert [(count.entity_type, count.count) for count in answer.entity_counts] == [("PERSON", 1)]
    assert answer.protection_level == pb.PROTECTION_LEVEL_ANONYMIZED
    assert list(answer.detector_versions) == ["words 1"]


async def test_what_nobody_can_look_into_is_refused(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        with pytest.raises(errors.InvalidArgument) as caught:
            await server.client.content.anonymize_content(request(b"PK\3\4", "application/x-unheard-of"))
        assert caught.value.reason == "UNSUPPORTED_MEDIA_TYPE"
        assert "text/*" in caught.value.metadata["supported"]
        with pytest.raises(errors.InvalidArgument) as caught:
            await server.client.content.anonymize_content(request(b"\xff\xfe", "text/plain"))
        assert caught.value.reason == "INVALID_UTF8"


async def test_one_bad_content_of_a_stream_fails_alone(tmp_path: Path) -> None:
    contents = {"good": b"NameJane", "bad": b"\xff", "broken": b"FAIL NameBob", "late": b"NameAnn"}

    async def sent() -> AsyncIterator[service.StreamAnonymizeContentsRequest]:
        header = service.StreamAnonymizeContentsRequest.Header(parent="projects/demo", policy=REPLACE)
        yield service.StreamAnonymizeContentsRequest(header=header)
        for item_id, data in contents.items():
            item = service.StreamAnonymizeContentsRequest.Item(item_id=item_id, content=service.Content(content=data))
            yield service.StreamAnonymizeContentsRequest(item=item)

    async with anonymization(tmp_path) as server:
        answers = {a.item_id: a async for a in server.client.content.stream_anonymize_contents(sent())}
    assert {name: a.anonymized.content for name, a in answers.items()} == {
        "good": b"<PERSON>",
        "bad": b"",
        "broken": b"",
        "late": b"<PERSON>",
    }
    assert [answers[name].status.code for name in contents] == [0, 3, 13, 0]
