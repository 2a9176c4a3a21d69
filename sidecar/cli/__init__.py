"""The command line: `sidecar COMMAND`. Start here; each module holds the commands of one subject."""

import typer

from sidecar.cli import (
    budget,
    bundle,
    connect,
    events,
    instances,
    mappings,
    operate,
    org,
    people,
    pushes,
    registering,
    runs,
    takeover,
)

app = typer.Typer(
    name="sidecar",
    help="Keeps Mautic and Salesforce in step: nothing lost, nothing doubled, every decision explained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(instances.app, name="instance", help="Add, list, show, pause and resume instances.")
app.add_typer(connect.app, name="connect", help="Tell an instance how to reach its Mautic and its Salesforce org.")
app.add_typer(budget.app, name="budget", help="Show and set what an instance may use of its org's API calls.")
app.add_typer(bundle.app, name="bundle", help="The bundle that is installed inside Mautic.")
app.add_typer(mappings.app, name="mapping", help="Export, import and list mapping documents.")
app.add_typer(org.app, name="org", help="Check the Salesforce org of an instance, and set it up.")
app.add_typer(operate.cron, name="cron", help="Switch the scheduled runs of an instance on and off.")
app.add_typer(operate.keys, name="keys", help="Keys that encrypt stored secrets.")
app.add_typer(takeover.app, name="takeover", help="Take over from Mautic's own Salesforce plugin.")
app.add_typer(operate.users, name="user", help="People who may sign in to the web pages.")
for module in (connect, registering, events, runs, people, pushes, operate):
    module.register(app)
