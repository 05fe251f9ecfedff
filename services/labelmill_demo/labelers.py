"""Labelers that replay real people's judgements through the public SDK, as any labelling program would."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.labels import single_choice
from labelmill_demo.dataset import RatedSentence

FEATURE = "sentiment"
TASKS_AT_ONCE = 25


@dataclass(frozen=True)
class ReplayLabeler:
    """Answers every task with the rating at one position of the sentence's list of ratings."""

    client: Client
    project: str
    rater: int
    sentences: Mapping[str, RatedSentence]
    """By asset name."""

    async def work(self, batch: str) -> int:
        """Leases and submits until nothing is left for this labeler; returns how many tasks it submitted."""
        submitted = 0
        while True:
            leased = await self.client.tasks.lease_tasks(
                annotation_service.LeaseTasksRequest(parent=self.project, batch=batch, max_tasks=TASKS_AT_ONCE)
            )
            if not leased.tasks:
                return submitted
            answer = await self.client.tasks.batch_submit_tasks(
                annotation_service.BatchSubmitTasksRequest(
                    parent=self.project, items=[self._answer(task) for task in leased.tasks]
                )
            )
            refused = [result.status.message for result in answer.results if result.status.code]
            if refused:
                raise RuntimeError(f"{len(refused)} submissions were refused: {refused[0]}")
            submitted += len(answer.results)

    def _answer(self, task: annotation.Task) -> annotation_service.BatchSubmitTasksRequest.Item:
        judgement = self.sentences[task.asset].judgement(self.rater)
        return annotation_service.BatchSubmitTasksRequest.Item(
            lease=annotation_service.TaskLease(task=task.name, lease_token=task.lease.token),
            annotations=[single_choice(FEATURE, judgement)],
        )


async def label(labelers: Sequence[ReplayLabeler], batch: str) -> int:
    """Lets all labelers work on a batch at once; returns how many tasks they submitted."""
    return sum(await asyncio.gather(*(labeler.work(batch) for labeler in labelers)))
