"""`labelmill anonymize keys`: the keys of a project's hashes, pseudonyms and tokens."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from labelmill import names
from labelmill.anonymization.v1 import keys_service_pb2 as pb
from labelmill.cli.documents import document
from labelmill.cli.exits import EPILOG
from labelmill.cli.session import JsonOption, ProjectOption, session, short

app = typer.Typer(
    help="Keys of hashes, pseudonyms and tokens; no command shows one.", no_args_is_help=True, epilog=EPILOG
)
ReasonOption = Annotated[str, typer.Option(help="Why, 10 to 1000 characters; kept. No personal data.")]


class PurposeName(StrEnum):
    """What a key is for."""

    LINKING = "linking"
    ENCRYPTION = "encryption"


@app.command("list", epilog=EPILOG)
def list_keys(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists a project's keys, destroyed ones too."""
    current = session(context, as_json)
    with current.client() as client:
        found = list(client.keys.list_keys(pb.ListKeysRequest(parent=names.project(project))))
    if as_json:
        current.document({"keys": [document(key) for key in found]})
        return
    rows = [
        (
            short(key.name),
            pb.Key.Purpose.Name(key.purpose).removeprefix("PURPOSE_").lower(),
            pb.Key.State.Name(key.state).removeprefix("STATE_").lower(),
            "a subject" if key.of_subject else "the project",
            key.create_time.ToJsonString(),
            key.destroy_reason,
        )
        for key in found
    ]
    current.table(("key", "purpose", "state", "of", "made", "destroyed because"), rows)


@app.command(epilog=EPILOG)
def rotate(
    context: typer.Context,
    project: ProjectOption,
    purpose: Annotated[PurposeName, typer.Option(help="Which key.")] = PurposeName.ENCRYPTION,
    as_json: JsonOption = False,
) -> None:
    """Makes a new key for whatever is transformed from now on; the one before still reads what it made.

    Rotating the linking key gives every value another hash, pseudonym and date shift.
    """
    current = session(context, as_json)
    request = pb.RotateKeyRequest(
        parent=names.project(project), purpose=pb.Key.Purpose.Value(f"PURPOSE_{purpose.name}")
    )
    with current.client() as client:
        key = client.keys.rotate_key(request)
    if as_json:
        current.document(document(key))
    else:
        current.say(f"{key.name} is the primary {purpose.value} key.")


@app.command("rotate-root", epilog=EPILOG)
def rotate_root(
    context: typer.Context,
    rewrap_only: Annotated[
        bool, typer.Option("--rewrap-only", help="Make none; wrap with the primary one what others have wrapped.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes a new root key and wraps the keys of all projects with it. Needs the role on all projects."""
    current = session(context, as_json)
    count = 0
    with current.client() as client:
        response = client.keys.rotate_root_key(pb.RotateRootKeyRequest(rewrap_only=rewrap_only))
        count += response.rewrapped_count
        while response.remaining_count:
            response = client.keys.rotate_root_key(pb.RotateRootKeyRequest(rewrap_only=True))
            count += response.rewrapped_count
    if as_json:
        current.document({"root_key_id": response.root_key_id, "rewrapped_count": count})
    else:
        current.say(f"Root key {response.root_key_id} wraps all keys; {count} were wrapped again.")


@app.command(epilog=EPILOG)
def destroy(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    project: ProjectOption,
    reason: ReasonOption,
    confirm: Annotated[str, typer.Option(help="The key's id once more: this cannot be undone.", prompt=True)],
    as_json: JsonOption = False,
) -> None:
    """Destroys a key: what was made with it can never be read again."""
    current = session(context, as_json)
    request = pb.DestroyKeyRequest(name=f"{names.project(project)}/keys/{key}", reason=reason, confirmation=confirm)
    with current.client() as client:
        destroyed = client.keys.destroy_key(request)
    if as_json:
        current.document(document(destroyed))
    else:
        current.say(f"{destroyed.name} is destroyed.")


@app.command(epilog=EPILOG)
def forget(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="As given when contents were anonymized.")],
    project: ProjectOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Destroys all keys of a data subject: its tokens can never be read again, wherever copies of them are."""
    current = session(context, as_json)
    request = pb.DestroySubjectKeysRequest(parent=names.project(project), subject=subject, reason=reason)
    with current.client() as client:
        response = client.keys.destroy_subject_keys(request)
    if as_json:
        current.document(document(response))
    else:
        current.say(f"{response.destroyed_count} keys destroyed.")
