"""`labelmill anonymize`: policies and keys, the way from RAW to CLEAN, and the way back from tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import service_pb2
from labelmill.cli import keyring, policy, reidentify
from labelmill.cli.documents import document
from labelmill.cli.evaluate import evaluate
from labelmill.cli.exits import EPILOG, Exit
from labelmill.cli.one_file import anonymize_file
from labelmill.cli.policy import PolicyArgument
from labelmill.cli.progress import wait
from labelmill.cli.risk import risk
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, failure, session
from labelmill.errors import from_status

app = typer.Typer(help="From RAW to CLEAN: policies, runs, keys.", no_args_is_help=True, epilog=EPILOG)
app.add_typer(policy.app, name="policy")
app.add_typer(keyring.app, name="keys")
app.command(epilog=EPILOG)(reidentify.reidentify)
app.command(epilog=EPILOG)(reidentify.reidentifications)
app.command("file", epilog=EPILOG)(anonymize_file)
app.command(epilog=EPILOG)(evaluate)
app.command(epilog=EPILOG)(risk)


@app.command(epilog=EPILOG)
def run(
    context: typer.Context,
    policy_id: PolicyArgument,
    project: ProjectOption,
    asset_filter: FilterOption = "",
    subject_label: Annotated[
        str,
        typer.Option(help="The asset label that says whom an asset is about.", show_default="each asset for itself"),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Anonymizes a project's assets and admits them into CLEAN; assets that are clean already are skipped."""
    current = session(context, as_json)
    request = service_pb2.AnonymizeAssetsRequest(
        parent=names.project(project),
        policy=names.policy(project, policy_id),
        filter=asset_filter,
        subject_label=subject_label,
    )
    with current.client() as client:
        operation = client.anonymization.anonymize_assets(request)
        response = wait(current, operation, "anonymizing")
        failures = [
            failure(failed.item, error)
            for failed in operation.metadata().progress.partial_failures
            if (error := from_status(failed.status)) is not None
        ]
    if as_json:
        current.document(document(response) | {"operation": operation.name, "failures": failures})
    else:
        current.failures(failures)
        current.say(
            f"{response.admitted_count} admitted into CLEAN ({response.affected_count} with findings), "
            f"{response.skipped_count} skipped, {response.failed_count} failed."
        )
        if response.entity_counts:
            current.table(("found", "count"), [(c.entity_type, c.count) for c in response.entity_counts])
    if response.failed_count:
        raise typer.Exit(Exit.FAILED)
