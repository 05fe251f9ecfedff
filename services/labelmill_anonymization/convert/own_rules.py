"""Recognizers and lists of a policy, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import recognizers_pb2 as pb
from labelmill.anonymization.v1 import resources_pb2
from labelmill_anonymization.policies.own_findings import (
    DEFAULT_BOOST,
    DEFAULT_SCORE,
    AllowList,
    CustomRecognizer,
    DenyList,
    OwnRules,
)


def own_rules_from_proto(policy: resources_pb2.Policy) -> OwnRules:
    """What a policy brings along."""
    allow = policy.allow_list
    return OwnRules(
        recognizers=tuple(_recognizer_from_proto(one) for one in policy.recognizers),
        allow_list=AllowList(tuple(allow.values), tuple(allow.patterns), allow.case_sensitive),
        deny_lists=tuple(
            DenyList(one.entity_type, tuple(one.words.words), one.case_sensitive) for one in policy.deny_lists
        ),
    )


def own_rules_to_proto(own: OwnRules, policy: resources_pb2.Policy) -> None:
    """Writes what a policy brings along into it."""
    policy.recognizers.extend(map(_recognizer_to_proto, own.recognizers))
    allow = own.allow_list
    if allow != AllowList():
        policy.allow_list.CopyFrom(
            pb.AllowList(values=allow.values, patterns=allow.patterns, case_sensitive=allow.case_sensitive)
        )
    for one in own.deny_lists:
        words = pb.WordList(words=one.words)
        policy.deny_lists.add(entity_type=one.entity_type, words=words, case_sensitive=one.case_sensitive)


def _recognizer_from_proto(message: pb.CustomRecognizer) -> CustomRecognizer:
    return CustomRecognizer(
        name=message.recognizer_name,
        entity_type=message.entity_type,
        regex=message.regex,
        words=tuple(message.words.words),
        score=message.score if message.HasField("score") else DEFAULT_SCORE,
        context_words=tuple(message.context_words),
        context_boost=message.context_boost if message.HasField("context_boost") else DEFAULT_BOOST,
        needs_context=message.needs_context,
        case_sensitive=message.case_sensitive,
    )


def _recognizer_to_proto(recognizer: CustomRecognizer) -> pb.CustomRecognizer:
    message = pb.CustomRecognizer(
        recognizer_name=recognizer.name,
        entity_type=recognizer.entity_type,
        score=recognizer.score,
        context_words=recognizer.context_words,
        context_boost=recognizer.context_boost,
        needs_context=recognizer.needs_context,
        case_sensitive=recognizer.case_sensitive,
    )
    if recognizer.regex:
        message.regex = recognizer.regex
    else:
        message.words.words.extend(recognizer.words)
    return message
