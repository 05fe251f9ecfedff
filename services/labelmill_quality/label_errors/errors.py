"""What can be wrong with labels and what a model says of them."""

from __future__ import annotations

from labelmill_runtime.errors import InvalidArgument, ResourceExhausted


class DuplicateItem(InvalidArgument):
    """One item comes twice."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "DUPLICATE_ITEM",
            "An item is sent twice.",
            metadata={"field": field},
            fields={field: "must be an item that comes only once"},
        )


class WrongLabelCount(InvalidArgument):
    """An item has more or fewer labels than its kind allows."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "WRONG_LABEL_COUNT",
            "An item needs one class (KIND_SINGLE), each class once (KIND_MULTIPLE), or a class a token (KIND_TOKENS).",
            metadata={"field": field},
            fields={field: "must have as many class names as the kind of label asks for"},
        )


class WrongProbabilities(InvalidArgument):
    """Probabilities that are none."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "WRONG_PROBABILITIES",
            "Every item needs as many probabilities as there are classes (for KIND_TOKENS, for each token), in [0, 1], "
            "adding up to 1 but for KIND_MULTIPLE; or no item may have any.",
            metadata={"field": field},
            fields={field: "must hold a probability for every class"},
        )


class WrongEmbeddings(InvalidArgument):
    """Embeddings of several lengths."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "WRONG_EMBEDDINGS",
            "Every item's embedding must have the same length and finite numbers; or no item may have any.",
            metadata={"field": field},
            fields={field: "must be as long as the first item's, of finite numbers"},
        )


class NothingToJudgeBy(InvalidArgument):
    """No part that tells anything."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__("NOTHING_TO_JUDGE_BY", message, fields={field: "must tell something to judge by"})


class LabelerNamedAsModel(InvalidArgument):
    """A labeler has the model's name."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "LABELER_NAMED_AS_MODEL",
            "A labeler has the name that the model is to be called by among them.",
            metadata={"field": field},
            fields={field: "must not be the model's name"},
        )


class MaskSizesDiffer(InvalidArgument):
    """Masks of one item belong to images of different sizes."""

    def __init__(self, prediction: int) -> None:
        field = f"predictions[{prediction}].mask"
        super().__init__(
            "MASK_SIZES_DIFFER",
            "The masks of one asset must have the same image size.",
            metadata={"field": field},
            fields={field: "must have the image size of the asset's other masks"},
        )


class OptionsMissing(InvalidArgument):
    """The stream does not begin with options, or has them twice."""

    def __init__(self) -> None:
        super().__init__(
            "OPTIONS_MISSING",
            "The first message of the stream must have the options, and no other may.",
            fields={"options": "must be in the first message only"},
        )


class TooManyRows(ResourceExhausted):
    """The stream brings more than memory may hold."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "TOO_MANY_ROWS", "The stream holds more than one call may ask about.", metadata={"byte_limit": str(limit)}
        )
