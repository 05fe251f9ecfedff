"""Operators, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import operators_pb2 as pb
from labelmill_anonymization.operators import (
    DateShift,
    Encrypt,
    EncryptFormat,
    Fallback,
    Generalize,
    Hash,
    Keep,
    KeyScope,
    Mask,
    Operator,
    Pseudonym,
    Redact,
    Replace,
)


def operator_from_proto(message: pb.Operator) -> Operator:
    """An operator; unset parameters are at their defaults."""
    match message.WhichOneof("operator"):
        case "redact":
            return Redact()
        case "replace":
            return Replace(message.replace.new_value)
        case "mask":
            mask = message.mask
            return Mask(mask.masking_character or Mask().masking_character, mask.character_count, mask.from_end)
        case "hash":
            return Hash(message.hash.length or Hash().length)
        case "pseudonym":
            return Pseudonym(message.pseudonym.locale)
        case "keep":
            return Keep()
        case "encrypt":
            return Encrypt(_scope(message.encrypt.scope))
        case "encrypt_format":
            given = message.encrypt_format
            return EncryptFormat(_scope(given.scope), Fallback(given.fallback or Fallback.REPLACE))
        case "date_shift":
            shift = message.date_shift
            return DateShift(
                shift.max_days or DateShift().max_days, shift.day_first if shift.HasField("day_first") else None
            )
        case "generalize":
            return _generalize(message.generalize)
    raise AssertionError("the contract requires one of the operators")


def operator_to_proto(operator: Operator) -> pb.Operator:
    """An operator with all of its parameters."""
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
        case Encrypt(scope):
            return pb.Operator(encrypt=pb.Encrypt(scope=_scope_to_proto(scope)))
        case EncryptFormat(scope, fallback):
            chosen = pb.EncryptFormat.Fallback.ValueType(int(fallback))
            return pb.Operator(encrypt_format=pb.EncryptFormat(scope=_scope_to_proto(scope), fallback=chosen))
        case DateShift(max_days, day_first):
            return pb.Operator(date_shift=pb.DateShift(max_days=max_days, day_first=day_first))
        case Generalize(age_band, age_cap, postal_digits, number_band):
            made = pb.Generalize(
                age_band=age_band, age_cap=age_cap, postal_digits=postal_digits, number_band=number_band
            )
            return pb.Operator(generalize=made)
    raise AssertionError(f"{operator.name} is not in the contract")


def _generalize(message: pb.Generalize) -> Generalize:
    default = Generalize()
    return Generalize(
        message.age_band or default.age_band,
        message.age_cap or default.age_cap,
        message.postal_digits or default.postal_digits,
        message.number_band or default.number_band,
    )


def _scope(number: int) -> KeyScope:
    return KeyScope(number or KeyScope.PROJECT)


def _scope_to_proto(scope: KeyScope) -> pb.KeyScope.ValueType:
    return pb.KeyScope.ValueType(int(scope))
