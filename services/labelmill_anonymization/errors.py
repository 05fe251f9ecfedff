"""The errors of anonymization. None of them carries text, a value, or anything made from one."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_runtime.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
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


class SampleSpanInvalid(InvalidArgument):
    """A marked span is empty or ends beyond its text."""

    def __init__(self, document: int, span: int) -> None:
        super().__init__(
            "SAMPLE_SPAN_INVALID",
            "A marked span is empty or ends beyond its text; offsets are Unicode code points, ends exclusive.",
            metadata={"document_index": str(document), "span_index": str(span)},
            fields={f"sample[{document}].gold_spans[{span}].span": "must lie inside of its text and not be empty"},
        )


class SampleTooLarge(InvalidArgument):
    """More than one evaluation takes."""

    def __init__(self, documents: int, characters: int) -> None:
        super().__init__(
            "SAMPLE_TOO_LARGE",
            f"The sample has more than {documents} texts or {characters} code points; send a random part of it.",
            metadata={"max_documents": str(documents), "max_code_points": str(characters)},
            fields={"sample": "is too large"},
        )


class SampleAllFailed(InvalidArgument):
    """There is nothing that a figure could be about."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "SAMPLE_NOT_SEARCHABLE",
            "None of the sample's texts could be searched; the metadata has the first one's reason.",
            metadata={"first_reason": reason},
            fields={"sample": "has no text that could be searched"},
        )


class NothingToEstimate(FailedPrecondition):
    """There is no clean text to look at."""

    def __init__(self) -> None:
        super().__init__("NOTHING_TO_ESTIMATE", "There is no text in CLEAN that matches; anonymize some first.")


class InvalidPattern(InvalidArgument):
    """A regular expression of a policy cannot be used."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "INVALID_PATTERN",
            "A pattern is not in RE2 syntax, is too large, or matches the empty text.",
            fields={field: "must be an RE2 pattern that does not match the empty text"},
        )


class WordListTooLong(InvalidArgument):
    """A list of words of a policy is too long."""

    def __init__(self, field: str, limit: int) -> None:
        super().__init__(
            "WORD_LIST_TOO_LONG",
            f"A list of words has more than {limit} characters.",
            metadata={"limit": str(limit)},
            fields={field: f"must have at most {limit} characters together"},
        )


class EntityTypeWithoutRule(InvalidArgument):
    """A recognizer of a policy finds what the policy does nothing with, so that it would stay in the text."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "ENTITY_TYPE_WITHOUT_RULE",
            "The policy finds an entity type for which it has neither a rule nor a default operator.",
            fields={field: "needs a rule, or the policy a default operator"},
        )
