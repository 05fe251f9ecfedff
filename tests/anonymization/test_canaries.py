"""No text ends up in a log line, an error, an operation, a receipt or the database, whatever goes wrong."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import keys_service_pb2 as keys_pb
from labelmill.anonymization.v1 import operators_pb2, recognizers_pb2
from labelmill.anonymization.v1 import reidentification_service_pb2 as back_pb
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from tests.anonymization.memory_zones import MemoryZones
from tests.anonymization.server import Anonymization, anonymization

PARENT = "projects/demo"
REASON = "A test of what leaves a trace."
HASH = pb.Policy(default_operator=operators_pb2.Operator(hash=operators_pb2.Hash()))
POLICIES = [
    HASH,
    *(
        pb.Policy(default_operator=operators_pb2.Operator(**{name: message}))  # type: ignore[arg-type]
        for name, message in {
            "encrypt": operators_pb2.Encrypt(scope="KEY_SCOPE_SUBJECT"),
            "encrypt_format": operators_pb2.EncryptFormat(),
            "pseudonym": operators_pb2.Pseudonym(),
            "date_shift": operators_pb2.DateShift(),
            "generalize": operators_pb2.Generalize(),
        }.items()
    ),
]
FAULTS = ("", "FAIL ", "CRASH ")


class Witness:
    """Collects what a caller could see."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def note(self, what: object) -> None:
        self.seen.append(repr(what))


def canary() -> str:
    return f"NameCanary{secrets.token_hex(8)}"


async def by_unary(server: Anonymization, texts: list[str], witness: Witness) -> None:
    async def one(number: int, text: str) -> None:
        policy = POLICIES[number % len(POLICIES)]
        request = service.AnonymizeTextRequest(
            parent=PARENT, text=text, policy=service.PolicySource(inline=policy), subject=text
        )
        try:
            witness.note(await server.client.anonymization.anonymize_text(request))
        except errors.LabelmillError as error:
            witness.note((error, error.message, error.metadata, error.fields))

    await asyncio.gather(*(one(number, text) for number, text in enumerate(texts)))


async def by_stream(server: Anonymization, texts: list[str], witness: Witness) -> None:
    async def sent() -> AsyncIterator[service.StreamAnonymizeTextsRequest]:
        head = service.StreamAnonymizeTextsRequest.Header(
            parent="projects/demo", policy=service.PolicySource(inline=HASH)
        )
        yield service.StreamAnonymizeTextsRequest(header=head)
        items = [service.StreamAnonymizeTextsRequest.Item(item_id=str(i), text=text) for i, text in enumerate(texts)]
        yield service.StreamAnonymizeTextsRequest(batch=service.StreamAnonymizeTextsRequest.Batch(items=items))

    async for response in server.client.anonymization.stream_anonymize_texts(sent()):
        witness.note(response)


async def by_operation(server: Anonymization, texts: list[str], witness: Witness) -> None:
    for text in texts:
        server.zones.add("demo", text)
    await server.client.anonymization.create_policy(
        service.CreatePolicyRequest(parent="projects/demo", policy_id="strict", policy=HASH)
    )
    operation = await server.client.anonymization.anonymize_assets(
        service.AnonymizeAssetsRequest(parent="projects/demo", policy="projects/demo/policies/strict")
    )
    witness.note(await operation.result(timeout_s=60))
    witness.note(operation.metadata())
    async for receipt in server.client.anonymization.list_receipts(service.ListReceiptsRequest(parent="projects/demo")):
        witness.note(receipt)


async def by_misuse(server: Anonymization, texts: list[str], witness: Witness) -> None:
    """Texts where names, ids, filters and types belong."""
    anonymization = server.client.anonymization
    for text in texts:
        calls = (
            anonymization.get_policy(service.GetPolicyRequest(name=f"projects/demo/policies/{text} x")),
            anonymization.get_receipt(service.GetReceiptRequest(name=f"projects/demo/receipts/{text} x")),
            anonymization.create_policy(
                service.CreatePolicyRequest(parent="projects/demo", policy_id=text, policy=HASH)
            ),
            anonymization.list_receipts.page(
                service.ListReceiptsRequest(parent="projects/demo", filter=f"{text} = {text}", page_token="")
            ),
            anonymization.list_receipts.page(service.ListReceiptsRequest(parent="projects/demo", page_token=text)),
            anonymization.list_entity_types(service.ListEntityTypesRequest(language=text[-8:])),
        )
        for call in calls:
            with pytest.raises(errors.LabelmillError) as caught:
                await call
            error = caught.value
            witness.note((error, error.message, error.metadata, error.fields))


