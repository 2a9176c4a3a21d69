"""The parts of a document about the host alone: [push], [tags], [host]. Pure."""

from dataclasses import fields

from sidecar.mapping.document import DocumentProblem, TableReader
from sidecar.mapping.model import HostRule, ObjectMapping, PushRule, TagRule
from sidecar.mapping.scope_document import SEGMENT

PUSH_KEYS = ("required", "refused_tag")
TAGS_KEYS = tuple(each.name for each in fields(TagRule))
HOST_KEYS = ("add_to_segment",)


def parse_host_parts(whole: TableReader, problems: list[DocumentProblem]) -> tuple[PushRule, TagRule, HostRule]:
    """Return what a push decides, which tags are written, and where new contacts go; everything wrong is noted."""
    push, tags, host = (
        TableReader(whole.get(name) if whole.has(name) else {}, name, problems) for name in ("push", "tags", "host")
    )
    push.require_known(PUSH_KEYS)
    host.require_known(HOST_KEYS)
    return (
        PushRule(push.flag("required", default=False), push.text("refused_tag")),
        _parse_tags(tags),
        HostRule(host.text("add_to_segment", form=SEGMENT)),
    )


def dump_host_parts(mapping: ObjectMapping) -> dict[str, object]:
    """Return the tables again, without what is as it is by default."""
    push = {"required": mapping.push.required, "refused_tag": mapping.push.refused_tag}
    tags = {name: getattr(mapping.tags, name) for name in TAGS_KEYS}
    host = {"add_to_segment": mapping.host.add_to_segment}
    document: dict[str, object] = {}
    for name, table, default in (("push", push, PushRule()), ("tags", tags, TagRule()), ("host", host, HostRule())):
        changed = {key: value for key, value in table.items() if value != getattr(default, key)}
        if changed:
            document[name] = changed
    return document


def _parse_tags(table: TableReader) -> TagRule:
    table.require_known(TAGS_KEYS)
    names = {name: table.text(name) or getattr(TagRule(), name) for name in TAGS_KEYS[1:]}
    return TagRule(table.flag("write", default=False), **names)
