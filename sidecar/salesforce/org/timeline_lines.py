"""Lines about what activities become: the timeline object with its fields, the namespace, Tasks. Pure."""

from collections.abc import Iterator

from sidecar.lines import Line, LineStatus, told
from sidecar.salesforce.org.field_lines import field_line, remedy_for
from sidecar.salesforce.org.line import ADMIN, fix
from sidecar.salesforce.org.seen import Seen
from sidecar.salesforce.org.wanted import Wanted


def timeline_lines(wanted: Wanted, seen: Seen) -> Iterator[Line]:
    """Yield the lines about what activities become."""
    if wanted.has_timeline:
        described = seen.objects.get(wanted.timeline)
        if described is None:
            text = (
                told("The timeline object is there, but hidden from our user.")
                if seen.exists(wanted.timeline)
                else told("The timeline object is missing, or hidden from our user.")
            )
            yield fix("org-timeline", wanted.timeline, text, remedy_for(wanted.timeline, seen))
        elif described.is_createable and described.is_updateable:
            text = told("Activities become records of this object.")
            yield Line("org-timeline", LineStatus.OK, wanted.timeline, text)
        else:
            yield fix("org-timeline", wanted.timeline, told("Our user may not create or change timeline records."))
        for spec in wanted.timeline_fields:
            yield field_line("org-timeline-field", wanted, seen, wanted.timeline, spec)
    yield _namespace_line(wanted)
    yield _task_line(wanted, seen)


def _namespace_line(wanted: Wanted) -> Line:
    if wanted.namespace:
        values = {"namespace": wanted.namespace}
        return Line(
            "org-namespace", LineStatus.OK, "Namespace", told("Names begin with %(namespace)s__."), values=values
        )
    return Line("org-namespace", LineStatus.OK, "Namespace", told("Names carry no namespace."))


def _task_line(wanted: Wanted, seen: Seen) -> Line:
    task = seen.objects.get("Task")
    options = task.fields["Type"].options if task and "Type" in task.fields else ()
    values = {"options": ", ".join(options[:10])}
    if options:
        text = told("Tasks have a type, so activities can also become Tasks: %(options)s.")
        return Line("org-task-types", LineStatus.OK, "Task.Type", text, values=values)
    text = told("Tasks have no type that our user may see: keep activities in the timeline object.")
    if wanted.has_tasks:
        remedy = told("In Salesforce, let our user see Task.Type and give it values; or send activities elsewhere.")
        return Line("org-task-types", LineStatus.NOTE, "Task.Type", text, remedy, ADMIN)
    return Line("org-task-types", LineStatus.OK, "Task.Type", text)
