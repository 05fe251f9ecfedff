"""`labelmill demo`: starts the services, runs the loop, writes the report."""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from rich.console import Console

from labelmill_demo import dataset, report
from labelmill_demo.loop import Loop, Plan, Say
from labelmill_demo.record import Record
from labelmill_demo.server import running

DATA = Path(".data/icwsm2014")


class DataMissing(Exception):
    """The demo's data was not fetched."""


def main(
    output: Path = Path("demo-report"), data: Path = DATA, *, plan: Plan | None = None, limit: int | None = None
) -> Record:
    """Runs the demo and leaves its report in `output`.

    Args:
        output: Replaced if it is there.
        data: The folder that `make setup` fetched.
        plan: How much of everything.
        limit: Only so many sentences.

    Raises:
        DataMissing: There is no data in `data`.
    """
    if not data.is_dir():
        raise DataMissing(f"There are no rated sentences in {data}; run `make setup` first.")
    console = Console(stderr=True, highlight=False)
    start = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {text}", soft_wrap=True)

    sentences = dataset.read(data)[:limit]
    with tempfile.TemporaryDirectory(prefix="labelmill-demo-") as folder:
        try:
            record = asyncio.run(_run(Path(folder) / "data", sentences, plan or Plan(), say))
        except BaseException:
            _keep_log(Path(folder) / "data" / "up.log", output)
            raise
    record.seconds["in all"] = time.monotonic() - start
    if output.is_dir():
        shutil.rmtree(output)
    page = report.write(record, output)
    say(f"report: {page}")
    return record


async def _run(data_dir: Path, sentences: list[dataset.RatedSentence], plan: Plan, say: Say) -> Record:
    say("starting the services")
    async with running(data_dir) as server:
        say(f"Labelmill serves on {server.address}")
        return await Loop(server, sentences, plan, say).run()


def _keep_log(log: Path, output: Path) -> None:
    """The server's log outlives a failed run; it holds ids and counts, never texts."""
    if log.exists():
        output.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, output / "up.log")
