"""The clients, in a process of their own: reads a Load as JSON from standard input, writes an Outcome.

Closed: so many callers, each with one text under way. Open: texts are sent at a rate, whether or not answers come.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import uvloop

from benchmarks.presidio_rest.figures import Spans
from labelmill.aio import Client, Retry
from labelmill.anonymization.v1 import operators_pb2, resources_pb2, service_pb2
from labelmill.errors import LabelmillError

_CONNECTIONS = 8  # a gRPC connection carries 100 calls at once
_GIVE_UP_S = 30.0
_REFUSED_STREAM = "RST_STREAM with error code 7"  # HTTP/2's own way to refuse: too many streams on a connection


@dataclass(frozen=True)
class Load:
    """What to do."""

    target: dict[str, Any]
    texts: list[str]
    entity_types: list[str] | None
    """What to look for; None: everything that the system finds."""
    seconds: float
    way: str
    """sdk: `anonymize` of our SDK; unary: our RPC, one text a call; presidio: its two REST services."""
    concurrency: int = 0
    rate: float = 0.0
    """Texts a second of an open load; 0: closed, with `concurrency` callers."""
    every_text: bool = False
    """Goes on until each text was sent once, and reports what was found in it."""


@dataclass
class Outcome:
    """What came of it."""

    latencies_ms: list[float] = field(default_factory=list)
    """In the order of the answers."""
    refused: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    """Calls that failed, by reason."""
    seconds: float = 0.0
    found: dict[int, Spans] = field(default_factory=dict)
    """Spans by the text's index."""
    server_cpu_s: float = 0.0
    """What the system's processes used; filled in by who started them."""

    @property
    def failed(self) -> int:
        """Calls that failed, but for those refused."""
        return sum(self.failures.values())

    @property
    def per_second(self) -> float:
        """Texts answered."""
        return len(self.latencies_ms) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """The system's CPU time for a text."""
        return 1000 * self.server_cpu_s / len(self.latencies_ms)


class Refused(Exception):
    """The system says that it is too busy."""


class Caller(Protocol):
    """Anonymizes a text over the network."""

    async def anonymize(self, text: str) -> Spans:
        """What was found; raises Refused."""

    async def close(self) -> None:
        """Ends connections."""


def our_policy(entity_types: list[str] | None) -> resources_pb2.Policy:
    """Replaces what it finds, as Presidio does when it is told nothing."""
    replace = operators_pb2.Operator(replace=operators_pb2.Replace())
    if entity_types is None:
        return resources_pb2.Policy(default_operator=replace)
    return resources_pb2.Policy(rules=[resources_pb2.Rule(entity_type=one, operator=replace) for one in entity_types])


class SdkCaller:
    """The SDK's `anonymize`: texts of the same moment share calls."""

    def __init__(self, target: dict[str, Any], entity_types: list[str] | None) -> None:
        self._client = Client(f"127.0.0.1:{target['port']}", target["key"], retry=Retry(max_attempts=1))
        self._policy = our_policy(entity_types)

    async def anonymize(self, text: str) -> Spans:
        response = await self._client.anonymization.anonymize("projects/benchmark", text, self._policy)
        return [(finding.raw_span.start, finding.raw_span.end) for finding in response.findings]

    async def close(self) -> None:
        await self._client.close()


class UnaryCaller:
    """AnonymizeText, one text a call."""

    def __init__(self, target: dict[str, Any], entity_types: list[str] | None) -> None:
        address, retry = f"127.0.0.1:{target['port']}", Retry(max_attempts=1)
        self._clients = [Client(address, target["key"], retry=retry) for _ in range(_CONNECTIONS)]
        self._policy = service_pb2.PolicySource(inline=our_policy(entity_types))
        self._next = 0

    async def anonymize(self, text: str) -> Spans:
        self._next = (self._next + 1) % len(self._clients)
        request = service_pb2.AnonymizeTextRequest(parent="projects/benchmark", text=text, policy=self._policy)
        try:
            response = await self._clients[self._next].anonymization.anonymize_text(request)
        except LabelmillError as error:
            if error.code.name == "RESOURCE_EXHAUSTED" or _REFUSED_STREAM in error.message:
                raise Refused from None
            raise
        return [(finding.raw_span.start, finding.raw_span.end) for finding in response.findings]

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


class PresidioCaller:
    """POST /analyze, then POST /anonymize with its answer; a connection each, as its servers close them."""

    def __init__(self, target: dict[str, Any], entity_types: list[str] | None) -> None:
        self._analyzer, self._anonymizer = target["analyzer"], target["anonymizer"]
        self._entities = {} if entity_types is None else {"entities": entity_types}

    async def anonymize(self, text: str) -> Spans:
        found = await post(self._analyzer, "/analyze", {"text": text, "language": "en", **self._entities})
        await post(self._anonymizer, "/anonymize", {"text": text, "analyzer_results": found})
        return [(one["start"], one["end"]) for one in found]

    async def close(self) -> None:
        """Nothing stays open."""


async def post(port: int, path: str, content: Any) -> Any:
    """The JSON answer to a JSON request; as little HTTP as there can be, so that the client costs least."""
    body = json.dumps(content).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        answer = await reader.read(-1)
    finally:
        writer.close()
    status, _, rest = answer.partition(b"\r\n")
    if b" 200 " not in status:
        raise ConnectionError(status[:100])
    return json.loads(rest.partition(b"\r\n\r\n")[2])


class Run:
    """One load on one system."""

    def __init__(self, load: Load, caller: Caller) -> None:
        self._load = load
        self._caller = caller
        self._outcome = Outcome()
        self._sent = 0

    async def run(self) -> Outcome:
        began = time.perf_counter()
        if self._load.rate:
            await self._open(began)
        else:
            await asyncio.gather(*(self._closed(began) for _ in range(self._load.concurrency)))
        self._outcome.seconds = time.perf_counter() - began
        return self._outcome

    async def _closed(self, began: float) -> None:
        least = len(self._load.texts) if self._load.every_text else 0
        while time.perf_counter() - began < self._load.seconds or self._sent < least:
            await self._one()

    async def _open(self, began: float) -> None:
        under_way: set[asyncio.Task[None]] = set()
        while (passed := time.perf_counter() - began) < self._load.seconds:
            while self._sent < passed * self._load.rate:
                task = asyncio.create_task(self._one())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        if under_way:
            await asyncio.wait(under_way)

    async def _one(self) -> None:
        index = self._sent % len(self._load.texts)
        self._sent += 1
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                spans = await self._caller.anonymize(self._load.texts[index])
        except Refused:
            self._outcome.refused += 1
            await asyncio.sleep(0)
            return
        except (OSError, TimeoutError, LabelmillError) as error:
            reason = f"{error.code.name} {error.reason}" if isinstance(error, LabelmillError) else type(error).__name__
            self._outcome.failures[reason] = self._outcome.failures.get(reason, 0) + 1
            return
        self._outcome.latencies_ms.append(1000 * (time.perf_counter() - began))
        if self._load.every_text:
            self._outcome.found[index] = spans


async def main() -> None:
    """One load."""
    load = Load(**json.load(sys.stdin))
    makers: dict[str, type[SdkCaller] | type[UnaryCaller] | type[PresidioCaller]] = {
        "sdk": SdkCaller,
        "unary": UnaryCaller,
        "presidio": PresidioCaller,
    }
    caller: Caller = makers[load.way](load.target, load.entity_types)
    try:
        outcome = await Run(load, caller).run()
    finally:
        await caller.close()
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    uvloop.run(main())
