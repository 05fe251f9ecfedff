"""EraseAssets: the steps of erasure.py, one after the other, each until it has worked.

What has happened stands in the erasure's own row; a process that goes on after another one died, or a new operation
after a cancelled one, begins where that says. Whoever is away is asked again for as long as it takes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill_runtime.errors import Cancelled, LabelmillError, Unavailable
from labelmill_runtime.operations import OperationContext
from labelmill_storage.assets import Zone, asset_name
from labelmill_storage.convert import lifecycle as convert
from labelmill_storage.lifecycle.erasure import DATABASE_FREE_SPACE, PEERS, SERVICE_ABSENT, Case
from labelmill_storage.lifecycle.ports import Answers, ErasureWork, Forgotten, Peers, Signer, Sweeper
from labelmill_storage.ports import ObjectKey, ObjectStore

KIND = "erase"
LAST = "~"
"""Sorts after every asset id: a peer that is through."""
_BATCH = 1000
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_REQUEST_IDS = uuid.UUID("6c1d2f6e-6a53-4f63-9a7b-0e8f5a1f7f0a")
_NAMES_AT_ONCE = 5000

T = TypeVar("T")


class ContentStillThere(Unavailable):
    """An object that was removed is still in the store."""

    def __init__(self) -> None:
        super().__init__("CONTENT_STILL_THERE", "The object store still has contents that were to be removed.")


@dataclass(frozen=True)
class Erase:
    """Runs the operation; see the module."""

    work: ErasureWork
    peers: Peers
    sweeper: Sweeper
    objects: ObjectStore
    answers: Answers
    signer: Signer

    async def run(self, context: OperationContext, request: pb.EraseAssetsRequest) -> pb.Erasure:
        """Runs, or goes on where it was."""
        metadata = context.metadata
        assert isinstance(metadata, pb.EraseAssetsMetadata)
        project, erasure_id = context.project, metadata.erasure.rpartition("/")[2]
        kept = await self.work.get(project, erasure_id)
        if not kept.body:
            steps = (self._own, self._ask_peers, self._remove_objects, self._ask_peers_again, self._clear_traces)
            for step in steps:
                await step(context, (await self.work.get(project, erasure_id)).case)
            case = (await self.work.get(project, erasure_id)).case
            await self._complete(context, case)
            kept = await self.work.get(project, erasure_id)
        return pb.Erasure.FromString(kept.body)

    async def _own(self, context: OperationContext, case: Case) -> None:
        """The service's own records: from here on nobody can read, list or admit the assets."""
        if case.own_done:
            return
        done, total = 0, await self.work.target_count(case)

        async def drop(handle: str) -> None:
            await self.objects.drop_upload(Zone.RAW, handle)

        await self._until_done(context, "dropping uploads", lambda: self.work.drop_uploads(case, drop, context.hold))
        while count := await self.work.erase_batch(case, context.hold):
            done += count
            await _tell(context, "erasing records", done, total)

        def finish(now: Case) -> None:
            now.own_done = True

        await self.work.note(case, finish, context.hold)

    async def _ask_peers(self, context: OperationContext, case: Case) -> None:
        """The other services, while nobody can give them the assets again."""
        for peer in PEERS:
            await self._ask(context, case, "first", peer)

    async def _ask_peers_again(self, context: OperationContext, case: Case) -> None:
        """Once more: for what they were still working on when they were asked first."""
        for peer in PEERS:
            await self._ask(context, case, "again", peer)

    async def _ask(self, context: OperationContext, case: Case, step: str, peer: str) -> None:
        place = f"{step}/{peer}"
        after = case.peers_done.get(place, "")
        while after != LAST:
            ids = await self.work.batch(case, after, _BATCH)
            request_id = str(uuid.uuid5(_REQUEST_IDS, f"{case.name}/{place}/{after}"))
            answer = await self._forgotten(context, case, peer, ids, request_id) if ids else Forgotten({}, ())
            after = ids[-1] if answer is not None and len(ids) == _BATCH else LAST
            await self.work.note(case, _answered(place, peer, answer, after, step == "first"), context.hold)

    async def _forgotten(
        self, context: OperationContext, case: Case, peer: str, ids: Sequence[str], request_id: str
    ) -> Forgotten | None:
        await _tell(context, f"asking {peer}")
        return await self._until_done(
            context, f"waiting for {peer}", lambda: self.peers.erase(peer, case.project, ids, request_id)
        )

    async def _remove_objects(self, context: OperationContext, case: Case) -> None:
        """The contents; there is no next step while any is left."""

        async def remove() -> None:
            await self.sweeper.sweep(case.project)
            if await self.work.remaining(case, exists):
                raise ContentStillThere

        async def exists(zone: Zone, path: str) -> bool:
            return await self.objects.exists(ObjectKey(zone, case.project, "", path))

        if not case.objects_done:
            await _tell(context, "removing contents")
            await self._until_done(context, "waiting for the object store", remove)

            def finish(now: Case) -> None:
                now.objects_done = True

            await self.work.note(case, finish, context.hold)

    async def _clear_traces(self, context: OperationContext, case: Case) -> None:
        """What remembered answers and the database's own files still hold."""
        await _tell(context, "clearing traces")
        after = ""
        while ids := await self.work.batch(case, after, _NAMES_AT_ONCE):
            await self.answers.forget([asset_name(case.project, asset_id) for asset_id in ids])
            after = ids[-1]
        if not await self._until_done(context, "waiting for the database", self.work.scrub):

            def keep(now: Case) -> None:
                now.kept[f"{DATABASE_FREE_SPACE} {case.name}"] = 0

            await self.work.note(case, keep, context.hold)

    async def _complete(self, context: OperationContext, case: Case) -> None:
        def certify(now: Case, ids: Sequence[str], time_us: int, sequence: int) -> bytes:
            return convert.certificate(now, ids, time_us, sequence, self.signer)

        await self.work.complete(case, certify, context.hold)
        total = await self.work.target_count(case)
        await _tell(context, "complete", total, total)

    async def _until_done(self, context: OperationContext, stage: str, call: Callable[[], Awaitable[T]]) -> T:
        """Calls until it works; only being stopped ends it otherwise."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return await call()
            except Cancelled:
                raise
            except LabelmillError as error:
                await _tell(context, f"{stage}: {error.reason}")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def _answered(place: str, peer: str, answer: Forgotten | None, after: str, is_first: bool) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.peers_done[place] = after
        if answer is None:
            case.kept[f"{SERVICE_ABSENT} {peer}"] = 0
            return
        case.removed(peer, answer.removed)
        # Asked again, a service names the same things again.
        case.keeps(
            answer.kept if is_first else [item for item in answer.kept if f"{item[1]} {item[0]}" not in case.kept]
        )

    return change


async def _tell(context: OperationContext, stage: str, done: int = 0, total: int = 0) -> None:
    metadata = pb.EraseAssetsMetadata()
    metadata.CopyFrom(context.metadata)  # type: ignore[arg-type]
    progress = metadata.progress
    progress.stage = stage
    progress.done_count = max(progress.done_count, done)
    progress.total_count = max(progress.total_count, total)
    progress.update_time.GetCurrentTime()
    await context.progress(metadata)
