"""`labelmill task gold`: known answers, to score labelers by or to evaluate models on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from labelmill import labels, names
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.cli.exits import Exit
from labelmill.cli.session import JsonOption, ProjectOption, failure, session
from labelmill.client import Client
from labelmill.errors import from_status
from labelmill.type.v1 import ontology_pb2

_BATCH = 1000


class Purpose(StrEnum):
    """What gold is for."""

    LABELERS = "labelers"
    EVALUATION = "evaluation"


def gold(
    context: typer.Context,
    file: Annotated[typer.FileText, typer.Argument(help="Lines of ASSET, tab, CLASS; - is stdin.")],
    project: ProjectOption,
    feature: Annotated[str, typer.Option(help="The question of the ontology.")],
    purpose: Annotated[
        Purpose, typer.Option(help="Score labelers by it, or hold it out to evaluate models on.")
    ] = Purpose.LABELERS,
    as_json: JsonOption = False,
) -> None:
    """Adds known answers. Those for labelers are mixed into their tasks; those for evaluation are shown to nobody."""
    current = session(context, as_json)
    failures: list[dict[str, str]] = []
    created = 0
    with current.client() as client:
        answer = labels.ordinal if _is_ordinal(client, project, feature) else labels.single_choice
        rows = _rows(file)
        while chunk := list(islice(rows, _BATCH)):
            benchmarks = [
                resources_pb2.Benchmark(
                    asset=names.asset(project, asset),
                    annotations=[answer(feature, class_name)],
                    purpose=resources_pb2.Benchmark.Purpose.Value(f"PURPOSE_{purpose.name}"),
                )
                for asset, class_name in chunk
            ]
            request = service_pb2.BatchCreateBenchmarksRequest(parent=names.project(project), benchmarks=benchmarks)
            results = client.annotations.batch_create_benchmarks(request).results
            for benchmark, result in zip(benchmarks, results, strict=True):
                if (error := from_status(result.status)) is not None:
                    failures.append(failure(benchmark.asset, error))
                else:
                    created += 1
    if as_json:
        current.document({"created_count": created, "failures": failures})
    else:
        current.failures(failures)
        current.say(f"{created} known answers added, {len(failures)} failed.")
    if failures:
        raise typer.Exit(Exit.FAILED)


def _is_ordinal(client: Client, project: str, feature: str) -> bool:
    found = client.projects.get_project(service_pb2.GetProjectRequest(name=names.project(project)))
    kinds = {f.feature_name: f.kind for f in found.ontology.features}
    return kinds.get(feature) == ontology_pb2.Feature.KIND_ORDINAL


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        asset, tab, class_name = line.rstrip("\r\n").partition("\t")
        if not tab:
            raise typer.BadParameter(f"line {number} is not ASSET, tab, CLASS")
        yield asset, class_name
