"""`labelmill dataset`: sets of assets, and snapshots that a model's lineage can point at."""

from __future__ import annotations

import mimetypes
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from labelmill import names, snapshots
from labelmill.cli import whole_files
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.progress import bar, wait
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, Session, session, short
from labelmill.storage.v1 import datasets_service_pb2 as pb

app = typer.Typer(help="Sets of assets, and their snapshots.", no_args_is_help=True, epilog=EPILOG)
DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="The dataset's id.")]
SnapshotArgument = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="DATASET/ID, or the whole name.")]
AssetsOption = Annotated[
    typer.FileText | None, typer.Option(help="File with names of assets, one a line; - is stdin.", show_default=False)
]
_NAMES_AT_ONCE = 10_000


@app.command(epilog=EPILOG)
def create(
    context: typer.Context,
    dataset: DatasetArgument,
    project: ProjectOption,
    display_name: Annotated[str, typer.Option(help="For people.")] = "",
    description: Annotated[str, typer.Option(help="For people.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Makes an empty dataset."""
    current = session(context, as_json)
    request = pb.CreateDatasetRequest(
        parent=names.project(project),
        dataset_id=dataset,
        dataset=pb.Dataset(display_name=display_name, description=description),
    )
    with current.client() as client:
        made = client.datasets.create_dataset(request)
    if as_json:
        current.document(document(made))
    else:
        current.say(f"Created {made.name}.")


@app.command("list", epilog=EPILOG)
def list_datasets(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists a project's datasets."""
    current = session(context, as_json)
    with current.client() as client:
        found = list(client.datasets.list_datasets(pb.ListDatasetsRequest(parent=names.project(project))))
    if as_json:
        current.document({"datasets": [document(dataset) for dataset in found]})
        return
    rows = [(short(d.name), d.asset_count, d.display_name, d.update_time.ToJsonString()) for d in found]
    current.table(("dataset", "assets", "name", "changed"), rows)


@app.command(epilog=EPILOG)
def add(
    context: typer.Context,
    dataset: DatasetArgument,
    project: ProjectOption,
    assets: AssetsOption = None,
    asset_filter: FilterOption = "",
    as_json: JsonOption = False,
) -> None:
    """Puts assets in, by name or by filter ("*" for all); those that are in it already are fine.

    Example: labelmill dataset add photos -p shop --filter 'labels.set = "summer"'
    """
    current = session(context, as_json)
    name = names.dataset(project, dataset)
    count = total = 0
    with current.client() as client:
        for chosen in _chosen(assets, asset_filter):
            response = client.datasets.add_dataset_assets(pb.AddDatasetAssetsRequest(name=name, **chosen))
            count, total = count + response.added_count, response.asset_count
    if as_json:
        current.document({"added_count": count, "asset_count": total})
    else:
        current.say(f"{count} added; {total} are in {dataset} now.")


@app.command(epilog=EPILOG)
def remove(
    context: typer.Context,
    dataset: DatasetArgument,
    project: ProjectOption,
    assets: AssetsOption = None,
    asset_filter: FilterOption = "",
    as_json: JsonOption = False,
) -> None:
    """Takes assets out, by name or by filter ("*" for all); the assets themselves stay."""
    current = session(context, as_json)
    name = names.dataset(project, dataset)
    count = total = 0
    with current.client() as client:
        for chosen in _chosen(assets, asset_filter):
            response = client.datasets.remove_dataset_assets(pb.RemoveDatasetAssetsRequest(name=name, **chosen))
            count, total = count + response.removed_count, response.asset_count
    if as_json:
        current.document({"removed_count": count, "asset_count": total})
    else:
        current.say(f"{count} taken out; {total} are in {dataset} now.")


@app.command(epilog=EPILOG)
def snapshot(
    context: typer.Context,
    dataset: DatasetArgument,
    project: ProjectOption,
    split: Annotated[
        str, typer.Option(help="Parts and shares, such as train=0.8,validation=0.1,test=0.1.", show_default="none")
    ] = "",
    seed: Annotated[str, typer.Option(help="Another seed, another division.")] = "",
    group_label: Annotated[str, typer.Option(help="Assets with the same value stay together.")] = "",
    stratify_label: Annotated[str, typer.Option(help="Each value is divided alike.")] = "",
    base: Annotated[str, typer.Option(help="Snapshot (DATASET/ID) whose assets keep their parts.")] = "",
    ontology: Annotated[str, typer.Option(help="For the lineage.")] = "",
    model_version: Annotated[list[str] | None, typer.Option(help="For the lineage; may be repeated.")] = None,
    clean_only: Annotated[bool, typer.Option("--clean-only", help="Refuse while an asset is still RAW.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Freezes a dataset.

    Example: labelmill dataset snapshot photos -p shop --split train=0.8,test=0.2 --seed 2026 --clean-only
    """
    current = session(context, as_json)
    lineage = pb.Lineage(ontology=ontology, model_versions=model_version or ())
    if base:
        lineage.base_snapshot = _snapshot(project, base)
    request = pb.CreateSnapshotRequest(parent=names.dataset(project, dataset), lineage=lineage, clean_only=clean_only)
    if split:
        divided = pb.Split(parts=_parts(split), seed=seed, group_label=group_label, stratify_label=stratify_label)
        request.split.CopyFrom(divided)
    elif seed or group_label or stratify_label:
        raise typer.BadParameter("--seed, --group-label and --stratify-label need --split")
    with current.client() as client:
        made = wait(current, client.datasets.create_snapshot(request), "freezing")
    if as_json:
        current.document(document(made))
        return
    counts = ", ".join(f"{part} {count}" for part, count in sorted(made.split_counts.items()))
    current.line(made.name)
    current.say(f"{made.asset_count} assets" + (f" ({counts})" if counts else "") + f", content {made.content_sha256}.")


@app.command("snapshots", epilog=EPILOG)
def list_snapshots(
    context: typer.Context, dataset: DatasetArgument, project: ProjectOption, as_json: JsonOption = False
) -> None:
    """Lists a dataset's snapshots, newest first."""
    current = session(context, as_json)
    request = pb.ListSnapshotsRequest(parent=names.dataset(project, dataset))
    with current.client() as client:
        found = list(client.datasets.list_snapshots(request))
    if as_json:
        current.document({"snapshots": [document(snapshot) for snapshot in found]})
        return
    rows = [
        (short(s.name), s.asset_count, s.erased_count, s.content_sha256, s.create_time.ToJsonString()) for s in found
    ]
    current.table(("snapshot", "assets", "erased", "content", "made"), rows)


@app.command(epilog=EPILOG)
def diff(
    context: typer.Context,
    newer: SnapshotArgument,
    older: Annotated[str, typer.Argument(metavar="OLDER", help="The one to compare with.")],
    project: ProjectOption,
    as_json: JsonOption = False,
) -> None:
    """Tells what changed from one snapshot to another: one line a change. With --json, counts alone."""
    current = session(context, as_json)
    request = pb.DiffSnapshotsRequest(name=_snapshot(project, newer), base=_snapshot(project, older))
    kinds = pb.DiffSnapshotsResponse.Change.Kind
    counts = dict.fromkeys(("added", "removed", "content_changed", "split_changed"), 0)
    with current.client() as client:
        for message in client.datasets.diff_snapshots(request):
            for change in message.changes:
                kind = kinds.Name(change.kind).removeprefix("KIND_").lower()
                counts[kind] = counts.get(kind, 0) + 1
                if not as_json:
                    current.line(f"{kind}\t{change.after.asset or change.before.asset}")
    if as_json:
        current.document({f"{kind}_count": count for kind, count in counts.items()})
    else:
        current.say(", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items()))


@app.command(epilog=EPILOG)
def export(
    context: typer.Context,
    snapshot: SnapshotArgument,
    project: ProjectOption,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; with --content, a new folder.", show_default="stdout"),
    ] = None,
    split: Annotated[str, typer.Option(help="This part alone.")] = "",
    content: Annotated[bool, typer.Option("--content", help="With the CLEAN contents of at most 1 MiB.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Exports rows as JSON lines; with --content a folder with rows.jsonl and a file for each content.

    Files and folders appear whole or not at all. What was erased or changed since comes with its reason; exit code 1
    where such a content was to come along.
    """
    current = session(context, as_json)
    if content and output is None:
        raise typer.BadParameter("--content needs --output")
    request = pb.ExportSnapshotRequest(name=_snapshot(project, snapshot), split=split, include_content=content)
    count = failed = 0
    with current.client() as client, bar(current, "exporting") as show, whole_files.rows(output, content) as sink:
        for message in client.datasets.export_snapshot(request):
            told: dict[str, Any] = document(message.row) | ({"reason": message.reason} if message.code else {})
            if content and not message.code:
                told["file"] = _file_name(message.row)
                sink.content(told["file"], message.content)
            sink.row(told)
            count, failed = count + 1, failed + bool(message.code)
            show(count, None)
    _told(current, output, count, failed)
    if content and failed:
        raise typer.Exit(Exit.FAILED)


@app.command(epilog=EPILOG)
def download(
    context: typer.Context,
    snapshot: SnapshotArgument,
    project: ProjectOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; replaced.", show_default="here, by its id")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Downloads a snapshot's Parquet file; it is there when it is whole and its SHA-256 right."""
    current = session(context, as_json)
    name = _snapshot(project, snapshot)
    path = output or Path(f"{short(name)}.parquet")
    with current.client() as client:
        known = client.datasets.get_snapshot(pb.GetSnapshotRequest(name=name))
        messages = client.datasets.download_snapshot(pb.DownloadSnapshotRequest(name=name))
        right = whole_files.write(path, (message.chunk for message in messages), known.manifest_sha256)
    if not right:
        current.say("What came is not the file of this snapshot: its SHA-256 is another.")
        raise typer.Exit(Exit.BROKEN)
    if as_json:
        facts = {"sha256": known.manifest_sha256, "content_sha256": known.content_sha256}
        current.document({"file": str(path), "size_bytes": known.manifest_size_bytes, **facts})
    else:
        current.line(str(path))


@app.command("verify-snapshot", epilog=EPILOG)
def verify_snapshot(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A downloaded Parquet file.", exists=True, dir_okay=False)],
    content_sha256: Annotated[str, typer.Option(help="The content hash that the snapshot is known by.")],
    as_json: JsonOption = False,
) -> None:
    """Recomputes the content hash from the rows of a file; needs no server. Exit code 7 when it is another."""
    current = session(context, as_json)
    if find_spec("pyarrow") is None:
        raise typer.BadParameter("reading Parquet needs one more package: pip install 'labelmill[snapshots]'")
    try:
        found = snapshots.content_sha256(file)
    except ValueError as error:  # pyarrow's own errors among them
        current.say(f"This is no whole manifest of a snapshot ({type(error).__name__}).")
        found = ""
    right = found == content_sha256.lower()
    if as_json:
        current.document({"file": str(file), "content_sha256": found, "ok": right})
    else:
        current.say("The rows are those of the snapshot." if right else "The rows are NOT those of the snapshot.")
    if not right:
        raise typer.Exit(Exit.BROKEN)


def _chosen(assets: Iterable[str] | None, asset_filter: str) -> Iterator[dict[str, Any]]:
    if (assets is None) == (not asset_filter):
        raise typer.BadParameter("give either --assets or --filter")
    if assets is None:
        yield {"filter": asset_filter}
        return
    given = (line.split()[0] for line in assets if line.strip())
    while chunk := list(islice(given, _NAMES_AT_ONCE)):
        yield {"asset_names": chunk}


def _snapshot(project: str, text: str) -> str:
    if text.startswith("projects/"):
        return text
    dataset, slash, snapshot_id = text.partition("/")
    if not slash:
        raise typer.BadParameter(f"{text!r} is not DATASET/ID")
    return names.snapshot(names.dataset(project, dataset), snapshot_id)


def _parts(text: str) -> list[pb.Split.Part]:
    parts = []
    for item in text.split(","):
        name, equals, share = item.strip().partition("=")
        try:
            parts.append(pb.Split.Part(name=name, share=float(share)))
        except ValueError:
            equals = ""
        if not equals or not name:
            raise typer.BadParameter(f"{item!r} is not PART=SHARE")
    return parts


def _file_name(row: pb.SnapshotRow) -> str:
    """Within the folder; never a name that came with the content."""
    return f"contents/{short(row.asset)}{mimetypes.guess_extension(row.media_type) or ''}"


def _told(current: Session, output: Path | None, count: int, failed: int) -> None:
    if output is None:
        sys.stdout.flush()
    elif current.as_json:
        current.document({"path": str(output), "row_count": count, "failed_count": failed})
    else:
        current.say(f"{count} rows in {output}; of {failed}, the content is not what it was.")
