"""What can be wrong with annotations that are to be scored against gold."""

from __future__ import annotations

from labelmill_runtime.errors import InvalidArgument


class NoAsset(InvalidArgument):
    """An annotation does not say what it is about."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "NO_ASSET",
            "An annotation has no asset.",
            metadata={"field": field},
            fields={f"{field}.asset": "must name what the annotation is about"},
        )


class NoLabeler(InvalidArgument):
    """An annotation does not say whose it is."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "NO_LABELER",
            "An annotation says neither a labeler nor a model version.",
            metadata={"field": field},
            fields={f"{field}.provenance": "must hold a human source with a labeler, or a model source"},
        )


class ImageSizeDiffers(InvalidArgument):
    """Masks of one item are of images of different sizes."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "IMAGE_SIZE_DIFFERS",
            "Where there are masks, all shapes of an item and feature must be of one image size.",
            metadata={"field": field},
            fields={field: "must be of the image size that gold is of"},
        )


class ShapeTooLarge(InvalidArgument):
    """A polygon that would have to be drawn is too large."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "SHAPE_TOO_LARGE",
            "A shape, or the image that it is in, is too large to be compared pixel by pixel.",
            metadata={"field": field},
            fields={field: "must have a shorter boundary, in an image of fewer than 2^32 pixels"},
        )


class TooManyShapes(InvalidArgument):
    """More pairs of shapes than one item may have."""

    def __init__(self, field: str, limit: int) -> None:
        super().__init__(
            "TOO_MANY_SHAPES",
            "An item has too many shapes of one feature to be matched with gold.",
            metadata={"field": field, "limit": str(limit)},
            fields={field: f"must be of an item with at most {limit} pairs of its own and gold's shapes"},
        )


class StreamSequence(InvalidArgument):
    """The messages of a stream are not in their order."""

    def __init__(self) -> None:
        super().__init__(
            "STREAM_SEQUENCE",
            "The first message must hold the header; gold comes before the first batch of annotations.",
        )


class StreamTooLong(InvalidArgument):
    """More annotations than a stream may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "STREAM_TOO_LONG",
            "The stream has more annotations than one summary can be made of.",
            metadata={"limit": str(limit)},
            fields={"batch.annotations": f"must be at most {limit} over the whole stream"},
        )


class ItemSplit(InvalidArgument):
    """A labeler's annotations of one item came in two batches."""

    def __init__(self) -> None:
        super().__init__(
            "ITEM_SPLIT",
            "A labeler's annotations of one item came in two batches.",
            fields={"batch.annotations": "must hold all annotations of a labeler about an item"},
        )


class ModeNotOffered(InvalidArgument):
    """Average precision on a stream."""

    def __init__(self) -> None:
        super().__init__(
            "MODE_NOT_OFFERED",
            "Average precision needs all confidences at once; use ScoreAnnotations.",
            fields={"header.options.mode": "must not be MATCHING_MODE_COCO"},
        )
