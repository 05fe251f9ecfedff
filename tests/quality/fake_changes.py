"""What changes in a project in memory, as the quality service sees it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from labelmill_quality.live.answers import Change, Said
from labelmill_quality.live.ports import ChangePage, FeatureFacts
from labelmill_runtime.errors import InvalidArgument, NotFound, Unavailable

PROJECT = "p-one"
PARENT = f"projects/{PROJECT}"
SENTIMENT = FeatureFacts("sentiment", 1, ("negative", "neutral", "positive"), ordered=False)
STARS = FeatureFacts("stars", 3, ("one", "two", "three"), ordered=True)
TOPICS = FeatureFacts("topics", 2, ("sports", "arts"), ordered=False)


def asset(number: int) -> str:
    return f"{PARENT}/assets/a{number:05d}"


@dataclass
class FakeChanges:
    """A ChangeSource: a project whose annotations come one a millisecond, and can be corrected and withdrawn."""

    newest: dict[str, Change] = field(default_factory=dict)
    """Annotation -> its newest version."""
    truth: dict[str, str] = field(default_factory=dict)
    ontology: dict[str, FeatureFacts] = field(
        default_factory=lambda: {each.feature: each for each in (SENTIMENT, STARS, TOPICS)}
    )
    clock_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    step_ms: int = 1
    page_size: int = 1000
    reads: list[tuple[int, str]] = field(default_factory=list)
    stale_tokens: bool = False
    """The next token is refused."""
    failing_page: int = 0
    """Annotation goes away at this read, once."""
    made: int = 0

    def say(self, item: int, labeler: str, value: str, *, feature: str = "sentiment", benchmark: bool = False) -> str:
        """A new annotation; its id."""
        self.made += 1
        annotation = f"{self.made:08d}"
        self._keep(Change(feature, asset(item), Said(annotation, 1, labeler, benchmark, value, 0), withdrawn=False))
        return annotation

    def correct(self, annotation: str, value: str) -> None:
        self._renew(annotation, value, withdrawn=False)

    def withdraw(self, annotation: str) -> None:
        self._renew(annotation, self.newest[annotation].said.value, withdrawn=True)

    def _renew(self, annotation: str, value: str, *, withdrawn: bool) -> None:
        old = self.newest.pop(annotation)
        said = Said(annotation, old.said.version + 1, old.said.labeler, old.said.benchmark, value, 0)
        self._keep(Change(old.feature, old.item, said, withdrawn))

    def _keep(self, change: Change) -> None:
        self.clock_ms += self.step_ms
        old = change.said
        said = Said(old.annotation, old.version, old.labeler, old.benchmark, old.value, self.clock_ms)
        self.newest[said.annotation] = Change(change.feature, change.item, said, change.withdrawn)

    async def features(self, project: str) -> Mapping[str, FeatureFacts]:
        if project != PROJECT:
            raise NotFound(
                "PROJECT_NOT_FOUND", "There is no such project.", resource=("Project", f"projects/{project}")
            )
        return self.ontology

    async def changes(self, project: str, start_ms: int, token: str) -> ChangePage:
        self.reads.append((start_ms, token))
        if len(self.reads) == self.failing_page:
            raise Unavailable("ANNOTATION_AWAY", "Annotation does not answer.", retry_after_s=1)
        if token and self.stale_tokens:
            self.stale_tokens = False
            raise InvalidArgument("INVALID_PAGE_TOKEN", "It is too old.", fields={"page_token": "is too old"})
        ordered = sorted(self.newest.values(), key=lambda change: change.said.time_ms)
        after = int(token or start_ms - 1)
        page = [change for change in ordered if change.said.time_ms > after]
        more = len(page) > self.page_size
        page = page[: self.page_size]
        return ChangePage(page, str(page[-1].said.time_ms) if more else "")

    async def answers(self, project: str, feature: str, *, benchmark: bool) -> AsyncIterator[Sequence[Change]]:
        yield [
            change
            for change in self.newest.values()
            if change.feature == feature and change.said.benchmark == benchmark and not change.withdrawn
        ]

    async def gold(self, project: str, feature: str) -> dict[str, str]:
        return self.truth
