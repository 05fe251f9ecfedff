"""What can be wrong with annotations that are to be aggregated."""

from __future__ import annotations

from labelmill_runtime.errors import InvalidArgument


class ClassificationNotExpected(InvalidArgument):
    """An answer about a whole asset, among shapes."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "CLASSIFICATION_NOT_EXPECTED",
            "An annotation is an answer about a whole asset; ConsensusService aggregates those.",
            metadata={"field": field},
            fields={field: "must have a shape, a span, a segment or a relation"},
        )


class WrongShapes(InvalidArgument):
    """A statistic of the line asked for shapes that lie in no line."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "WRONG_SHAPES",
            "The statistic is not defined for shapes of this kind.",
            metadata={"field": field},
            fields={field: "must be a text span or a time segment"},
        )


class TooManyMarks(InvalidArgument):
    """Gamma of more marks in one place than can be aligned."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "TOO_MANY_ALIGNMENTS",
            "An item has too many marks in one place for the best alignment to be found.",
            metadata={"limit": str(limit)},
            fields={"statistic": "must be another than STATISTIC_GAMMA for so many labelers or marks"},
        )


class SeveralFeatures(InvalidArgument):
    """Agreement is about one feature."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "SEVERAL_FEATURES",
            "Agreement is computed for one feature at a time.",
            metadata={"field": field},
            fields={f"{field}.feature": "must be the feature of the first annotation"},
        )


class StreamTooLarge(InvalidArgument):
    """More bytes than a stream may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "STREAM_TOO_LONG",
            "The stream is longer than can be aggregated at once; send fewer assets or features in a call.",
            metadata={"limit_bytes": str(limit)},
        )
