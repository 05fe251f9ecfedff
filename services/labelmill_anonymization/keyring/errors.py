"""The errors of keys. None of them carries a key, a value, or anything made from one."""

from __future__ import annotations

from labelmill_runtime.errors import Aborted, FailedPrecondition, Internal, InvalidArgument, NotFound, Unavailable


class KeyNotFound(NotFound):
    """No such key."""

    def __init__(self, name: str) -> None:
        super().__init__("KEY_NOT_FOUND", "There is no such key.", resource=("Key", name))


class KeyDestroyed(FailedPrecondition):
    """The key is gone, and with it whatever was made with it."""

    def __init__(self) -> None:
        super().__init__("KEY_DESTROYED", "The key was destroyed; what was made with it cannot be read again.")


class KeyInUse(FailedPrecondition):
    """The primary key of a project cannot be destroyed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "KEY_IN_USE",
            "The key is the primary one, with which values are transformed right now; rotate it first.",
            resource=("Key", name),
        )


class KeyRotated(Aborted):
    """Somebody else rotated the key at the same time."""

    def __init__(self) -> None:
        super().__init__("KEY_ROTATED", "The key was rotated by somebody else just now; there is a new one.")


class KeyNotRotatable(FailedPrecondition):
    """The index of subjects cannot change."""

    def __init__(self) -> None:
        super().__init__(
            "KEY_NOT_ROTATABLE",
            "The key that finds the keys of data subjects cannot be rotated: none of them would be found again.",
            fields={"purpose": "must be LINKING or ENCRYPTION"},
        )


class KeyringReadOnly(FailedPrecondition):
    """The root keys are kept by somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "KEYRING_READ_ONLY",
            "The root keys come from a place that this service does not write to; add a key there and make it primary.",
        )


class KeyringUnavailable(Unavailable):
    """The place where the root keys are does not answer, or not as it should."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "KEYRING_UNAVAILABLE",
            "The keyring cannot be reached right now.",
            metadata={"problem": problem},
            retry_after_s=1,
        )


class EncryptionKeyMissing(Internal):
    """An operator that encrypts was given no key; the value must not pass."""

    def __init__(self) -> None:
        super().__init__("ENCRYPTION_KEY_MISSING", "A value was to be encrypted and there was no key for it.")


class NotConfirmed(InvalidArgument):
    """What cannot be undone was not confirmed."""

    def __init__(self) -> None:
        super().__init__(
            "NOT_CONFIRMED",
            "Destroying a key cannot be undone; confirm it with the key's id.",
            fields={"confirmation": "must be the last part of the key's name"},
        )
