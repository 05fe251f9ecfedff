"""What can be wrong with labeling functions and their votes."""

from __future__ import annotations

from labelmill_runtime.errors import FailedPrecondition, InvalidArgument, PermissionDenied


class InvalidPattern(InvalidArgument):
    """A pattern is no RE2 expression."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "INVALID_PATTERN",
            "A pattern cannot be understood.",
            metadata={"field": field},
            fields={field: "must be a regular expression in RE2 syntax, without backreferences and look-around"},
        )


class DuplicateFunction(InvalidArgument):
    """Two functions have one name."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "DUPLICATE_FUNCTION",
            "Two labeling functions have the same name.",
            metadata={"field": field},
            fields={field: "must be a name that no other function has"},
        )


class DuplicateItem(InvalidArgument):
    """One item comes twice."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "DUPLICATE_ITEM",
            "An item is sent twice.",
            metadata={"field": field},
            fields={field: "must be an item that comes only once"},
        )


class TooFewClasses(InvalidArgument):
    """There is nothing to choose between."""

    def __init__(self) -> None:
        super().__init__(
            "TOO_FEW_CLASSES",
            "Votes for one class only tell nothing: name the other classes, too.",
            fields={"class_names": "must hold at least two classes"},
        )


class WrongClassBalance(InvalidArgument):
    """The shares of the classes are none."""

    def __init__(self) -> None:
        super().__init__(
            "WRONG_CLASS_BALANCE",
            "The class balance must name every class once, and its shares must add up to 1.",
            fields={"class_balance": "must hold a share for every class; together they must be 1"},
        )


class ThresholdMissing(InvalidArgument):
    """A range without ends."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "THRESHOLD_MISSING",
            "A threshold needs a lower or an upper bound.",
            metadata={"field": field},
            fields={field: "must have at_least or below"},
        )


class VotesMissing(InvalidArgument):
    """Neither functions nor votes."""

    def __init__(self) -> None:
        super().__init__(
            "VOTES_MISSING",
            "Labeling functions or votes are needed.",
            fields={"functions": "must be given, or votes"},
        )


class ModelNotYours(PermissionDenied):
    """The caller may not use the model."""

    def __init__(self, model: str) -> None:
        super().__init__(
            "MODEL_NOT_YOURS",
            "The caller has no role in the project of a model that a labeling function asks.",
            resource=("ServedModel", model),
        )


class NoVotes(FailedPrecondition):
    """No function votes on anything."""

    def __init__(self, project: str) -> None:
        super().__init__(
            "NO_VOTES",
            "No labeling function votes on any of the project's CLEAN texts that the filter lets through.",
            resource=("Project", f"projects/{project}"),
        )