async def by_reidentification(server: Anonymization, names: list[str], witness: Witness) -> None:
    """Values are read again, which only the answer may show; then their subjects are forgotten."""
    for number, name in enumerate(names):
        policy = service.PolicySource(inline=POLICIES[1])
        request = service.AnonymizeTextRequest(parent=PARENT, text=name, policy=policy, subject=f"{name} {number}")
        clean = await server.client.anonymization.anonymize_text(request)
        asked = back_pb.ReidentifyRequest(parent=PARENT, text=f"{clean.text} {name}", reason=REASON)
        answer = await server.client.reidentification.reidentify(asked)
        assert answer.text == f"{name} {name}"
        witness.note(answer.reidentification)
        forgotten = keys_pb.DestroySubjectKeysRequest(parent=PARENT, subject=f"{name} {number}", reason=REASON)
        witness.note(await server.client.keys.destroy_subject_keys(forgotten))
    records = back_pb.ListReidentificationsRequest(parent=PARENT)
    witness.note([one async for one in server.client.reidentification.list_reidentifications(records)])
    witness.note([one async for one in server.client.keys.list_keys(keys_pb.ListKeysRequest(parent=PARENT))])


async def by_misuse_of_keys(server: Anonymization, names: list[str], witness: Witness) -> None:
    """Texts where keys, types, ids and patterns belong."""
    formatted = back_pb.ReidentifyRequest.FormattedValue
    for name in names:
        bad = pb.Policy(
            recognizers=[recognizers_pb2.CustomRecognizer(recognizer_name="x", entity_type="X", regex=f"({name}")]
        )
        source = service.PolicySource(inline=bad)
        values = [formatted(value=name, entity_type=name, key_id=name)]
        calls = (
            server.client.keys.destroy_key(
                keys_pb.DestroyKeyRequest(name=f"{PARENT}/keys/{name}", reason=REASON, confirmation=name)
            ),
            server.client.keys.destroy_key(
                keys_pb.DestroyKeyRequest(name=f"{PARENT}/keys/1", reason=REASON, confirmation=name)
            ),
            server.client.keys.list_keys.page(keys_pb.ListKeysRequest(parent=PARENT, page_token=name)),
            server.client.reidentification.reidentify(
                back_pb.ReidentifyRequest(parent=PARENT, reason=REASON, formatted_values=values)
            ),
            server.client.anonymization.anonymize_text(
                service.AnonymizeTextRequest(parent=PARENT, text=name, policy=source)
            ),
        )
        for call in calls:
            with pytest.raises(errors.LabelmillError) as caught:
                await call
            error = caught.value
            witness.note((error, error.message, error.metadata, error.fields))


async def test_five_hundred_canaries_leave_no_trace(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    canaries = [canary() for _ in range(500)]
    texts = [f"{FAULTS[i % 3]}{name} went home" for i, name in enumerate(canaries)]
    witness = Witness()
    async with anonymization(tmp_path, MemoryZones(), page_assets=50) as server:
        await by_unary(server, texts[:150], witness)
        await by_stream(server, texts[150:300], witness)
        await by_operation(server, texts[300:450], witness)
        await by_misuse(server, canaries[450:480], witness)
        await by_misuse_of_keys(server, canaries[480:490], witness)
        await by_reidentification(server, canaries[490:], witness)
        log = server.log.getvalue()
    out, err = capfd.readouterr()
    everything = "\n".join([*witness.seen, log, out, err]).encode()
    everything += b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    assert b"DETECTION_FAILED" in everything  # the faults did happen
    assert len(witness.seen) > 400
    assert [name for name in canaries if name.encode() in everything] == []
    assert [name for name in canaries if name.removeprefix("NameCanary").encode() in everything] == []
