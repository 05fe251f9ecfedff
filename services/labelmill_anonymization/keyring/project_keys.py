"""Gives operators the keys of a project, and makes, rotates, opens and destroys them.

Keys are remembered for a moment, because they are asked for with every call; a key that was destroyed or rotated
elsewhere is noticed within `_REMEMBERED_S`. What is read again is never answered from memory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from labelmill_anonymization.keyring.data_keys import (
    KEY_BYTES,
    KeyRecord,
    KeyRecords,
    Purpose,
    State,
    new_key_id,
)
from labelmill_anonymization.keyring.errors import KeyDestroyed, KeyInUse, KeyNotFound, KeyNotRotatable
from labelmill_anonymization.keyring.root_keys import RootKeys
from labelmill_anonymization.keys import FIRST_LINKING_KEY, DataKey, ProjectKeys

_REMEMBERED_S = 5.0
_REMEMBERED_KEYS = 4096
_Slot = tuple[str, Purpose, str]
"""(project, purpose, subject)."""


class ProjectKeyring:
    """See `ports.KeySource`, and the module."""

    def __init__(
        self,
        roots: RootKeys,
        records: KeyRecords,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots = roots
        self._records = records
        self._now_ms = now_ms
        self._clock = clock
        self._remembered: OrderedDict[_Slot, tuple[float, DataKey]] = OrderedDict()
        self._made: dict[str, tuple[DataKey, DataKey, ProjectKeys]] = {}

    async def keys(self, project: str, subject: str = "", *, subject_key: bool = False) -> ProjectKeys:
        """See `ports.KeySource`."""
        linking = await self._primary(project, Purpose.LINKING)
        found = self._derived(project, linking, await self._primary(project, Purpose.ENCRYPTION))
        if not subject:
            return found
        found = found.about(subject)
        if not subject_key:
            return found
        digest = _digest((await self._primary(project, Purpose.SUBJECT_INDEX)).secret, subject)
        return replace(found, subject_encryption=await self._primary(project, Purpose.ENCRYPTION, digest))

    async def open(self, project: str, key_id: str) -> DataKey:
        """An encryption key for reading; raises KeyNotFound, KeyDestroyed."""
        record = await self._records.get(project, key_id)
        if record.purpose is not Purpose.ENCRYPTION:
            raise KeyNotFound(record.name)
        return await self._unwrapped(record)

    async def new_key(self, project: str, purpose: Purpose) -> KeyRecord:
        """A key that is to become the project's primary one, by `rotate`.

        Raises:
            KeyNotRotatable: The index of subjects cannot change: their keys would not be found again.
        """
        if purpose is Purpose.SUBJECT_INDEX:
            raise KeyNotRotatable
        return await self._new(project, purpose, "")

    async def rotate(self, session: Any, record: KeyRecord) -> None:
        """Makes a new key the primary one of its project; the one before still reads."""
        await self._records.replace_primary(session, record)
        self._forget(record.project)

    async def destroy(self, session: Any, project: str, key_id: str, reason: str) -> KeyRecord:
        """Destroys a key; doing it twice is fine.

        Raises:
            KeyNotFound: There is none.
            KeyInUse: It is the primary key of the project, with which things are made right now; rotate first.
        """
        record = await self._records.get(project, key_id)
        if record.state is State.DESTROYED:
            return record
        if record.state is State.PRIMARY and not record.subject:
            raise KeyInUse(record.name)
        await self._records.destroy(session, project, [key_id], reason)
        self._forget(project)
        return replace(
            record, state=State.DESTROYED, wrapped=None, destroy_time_ms=self._now_ms(), destroy_reason=reason
        )

    async def subject_digests(self, project: str, subjects: Sequence[str]) -> list[str]:
        """By what the keys of subjects are found: HMACs of their ids. Empty where no subject ever had a key."""
        index = await self._records.primary(project, Purpose.SUBJECT_INDEX, "")
        if index is None:
            return []
        secret = (await self._unwrapped(index)).secret
        return [_digest(secret, subject) for subject in subjects]

    async def destroy_of_subjects(self, session: Any, project: str, digests: Sequence[str], reason: str) -> int:
        """Destroys every key of some subjects: what was encrypted with them is unreadable from now on; how many."""
        key_ids = await self._records.of_subjects(session, project, digests)
        self._forget(project)
        return await self._records.destroy(session, project, key_ids, reason) if key_ids else 0

    async def destroy_of_assets(self, session: Any, project: str, asset_ids: Sequence[str], reason: str) -> int:
        """Destroys the keys of data subjects of which no asset is left but these; how many."""
        key_ids = await self._records.left_by_assets(session, project, asset_ids)
        self._forget(project)
        return await self._records.destroy(session, project, key_ids, reason) if key_ids else 0

    async def list_keys(self, project: str, after: tuple[int, str] | None, limit: int) -> list[KeyRecord]:
        """Keys in the order of their creation, after (creation time, id)."""
        return await self._records.list_keys(project, after, limit)

    async def scrub(self) -> None:
        """Takes destroyed keys out of the files of the database; after the commit."""
        await self._records.scrub()

    async def rotate_root(self) -> str:
        """A new root key for whatever is wrapped from now on; its id. Raises KeyringReadOnly."""
        return await self._roots.rotate()

    async def rewrap(self, limit: int) -> tuple[str, int, int]:
        """Wraps keys of all projects with the primary root key.

        Returns:
            (the primary root key's id, how many were wrapped again, how many are left).
        """
        primary = await self._roots.primary()
        records, count = await self._records.wrapped_by_others(primary, limit)
        rewrapped = []
        for record in records:
            assert record.wrapped is not None
            secret = await self._roots.unwrap(record.wrapped, record.context)
            rewrapped.append((record, await self._roots.wrap(secret, record.context)))
        await self._records.rewrap(rewrapped)
        return primary, len(rewrapped), count - len(rewrapped)

    async def close(self) -> None:
        """Ends what is open."""
        await self._roots.close()

    def _forget(self, project: str) -> None:
        self._made.pop(project, None)
        for slot in [slot for slot in self._remembered if slot[0] == project]:
            del self._remembered[slot]

    def _derived(self, project: str, linking: DataKey, encryption: DataKey) -> ProjectKeys:
        """The same object for the same keys: jobs that share it travel to the workers with one copy of it."""
        made = self._made.get(project)
        if made is None or made[0] is not linking or made[1] is not encryption:
            keys = replace(ProjectKeys.derive(linking.secret, project, linking.key_id), encryption=encryption)
            made = self._made[project] = (linking, encryption, keys)
            while len(self._made) > _REMEMBERED_KEYS:
                self._made.pop(next(iter(self._made)))
        return made[2]

    async def _primary(self, project: str, purpose: Purpose, subject: str = "") -> DataKey:
        slot = (project, purpose, subject)
        remembered = self._remembered.get(slot)
        if remembered is not None and remembered[0] > self._clock():
            return remembered[1]
        record = await self._records.primary(project, purpose, subject)
        if record is None:
            record = await self._records.add_first(await self._first(project, purpose, subject))
        key = await self._unwrapped(record)
        self._remembered[slot] = (self._clock() + _REMEMBERED_S, key)
        self._remembered.move_to_end(slot)
        while len(self._remembered) > _REMEMBERED_KEYS:
            self._remembered.popitem(last=False)
        return key

    async def _first(self, project: str, purpose: Purpose, subject: str) -> KeyRecord:
        """The first linking key is the seed, as it was before there were keyrings: hashes stay what they are."""
        if purpose is Purpose.LINKING and await self._roots.seed() is not None:
            return KeyRecord(project, FIRST_LINKING_KEY, purpose, State.PRIMARY, self._now_ms())
        return await self._new(project, purpose, subject)

    async def _new(self, project: str, purpose: Purpose, subject: str) -> KeyRecord:
        record = KeyRecord(project, new_key_id(), purpose, State.PRIMARY, self._now_ms(), subject)
        return replace(record, wrapped=await self._roots.wrap(secrets.token_bytes(KEY_BYTES), record.context))

    async def _unwrapped(self, record: KeyRecord) -> DataKey:
        if record.state is State.DESTROYED:
            raise KeyDestroyed
        if record.wrapped is not None:
            return DataKey(record.key_id, await self._roots.unwrap(record.wrapped, record.context))
        seed = await self._roots.seed()
        if seed is None or record.purpose is not Purpose.LINKING:
            raise KeyDestroyed
        return DataKey(record.key_id, seed)


def _digest(secret: bytes, subject: str) -> str:
    return hmac.new(secret, subject.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
