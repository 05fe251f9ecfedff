"""The errors of media. None of them carries text, a value, or anything made from one."""

from __future__ import annotations

from labelmill_runtime.errors import FailedPrecondition, Internal, InvalidArgument


class ContentTooLong(InvalidArgument):
    """More pixels, pages, frames or seconds than are looked at; found before decoding, where a format allows."""

    def __init__(self, what: str, limit: float) -> None:
        super().__init__(
            "CONTENT_TOO_LARGE",
            f"The content has more than {limit:g} {what}; split it or make it smaller.",
            metadata={"unit": what, "limit": f"{limit:g}"},
            fields={"content.content": f"must have at most {limit:g} {what}"},
        )


class ContentEncrypted(InvalidArgument):
    """A document that asks for a password."""

    def __init__(self) -> None:
        super().__init__(
            "CONTENT_ENCRYPTED",
            "The document is encrypted, so nobody can look into it; send it without a password.",
            fields={"content.content": "is encrypted"},
        )


class TranscriptRequired(InvalidArgument):
    """A recording without a transcript, under a policy that neither drops nor keeps sound."""

    def __init__(self) -> None:
        super().__init__(
            "TRANSCRIPT_REQUIRED",
            "What is said cannot be searched without a transcript; send one, or let the policy drop or keep sound.",
            fields={"content.transcript": "is needed for recordings with sound"},
        )


class CoverFailed(Internal):
    """Personal data was still found after the last pass."""

    def __init__(self, passes: int) -> None:
        super().__init__(
            "COVER_FAILED",
            "Something personal was still found in the result, so it was thrown away.",
            metadata={"passes": str(passes)},
        )


class MediaNotInstalled(FailedPrecondition):
    """The packages that read pictures, documents, sound and film are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "MEDIA_NOT_INSTALLED",
            "This installation handles no media; install labelmill-services[media].",
        )
