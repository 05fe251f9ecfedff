"""The RPCs over a real socket."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill_runtime.principal import Role
from tests.anonymization.server import Anonymization, anonymization

pytestmark = pytest.mark.asyncio(loop_scope="module")
REPLACE = operators_pb2.Operator(replace=operators_pb2.Replace())
ANY = pb.Policy(default_operator=REPLACE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Anonymization]:
    async with anonymization(tmp_path_factory.mktemp("anonymization"), max_pending_texts=500) as server:
        yield server


def text_request(text: str, policy: pb.Policy = ANY, parent: str = "projects/demo") -> service.AnonymizeTextRequest:
    return service.AnonymizeTextRequest(parent=parent, text=text, policy=service.PolicySource(inline=policy))


def new_id() -> str:
    return f"p-{uuid.uuid4().hex[:12]}"


async def create(running: Anonymization, policy: pb.Policy = ANY) -> pb.Policy:
    request = service.CreatePolicyRequest(parent="projects/demo", policy_id=new_id(), policy=policy)
    return await running.client.anonymization.create_policy(request)


async def test_a_text_is_anonymized_with_findings_and_level(running: Anonymization) -> None:
    policy = pb.Policy(
        rules=[
            pb.Rule(entity_type="PERSON", operator=operators_pb2.Operator(redact=operators_pb2.Redact())),
            pb.Rule(entity_type="LOCATION", operator=operators_pb2.Operator(hash=operators_pb2.Hash(length=8))),
        ]
    )
    answer = await running.client.anonymization.anonymize_text(text_request("NameJane in PlaceRome, a@b", policy))
    first, second = answer.findings
    assert answer.text[:4] == " in "
    assert answer.text[12:] == ", a@b"
    assert answer.protection_level == pb.PROTECTION_LEVEL_PSEUDONYMIZED
    assert (first.entity_type, first.operator_name, first.HasField("clean_span")) == ("PERSON", "redact", False)
    assert (first.raw_span.start, first.raw_span.end) == (0, 8)
    assert (second.clean_span.start, second.clean_span.end, second.recognizer) == (4, 12, "WordDetector")


async def test_a_kept_policy_can_be_used(running: Anonymization) -> None:
    policy = await create(running)
    request = service.AnonymizeTextRequest(
        parent="projects/demo", text="NameJane", policy=service.PolicySource(policy=policy.name)
    )
    assert (await running.client.anonymization.anonymize_text(request)).text == "<PERSON>"


@pytest.mark.parametrize(
    ("text_policy", "error", "reason", "field"),
    [
        (
            ("x", pb.Policy(rules=[pb.Rule(entity_type="SHOE_SIZE", operator=REPLACE)])),
            errors.InvalidArgument,
            "UNKNOWN_ENTITY_TYPE",
            "policy.inline.rules[0].entity_type",
        ),
        (("x", pb.Policy(language="tlh")), errors.InvalidArgument, "UNSUPPORTED_LANGUAGE", "policy.inline.language"),
        (("x" * 100_001, ANY), errors.InvalidArgument, "", "text"),
        (("FAIL", ANY), errors.Internal, "DETECTION_FAILED", None),
        (("CRASH", ANY), errors.Internal, "DETECTION_FAILED", None),
        (
            ("x", pb.Policy(default_operator=operators_pb2.Operator(hash=operators_pb2.Hash(length=4)))),
            errors.InvalidArgument,
            "INVALID_REQUEST",
            "policy.inline.default_operator.hash.length",
        ),
    ],
)
async def test_bad_texts_and_policies(
    running: Anonymization,
    text_policy: tuple[str, pb.Policy],
    error: type[errors.LabelmillError],
    reason: str,
    field: str | None,
) -> None:
    with pytest.raises(error) as caught:
        await running.client.anonymization.anonymize_text(text_request(*text_policy))
    assert reason in ("", caught.value.reason)
    assert field is None or field in caught.value.fields


async def test_another_projects_policy_is_refused(running: Anonymization) -> None:
    source = service.PolicySource(policy="projects/other/policies/strict")
    request = service.AnonymizeTextRequest(parent="projects/demo", text="x", policy=source)
    with pytest.raises(errors.InvalidArgument) as caught:
        await running.client.anonymization.anonymize_text(request)
    assert caught.value.reason == "FOREIGN_PROJECT"


async def test_annotators_and_strangers_are_refused(running: Anonymization) -> None:
    for role, parent in ((Role.ANNOTATOR, "projects/demo"), (Role.PRIVACY_OFFICER, "projects/other")):
        with pytest.raises(errors.PermissionDenied):
            await running.clients[role].anonymization.anonymize_text(text_request("NameJane", parent=parent))
    with pytest.raises(errors.PermissionDenied):
        await running.clients[Role.MANAGER].anonymization.create_policy(
            service.CreatePolicyRequest(parent="projects/demo", policy_id=new_id(), policy=ANY)
        )


def header(policy: pb.Policy = ANY) -> service.StreamAnonymizeTextsRequest:
    message = service.StreamAnonymizeTextsRequest.Header(
        parent="projects/demo", policy=service.PolicySource(inline=policy)
    )
    return service.StreamAnonymizeTextsRequest(header=message)


def batch(*items: tuple[str, str]) -> service.StreamAnonymizeTextsRequest:
    messages = [service.StreamAnonymizeTextsRequest.Item(item_id=i, text=text) for i, text in items]
    return service.StreamAnonymizeTextsRequest(batch=service.StreamAnonymizeTextsRequest.Batch(items=messages))


async def stream(
    running: Anonymization, *requests: service.StreamAnonymizeTextsRequest
) -> dict[str, service.StreamAnonymizeTextsResponse.Result]:
    async def sent() -> AsyncIterator[service.StreamAnonymizeTextsRequest]:
        for request in requests:
            yield request

    results: dict[str, service.StreamAnonymizeTextsResponse.Result] = {}
    async for response in running.client.anonymization.stream_anonymize_texts(sent()):
        results |= {result.item_id: result for result in response.results}
    return results


async def test_a_stream_answers_each_text_and_one_bad_text_fails_alone(running: Anonymization) -> None:
    results = await stream(
        running, header(), batch(("a", "NameJane"), ("b", "CRASH"), ("c", "x" * 100_001)), batch(("d", "PlaceRome"))
    )
    assert {i: r.status.code for i, r in results.items()} == {"a": 0, "b": 13, "c": 3, "d": 0}
    assert results["a"].anonymized.text == "<PERSON>"
    assert results["d"].anonymized.text == "<LOCATION>"
    assert not results["b"].HasField("anonymized")
    assert errors.from_status(results["c"].status).reason == "TEXT_TOO_LONG"  # type: ignore[union-attr]


async def test_a_stream_longer_than_the_queue_is_slowed_down_not_refused(running: Anonymization) -> None:
    batches = [batch(*((f"{n}-{i}", f"NameJane{i}") for i in range(900))) for n in range(6)]
    results = await stream(running, header(), *batches)
    assert len(results) == 5400
    assert all(result.anonymized.text == "<PERSON>" for result in results.values())


async def test_a_stream_answers_while_the_caller_waits_before_sending_more(running: Anonymization) -> None:
    import asyncio

    answered: asyncio.Queue[str] = asyncio.Queue()

    async def one_at_a_time() -> AsyncIterator[service.StreamAnonymizeTextsRequest]:
        yield header()
        for i in range(5):
            yield batch((str(i), "NameJane"))
            assert await asyncio.wait_for(answered.get(), 10) == str(i)

    async for response in running.client.anonymization.stream_anonymize_texts(one_at_a_time()):
        for result in response.results:
            answered.put_nowait(result.item_id)
    assert answered.empty()


@pytest.mark.parametrize("requests", [(batch(("a", "x")),), (header(), header())])
async def test_a_stream_out_of_order_is_refused(
    running: Anonymization, requests: tuple[service.StreamAnonymizeTextsRequest, ...]
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await stream(running, *requests)
    assert caught.value.reason in ("STREAM_SEQUENCE", "INVALID_NAME")


async def test_a_stream_with_a_bad_policy_is_refused(running: Anonymization) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await stream(running, header(pb.Policy(language="tlh")), batch(("a", "x")))
    assert caught.value.fields.keys() == {"header.policy.inline.language"}


async def test_entity_types_are_listed(running: Anonymization) -> None:
    found = await running.clients[Role.REVIEWER].anonymization.list_entity_types(service.ListEntityTypesRequest())
    assert "PERSON" in found.entity_types
    assert list(found.entity_types) == sorted(found.entity_types)
    with pytest.raises(errors.InvalidArgument):
        await running.client.anonymization.list_entity_types(service.ListEntityTypesRequest(language="tlh"))


async def test_a_policy_is_created_read_and_updated_in_versions(running: Anonymization) -> None:
    anonymization = running.client.anonymization
    policy = pb.Policy(
        display_name="Strict",
        rules=[
            pb.Rule(
                entity_type="PERSON",
                operator=operators_pb2.Operator(pseudonym=operators_pb2.Pseudonym(locale="de_DE")),
                threshold=0.0,
            ),
            pb.Rule(entity_type="URL", operator=operators_pb2.Operator(keep=operators_pb2.Keep())),
            pb.Rule(
                entity_type="AGE",
                operator=operators_pb2.Operator(
                    mask=operators_pb2.Mask(masking_character="#", character_count=2, from_end=True)
                ),
            ),
        ],
        default_operator=REPLACE,
        default_threshold=0.4,
    )
    created = await create(running, policy)
    assert (created.version, created.language) == (1, "en")
    assert list(created.rules) == list(policy.rules)
    assert created.HasField("create_time")
    assert await anonymization.get_policy(service.GetPolicyRequest(name=created.name)) == created

    changed = pb.Policy(name=created.name, etag=created.etag, default_operator=REPLACE)
    updated = await anonymization.update_policy(service.UpdatePolicyRequest(policy=changed))
    assert updated.version == 2
    assert not updated.rules
    old = await anonymization.get_policy(service.GetPolicyRequest(name=created.name, version=1))
    assert old == created
    with pytest.raises(errors.Aborted) as caught:
        await anonymization.update_policy(service.UpdatePolicyRequest(policy=changed))
    assert caught.value.reason == "STALE_ETAG"
    current = await anonymization.get_policy(service.GetPolicyRequest(name=created.name))
    assert current == updated


async def test_the_same_request_id_has_one_effect(running: Anonymization) -> None:
    request = service.CreatePolicyRequest(
        parent="projects/demo", policy_id=new_id(), policy=ANY, request_id=str(uuid.uuid4())
    )
    first = await running.client.anonymization.create_policy(request)
    assert await running.client.anonymization.create_policy(request) == first
    request.policy.display_name = "Another"
    with pytest.raises(errors.InvalidArgument) as caught:
        await running.client.anonymization.create_policy(request)
    assert caught.value.reason == "REQUEST_ID_REUSED"
    with pytest.raises(errors.AlreadyExists) as exists:
        await running.client.anonymization.create_policy(
            service.CreatePolicyRequest(parent="projects/demo", policy_id=request.policy_id, policy=ANY)
        )
    assert exists.value.reason == "POLICY_EXISTS"


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (pb.Policy(rules=[pb.Rule(entity_type="SHOE_SIZE", operator=REPLACE)]), "policy.rules[0].entity_type"),
        (pb.Policy(rules=[pb.Rule(entity_type="PERSON")]), "policy.rules[0].operator"),
        (
            pb.Policy(rules=[pb.Rule(entity_type="PERSON", operator=operators_pb2.Operator())]),
            "policy.rules[0].operator.operator",
        ),
        (pb.Policy(rules=[pb.Rule(entity_type="person", operator=REPLACE)]), "policy.rules[0].entity_type"),
        (pb.Policy(default_threshold=1.5), "policy.default_threshold"),
        (pb.Policy(language="tlh"), "policy.language"),
    ],
)
async def test_bad_policies_leave_nothing_behind(running: Anonymization, policy: pb.Policy, field: str) -> None:
    policy_id = new_id()
    with pytest.raises(errors.InvalidArgument) as caught:
        await running.client.anonymization.create_policy(
            service.CreatePolicyRequest(parent="projects/demo", policy_id=policy_id, policy=policy)
        )
    assert any(path.startswith(field) for path in caught.value.fields), caught.value.fields
    with pytest.raises(errors.NotFound):
        await running.client.anonymization.get_policy(
            service.GetPolicyRequest(name=f"projects/demo/policies/{policy_id}")
        )


async def test_policies_are_listed_in_pages(running: Anonymization) -> None:
    created = {(await create(running)).name for _ in range(3)}
    listed = [
        policy.name
        async for policy in running.client.anonymization.list_policies(
            service.ListPoliciesRequest(parent="projects/demo", page_size=2)
        )
    ]
    assert created <= set(listed)
    assert listed == sorted(listed)
    assert len(listed) == len(set(listed))
    with pytest.raises(errors.InvalidArgument) as caught:
        await running.client.anonymization.list_policies.page(
            service.ListPoliciesRequest(parent="projects/demo", page_token="AAAA")
        )
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


async def test_unknown_things_are_not_found(running: Anonymization) -> None:
    anonymization = running.client.anonymization
    receipt = "projects/demo/receipts/" + "0" * 32
    with pytest.raises(errors.NotFound) as policy:
        await anonymization.get_policy(service.GetPolicyRequest(name="projects/demo/policies/none"))
    with pytest.raises(errors.NotFound) as missing:
        await anonymization.get_receipt(service.GetReceiptRequest(name=receipt))
    span = service.MapSpansRequest(receipt=receipt, direction=service.MapSpansRequest.DIRECTION_RAW_TO_CLEAN)
    span.spans.add(start=0, end=1)
    with pytest.raises(errors.NotFound) as no_map:
        await anonymization.map_spans(span)
    with pytest.raises(errors.NotFound) as operation:
        await anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy="projects/demo/policies/none")
        )
    reasons = [caught.value.reason for caught in (policy, missing, no_map, operation)]
    assert reasons == ["POLICY_NOT_FOUND", "RECEIPT_NOT_FOUND", "RECEIPT_NOT_FOUND", "POLICY_NOT_FOUND"]
    with pytest.raises(errors.InvalidArgument):
        await anonymization.get_receipt(service.GetReceiptRequest(name="projects/demo/receipts/../x"))


async def test_a_project_must_exist_for_its_policies(tmp_path: Path, running: Anonymization) -> None:
    request = service.CreatePolicyRequest(parent="projects/unknown", policy_id="strict", policy=ANY)
    with pytest.raises(errors.PermissionDenied):  # a role on it is needed first
        await running.client.anonymization.create_policy(request)
