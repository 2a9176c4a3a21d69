"""The Salesforce org of an instance: check it, set it up, undo the set-up, or get the package for an administrator."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from sidecar.bootstrap import App, bootstrap
from sidecar.cli.files import read_text, write_bytes
from sidecar.cli.lines import describe_lines, lines_table
from sidecar.cli.output import ExitCode, JsonOption, SlugArgument, a_table, errors, errors_told, show
from sidecar.errors import SetupError, SidecarError, UsageError
from sidecar.lines import LineStatus
from sidecar.orgs import (
    AdminGrant,
    Looked,
    admin_of,
    check_org,
    made_parts,
    set_up_org,
    undo_set_up,
    whole_package,
)
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.org.deploy import NOT_ALLOWED
from sidecar.salesforce.org.plan import OrgPart
from sidecar.salesforce.org.report import Report
from sidecar.store.instances import Instance

app = typer.Typer(no_args_is_help=True)

AdminToken = Annotated[
    Path | None,
    typer.Option("--admin-token-file", help="File with an administrator's access token, used once and not stored."),
]
AdminClient = Annotated[
    str, typer.Option("--admin-client-id", help="Consumer key of an app that runs as an administrator.")
]
AdminSecret = Annotated[
    Path | None, typer.Option("--admin-secret-file", help="File with that app's secret, used once and not stored.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("check")
def check(
    slug: SlugArgument,
    try_writing: Annotated[
        bool, typer.Option("--try-writing", help="Also create a Lead and a Contact that Salesforce undoes at once.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at everything the org must have for us: what is right, what is not, how it is put right and by whom."""
    with errors_told():
        services = bootstrap()
        report = check_org(services, services.instances.get(slug), tries_writing=try_writing).report
        show(describe_report(report), as_json=as_json, table=report_table(report))
        if not report.is_green:
            raise typer.Exit(ExitCode.CANNOT_CONNECT)


@app.command("set-up")
def set_up(  # noqa: PLR0913, PLR0917  (one option per choice)
    slug: SlugArgument,
    yes: YesOption = False,
    package_output: Annotated[
        Path, typer.Option(help="Where to write the package if our user may not set up the org.")
    ] = Path("mautic-sidecar.zip"),
    admin_token_file: AdminToken = None,
    admin_client_id: AdminClient = "",
    admin_secret_file: AdminSecret = None,
    as_json: JsonOption = False,
) -> None:
    """Make in the org what is missing, after showing it. Without the rights, use `org package`."""
    grant = _grant(admin_token_file, admin_client_id, admin_secret_file)
    with errors_told(), _opened(slug, grant) as (services, instance, admin):
        looked = check_org(services, instance, admin=admin)
        plan = looked.report.plan
        if not as_json:
            show(None, as_json=False, table=_parts_table("Would be made", plan.parts))
        if plan.parts and not yes:
            typer.confirm("Make this in Salesforce?", abort=True)
        with _package_offered(looked, package_output):
            done = set_up_org(services, instance, looked=looked, admin=admin)
        document = {"made": _parts(done.made), **describe_report(done.after.report)}
        show(document, as_json=as_json, table=report_table(done.after.report))
        if not done.after.report.is_green:
            raise typer.Exit(ExitCode.CANNOT_CONNECT)


@app.command("undo")
def undo(  # noqa: PLR0913, PLR0917  (one option per choice)
    slug: SlugArgument,
    with_data: Annotated[bool, typer.Option("--with-data", help="Also remove what holds data by now.")] = False,
    yes: YesOption = False,
    admin_token_file: AdminToken = None,
    admin_client_id: AdminClient = "",
    admin_secret_file: AdminSecret = None,
    as_json: JsonOption = False,
) -> None:
    """Remove from the org what `org set-up` made, and nothing else."""
    grant = _grant(admin_token_file, admin_client_id, admin_secret_file)
    with errors_told(), _opened(slug, grant) as (services, instance, admin):
        parts = made_parts(services, instance)
        if not as_json:
            show(None, as_json=False, table=_parts_table("Would be removed", parts))
        if parts and not yes:
            typer.confirm("Remove this from Salesforce?", abort=True)
        removed = undo_set_up(services, instance, with_data=with_data, admin=admin)
        show({"removed": _parts(removed)}, as_json=as_json, table=f"Removed {len(removed)} parts.")


