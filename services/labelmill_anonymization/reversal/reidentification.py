"""The way back: reads tokens and enciphered values again, and keeps who did it and why before anything is answered."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from labelmill_anonymization.keyring.errors import KeyDestroyed, KeyNotFound
from labelmill_anonymization.keyring.project_keys import ProjectKeyring
from labelmill_anonymization.keys import DataKey
from labelmill_anonymization.operators.encrypt_format import format_tweak
from labelmill_anonymization.reversal.format_preserving import decipher, format_key
from labelmill_anonymization.reversal.tokens import NotAuthentic, Token, tokens_in, unseal


class Problem(IntEnum):
    """Why a value could not be read; the contract's numbers."""

    NONE = 0
    KEY_NOT_FOUND = 1
    KEY_DESTROYED = 2
    NOT_AUTHENTIC = 3
    MALFORMED = 4


@dataclass(frozen=True, slots=True)
class FormattedValue:
    """What format-preserving encryption made; which key and type is not in it."""

    value: str = field(repr=False)
    entity_type: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Revealed:
    """A value that was read, or why not."""

    entity_type: str
    key_id: str
    value: str = field(default="", repr=False)
    problem: Problem = Problem.NONE


@dataclass(frozen=True, slots=True)
class Reidentification:
    """The record of one call; never a value."""

    project: str
    id: str
    principal: str
    reason: str
    value_count: int
    revealed_count: int
    key_ids: tuple[str, ...]
    create_time_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a call brought to light."""

    text: str = field(repr=False)
    tokens: tuple[Revealed, ...]
    formatted: tuple[Revealed, ...]
    record: Reidentification


class Reidentifications(Protocol):
    """Keeps the records."""

    async def add(self, record: Reidentification) -> None:
        """Keeps one for good."""

    async def list_records(self, project: str, after: tuple[int, str] | None, limit: int) -> list[Reidentification]:
        """In the order of time, after (time, id)."""


@dataclass(frozen=True)
class Reidentifier:
    """Reads values again; nothing is answered before the record is kept."""

    keyring: ProjectKeyring
    audit: Reidentifications
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    async def read(
        self, project: str, text: str, formatted: Sequence[FormattedValue], *, reason: str, principal: str
    ) -> Reading:
        """The text with its tokens read, and the formatted values; each that cannot be read has a problem."""
        keys = _Keys(self.keyring, project)
        parts: list[str] = []
        tokens: list[Revealed] = []
        end = 0
        for token in tokens_in(text):
            found = _unsealed(await keys.get(token.key_id), token, project)
            tokens.append(found)
            value = text[token.start : token.end] if found.problem else found.value
            parts += (text[end : token.start], value)
            end = token.end
        parts.append(text[end:])
        values = [_deciphered(await keys.get(one.key_id), one, project) for one in formatted]
        record = self._record(project, [*tokens, *values], reason, principal)
        await self.audit.add(record)
        return Reading("".join(parts), tuple(tokens), tuple(values), record)

    def _record(self, project: str, found: Sequence[Revealed], reason: str, principal: str) -> Reidentification:
        revealed = [one for one in found if not one.problem]
        return Reidentification(
            project=project,
            id=secrets.token_hex(16),
            principal=principal,
            reason=reason,
            value_count=len(found),
            revealed_count=len(revealed),
            key_ids=tuple(sorted({one.key_id for one in revealed})),
            create_time_ms=self.now_ms(),
        )


class _Keys:
    """The keys of one call, each opened once."""

    def __init__(self, keyring: ProjectKeyring, project: str) -> None:
        self._keyring = keyring
        self._project = project
        self._opened: dict[str, DataKey | Problem] = {}

    async def get(self, key_id: str) -> DataKey | Problem:
        if key_id not in self._opened:
            self._opened[key_id] = await self._open(key_id)
        return self._opened[key_id]

    async def _open(self, key_id: str) -> DataKey | Problem:
        try:
            return await self._keyring.open(self._project, key_id)
        except KeyNotFound:
            return Problem.KEY_NOT_FOUND
        except KeyDestroyed:
            return Problem.KEY_DESTROYED


def _unsealed(key: DataKey | Problem, token: Token, project: str) -> Revealed:
    if isinstance(key, Problem):
        return Revealed(token.entity_type, token.key_id, problem=key)
    try:
        return Revealed(token.entity_type, token.key_id, unseal(token, project, key))
    except NotAuthentic:
        return Revealed(token.entity_type, token.key_id, problem=Problem.NOT_AUTHENTIC)


def _deciphered(key: DataKey | Problem, one: FormattedValue, project: str) -> Revealed:
    if isinstance(key, Problem):
        return Revealed(one.entity_type, one.key_id, problem=key)
    value = decipher(one.value, format_key(key.secret), format_tweak(project, one.entity_type))
    if value is None:
        return Revealed(one.entity_type, one.key_id, problem=Problem.MALFORMED)
    return Revealed(one.entity_type, one.key_id, value)
