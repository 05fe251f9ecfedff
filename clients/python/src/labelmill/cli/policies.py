"""Anonymization policies: short forms such as PERSON=replace or EMAIL_ADDRESS=mask:4, and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from labelmill.anonymization.v1 import operators_pb2, resources_pb2
from labelmill.policies import BadPolicy, read_policy

FORMS = (
    "redact, replace[:TEXT], mask[:COUNT], hash[:LENGTH], pseudonym[:LOCALE], encrypt[:subject], encrypt_format, "
    "date_shift[:DAYS], generalize or keep"
)
_OPERATORS: dict[str, Callable[[str], operators_pb2.Operator]] = {
    "redact": lambda _given: operators_pb2.Operator(redact=operators_pb2.Redact()),
    "replace": lambda given: operators_pb2.Operator(replace=operators_pb2.Replace(new_value=given)),
    "mask": lambda given: operators_pb2.Operator(mask=operators_pb2.Mask(character_count=int(given or 0))),
    "hash": lambda given: operators_pb2.Operator(hash=operators_pb2.Hash(length=int(given or 0))),
    "pseudonym": lambda given: operators_pb2.Operator(pseudonym=operators_pb2.Pseudonym(locale=given)),
    "encrypt": lambda given: operators_pb2.Operator(encrypt=operators_pb2.Encrypt(scope=_scope(given))),
    "encrypt_format": lambda _given: operators_pb2.Operator(encrypt_format=operators_pb2.EncryptFormat()),
    "date_shift": lambda given: operators_pb2.Operator(date_shift=operators_pb2.DateShift(max_days=int(given or 0))),
    "generalize": lambda _given: operators_pb2.Operator(generalize=operators_pb2.Generalize()),
    "keep": lambda _given: operators_pb2.Operator(keep=operators_pb2.Keep()),
}


def rule(text: str) -> resources_pb2.Rule:
    """A rule from ENTITY_TYPE=OPERATOR."""
    entity_type, equals, form = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not ENTITY_TYPE=OPERATOR")
    return resources_pb2.Rule(entity_type=entity_type.strip(), operator=operator(form.strip()))


def operator(text: str) -> operators_pb2.Operator:
    """An operator from its short form."""
    name, _, given = text.partition(":")
    make = _OPERATORS.get(name)
    if make is None:
        raise typer.BadParameter(f"{text!r} is none of {FORMS}")
    try:
        return make(given)
    except ValueError:
        raise typer.BadParameter(f"{given!r} in {text!r} is none of what {name} takes") from None


def form(operator_message: operators_pb2.Operator) -> str:
    """The short form of an operator."""
    name = operator_message.WhichOneof("operator") or ""
    given = {
        "replace": operator_message.replace.new_value,
        "mask": operator_message.mask.character_count or "",
        "hash": operator_message.hash.length or "",
        "pseudonym": operator_message.pseudonym.locale,
        "encrypt": "subject" if operator_message.encrypt.scope == operators_pb2.KEY_SCOPE_SUBJECT else "",
        "date_shift": operator_message.date_shift.max_days or "",
    }.get(name, "")
    return f"{name}:{given}" if given else name


def form_of_rules(policy: resources_pb2.Policy) -> str:
    """All rules in one line."""
    rules = [f"{one.entity_type}={form(one.operator)}" for one in policy.rules]
    if policy.HasField("default_operator"):
        rules.append(f"others={form(policy.default_operator)}")
    return ", ".join(rules)


def read(path: Path) -> resources_pb2.Policy:
    """A policy from a file in YAML or JSON; see `labelmill.policies`."""
    try:
        return read_policy(path.read_text(encoding="utf-8"))
    except (BadPolicy, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} is no policy: {error}") from None


def _scope(given: str) -> operators_pb2.KeyScope.ValueType:
    if given not in ("", "project", "subject"):
        raise ValueError(given)
    return operators_pb2.KEY_SCOPE_SUBJECT if given == "subject" else operators_pb2.KEY_SCOPE_PROJECT
