"""Whose key encrypts a value."""

from __future__ import annotations

from enum import IntEnum

from labelmill_anonymization.keyring.errors import EncryptionKeyMissing
from labelmill_anonymization.keys import DataKey, ProjectKeys


class KeyScope(IntEnum):
    """The contract's numbers."""

    PROJECT = 1
    """Equal values give equal tokens throughout the project."""
    SUBJECT = 2
    """A key for each data subject, destroyed when the subject is erased; without a subject the project's."""


def encryption_key(keys: ProjectKeys, scope: KeyScope) -> DataKey:
    """The key; raises EncryptionKeyMissing, never does without."""
    of_subject = scope is KeyScope.SUBJECT and keys.subject
    key = keys.subject_encryption if of_subject else keys.encryption
    if key is None:
        raise EncryptionKeyMissing
    return key
