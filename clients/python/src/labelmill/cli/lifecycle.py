"""`labelmill hold`, `labelmill retention`, `labelmill usage`: what stays, how long, and how much."""

from __future__ import annotations

from typing import Annotated

import typer

from labelmill import names
from labelmill.cli.documents import document
from labelmill.cli.erase import AssetOption, ReasonOption, SubjectOption, asset_names
from labelmill.cli.exits import EPILOG
from labelmill.cli.session import FilterOption, JsonOption, ProjectOption, Session, session, short
from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill.storage.v1 import resources_pb2

hold_app = typer.Typer(help="Legal holds: assets that must not go.", no_args_is_help=True, epilog=EPILOG)
retention_app = typer.Typer(help="How long content is kept.", no_args_is_help=True, epilog=EPILOG)
usage_app = typer.Typer(help="What a project stores and reads.", no_args_is_help=True, epilog=EPILOG)
HoldArgument = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.")]


@hold_app.command(epilog=EPILOG)
def create(
    context: typer.Context,
    hold: HoldArgument,
    project: ProjectOption,
    reason: ReasonOption,
    asset: AssetOption = None,
    asset_filter: FilterOption = "",
    subject: SubjectOption = "",
    as_json: JsonOption = False,
) -> None:
    """Puts assets on hold, by name, filter ("*": all) or data subject."""
    current = session(context, as_json)
    request = pb.CreateLegalHoldRequest(
        parent=names.project(project),
        legal_hold_id=hold,
        asset_names=asset_names(project, asset),
        filter=asset_filter,
        subject=subject,
        reason=reason,
    )
    with current.client() as client:
        created = client.lifecycle.create_legal_hold(request)
    _show(current, created)


@hold_app.command("list", epilog=EPILOG)
def list_holds(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Lists a project's holds."""
    current = session(context, as_json)
    with current.client() as client:
        found = list(client.lifecycle.list_legal_holds(pb.ListLegalHoldsRequest(parent=names.project(project))))
    if as_json:
        current.document({"legal_holds": [document(hold) for hold in found]})
        return
    rows = [(short(hold.name), hold.asset_count, _state(hold), hold.creator, hold.reason) for hold in found]
    current.table(("hold", "assets", "state", "by", "reason"), rows)


@hold_app.command(epilog=EPILOG)
def release(
    context: typer.Context,
    hold: HoldArgument,
    project: ProjectOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Releases a hold."""
    current = session(context, as_json)
    request = pb.ReleaseLegalHoldRequest(name=f"{names.project(project)}/legalHolds/{hold}", reason=reason)
    with current.client() as client:
        released = client.lifecycle.release_legal_hold(request)
    _show(current, released)


@retention_app.command("show", epilog=EPILOG)
def show_retention(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Shows how long content is kept."""
    current = session(context, as_json)
    with current.client() as client:
        name = f"{names.project(project)}/retention"
        _show_retention(current, client.lifecycle.get_retention(pb.GetRetentionRequest(name=name)))


@retention_app.command("set", epilog=EPILOG)
def set_retention(
    context: typer.Context,
    project: ProjectOption,
    raw_days: Annotated[int | None, typer.Option(help="RAW goes so many days after it came in.", min=0)] = None,
    raw_days_after_admission: Annotated[
        int | None, typer.Option(help="RAW goes so many days after its asset became CLEAN.", min=0)
    ] = None,
    clean_days: Annotated[int | None, typer.Option(help="CLEAN goes so many days after it came in.", min=0)] = None,
    as_json: JsonOption = False,
) -> None:
    """Changes how long content is kept; 0: as long as nobody erases it. What is over its time goes at once."""
    current = session(context, as_json)
    given = {"raw_days": raw_days, "raw_days_after_admission": raw_days_after_admission, "clean_days": clean_days}
    with current.client() as client:
        wanted = client.lifecycle.get_retention(pb.GetRetentionRequest(name=f"{names.project(project)}/retention"))
        for field, days in given.items():
            if days is not None:
                setattr(wanted, field, days)
        changed = client.lifecycle.update_retention(pb.UpdateRetentionRequest(retention=wanted))
    _show_retention(current, changed)


@usage_app.command("show", epilog=EPILOG)
def show_usage(context: typer.Context, project: ProjectOption, as_json: JsonOption = False) -> None:
    """Shows what a project has stored and read, and its limits."""
    current = session(context, as_json)
    with current.client() as client:
        _show_usage(current, client.lifecycle.get_usage(pb.GetUsageRequest(name=f"{names.project(project)}/usage")))


@usage_app.command(epilog=EPILOG)
def set_quota(
    context: typer.Context,
    project: ProjectOption,
    max_stored_bytes: Annotated[int | None, typer.Option(help="Of both zones; 0: no limit.", min=0)] = None,
    max_objects: Annotated[int | None, typer.Option(help="Contents of both zones; 0: no limit.", min=0)] = None,
    max_daily_egress_bytes: Annotated[
        int | None, typer.Option(help="That people read a day; 0: no limit.", min=0)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Changes a project's limits; those that are not given stay. Content that is there stays, whatever the limit."""
    current = session(context, as_json)
    given = {
        "max_stored_bytes": max_stored_bytes,
        "max_objects": max_objects,
        "max_daily_egress_bytes": max_daily_egress_bytes,
    }
    name = f"{names.project(project)}/usage"
    with current.client() as client:
        quota = client.lifecycle.get_usage(pb.GetUsageRequest(name=name)).quota
        for field, limit in given.items():
            if limit is not None:
                setattr(quota, field, limit)
        _show_usage(current, client.lifecycle.update_quota(pb.UpdateQuotaRequest(name=name, quota=quota)))


def _state(hold: pb.LegalHold) -> str:
    return f"released {hold.release_time.ToJsonString()}" if hold.HasField("release_time") else "holds"


def _show(current: Session, hold: pb.LegalHold) -> None:
    if current.as_json:
        current.document(document(hold))
    else:
        current.say(f"{hold.name}: {hold.asset_count} assets, {_state(hold)}.")


def _show_retention(current: Session, retention: pb.Retention) -> None:
    if current.as_json:
        current.document(document(retention))
        return
    current.facts(
        {
            "raw days": retention.raw_days or "no end",
            "raw days after admission": retention.raw_days_after_admission or "no end",
            "clean days": retention.clean_days or "no end",
        }
    )


def _show_usage(current: Session, usage: pb.Usage) -> None:
    if current.as_json:
        current.document(document(usage))
        return
    zones = [
        (resources_pb2.Zone.Name(zone.zone).removeprefix("ZONE_"), zone.stored_bytes, zone.object_count)
        for zone in usage.zones
    ]
    current.table(("zone", "bytes", "contents"), zones)
    quota = usage.quota
    current.facts(
        {
            "max stored bytes": quota.max_stored_bytes or "no limit",
            "max objects": quota.max_objects or "no limit",
            "max daily egress bytes": quota.max_daily_egress_bytes or "no limit",
        }
    )
    if usage.daily_egress:
        current.table(("day", "read bytes"), [(day.date, day.read_bytes) for day in usage.daily_egress])
