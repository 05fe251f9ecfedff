"""Anonymization policies from the command line's short forms: PERSON=replace, EMAIL_ADDRESS=mask:4."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer
from google.protobuf.json_format import Parse, ParseError

from labelmill.anonymization.v1 import operators_pb2, resources_pb2

FORMS = "redact, replace[:TEXT], mask[:COUNT], hash[:LENGTH], pseudonym or keep"
_OPERATORS: dict[str, Callable[[str], operators_pb2.Operator]] = {
    "redact": lambda _given: operators_pb2.Operator(redact=operators_pb2.Redact()),
    "replace": lambda given: operators_pb2.Operator(replace=operators_pb2.Replace(new_value=given)),
    "mask": lambda given: operators_pb2.Operator(mask=operators_pb2.Mask(character_count=int(given or 0))),
    "hash": lambda given: operators_pb2.Operator(hash=operators_pb2.Hash(length=int(given or 0))),
    "pseudonym": lambda _given: operators_pb2.Operator(pseudonym=operators_pb2.Pseudonym()),
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
        raise typer.BadParameter(f"{given!r} in {text!r} is no number") from None


def form(operator_message: operators_pb2.Operator) -> str:
    """The short form of an operator."""
    name = operator_message.WhichOneof("operator") or ""
    given = {
        "replace": operator_message.replace.new_value,
        "mask": operator_message.mask.character_count or "",
        "hash": operator_message.hash.length or "",
    }.get(name, "")
    return f"{name}:{given}" if given else name


def read(path: Path) -> resources_pb2.Policy:
    """A policy from a file in protobuf's JSON form."""
    try:
        return Parse(path.read_text(encoding="utf-8"), resources_pb2.Policy())
    except (ParseError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} is no Policy in protobuf's JSON form: {error}") from None
