"""Can both sides of an instance be reached, and what may our users see there? Nothing is written to them."""

from dataclasses import dataclass

from sidecar.bootstrap import App
from sidecar.errors import SetupError, SidecarError
from sidecar.hook_watch import watch_hook
from sidecar.records import Side
from sidecar.store.instances import Instance


@dataclass(frozen=True, slots=True)
class SideCheck:
    """What one side answered: a sentence about it, or what is wrong and who can fix it."""

    side: Side
    message: str
    code: str | None = None
    fixed_by: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether the side can be worked with."""
        return self.code is None


def check_connections(app: App, instance: Instance) -> list[SideCheck]:
    """Sign in to both sides anew, look at what is visible, and remember what was found."""
    return [check_side(app, instance, side) for side in Side]


def check_side(app: App, instance: Instance, side: Side) -> SideCheck:
    """Do the same for one side; an instance that was blocked goes on once its org lets us in again."""
    reach = _reach_host if side is Side.HOST else _reach_salesforce
    try:
        found = SideCheck(side, reach(app, instance))
    except SidecarError as error:
        fixed_by = error.fixed_by if isinstance(error, SetupError) else "nobody"
        found = SideCheck(side, error.message, error.code, fixed_by)
    if app.connections.load(instance.id, side) is not None:
        message = None if found.is_ok else found.message
        app.connections.note_check(instance.id, side, app.clock(), code=found.code, message=message)
    if found.is_ok and side is Side.SALESFORCE:
        app.instances.unblock(instance.id)
    return found


def _reach_host(app: App, instance: Instance) -> str:
    app.forget(instance, Side.HOST)
    with app.open_host(instance) as host:
        found = host.look()
        watch_hook(app, instance, host, at_once=True)
        return found


def _reach_salesforce(app: App, instance: Instance) -> str:
    app.forget(instance, Side.SALESFORCE)
    with app.open_salesforce(instance) as org:
        org.now()
        objects = app.mapping(instance, "people").salesforce_objects
        seen = ", ".join(
            f"{name} {len(schema.fields)} fields" if (schema := org.describe(name)) else f"{name} not visible"
            for name in objects
        )
        usage = f"; {org.usage[0]} of {org.usage[1]} calls used in 24 h" if org.usage else ""
        return f"signed in, {seen}{usage}"
