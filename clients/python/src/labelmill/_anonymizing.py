"""Texts anonymized one by one, as programs have them; those of the same moment share a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

from labelmill import errors
from labelmill._gathering import Gathering
from labelmill._transport import Transport
from labelmill.anonymization.v1 import resources_pb2, service_pb2

PolicyGiven: TypeAlias = str | resources_pb2.Policy
"""projects/{project}/policies/{policy} or readyPolicies/{policy}; or a policy that is not kept."""
Request: TypeAlias = service_pb2.StreamAnonymizeTextsRequest
Answer: TypeAlias = service_pb2.AnonymizeTextResponse

_BATCH_TEXTS = 64
_BATCH_BYTES = 1_000_000
_AT_ONCE = 3
"""Two are worked on while the answers to a third are read."""


class TextAnonymizer:
    """Gathers texts by project and policy."""

    def __init__(self, transport: Transport, stub: Any) -> None:
        self._transport = transport
        self._stub = stub
        self._texts: Gathering[tuple[str, bytes], Request.Item, Answer] = Gathering(
            self._anonymize, weight=Request.Item.ByteSize, most=_BATCH_TEXTS, heaviest=_BATCH_BYTES, at_once=_AT_ONCE
        )

    async def anonymize(
        self, parent: str, text: str, policy: PolicyGiven, subject: str, timeout_s: float | None
    ) -> Answer:
        """One text."""
        source = service_pb2.PolicySource()
        if isinstance(policy, str):
            source.policy = policy
        else:
            source.inline.CopyFrom(policy)
        key = parent, source.SerializeToString(deterministic=True)
        limit_s = self._transport.timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._texts.ask(key, Request.Item(text=text, subject=subject))
        except TimeoutError:
            raise errors.DeadlineExceeded("The text was not anonymized in time.", reason="DEADLINE_EXCEEDED") from None

    async def _anonymize(
        self, key: tuple[str, bytes], items: Sequence[Request.Item]
    ) -> list[Answer | errors.LabelmillError]:
        """One stream for one batch; asked again where there is no server, for it changes nothing."""
        answers: list[Answer | errors.LabelmillError] = await self._transport.repeat(lambda: self._exchange(key, items))
        return answers

    async def _exchange(
        self, key: tuple[str, bytes], items: Sequence[Request.Item]
    ) -> list[Answer | errors.LabelmillError]:
        async def requests() -> AsyncIterator[Request]:
            policy = service_pb2.PolicySource.FromString(key[1])
            yield Request(header=Request.Header(parent=key[0], policy=policy))
            numbered = (Request.Item(item_id=str(i), text=o.text, subject=o.subject) for i, o in enumerate(items))
            yield Request(batch=Request.Batch(items=numbered))

        answers: dict[int, Answer | errors.LabelmillError] = {}
        async for response in self._transport.exchange(self._stub.StreamAnonymizeTexts, requests()):
            for result in response.results:
                answers[int(result.item_id)] = errors.from_status(result.status) or result.anonymized
        return [answers[index] for index in range(len(items))]
