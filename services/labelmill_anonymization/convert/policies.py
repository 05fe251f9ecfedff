"""Policies, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill_anonymization.convert.media_rules import media_rules_from_proto, media_rules_to_proto
from labelmill_anonymization.convert.operators import operator_from_proto, operator_to_proto
from labelmill_anonymization.convert.own_rules import own_rules_from_proto, own_rules_to_proto
from labelmill_anonymization.convert.scalars import timestamp
from labelmill_anonymization.convert.table_rules import table_rules_from_proto, table_rules_to_proto
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.policy import Policy, PolicyVersion, Rule
from labelmill_anonymization.tables.rules import TableRules


def policy_from_proto(message: pb.Policy) -> Policy:
    """A policy's content."""
    return Policy(
        rules=tuple(_rule_from_proto(rule) for rule in message.rules),
        default_operator=operator_from_proto(message.default_operator)
        if message.HasField("default_operator")
        else None,
        default_threshold=message.default_threshold,
        language=message.language or "en",
        display_name=message.display_name,
        media_rules=media_rules_from_proto(message.media_rules),
        table_rules=table_rules_from_proto(message.table_rules, operator_from_proto),
        own=own_rules_from_proto(message),
        description=message.description,
    )


def policy_to_proto(policy: Policy) -> pb.Policy:
    """A policy's content, without what makes it a version."""
    message = pb.Policy(
        display_name=policy.display_name,
        description=policy.description,
        language=policy.language,
        default_threshold=policy.default_threshold,
        rules=[
            pb.Rule(entity_type=r.entity_type, operator=operator_to_proto(r.operator), threshold=r.threshold)
            for r in policy.rules
        ],
    )
    if policy.default_operator is not None:
        message.default_operator.CopyFrom(operator_to_proto(policy.default_operator))
    if policy.media_rules != MediaRules():
        message.media_rules.CopyFrom(media_rules_to_proto(policy.media_rules))
    if policy.table_rules != TableRules():
        message.table_rules.CopyFrom(table_rules_to_proto(policy.table_rules, operator_to_proto))
    own_rules_to_proto(policy.own, message)
    return message


def policy_version_to_proto(version: PolicyVersion) -> pb.Policy:
    """A kept version of a policy."""
    message = policy_to_proto(version.policy)
    message.name, message.version, message.etag = version.name, version.version, version.etag
    message.create_time.CopyFrom(timestamp(version.create_time_ms))
    return message


def ready_policy_to_proto(policy_id: str, policy: Policy) -> pb.Policy:
    """A policy that comes with the service."""
    message = policy_to_proto(policy)
    message.name = f"readyPolicies/{policy_id}"
    return message


def _rule_from_proto(message: pb.Rule) -> Rule:
    threshold = message.threshold if message.HasField("threshold") else None
    return Rule(message.entity_type, operator_from_proto(message.operator), threshold)
