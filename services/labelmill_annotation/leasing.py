"""Rules of leases: which slots of an answer are benchmarks, and whether a holder still holds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labelmill_annotation.errors import LeaseExpired, LeaseLost, TaskAlreadySubmitted
from labelmill_annotation.tasks import DEFAULT_BATCH, State, Task

Jitter = Callable[[int], float]
"""From the number of a benchmark (0, 1, 2, ...) to a number in [0, 1), fixed for a labeler."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a labeler has been given so far."""

    tasks: int = 0
    benchmarks: int = 0
    """Given, or due when there was none left to give: a gap is not made up for in a burst, which would show."""


def benchmark_due(ledger: Ledger, share: float, jitter: Jitter) -> bool:
    """Whether the next task is to be a benchmark.

    Of every 1/share tasks one is a benchmark, at a place within that window which only the key tells. So the count
    stays within two of share * tasks from the first task on, and neither "the first" nor "every tenth" gives it away.
    """
    return share > 0 and ledger.benchmarks + jitter(ledger.benchmarks) < share * (ledger.tasks + 1)


def slots(ledger: Ledger, share: float, jitter: Jitter, count: int) -> list[bool]:
    """For the next `count` tasks, whether each is a benchmark, as far as there are enough."""
    planned: list[bool] = []
    for _ in range(count):
        due = benchmark_due(ledger, share, jitter)
        ledger = Ledger(ledger.tasks + 1, ledger.benchmarks + int(due))
        planned.append(due)
    return planned


def mix(
    ledger: Ledger, share: float, jitter: Jitter, count: int, labels: Sequence[Task], gold: Sequence[str]
) -> tuple[list[Task | str], Ledger]:
    """Puts label tasks and benchmark assets into one answer of at most `count`.

    Benchmarks come only among label tasks, unless the plan wants nothing but benchmarks: work made of benchmarks
    alone would show. Without gold left, a label task takes the place.

    Returns:
        The answer in order, and the ledger after it.
    """
    answer: list[Task | str] = []
    left, unseen = list(reversed(labels)), list(reversed(gold))
    if not left and share < 1:
        return answer, ledger
    while len(answer) < count:
        due = benchmark_due(ledger, share, jitter)
        if due and unseen:
            answer.append(unseen.pop())
        elif left:
            answer.append(left.pop())
        else:
            break
        ledger = Ledger(ledger.tasks + 1, ledger.benchmarks + int(due))
    return answer, ledger


def shown_batch(asked: str, labels: Sequence[Task]) -> str:
    """The batch that a benchmark is filed under: the one asked for, or the most common one around it."""
    if asked:
        return asked
    batches = Counter(task.batch for task in labels)
    return batches.most_common(1)[0][0] if batches else DEFAULT_BATCH


def require_held(task: Task, fence: int, labeler: str, now_ms: int) -> None:
    """Refuses a holder whose lease is over.

    Raises:
        LeaseExpired: LEASE_EXPIRED: it ended, and nobody has taken the task since.
        LeaseLost: LEASE_LOST: it was given back, or another lease of the task has begun.
        TaskAlreadySubmitted: TASK_ALREADY_SUBMITTED by this very lease.
    """
    if task.fence != fence:
        raise LeaseLost(task.name)
    if task.state is State.SUBMITTED:
        raise TaskAlreadySubmitted(task.name)
    if not (task.leased_at(now_ms) and task.labeler == labeler):
        raise LeaseExpired(task.name)
