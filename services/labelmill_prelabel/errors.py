"""What can go wrong in prelabel, each with its reason."""

from __future__ import annotations

from labelmill_runtime.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
)


class ModelNotFound(NotFound):
    """No version of this model answers."""

    def __init__(self, name: str) -> None:
        super().__init__("MODEL_NOT_FOUND", "There is no such served model.", resource=("ServedModel", name))


class EncoderNotReady(FailedPrecondition):
    """The encoder that a classifier reads is not served."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "ENCODER_NOT_READY", "The encoder is not served; deploy it first.", resource=("ServedModel", name)
        )


class EncoderChanged(FailedPrecondition):
    """A classifier was trained on another version of its encoder than the one that answers."""

    def __init__(self, name: str, trained_on: int, answers: int) -> None:
        super().__init__(
            "ENCODER_CHANGED",
            "The model was trained on another version of its encoder; train it again.",
            metadata={"trained_on": str(trained_on), "answers": str(answers)},
            resource=("ServedModel", name),
        )


class EncoderIsShared(PermissionDenied):
    """An encoder serves every project, so one project's role does not suffice to replace it."""

    def __init__(self) -> None:
        super().__init__("ENCODER_IS_SHARED", "Deploying an encoder needs a role that is held on every project.")


class ModelRejected(InvalidArgument):
    """The artifact or its description cannot be served."""

    def __init__(self, problem: str, field: str = "") -> None:
        super().__init__("MODEL_REJECTED", f"The model {problem}.", fields={field: problem} if field else None)
        self.problem = problem


class ChecksumMismatch(InvalidArgument):
    """What arrived is not what was sent."""

    def __init__(self) -> None:
        super().__init__("CHECKSUM_MISMATCH", "The data does not have the SHA-256 that was sent with it.")


class UploadSequence(InvalidArgument):
    """The messages of an upload came in another order than header, chunks, checksum."""

    def __init__(self, problem: str) -> None:
        super().__init__("UPLOAD_SEQUENCE", f"The upload {problem}; send a header, chunks, the checksum.")


class ArtifactTooLarge(ResourceExhausted):
    """More bytes than a model may have."""

    def __init__(self, limit: int) -> None:
        super().__init__("ARTIFACT_TOO_LARGE", f"A model may have {limit} bytes.", metadata={"limit_bytes": str(limit)})


class EmptyText(InvalidArgument):
    """There is nothing to predict for."""

    def __init__(self) -> None:
        super().__init__("EMPTY_TEXT", "The text is empty.")


class TextTooLong(InvalidArgument):
    """More code points than a text may have."""

    def __init__(self, limit: int) -> None:
        super().__init__("TEXT_TOO_LONG", f"A text may have {limit} code points.", metadata={"limit": str(limit)})


class StreamModelChanged(InvalidArgument):
    """A stream is for one model."""

    def __init__(self) -> None:
        super().__init__("MODEL_CHANGED", "All messages of a stream name the same model.", fields={"model": "differs"})


class NotText(FailedPrecondition):
    """The asset is not text, or not in UTF-8."""

    def __init__(self, asset: str) -> None:
        super().__init__("NOT_TEXT", "The asset's content is not text in UTF-8.", resource=("Asset", asset))


class BackendUnavailable(Unavailable):
    """The server that runs the models does not answer."""

    def __init__(self) -> None:
        super().__init__("BACKEND_UNAVAILABLE", "The inference backend is away; try again.", retry_after_s=1)


class BackendBusy(ResourceExhausted):
    """More texts wait than may wait."""

    def __init__(self) -> None:
        super().__init__("BACKEND_BUSY", "The inference backend's queue is full; try again later.", retry_after_s=1)


class BackendTooSlow(DeadlineExceeded):
    """The request's time ran out in the backend."""

    def __init__(self) -> None:
        super().__init__("BACKEND_TIMEOUT", "The inference backend did not answer in time.")
