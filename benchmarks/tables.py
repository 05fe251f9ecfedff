"""Our anonymization of tables, and anjana and pycanon on the same rows.

    python -m benchmarks.tables [--quick] [--json]

Rows: made by the tests' `adult_like`, with the columns and rough shares of UCI Adult, drawn column by column. Peers:
anjana's k_anonymity (k = 10, six quasi-identifiers, up to half of the rows dropped, ages in bands, others kept or
dropped), and pycanon's k, l and t. CPU seconds of the methods alone, on tables that are in memory; ours once more from
CSV to CSV. Where the peers cannot be installed, their figures are left out, and a line says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import peers
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.tables.anonymize import anonymize_table
from labelmill_anonymization.tables.axes import make_axis, order_of
from labelmill_anonymization.tables.cells import Column, coded
from labelmill_anonymization.tables.csv_file import read_csv
from labelmill_anonymization.tables.generalize import generalize
from labelmill_anonymization.tables.measure import Sensitive, classes_of, measure
from labelmill_anonymization.tables.mondrian import Conditions, split
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.rules import CsvHeader, Role, TableRules
from labelmill_anonymization.tables.utility import utility_loss
from tests.anonymization.tables import adult_like

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "benchmarks" / "tables-requirements.txt"
HOME = ROOT / ".venvs" / "tables"
K = 10
ADULT_ROWS = 32_561
MANY_ROWS = 1_000_000
NUMBERS = ["age", "hours"]
T = TypeVar("T")


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows, under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    for figure in figures(arguments.quick):
        print(json.dumps(figure) if arguments.json else readable(figure), flush=True)


def figures(quick: bool) -> Iterator[dict[str, Any]]:
    """All figures, the quick ones first."""
    python = installed_peers()
    yield from generalization(5_000 if quick else ADULT_ROWS, python)
    yield from measures(1_000 if quick else 4_000, python)
    yield from whole_tables(100_000 if quick else MANY_ROWS)


def generalization(count: int, python: Path | None) -> Iterator[dict[str, Any]]:
    """Strict Mondrian against anjana."""
    axes_of = [column for column in columns(count) if column.name in adult_like.QUASI]

    def work() -> tuple[float, float]:
        axes = [make_axis(column, None) for column in axes_of]
        classes = split(axes, Conditions(K))
        penalties = [generalize(axis, classes).penalty for axis in axes]
        return utility_loss(classes, K, penalties).average_class_size, 1.0

    ours_s, (size, kept) = cpu_seconds(work)
    peer = call(python, "anonymize", count)
    name = f"k = {K} on {count} rows"
    yield figure(f"CPU seconds, {name}", ours_s, peer.get("cpu_s"), "s", "anjana", 5.0, lower_is_better=True)
    yield figure(f"rows kept, {name}", kept, peer.get("kept"), "share", "anjana", 1.0)
    ours = figure(
        f"rows per class over k, {name}", size, peer.get("average_class_size"), "", "anjana", 1.0, lower_is_better=True
    )
    yield ours


def measures(count: int, python: Path | None) -> Iterator[dict[str, Any]]:
    """k, l and t in one pass against pycanon, which must find the same."""
    table = columns(count)

    def work() -> Any:
        sensitive = [Sensitive(*order_of(column)) for column in table if column.name in adult_like.SENSITIVE]
        return measure(classes_of([column.codes for column in table if column.name in adult_like.QUASI]), sensitive)

    ours_s, found = cpu_seconds(work)
    peer = call(python, "measure", count)
    if peer and (found.k, found.l, round(found.t, 9)) != (peer["k"], peer["l"], round(peer["t"], 9)):
        raise SystemExit("pycanon measures something else")
    yield figure(
        f"CPU seconds, k l t of {count} rows", ours_s, peer.get("cpu_s"), "s", "pycanon", 100.0, lower_is_better=True
    )


def whole_tables(count: int) -> Iterator[dict[str, Any]]:
    """From CSV to CSV: reading, generalizing, measuring before and after, replacing a column, writing."""
    data = adult_like.csv(count)
    roles = dict.fromkeys(adult_like.QUASI, Role.QUASI_IDENTIFIER) | dict.fromkeys(adult_like.SENSITIVE, Role.SENSITIVE)
    plan = [ColumnPlan(name, roles.get(name, Role.INSENSITIVE)) for name in adult_like.COLUMNS]
    keys = ProjectKeys.derive(bytes(32), "benchmark")
    ours_s, clean = cpu_seconds(
        lambda: anonymize_table(read_csv(data, CsvHeader.PRESENT), plan, TableRules(k=K), keys, {})
    )
    if clean.report.after is None or clean.report.after.k < K:
        raise SystemExit("a class is too small")
    shape = f"{count} rows of {len(adult_like.COLUMNS)} columns"
    yield figure(f"CPU seconds, CSV to CSV, {shape}", ours_s, None, "s", None, None, lower_is_better=True)


def columns(count: int) -> list[Column]:
    """The rows as columns."""
    cells = zip(*adult_like.rows(count), strict=True)
    return [Column(name, *coded(list(some))) for name, some in zip(adult_like.COLUMNS, cells, strict=True)]


def installed_peers() -> Path | None:
    """The peers' Python; None where they cannot be installed."""
    try:
        return peers.ensure(REQUIREMENTS, HOME)
    except (OSError, subprocess.CalledProcessError):
        print("anjana and pycanon cannot be installed here: their figures are left out", file=sys.stderr)
        return None


def call(python: Path | None, task: str, count: int) -> dict[str, Any]:
    """What a peer makes of the rows; nothing where there is none."""
    if python is None:
        return {}
    options = {"quasi": adult_like.QUASI, "sensitive": adult_like.SENSITIVE, "numbers": NUMBERS, "k": K}
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(adult_like.csv(count))
        file.flush()
        command = [python, peers.FOLDER / "anonymity.py", task, file.name, json.dumps(options)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def cpu_seconds(work: Callable[[], T]) -> tuple[float, T]:
    """CPU time of this process, and what the work returns."""
    start = time.process_time()
    outcome = work()
    return time.process_time() - start, outcome


def figure(
    name: str,
    ours: float,
    peer: float | None,
    unit: str,
    peer_name: str | None,
    target: float | None,
    *,
    lower_is_better: bool = False,
) -> dict[str, Any]:
    """One figure; the ratio says how many times better ours is."""
    ratio = None if not peer else peer / ours if lower_is_better else ours / peer
    return {
        "figure": name,
        "ours": round(ours, 4),
        "peer": None if peer is None else round(peer, 4),
        "peer_name": peer_name if peer is not None else None,
        "unit": unit,
        "ratio": None if ratio is None else round(ratio, 2),
        "target": target,
    }


def readable(figure: dict[str, Any]) -> str:
    """One line for people."""
    text = f"{figure['figure']}: ours {figure['ours']:g} {figure['unit']}".rstrip()
    if figure["peer"] is None:
        return text
    target = f" (target {figure['target']})" if figure["target"] is not None else ""
    return f"{text}, {figure['peer_name']} {figure['peer']:g}, {figure['ratio']} times better{target}"


if __name__ == "__main__":
    main()
