"""The operators, one a file. To add one: write its file, add it here, to the proto, and to convert.py."""

from __future__ import annotations

from labelmill_anonymization.operators.hash import Hash
from labelmill_anonymization.operators.keep import Keep
from labelmill_anonymization.operators.mask import Mask
from labelmill_anonymization.operators.operator import Operator, Protection
from labelmill_anonymization.operators.pseudonym import Pseudonym
from labelmill_anonymization.operators.redact import Redact
from labelmill_anonymization.operators.replace import Replace

OPERATORS: tuple[type[Operator], ...] = (Redact, Replace, Mask, Hash, Pseudonym, Keep)

__all__ = [
    "OPERATORS",
    "Hash",
    "Keep",
    "Mask",
    "Operator",
    "Protection",
    "Pseudonym",
    "Redact",
    "Replace",
]
