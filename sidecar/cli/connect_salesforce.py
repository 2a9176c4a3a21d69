"""`sidecar connect salesforce`: by a person's sign-in in a browser, with a key, or with the app's own secret."""

import secrets as random
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.bootstrap import App, bootstrap
from sidecar.cli.callback import CallbackListener
from sidecar.cli.files import read_text
from sidecar.cli.output import JsonOption, SlugArgument, errors_told, show
from sidecar.connecting import Begun, begin_sign_in, finish_sign_in, read_callback, save_salesforce
from sidecar.errors import UsageError
from sidecar.records import Side
from sidecar.salesforce.connection import API_VERSION, require_allowed_url
from sidecar.salesforce.environments import login_url_for
from sidecar.store.instances import Instance

WHO = "command line"
CALLBACK_PORT = 1717


class Flow(StrEnum):
    """How we sign in."""

    WEB = "web"
    JWT = "jwt"
    CLIENT_CREDENTIALS = "client-credentials"


class Place(StrEnum):
    """Which of the common hosts people sign in at."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


def salesforce(  # noqa: PLR0913, PLR0917  (one option per setting)
    slug: SlugArgument,
    client_id: Annotated[str, typer.Option(help="Consumer key of the External Client App.")],
    url: Annotated[str, typer.Option(help="The org's My Domain, such as https://acme.my.salesforce.com.")] = "",
    environment: Annotated[
        Place | None, typer.Option(help="Instead of --url: login.salesforce.com or test.salesforce.com.")
    ] = None,
    flow: Annotated[
        Flow | None, typer.Option(help="web: somebody signs in; jwt with --key-file; else client-credentials.")
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", help="File with the client secret; asked for if it is not given.")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="Private key (PEM) for the JWT bearer flow.")] = None,
    username: Annotated[str, typer.Option(help="Integration user, for the JWT bearer flow.")] = "",
    callback_port: Annotated[
        int, typer.Option(min=1024, max=65535, help="web: port of this machine the browser comes back to.")
    ] = CALLBACK_PORT,
    callback_url: Annotated[str, typer.Option(help="web, with --paste: another callback URL that the app has.")] = "",
    paste: Annotated[bool, typer.Option("--paste", help="web: paste the address the browser ended at.")] = False,
    api_version: Annotated[str, typer.Option(help="Version of the REST API to use.")] = API_VERSION,
    namespace: Annotated[str, typer.Option(help="Prefix of a managed package that brought the custom fields.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Tell an instance how to reach its Salesforce org: web, jwt (with --key-file) or client-credentials."""
    with errors_told():
        flow = flow or (Flow.JWT if key_file else Flow.CLIENT_CREDENTIALS)
        if (flow is Flow.JWT) != bool(key_file) or bool(key_file) != bool(username):
            raise UsageError("The JWT bearer flow needs --key-file and --username", code="sign-in-unclear")
        settings = {
            "login_url": _login_url(url, environment),
            "flow": {Flow.WEB: "web_server", Flow.JWT: "jwt_bearer"}.get(flow, "client_credentials"),
            "client_id": client_id,
            "username": username,
            "api_version": api_version,
            "namespace": namespace,
        }
        app = bootstrap()
        instance = app.instances.get(slug)
        secret = read_text(key_file).strip() if key_file else _secret(secret_file)
        if flow is Flow.WEB:
            port = None if paste else callback_port
            _sign_in(app, instance, settings, secret, callback_url or _local(callback_port), port)
        else:
            name = "private_key" if key_file else "client_secret"
            save_salesforce(app, instance, settings, {name: secret}, WHO)
        _tell(app, instance, as_json=as_json)


def _login_url(url: str, environment: Place | None) -> str:
    if bool(url) == bool(environment):
        raise UsageError("Give either --url or --environment", code="environment-unclear")
    return login_url_for(environment) if environment else require_allowed_url(url)


def _secret(path: Path | None) -> str:
    return read_text(path).strip() if path else str(typer.prompt("Client secret", hide_input=True, err=True))


def _local(port: int) -> str:
    return f"http://localhost:{port}/oauth/salesforce/callback"


def _sign_in(
    app: App, instance: Instance, settings: dict[str, Any], secret: str, callback_url: str, port: int | None
) -> None:
    """Send somebody to Salesforce and wait for the answer: on a port of this machine, or pasted."""
    bound_to = f"command line {random.token_urlsafe(32)}"
    if port is None:
        begun = begin_sign_in(app, instance, settings, secret, callback_url, bound_to)
        _send_away(begun, callback_url)
        answer = read_callback(str(typer.prompt("Address", err=True)))
    else:
        with CallbackListener(port) as listener:
            begun = begin_sign_in(app, instance, settings, secret, listener.url, bound_to)
            _send_away(begun, listener.url)
            answer = listener.wait(begun.state)
    finish_sign_in(app, answer, bound_to, WHO)


def _send_away(begun: Begun, callback_url: str) -> None:
    # Not through rich: it would break the address over lines.
    sys.stderr.write(f"The app in Salesforce needs this callback URL: {callback_url}\n")
    sys.stderr.write(f"Open this address in a browser and sign in as the integration user:\n{begun.url}\n")
    sys.stderr.flush()


def _tell(app: App, instance: Instance, *, as_json: bool) -> None:
    saved = app.connections.load(instance.id, Side.SALESFORCE)
    assert saved is not None
    document = {"slug": instance.slug, "side": Side.SALESFORCE, **saved.settings, "secrets": sorted(saved.secret_names)}
    show(document, as_json=as_json, table=f"Saved. Next: [bold]sidecar check {instance.slug}[/]")
