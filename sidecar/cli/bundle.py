"""The bundle that is installed inside Mautic."""

from pathlib import Path
from typing import Annotated

import typer

from sidecar.bundling import build_bundle, bundle_version
from sidecar.cli.files import write_bytes
from sidecar.cli.output import JsonOption, errors_told, show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the command below a word of its own, although it is the only one."""


@app.command("build")
def build(
    output: Annotated[Path, typer.Option(help="Where to write the zip.")] = Path("SalesforceSidecarBundle.zip"),
    as_json: JsonOption = False,
) -> None:
    """Write the bundle as a zip, to be unpacked into Mautic's folder `plugins`."""
    with errors_told():
        data, version = build_bundle(), bundle_version()
        write_bytes(output, data)
        told = (
            f"Version {version} was written to {output}. Unpack it into the folder [bold]plugins[/] of Mautic, then run "
            "[bold]bin/console cache:clear[/] and [bold]bin/console mautic:plugins:reload[/] there."
        )
        show({"output": str(output), "version": version, "bytes": len(data)}, as_json=as_json, table=told)
