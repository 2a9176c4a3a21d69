"""The alert while the plugin still writes beside us. It closes by itself."""

from sidecar.bootstrap import App
from sidecar.hosts.mautic.native.watch import RUNNING
from sidecar.mapping.rules import Problem
from sidecar.store.instances import Instance


def warn(app: App, instance: Instance) -> Problem | None:
    """Look whether the plugin still syncs, and open or close the alert. One statement in Mautic's database."""
    now = app.clock()
    with app.open_host(instance) as host:
        problem = host.find_rival(now)
    if problem:
        app.alerts.open(instance.id, "people", problem.code, problem.message, problem.fixed_by, now)
    else:
        app.alerts.close(instance.id, "people", RUNNING, now)
    return problem
