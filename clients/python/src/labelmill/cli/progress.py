"""Bars on stderr while something takes its time; nothing where stderr is no terminal or JSON is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from google.protobuf.message import Message
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from labelmill.cli.session import Session
from labelmill.client import Operation
from labelmill.type.v1.progress_pb2 import Progress as ProgressMessage

ResultT = TypeVar("ResultT", bound=Message)


class _HasProgress(Protocol):
    @property
    def progress(self) -> ProgressMessage: ...


MetadataT = TypeVar("MetadataT", bound=Message)


@contextmanager
def bar(session: Session, text: str, total: int | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """A bar for the block; call what it yields with (done, total)."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = session.as_json or not session.stderr.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=session.stderr, disable=hidden, transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def wait(session: Session, operation: Operation[ResultT, MetadataT], text: str) -> ResultT:
    """Waits for an operation behind a bar. Ctrl-C leaves it running and says how to find it again."""
    try:
        with bar(session, text) as show:

            def told(metadata: MetadataT) -> None:
                progress = _progress(metadata)
                show(progress.done_count, progress.total_count or None)

            return operation.result(on_progress=told)
    except KeyboardInterrupt:
        session.say(f"{operation.name} goes on; `labelmill status` shows it.")
        raise


def _progress(metadata: Message) -> ProgressMessage:
    found = getattr(metadata, "progress", None)
    return found if isinstance(found, ProgressMessage) else ProgressMessage()
