"""The errors of anonymization. None of them carries text, a value, or anything made from one."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_runtime.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
)


class UnknownEntityType(InvalidArgument):
    """A rule names a type that no recognizer of the language finds."""

    def __init__(self, field: str, language: str) -> None:
        super().__init__(
            "UNKNOWN_ENTITY_TYPE",
            "The policy names an entity type that cannot be found in its language; ListEntityTypes has them all.",
            metadata={"language": language},
            fields={field: "is not an entity type of the policy's language"},
        )


class UnsupportedLanguage(InvalidArgument):
    """There are no recognizers for the language."""

    def __init__(self, field: str, supported: tuple[str, ...]) -> None:
        super().__init__(
            "UNSUPPORTED_LANGUAGE",
            f"The language is not supported; supported: {', '.join(supported)}.",
            metadata={"supported": ",".join(supported)},
            fields={field: "is not a supported language"},
        )


class UnsupportedLocale(InvalidArgument):
    """Pseudonyms cannot be invented in the locale."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "UNSUPPORTED_LOCALE",
            "Pseudonyms cannot be invented in this locale.",
            fields={field: "is not a known locale, such as en_US or de_DE"},
        )


class DuplicateEntityType(InvalidArgument):
    """Two rules are about the same type."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "DUPLICATE_ENTITY_TYPE",
            "The policy has two rules for one entity type.",
            fields={field: "has a rule already"},
        )


class TextTooLong(InvalidArgument):
    """More code points than one call takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "TEXT_TOO_LONG",
            f"The text has more than {limit} code points; send it in parts.",
            metadata={"limit": str(limit)},
            fields={"text": f"must have at most {limit} code points"},
        )


class StreamSequence(InvalidArgument):
    """The messages of a stream came in the wrong order."""

    def __init__(self) -> None:
        super().__init__(
            "STREAM_SEQUENCE",
            "The first message of the stream holds the header, all others hold texts.",
            fields={"header": "must be in the first message and in no other"},
        )


class UnsupportedMediaType(InvalidArgument):
    """Nobody here can look into contents of this type."""

    def __init__(self, supported: Sequence[str] = ()) -> None:
        super().__init__(
            "UNSUPPORTED_MEDIA_TYPE",
            f"Contents of this media type cannot be anonymized; supported: {', '.join(supported)}.",
            metadata={"supported": ",".join(supported)},
            fields={"content.media_type": "is not a supported media type"},
        )


class ContentMalformed(InvalidArgument):
    """A content is not what its media type says; `problem` is a fixed text of ours, never one of a parser."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "CONTENT_MALFORMED",
            f"The content cannot be read as its media type: {problem}.",
            fields={"content.content": problem},
        )


class AssetTooLarge(InvalidArgument):
    """An asset is larger than what is anonymized in one piece."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            "ASSET_TOO_LARGE",
            f"The asset has more than {limit_bytes} bytes; split it.",
            metadata={"limit_bytes": str(limit_bytes)},
        )


class TextNotUtf8(InvalidArgument):
    """An asset of a text type is not UTF-8."""

    def __init__(self) -> None:
        super().__init__("INVALID_UTF8", "The asset's content is not UTF-8.")


class SpanOutOfRange(OutOfRange):
    """A span ends beyond its text."""

    def __init__(self, index: int, length: int) -> None:
        super().__init__(
            "SPAN_OUT_OF_RANGE",
            f"The span ends beyond its text, which has {length} code points.",
            metadata={"index": str(index), "length": str(length)},
            fields={f"spans[{index}].end": "is beyond the end of the text"},
        )


class PolicyNotFound(NotFound):
    """No such policy, or no such version of it."""

    def __init__(self, name: str) -> None:
        super().__init__("POLICY_NOT_FOUND", "There is no such policy or version.", resource=("Policy", name))


class ReceiptNotFound(NotFound):
    """No such receipt."""

    def __init__(self, name: str) -> None:
        super().__init__("RECEIPT_NOT_FOUND", "There is no such receipt.", resource=("Receipt", name))


class PolicyExists(AlreadyExists):
    """The policy id is taken."""

    def __init__(self, name: str) -> None:
        super().__init__("POLICY_EXISTS", "The project has a policy of this id.", resource=("Policy", name))


class StalePolicy(Aborted):
    """The policy changed since its etag was read."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "STALE_ETAG",
            "The policy was changed in the meantime; read it again.",
            fields={"policy.etag": "is not the current one"},
            resource=("Policy", name),
        )


class DetectionFailed(Internal):
    """A recognizer failed. The text must not pass as if nothing had been found in it."""

    def __init__(self, error_type: str) -> None:
        super().__init__(
            "DETECTION_FAILED",
            "A recognizer failed on this text, so it was not anonymized.",
            metadata={"error_type": error_type},
        )


class DetectionTimeout(DeadlineExceeded):
    """Looking took too long. The text must not pass as if nothing had been found in it."""

    def __init__(self) -> None:
        super().__init__("DETECTION_TIMEOUT", "Looking for personal data took too long; the text was not anonymized.")
