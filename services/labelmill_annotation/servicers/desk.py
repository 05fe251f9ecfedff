"""What every servicer works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from labelmill_annotation.ontologies import Ontologies
from labelmill_annotation.ports import Archive, AssetSource, PredictionSource
from labelmill_runtime import names, paging
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.paging import PageTokens

T = TypeVar("T")


class ListRequest(Protocol):
    """A request for a page."""

    page_size: int
    page_token: str


@dataclass(frozen=True)
class Desk:
    """The records, the other services, and the clock."""

    archive: Archive
    requests: RequestLog
    page_tokens: PageTokens
    ontologies: Ontologies
    assets: AssetSource
    predictions: PredictionSource
    now_ms: Callable[[], int]
    export_page_size: int


def project_id(parent: str) -> str:
    """The project in `projects/{project}`, which validation has looked at before."""
    return names.project_of(parent, field="parent")


async def read_page(
    tokens: PageTokens,
    request: ListRequest,
    *,
    parent: str,
    filter_text: str,
    start: str | int,
    fetch: Callable[[str | int, int], Awaitable[Sequence[T]]],
    place: Callable[[T], str | int],
) -> tuple[list[T], str]:
    """A page, and the token of the next one.

    Args:
        tokens: Reads and makes tokens.
        request: What page is asked for.
        parent: What the token is bound to.
        filter_text: Likewise.
        start: The place before the first row.
        fetch: Rows after a place, at most so many.
        place: A row's place.
    """
    size = paging.page_size(request.page_size)
    cursor = tokens.decode(request.page_token, parent=parent, filter=filter_text)
    after = start if cursor is None else cursor[0]
    assert isinstance(after, str | int)
    rows = list(await fetch(after, size + 1))
    if len(rows) <= size:
        return rows, ""
    rows = rows[:size]
    return rows, tokens.encode([place(rows[-1])], parent=parent, filter=filter_text)
