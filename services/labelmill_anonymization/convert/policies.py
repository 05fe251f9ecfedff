"""Policies and their operators, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill_anonymization.convert.media_rules import media_rules_from_proto, media_rules_to_proto
from labelmill_anonymization.convert.scalars import timestamp
from labelmill_anonymization.convert.table_rules import table_rules_from_proto, table_rules_to_proto
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.operators import Hash, Keep, Mask, Operator, Pseudonym, Redact, Replace
from labelmill_anonymization.policy import Policy, PolicyVersion, Rule
from labelmill_anonymization.tables.rules import TableRules

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
        media_rules=media_rules_from_proto(message.media_rules),
        table_rules=table_rules_from_proto(message.table_rules, _operator_from_proto),
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
    if policy.media_rules != MediaRules():
        message.media_rules.CopyFrom(media_rules_to_proto(policy.media_rules))
    if policy.table_rules != TableRules():
        message.table_rules.CopyFrom(table_rules_to_proto(policy.table_rules, _operator_to_proto))
    return message


def policy_version_to_proto(version: PolicyVersion) -> pb.Policy:
    """A kept version of a policy."""
    message = policy_to_proto(version.policy)
    message.name, message.version, message.etag = version.name, version.version, version.etag
    message.create_time.CopyFrom(timestamp(version.create_time_ms))
    return message


def _rule_from_proto(message: pb.Rule) -> Rule:
    threshold = message.threshold if message.HasField("threshold") else None
    return Rule(message.entity_type, _operator_from_proto(message.operator), threshold)


def _operator_from_proto(message: operators_pb2.Operator) -> Operator:
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


def _operator_to_proto(operator: Operator) -> operators_pb2.Operator:
    match operator:
        case Redact():
            return operators_pb2.Operator(redact=operators_pb2.Redact())
        case Replace(new_value):
            return operators_pb2.Operator(replace=operators_pb2.Replace(new_value=new_value))
        case Mask(character, count, from_end):
            return operators_pb2.Operator(
                mask=operators_pb2.Mask(masking_character=character, character_count=count, from_end=from_end)
            )
        case Hash(length):
            return operators_pb2.Operator(hash=operators_pb2.Hash(length=length))
        case Pseudonym(locale):
            return operators_pb2.Operator(pseudonym=operators_pb2.Pseudonym(locale=locale))
        case Keep():
            return operators_pb2.Operator(keep=operators_pb2.Keep())
    raise AssertionError(f"{operator.name} is not in the contract")
