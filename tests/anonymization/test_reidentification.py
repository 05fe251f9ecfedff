"""The way back, over the service: who may, what is kept about it, and what makes it impossible."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import content_service_pb2 as content_pb
from labelmill.anonymization.v1 import keys_service_pb2 as keys_pb
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import reidentification_service_pb2 as back_pb
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest
from labelmill_runtime.principal import Role
from tests.anonymization.memory_zones import MemoryZones
from tests.anonymization.server import Anonymization, anonymization
from tests.support.postgres import new_database

PARENT = "projects/demo"
REASON = "The patient asked what is kept about her."
Problem = back_pb.ReidentifyResponse.Problem


def encrypting(scope: str = "KEY_SCOPE_PROJECT") -> pb.Policy:
    return pb.Policy(default_operator=operators_pb2.Operator(encrypt=operators_pb2.Encrypt(scope=scope)))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def server(tmp_path: Path, database_url: str | None) -> AsyncIterator[Anonymization]:
    async with anonymization(tmp_path, MemoryZones(), database_url=database_url) as running:
        yield running


async def anonymize(
    server: Anonymization, text: str, policy: pb.Policy, subject: str = ""
) -> service.AnonymizeTextResponse:
    source = service.PolicySource(inline=policy)
    request = service.AnonymizeTextRequest(parent=PARENT, text=text, policy=source, subject=subject)
    return await server.client.anonymization.anonymize_text(request)


async def reidentify(server: Anonymization, text: str = "", **more: object) -> back_pb.ReidentifyResponse:
    request = back_pb.ReidentifyRequest(parent=PARENT, text=text, reason=REASON, **more)  # type: ignore[arg-type]
    return await server.client.reidentification.reidentify(request)


async def records(server: Anonymization) -> list[back_pb.Reidentification]:
    request = back_pb.ListReidentificationsRequest(parent=PARENT, page_size=1)
    return [one async for one in server.client.reidentification.list_reidentifications(request)]


async def listed(server: Anonymization) -> dict[str, keys_pb.Key]:
    """Key id -> key."""
    request = keys_pb.ListKeysRequest(parent=PARENT, page_size=2)
    return {key.name.rpartition("/")[2]: key async for key in server.client.keys.list_keys(request)}


async def test_a_text_comes_back_as_it_was(server: Anonymization) -> None:
    text = "NameJane 👩‍🚀 lives in PlaceRome,\r\nsays NameJane."
    clean = await anonymize(server, text, encrypting())
    assert "Jane" not in clean.text
    assert clean.protection_level == pb.PROTECTION_LEVEL_PSEUDONYMIZED
    [key_id] = clean.key_ids
    back = await reidentify(server, clean.text)
    assert back.text == text
    assert [(one.entity_type, one.value, one.key_id) for one in back.tokens] == [
        ("PERSON", "NameJane", key_id),
        ("LOCATION", "PlaceRome", key_id),
        ("PERSON", "NameJane", key_id),
    ]


async def test_every_call_is_kept_without_values(server: Anonymization) -> None:
    clean = await anonymize(server, "NameJane and NameBob", encrypting())
    await reidentify(server, clean.text)
    await reidentify(server, "nothing here")
    first, second = await records(server)
    assert (first.principal, first.reason) == ("privacy_officer", REASON)
    assert (first.value_count, first.revealed_count, list(first.key_ids)) == (2, 2, list(clean.key_ids))
    assert (second.value_count, second.revealed_count, list(second.key_ids)) == (0, 0, [])
    assert b"Jane" not in first.SerializeToString()


@pytest.mark.parametrize("reason", ["", "because", "x" * 1001])
async def test_a_reason_is_needed(server: Anonymization, reason: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await server.client.reidentification.reidentify(back_pb.ReidentifyRequest(parent=PARENT, reason=reason))
    assert "reason" in caught.value.fields
    assert not await records(server)


async def test_nobody_else_may(server: Anonymization) -> None:
    for role in set(Role) - {Role.PRIVACY_OFFICER}:
        client = server.clients[role]
        for call in (
            client.reidentification.reidentify(back_pb.ReidentifyRequest(parent=PARENT, reason=REASON)),
            client.keys.list_keys.page(keys_pb.ListKeysRequest(parent=PARENT)),
            client.keys.rotate_key(keys_pb.RotateKeyRequest(parent=PARENT, purpose="PURPOSE_ENCRYPTION")),
            client.keys.destroy_key(
                keys_pb.DestroyKeyRequest(name=f"{PARENT}/keys/1", reason=REASON, confirmation="1")
            ),
        ):
            with pytest.raises(errors.PermissionDenied):
                await call


async def test_tokens_that_were_altered_moved_or_invented_stay_as_they_are(server: Anonymization) -> None:
    token = (await anonymize(server, "NameJane", encrypting())).text
    moved = token.replace("<PERSON:", "<LOCATION:")
    unknown = f"<PERSON:{'0' * 16}:{'A' * 30}>"
    back = await reidentify(server, f"{moved} {unknown} {token}")
    assert back.text == f"{moved} {unknown} NameJane"
    problems = [one.problem for one in back.tokens]
    assert problems == [Problem.PROBLEM_NOT_AUTHENTIC, Problem.PROBLEM_KEY_NOT_FOUND, Problem.PROBLEM_UNSPECIFIED]
    [record] = await records(server)
    assert (record.value_count, record.revealed_count) == (3, 1)


async def test_a_token_of_another_project_is_refused(server: Anonymization) -> None:
    token = (await anonymize(server, "NameJane", encrypting())).text
    request = back_pb.ReidentifyRequest(parent="projects/other", text=token, reason=REASON)
    with pytest.raises(errors.PermissionDenied):
        await server.client.reidentification.reidentify(request)


async def test_enciphered_values_come_back_with_key_and_type(server: Anonymization) -> None:
    enciphering = operators_pb2.Operator(encrypt_format=operators_pb2.EncryptFormat())
    clean = await anonymize(server, "NameJane", pb.Policy(default_operator=enciphering))
    assert clean.text != "NameJane"
    assert len(clean.text) == len("NameJane")
    formatted = back_pb.ReidentifyRequest.FormattedValue
    [key_id] = clean.key_ids
    back = await reidentify(
        server,
        formatted_values=[
            formatted(value=clean.text, entity_type="PERSON", key_id=key_id),
            formatted(value=clean.text, entity_type="LOCATION", key_id=key_id),
            formatted(value="x", entity_type="PERSON", key_id=key_id),
            formatted(value=clean.text, entity_type="PERSON", key_id="0" * 16),
        ],
    )
    right, wrong_type, short, unknown = back.formatted_values
    assert (right.value, right.problem) == ("NameJane", Problem.PROBLEM_UNSPECIFIED)
    assert wrong_type.value != "NameJane"
    assert (short.problem, unknown.problem) == (Problem.PROBLEM_MALFORMED, Problem.PROBLEM_KEY_NOT_FOUND)


async def test_after_a_rotation_old_tokens_are_read_and_new_ones_have_the_new_key(server: Anonymization) -> None:
    old = (await anonymize(server, "NameJane", encrypting())).text
    request = keys_pb.RotateKeyRequest(parent=PARENT, purpose="PURPOSE_ENCRYPTION", request_id=str(uuid.uuid4()))
    rotated = await server.client.keys.rotate_key(request)
    assert await server.client.keys.rotate_key(request) == rotated
    new = (await anonymize(server, "NameJane", encrypting())).text
    assert f":{rotated.name.rpartition('/')[2]}:" in new
    assert (await reidentify(server, f"{old} {new}")).text == "NameJane NameJane"
    states = {key.state for key in (await listed(server)).values() if key.purpose == keys_pb.Key.PURPOSE_ENCRYPTION}
    assert states == {keys_pb.Key.STATE_ACTIVE, keys_pb.Key.STATE_PRIMARY}


async def destroy(server: Anonymization, key_id: str, confirmation: str | None = None) -> keys_pb.Key:
    name = f"{PARENT}/keys/{key_id}"
    request = keys_pb.DestroyKeyRequest(name=name, reason=REASON, confirmation=confirmation or key_id)
    return await server.client.keys.destroy_key(request)


async def test_what_was_made_with_a_destroyed_key_can_never_be_read_again(
    server: Anonymization, tmp_path: Path
) -> None:
    clean = await anonymize(server, "NameJane", encrypting())
    [key_id] = clean.key_ids
    with pytest.raises(errors.FailedPrecondition) as caught:
        await destroy(server, key_id)
    assert caught.value.reason == "KEY_IN_USE"
    await server.client.keys.rotate_key(keys_pb.RotateKeyRequest(parent=PARENT, purpose="PURPOSE_ENCRYPTION"))
    with pytest.raises(errors.InvalidArgument) as unconfirmed:
        await destroy(server, key_id, "yes")
    assert unconfirmed.value.reason == "NOT_CONFIRMED"
    destroyed = await destroy(server, key_id)
    assert (destroyed.state, destroyed.destroy_reason) == (keys_pb.Key.STATE_DESTROYED, REASON)
    back = await reidentify(server, clean.text)
    assert back.text == clean.text
    assert back.tokens[0].problem == Problem.PROBLEM_KEY_DESTROYED
    assert (await listed(server))[key_id].HasField("destroy_time")


async def test_a_subject_can_be_forgotten_and_others_are_still_read(server: Anonymization) -> None:
    by_subject = encrypting("KEY_SCOPE_SUBJECT")
    jane = (await anonymize(server, "NameJane", by_subject, "patient 1")).text
    bob = (await anonymize(server, "NameJane", by_subject, "patient 2")).text
    assert jane != bob
    request = keys_pb.DestroySubjectKeysRequest(parent=PARENT, subject="patient 1", reason=REASON)
    assert (await server.client.keys.destroy_subject_keys(request)).destroyed_count == 1
    assert (await server.client.keys.destroy_subject_keys(request)).destroyed_count == 0
    back = await reidentify(server, f"{jane} {bob}")
    assert back.text == f"{jane} NameJane"
    again = (await anonymize(server, "NameJane", by_subject, "patient 1")).text
    assert again != jane


async def test_erasing_an_asset_shreds_its_tokens_and_no_others(server: Anonymization) -> None:
    first, second = (server.zones.add("demo", text) for text in ("NameJane", "NameBob"))
    request = service.CreatePolicyRequest(parent=PARENT, policy_id="strict", policy=encrypting("KEY_SCOPE_SUBJECT"))
    await server.client.anonymization.create_policy(request)
    run = service.AnonymizeAssetsRequest(parent=PARENT, policy=f"{PARENT}/policies/strict")
    await (await server.client.anonymization.anonymize_assets(run)).result(timeout_s=60)
    tokens = [(server.zones.assets[name].clean or b"").decode() for name in (first, second)]
    receipts = server.client.anonymization.list_receipts(service.ListReceiptsRequest(parent=PARENT))
    assert len({key for receipt in [one async for one in receipts] for key in receipt.key_ids}) == 2
    erasure = EraseAssetsRequest(parent=PARENT, names=[first])
    erased = await server.clients[Role.SERVICE].anonymization.erase_assets(erasure)
    assert erased.removed_counts["keys"] == 1
    back = await reidentify(server, " ".join(tokens))
    assert back.text == f"{tokens[0]} NameBob"
    assert back.tokens[0].problem == Problem.PROBLEM_KEY_DESTROYED


async def test_only_a_privacy_officer_of_all_projects_rotates_the_root_key(server: Anonymization) -> None:
    for client in server.clients.values():
        with pytest.raises(errors.PermissionDenied):
            await client.keys.rotate_root_key(keys_pb.RotateRootKeyRequest())


async def test_streams_keep_the_subjects_of_their_items_apart(server: Anonymization) -> None:
    async def sent() -> AsyncIterator[service.StreamAnonymizeTextsRequest]:
        stream = service.StreamAnonymizeTextsRequest
        source = service.PolicySource(inline=encrypting("KEY_SCOPE_SUBJECT"))
        yield stream(header=stream.Header(parent=PARENT, policy=source))
        who = {"a": "patient 1", "b": "patient 2", "c": "patient 1", "d": ""}
        items = [stream.Item(item_id=item, text="NameJane", subject=subject) for item, subject in who.items()]
        yield stream(batch=stream.Batch(items=items))

    found: dict[str, str] = {}
    async for response in server.client.anonymization.stream_anonymize_texts(sent()):
        found |= {result.item_id: result.anonymized.text for result in response.results}
    assert found["a"] == found["c"]
    assert len(set(found.values())) == 3


async def test_a_content_can_be_about_a_subject(server: Anonymization) -> None:
    source = service.PolicySource(inline=encrypting("KEY_SCOPE_SUBJECT"))
    clean = [
        await server.client.content.anonymize_content(
            content_pb.AnonymizeContentRequest(
                parent=PARENT, content=content_pb.Content(content=b"NameJane", subject=subject), policy=source
            )
        )
        for subject in ("patient 1", "patient 2")
    ]
    assert clean[0].content != clean[1].content
    assert clean[0].key_ids != clean[1].key_ids


async def test_assets_of_one_subject_share_a_key_that_goes_with_the_last_of_them(server: Anonymization) -> None:
    names = [server.zones.add("demo", text) for text in ("NameJane in PlaceRome", "NameJane again", "NameJane")]
    for name in names[:2]:
        server.zones.assets[name].labels["patient"] = "patient 1"
    request = service.CreatePolicyRequest(parent=PARENT, policy_id="strict", policy=encrypting("KEY_SCOPE_SUBJECT"))
    await server.client.anonymization.create_policy(request)
    run = service.AnonymizeAssetsRequest(parent=PARENT, policy=f"{PARENT}/policies/strict", subject_label="patient")
    await (await server.client.anonymization.anonymize_assets(run)).result(timeout_s=60)
    tokens = [(server.zones.assets[name].clean or b"").decode().split()[0] for name in names]
    assert tokens[0] == tokens[1] != tokens[2]
    for name, destroyed in zip(names[:2], (0, 1), strict=True):
        erasure = EraseAssetsRequest(parent=PARENT, names=[name])
        erased = await server.clients[Role.SERVICE].anonymization.erase_assets(erasure)
        assert erased.removed_counts["keys"] == destroyed
    assert [one.problem for one in (await reidentify(server, " ".join(tokens[1:]))).tokens] == [
        Problem.PROBLEM_KEY_DESTROYED,
        Problem.PROBLEM_UNSPECIFIED,
    ]
