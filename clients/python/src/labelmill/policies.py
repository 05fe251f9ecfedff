r"""Anonymization policies as documents, in YAML or JSON.

A document has a short form,

    display_name: Support tickets
    language: auto                   # ISO 639-1; default: en
    threshold: 0.4                   # findings with a lower score are ignored
    default: replace                 # for all types without a rule; without it they stay in the text
    rules:
      PERSON: pseudonym
      PHONE_NUMBER: {mask: {character_count: 6}}
      DATE_TIME: {operator: {date_shift: {max_days: 90}}, threshold: 0.6}
      EMPLOYEE_ID: {encrypt: {scope: subject}}
    recognizers:
      - {name: employee-id, type: EMPLOYEE_ID, regex: 'E-\\d{6}', score: 0.4, context: [employee, badge], boost: 0.4}
    allow: {values: [Acme], patterns: ['TEST-.*'], case_sensitive: false}
    deny:
      - {type: ORGANIZATION, values: [Project Bluebird]}
    tables: {k: 10}                  # TableRules, in the contract's words
    media: {cover: blur}             # MediaRules, in the contract's words

or that of protobuf's JSON, which is told by `rules` being a list, or by names that only the contract has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from labelmill.anonymization.v1 import operators_pb2, recognizers_pb2, resources_pb2

_Document = Mapping[str, Any]
M = TypeVar("M", bound=Message)


class BadPolicy(ValueError):
    """A document is no policy; the message says where."""


def read_policy(text: str) -> resources_pb2.Policy:
    """The policy of a document in YAML or JSON; raises BadPolicy."""
    import yaml  # a quarter of the time that the rest of the client takes to load

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadPolicy(f"The document is neither YAML nor JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadPolicy("The document is not a mapping.")
    return policy_of(document)


def policy_of(document: _Document) -> resources_pb2.Policy:
    """The policy of a document that is read already; raises BadPolicy."""
    if isinstance(document.get("rules"), list) or not _CONTRACT_NAMES.isdisjoint(document):
        return _parsed(document, resources_pb2.Policy(), "policy")
    return _short_form(document)


def _short_form(document: _Document) -> resources_pb2.Policy:
    policy = resources_pb2.Policy()
    for key, value in document.items():
        read = _PARTS.get(str(key))
        if read is None:
            raise BadPolicy(f"{key}: unknown; known are {', '.join(_PARTS)}.")
        try:
            read(policy, value)
        except (TypeError, ValueError) as error:
            if isinstance(error, BadPolicy):
                raise
            raise BadPolicy(f"{key}: {error}") from None
    return policy


def _rules(policy: resources_pb2.Policy, value: Any) -> None:
    for entity_type, given in _mapping(value, "rules").items():
        path = f"rules.{entity_type}"
        rule = policy.rules.add(entity_type=str(entity_type))
        if isinstance(given, Mapping) and "operator" in given:
            _known(given, ("operator", "threshold"), path)
            if "threshold" in given:
                rule.threshold = float(given["threshold"])
            given = given["operator"]
        rule.operator.CopyFrom(operator_of(given, path))


def operator_of(given: Any, path: str = "operator") -> operators_pb2.Operator:
    """An operator from its name, or from {name: {parameter: value}}; raises BadPolicy."""
    name, parameters = (given, {}) if isinstance(given, str) else _single(given, path)
    field = operators_pb2.Operator.DESCRIPTOR.fields_by_name.get(name)
    if field is None or field.message_type is None:
        known = ", ".join(operators_pb2.Operator.DESCRIPTOR.fields_by_name)
        raise BadPolicy(f"{path}: {name!r} is no operator; known are {known}.")
    return _parsed({name: _with_enums(parameters or {}, field.message_type, path)}, operators_pb2.Operator(), path)


def _recognizers(policy: resources_pb2.Policy, value: Any) -> None:
    for number, given in enumerate(_list(value, "recognizers")):
        path = f"recognizers[{number}]"
        keys = ("name", "type", "regex", "words", "score", "context", "boost", "needs_context", "case_sensitive")
        _known(_mapping(given, path), keys, path)
        renamed = {_RENAMED.get(key, key): item for key, item in given.items()}
        if "words" in renamed:
            renamed["words"] = {"words": _list(renamed["words"], path)}
        policy.recognizers.append(_parsed(renamed, recognizers_pb2.CustomRecognizer(), path))


def _allow(policy: resources_pb2.Policy, value: Any) -> None:
    policy.allow_list.CopyFrom(_parsed(_mapping(value, "allow"), recognizers_pb2.AllowList(), "allow"))


def _deny(policy: resources_pb2.Policy, value: Any) -> None:
    for number, given in enumerate(_list(value, "deny")):
        path = f"deny[{number}]"
        _known(_mapping(given, path), ("type", "values", "case_sensitive"), path)
        words = {"words": _list(given.get("values"), f"{path}.values")}
        document = {
            "entity_type": given.get("type"),
            "words": words,
            "case_sensitive": given.get("case_sensitive", False),
        }
        policy.deny_lists.append(_parsed(document, recognizers_pb2.DenyList(), path))


def _message(name: str) -> Callable[[resources_pb2.Policy, Any], None]:
    def read(policy: resources_pb2.Policy, value: Any) -> None:
        target = getattr(policy, name)
        given = _with_enums(_mapping(value, name), target.DESCRIPTOR, name)
        target.CopyFrom(_parsed(given, type(target)(), name))

    return read


def _scalar(name: str, kind: Callable[[Any], Any]) -> Callable[[resources_pb2.Policy, Any], None]:
    return lambda policy, value: setattr(policy, name, kind(value))


def _default(policy: resources_pb2.Policy, value: Any) -> None:
    policy.default_operator.CopyFrom(operator_of(value, "default"))


_RENAMED = {"name": "recognizer_name", "type": "entity_type", "context": "context_words", "boost": "context_boost"}
_PARTS: dict[str, Callable[[resources_pb2.Policy, Any], None]] = {
    "display_name": _scalar("display_name", str),
    "description": _scalar("description", str),
    "language": _scalar("language", str),
    "threshold": _scalar("default_threshold", float),
    "default": _default,
    "rules": _rules,
    "recognizers": _recognizers,
    "allow": _allow,
    "deny": _deny,
    "tables": _message("table_rules"),
    "media": _message("media_rules"),
}
_CONTRACT_NAMES = {
    name
    for field in resources_pb2.Policy.DESCRIPTOR.fields
    for name in (field.name, field.json_name)
    if name not in _PARTS
}


def _parsed(document: _Document, message: M, path: str) -> M:
    try:
        ParseDict(dict(document), message)
        return message
    except ParseError as error:
        raise BadPolicy(f"{path}: {error}") from None


def _with_enums(given: Any, descriptor: Descriptor, path: str) -> Any:
    """Short enum values, such as "subject" for KEY_SCOPE_SUBJECT, in full; through nested messages."""
    if not isinstance(given, Mapping):
        raise BadPolicy(f"{path}: must be a mapping")
    return {key: _full(value, descriptor.fields_by_name.get(str(key)), f"{path}.{key}") for key, value in given.items()}


def _full(value: Any, field: FieldDescriptor | None, path: str) -> Any:
    if isinstance(value, list):
        return [_full(item, field, path) for item in value]
    if field is not None and field.enum_type is not None and isinstance(value, str):
        names = field.enum_type.values_by_name
        return next((name for name in names if name == value or name.endswith(f"_{value.upper()}")), value)
    if field is not None and field.message_type is not None:
        if field.message_type is operators_pb2.Operator.DESCRIPTOR and isinstance(value, str):
            return {value: {}}
        if isinstance(value, Mapping):
            return _with_enums(value, field.message_type, path)
    return value


def _single(given: Any, path: str) -> tuple[str, Any]:
    if not isinstance(given, Mapping) or len(given) != 1:
        raise BadPolicy(f"{path}: must be an operator's name, or one name with its parameters")
    ((name, parameters),) = given.items()
    return str(name), parameters


def _known(given: _Document, keys: tuple[str, ...], path: str) -> None:
    for key in given:
        if key not in keys:
            raise BadPolicy(f"{path}.{key}: unknown; known are {', '.join(keys)}.")


def _mapping(value: Any, path: str) -> _Document:
    if not isinstance(value, Mapping):
        raise BadPolicy(f"{path}: must be a mapping")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadPolicy(f"{path}: must be a list")
    return value
