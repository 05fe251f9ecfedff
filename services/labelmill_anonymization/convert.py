"""Between the contract's messages and the domain, both ways, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill.type.v1.geometry_pb2 import TextSpan
from labelmill_anonymization.offset_map import MappedSpan
from labelmill_anonymization.operators import Hash, Keep, Mask, Operator, Protection, Pseudonym, Redact, Replace
from labelmill_anonymization.policy import Policy, PolicyVersion, Rule
from labelmill_anonymization.receipt import Receipt
from labelmill_anonymization.transform import AppliedFinding, CleanText

_DEFAULT_HASH_LENGTH = 16
_DEFAULT_LOCALE = "en_US"
_DEFAULT_MASK = "*"


def policy_from_proto(message: pb.Policy) -> Policy:
    """A policy's content."""
    return Policy(
        rules=tuple(_rule_from_proto(rule) for rule in message.rules),
        default_operator=_operator_from_proto(message.default_operator)
        if message.HasField("default_operator")
        else None,
        default_threshold=message.default_threshold,
        language=message.language or "en",
        display_name=message.display_name,
    )


def policy_to_proto(policy: Policy) -> pb.Policy:
    """A policy's content, without what makes it a version."""
    message = pb.Policy(
        display_name=policy.display_name,
        language=policy.language,
        default_threshold=policy.default_threshold,
        rules=[
            pb.Rule(entity_type=r.entity_type, operator=_operator_to_proto(r.operator), threshold=r.threshold)
            for r in policy.rules
        ],
    )
    if policy.default_operator is not None:
        message.default_operator.CopyFrom(_operator_to_proto(policy.default_operator))
    return message


def policy_version_to_proto(version: PolicyVersion) -> pb.Policy:
    """A kept version of a policy."""
    message = policy_to_proto(version.policy)
    message.name, message.version, message.etag = version.name, version.version, version.etag
    message.create_time.CopyFrom(_timestamp(version.create_time_ms))
    return message


def _rule_from_proto(message: pb.Rule) -> Rule:
    threshold = message.threshold if message.HasField("threshold") else None
    return Rule(message.entity_type, _operator_from_proto(message.operator), threshold)


def _operator_from_proto(message: pb.Operator) -> Operator:
    match message.WhichOneof("operator"):
        case "redact":
            return Redact()
        case "replace":
            return Replace(message.replace.new_value)
        case "mask":
            mask = message.mask
            return Mask(mask.masking_character or _DEFAULT_MASK, mask.character_count, mask.from_end)
        case "hash":
            return Hash(message.hash.length or _DEFAULT_HASH_LENGTH)
        case "pseudonym":
            return Pseudonym(message.pseudonym.locale or _DEFAULT_LOCALE)
        case "keep":
            return Keep()
    raise AssertionError("the contract requires one of the operators")


def _operator_to_proto(operator: Operator) -> pb.Operator:
    match operator:
        case Redact():
            return pb.Operator(redact=pb.Redact())
        case Replace(new_value):
            return pb.Operator(replace=pb.Replace(new_value=new_value))
        case Mask(character, count, from_end):
            return pb.Operator(mask=pb.Mask(masking_character=character, character_count=count, from_end=from_end))
        case Hash(length):
            return pb.Operator(hash=pb.Hash(length=length))
        case Pseudonym(locale):
            return pb.Operator(pseudonym=pb.Pseudonym(locale=locale))
        case Keep():
            return pb.Operator(keep=pb.Keep())
    raise AssertionError(f"{operator.name} is not in the contract")


def clean_text_to_proto(clean: CleanText) -> service.AnonymizeTextResponse:
    """The outcome for one text."""
    return service.AnonymizeTextResponse(
        text=clean.text,
        findings=[_finding_to_proto(applied) for applied in clean.findings],
        protection_level=_level(clean.protection),
    )


def _finding_to_proto(applied: AppliedFinding) -> pb.Finding:
    finding = applied.finding
    message = pb.Finding(
        entity_type=finding.entity_type,
        raw_span=TextSpan(start=finding.start, end=finding.end),
        score=finding.score,
        recognizer=finding.recognizer,
        operator_name=applied.operator_name,
    )
    if applied.clean_end > applied.clean_start:
        message.clean_span.CopyFrom(TextSpan(start=applied.clean_start, end=applied.clean_end))
    return message


def receipt_to_proto(receipt: Receipt) -> pb.Receipt:
    """A receipt, signed or not."""
    return pb.Receipt(
        name=receipt.name,
        asset=receipt.asset,
        policy=receipt.policy,
        policy_version=receipt.policy_version,
        raw_sha256=receipt.raw_sha256,
        clean_sha256=receipt.clean_sha256,
        protection_level=_level(receipt.protection),
        entity_counts=counts_to_proto(receipt.entity_counts),
        detector_versions=receipt.detector_versions,
        create_time=_timestamp(receipt.create_time_ms),
        signing_key_id=receipt.signing_key_id,
        signature=receipt.signature,
    )


def receipt_from_proto(message: pb.Receipt) -> Receipt:
    """A receipt as it was stored."""
    return Receipt(
        name=message.name,
        asset=message.asset,
        policy=message.policy,
        policy_version=message.policy_version,
        raw_sha256=message.raw_sha256,
        clean_sha256=message.clean_sha256,
        protection=Protection(int(message.protection_level)),
        entity_counts=tuple((count.entity_type, count.count) for count in message.entity_counts),
        detector_versions=tuple(message.detector_versions),
        create_time_ms=message.create_time.ToMilliseconds(),
        signing_key_id=message.signing_key_id,
        signature=message.signature,
    )


def counts_to_proto(counts: Iterable[tuple[str, int]]) -> list[pb.EntityCount]:
    """Counts by type, in the order given."""
    return [pb.EntityCount(entity_type=entity_type, count=count) for entity_type, count in counts]


def mapped_to_proto(mapped: MappedSpan) -> service.MapSpansResponse.Result:
    """A span carried over."""
    result = service.MapSpansResponse.Result(widened=mapped.widened)
    if not mapped.is_empty:
        result.span.CopyFrom(TextSpan(start=mapped.start, end=mapped.end))
    return result


def _level(protection: Protection) -> pb.ProtectionLevel.ValueType:
    return pb.ProtectionLevel.ValueType(int(protection))  # the domain's numbers are the contract's


def _timestamp(milliseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMilliseconds(milliseconds)
    return timestamp
