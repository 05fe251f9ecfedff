"""The operators, one a file. To add one: write its file, add it here, to operators.proto, to convert/operators.py."""

from __future__ import annotations

from labelmill_anonymization.operators.date_shift import DateShift
from labelmill_anonymization.operators.encrypt import Encrypt
from labelmill_anonymization.operators.encrypt_format import EncryptFormat, Fallback
from labelmill_anonymization.operators.generalize import Generalize
from labelmill_anonymization.operators.hash import Hash
from labelmill_anonymization.operators.keep import Keep
from labelmill_anonymization.operators.key_scope import KeyScope
from labelmill_anonymization.operators.mask import Mask
from labelmill_anonymization.operators.operator import Operator, Protection
from labelmill_anonymization.operators.pseudonym import Pseudonym
from labelmill_anonymization.operators.redact import Redact
from labelmill_anonymization.operators.replace import Replace

OPERATORS: tuple[type[Operator], ...] = (
    Redact,
    Replace,
    Mask,
    Hash,
    Encrypt,
    EncryptFormat,
    Pseudonym,
    DateShift,
    Generalize,
    Keep,
)

__all__ = [
    "OPERATORS",
    "DateShift",
    "Encrypt",
    "EncryptFormat",
    "Fallback",
    "Generalize",
    "Hash",
    "Keep",
    "KeyScope",
    "Mask",
    "Operator",
    "Protection",
    "Pseudonym",
    "Redact",
    "Replace",
]