@app.command("package")
def package(
    slug: SlugArgument,
    output: Annotated[Path, typer.Option(help="Where to write the zip.")] = Path("mautic-sidecar.zip"),
    whole: Annotated[
        bool,
        typer.Option("--whole", help="All our parts, without looking at the org: for one that is not connected yet."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the metadata that `org set-up` would deploy, for a Salesforce administrator to deploy."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        data = whole_package(services, instance) if whole else check_org(services, instance).package()
        write_bytes(output, data)
        told = (
            f"Written. Deploy it with [bold]sf project deploy start --metadata-dir {output}[/], then assign the "
            "permission set Mautic Sidecar to the integration user."
        )
        show({"output": str(output), "bytes": len(data)}, as_json=as_json, table=told)


def org_line(services: App, instance: Instance) -> dict[str, Any]:
    """Return a whole check of the org as one line of `sidecar check`; it stops nothing, each lane says what it lacks."""
    line: dict[str, Any] = {"side": "org", "ok": False, "code": None, "message": "", "fixed_by": None}
    try:
        lines = check_org(services, instance).report.lines
    except SidecarError as error:
        return line | {"code": error.code, "message": error.message}
    wrong = sum(each.status is LineStatus.FIX for each in lines)
    if wrong:
        told = f"{wrong} things to put right: sidecar org check {instance.slug}"
        return line | {"message": told, "fixed_by": "salesforce_admin"}
    return line | {"ok": True, "message": "all that the sidecar needs is there"}


def describe_report(report: Report) -> dict[str, Any]:
    """Return a check as plain data."""
    lines, missing = describe_lines(report.lines), _parts(report.plan.parts)
    return {"green": report.is_green, "calls": report.calls, "lines": lines, "missing": missing}


def report_table(report: Report) -> Table:
    """Return a check as a table."""
    return lines_table(report.lines, is_green=report.is_green, more=f" – {report.calls} calls")


@contextmanager
def _opened(slug: str, grant: AdminGrant | None) -> Iterator[tuple[App, Instance, SalesforceClient | None]]:
    services = bootstrap()
    instance = services.instances.get(slug)
    if grant is None:
        yield services, instance, None
        return
    with admin_of(services, instance, grant) as admin:
        yield services, instance, admin


@contextmanager
def _package_offered(looked: Looked, output: Path) -> Iterator[None]:
    """Leave the package for an administrator where our user may not deploy it."""
    try:
        yield
    except SetupError as error:
        if error.code == NOT_ALLOWED:
            write_bytes(output, looked.package())
            errors.print(f"The package for a Salesforce administrator was written to {output}.", highlight=False)
        raise


def _grant(token_file: Path | None, client_id: str, secret_file: Path | None) -> AdminGrant | None:
    with errors_told():
        if token_file and client_id:
            raise UsageError("Give either --admin-token-file or --admin-client-id", code="sign-in-unclear")
        if token_file:
            return AdminGrant(access_token=read_text(token_file).strip())
        if client_id:
            secret = read_text(secret_file).strip() if secret_file else typer.prompt("Client secret", hide_input=True)
            return AdminGrant(client_id=client_id, client_secret=secret)
    return None


def _parts(parts: Iterable[OrgPart]) -> list[dict[str, str]]:
    return [{"kind": part.kind.value, "name": part.name} for part in parts]


def _parts_table(title: str, parts: Iterable[OrgPart]) -> Table:
    rows = [(_WORDS[part.kind.value], part.name) for part in parts]
    return a_table(title if rows else f"{title}: nothing", ("What", "Name"), rows)


_WORDS = {
    "object": "Object",
    "field": "Field",
    "history": "Field history",
    "permission_set": "Permission set",
    "assignment": "Assignment to user",
}
