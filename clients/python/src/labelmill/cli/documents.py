"""Protobuf messages as plain JSON values for `--json`: snake_case, integers as numbers, enums by name."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from labelmill._operation import unpack

_MESSAGE = FieldDescriptor.TYPE_MESSAGE


def document(message: Message) -> Any:
    """The message with all its fields, also those at their defaults; absent messages and optionals are left out.

    Unlike protobuf's own JSON form, 64-bit integers are numbers, as jq and scripts expect.
    """
    if isinstance(message, AnyMessage):
        return {"@type": message.type_url, **document(unpack(message))}
    if message.DESCRIPTOR.file.package == "google.protobuf":
        return MessageToDict(message)  # timestamps, durations, masks: strings
    fields = message.DESCRIPTOR.fields
    return {field.name: _value(message, field) for field in fields if _is_told(message, field)}


def _is_told(message: Message, field: Any) -> bool:
    return not field.has_presence or message.HasField(field.name)


def _value(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.type == _MESSAGE and field.message_type is not None and field.message_type.GetOptions().map_entry:
        kind = field.message_type.fields_by_name["value"]
        return {str(key): _one(item, kind) for key, item in value.items()}
    if field.is_repeated:
        return [_one(item, field) for item in value]
    return _one(value, field)


def _one(value: Any, field: Any) -> Any:
    if isinstance(value, Message):
        return document(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value
