"""The policies that come with the service: the documents of policies/ready, read as users' documents are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from labelmill.policies import read_policy
from labelmill_anonymization.convert.policies import policy_from_proto
from labelmill_anonymization.policy import Policy, validate

_SUFFIX = ".yaml"


@cache
def ready_policies() -> Mapping[str, Policy]:
    """By id, such as "hipaa-safe-harbor"."""
    found: dict[str, Policy] = {}
    for document in files("labelmill_anonymization.policies").joinpath("ready").iterdir():
        if document.name.endswith(_SUFFIX):
            policy = policy_from_proto(read_policy(document.read_text(encoding="utf-8")))
            validate(policy)
            found[document.name.removesuffix(_SUFFIX)] = policy
    return MappingProxyType(found)
