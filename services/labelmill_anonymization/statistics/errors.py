"""The errors of statistics. None of them depends on the values of the data, but for what a schema tells."""

from __future__ import annotations

from labelmill_runtime.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound


class BudgetSpent(FailedPrecondition):
    """The release costs more than what is left. Nothing was spent nor computed."""

    def __init__(self, project: str, epsilon_left: float, delta_left: float) -> None:
        super().__init__(
            "BUDGET_SPENT",
            "The project's privacy budget does not cover this release; a privacy officer may raise it.",
            metadata={"epsilon_left": f"{epsilon_left:.9g}", "delta_left": f"{delta_left:.9g}"},
            resource=("PrivacyBudget", f"projects/{project}/privacyBudget"),
        )


class BudgetBelowSpent(InvalidArgument):
    """The new total is less than what was spent already."""

    def __init__(self, epsilon_spent: float, delta_spent: float) -> None:
        super().__init__(
            "BUDGET_BELOW_SPENT",
            "The total is less than what was spent; set it to what was spent to stop releases.",
            metadata={"epsilon_spent": f"{epsilon_spent:.9g}", "delta_spent": f"{delta_spent:.9g}"},
            fields={"privacy_budget": "must have totals of at least what was spent"},
        )


class StaleBudget(Aborted):
    """The totals changed since the etag was read."""

    def __init__(self, project: str) -> None:
        super().__init__(
            "STALE_ETAG",
            "The budget was changed in the meantime; read it again.",
            fields={"privacy_budget.etag": "is not the current one"},
            resource=("PrivacyBudget", f"projects/{project}/privacyBudget"),
        )


class ReleaseNotFound(NotFound):
    """No such release."""

    def __init__(self, name: str) -> None:
        super().__init__("RELEASE_NOT_FOUND", "There is no such release.", resource=("Release", name))


class InvalidStatistic(InvalidArgument):
    """The statistic cannot be computed of such data, or its parameters contradict each other."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__("INVALID_STATISTIC", f"{field} {problem}.", fields={field: problem})


class RequestIdReused(InvalidArgument):
    """The id came before with another request."""

    def __init__(self) -> None:
        super().__init__(
            "REQUEST_ID_REUSED",
            "This request_id was used before with another request body.",
            fields={"request_id": "must be new for a new request"},
        )
