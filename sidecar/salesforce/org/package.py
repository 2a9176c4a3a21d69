"""A plan as files of the Metadata API, in one zip: what is deployed, and what an administrator can download. Pure."""

import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from sidecar.salesforce.org.plan import Access, OrgPart, PartKind, Plan
from sidecar.salesforce.org.wanted import PERMISSION_SET, FieldSpec, Kind

NAMESPACE: Final = "http://soap.sforce.com/2006/04/metadata"
_LABEL: Final = "Timeline"
_MADE_AT: Final = (1980, 1, 1, 0, 0, 0)  # the same content is always the same file

Files = dict[str, bytes]


def build_package(plan: Plan, *, api_version: str, prefix: str = "") -> bytes:
    """Return the zip that makes what is planned. `prefix` is the org's own namespace, which metadata leaves out."""
    return pack(package_files(plan, api_version=api_version, prefix=prefix))


def package_files(plan: Plan, *, api_version: str, prefix: str = "") -> Files:
    """Return the files of the package by their path in the zip."""
    members: dict[str, list[str]] = defaultdict(list)
    objects: dict[str, Xml.Element] = {}
    if plan.timeline:
        name = _local(plan.timeline, prefix)
        objects[name] = _timeline()
        members["CustomObject"].append(name)
    for object_name, spec in plan.fields:
        name = _local(object_name, prefix)
        root = objects.setdefault(name, Xml.Element("CustomObject"))
        root.append(_field(spec, _local(spec.name, prefix)))
        members["CustomField"].append(f"{name}.{_local(spec.name, prefix)}")
    for tracked in plan.history:
        _switch_history(objects, members, tracked, is_on=True)
    files = {f"objects/{name}.object": _as_bytes(_in_order(root)) for name, root in objects.items()}
    if plan.access:
        files[f"permissionsets/{PERMISSION_SET}.permissionset"] = _as_bytes(_permission_set(plan.access, prefix))
        members["PermissionSet"].append(PERMISSION_SET)
    return {"package.xml": _manifest(members, api_version), **files}


def build_undoing(parts: Iterable[OrgPart], *, api_version: str, prefix: str = "") -> bytes:
    """Return the zip that removes these parts and nothing else; assignments are not metadata and not in it."""
    members: dict[str, list[str]] = defaultdict(list)
    gone: dict[str, list[str]] = defaultdict(list)
    objects: dict[str, Xml.Element] = {}
    types = {PartKind.OBJECT: "CustomObject", PartKind.FIELD: "CustomField", PartKind.PERMISSION_SET: "PermissionSet"}
    chosen = sorted(parts)
    removed = {part.name for part in chosen if part.kind is PartKind.OBJECT}
    for part in chosen:
        if part.kind is PartKind.HISTORY:
            _switch_history(objects, members, part.name, is_on=False)
        elif part.kind in types and part.name.partition(".")[0] not in removed - {part.name}:
            gone[types[part.kind]].append(_local_path(part.name, prefix))
    files = {f"objects/{name}.object": _as_bytes(root) for name, root in objects.items()}
    deletions = {"destructiveChanges.xml": _manifest(gone, None)} if gone else {}
    return pack({"package.xml": _manifest(members, api_version), **deletions, **files})


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of these files, the same bytes for the same files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, _MADE_AT), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _timeline() -> Xml.Element:
    root = Xml.Element("CustomObject")
    _fill(
        root,
        deploymentStatus="Deployed",
        description="What people did, as Mautic's timeline tells it. Written by the Mautic sidecar.",
        enableReports="true",
        enableSearch="true",
        label=_LABEL,
        pluralLabel=_LABEL,
        sharingModel="ReadWrite",
    )
    _fill(Xml.SubElement(root, "nameField"), label=f"{_LABEL} Name", type="Text")
    return root


def _field(spec: FieldSpec, name: str) -> Xml.Element:
    root = Xml.Element("fields")
    _fill(root, fullName=name, description=spec.about, label=spec.label, type=spec.kind.value)
    match spec.kind:
        case Kind.CHECKBOX:
            _fill(root, defaultValue="false")
        case Kind.NUMBER:
            _fill(root, precision=str(spec.length), scale="0")
        case Kind.LONG_TEXT:
            _fill(root, length=str(spec.length), visibleLines="5")
        case Kind.LOOKUP:
            _fill(root, referenceTo=spec.refers_to or "", deleteConstraint="SetNull")
            # One list of related records per object that is referred to, so the two names must differ.
            _fill(root, relationshipLabel=_LABEL, relationshipName=f"Mautic_Timeline_{spec.refers_to}")
        case Kind.TEXT:
            _fill(root, length=str(spec.length))
    if spec.is_external_id:
        _fill(root, externalId="true")
    if spec.is_unique:
        _fill(root, unique="true", caseSensitive="false")
    if spec.kind is not Kind.CHECKBOX:
        _fill(root, required="false")
    return root


def _switch_history(
    objects: dict[str, Xml.Element], members: dict[str, list[str]], tracked: str, *, is_on: bool
) -> None:
    """Track a field, or stop; the object's own switch is only ever turned on, since other fields may use it."""
    name, _, field = tracked.partition(".")
    root = objects.setdefault(name, Xml.Element("CustomObject"))
    if is_on:
        _fill(root, enableHistory="true")
        members["CustomObject"].append(name)
    _fill(Xml.SubElement(root, "fields"), fullName=field, trackHistory="true" if is_on else "false")
    members["CustomField"].append(tracked)


def _permission_set(access: Access, prefix: str) -> Xml.Element:
    root = Xml.Element("PermissionSet")
    about = "What the integration user of the Mautic sidecar needs. Assign it to that user only."
    _fill(root, description=about)
    for field, is_editable in access.fields:
        place = Xml.SubElement(root, "fieldPermissions")
        _fill(place, editable=_yes(is_editable), field=_local_path(field, prefix), readable="true")
    _fill(root, hasActivationRequired="false", label="Mautic Sidecar")
    for each in access.objects:
        _fill(
            Xml.SubElement(root, "objectPermissions"),
            allowCreate=_yes(each.may_write),
            allowDelete="false",
            allowEdit=_yes(each.may_write),
            allowRead="true",
            modifyAllRecords="false",
            object=_local(each.name, prefix),
            viewAllRecords=_yes(each.sees_all),
        )
    return root


def _manifest(members: Mapping[str, Sequence[str]], api_version: str | None) -> bytes:
    root = Xml.Element("Package")
    for kind in sorted(members):
        types = Xml.SubElement(root, "types")
        for name in sorted(set(members[kind])):
            _fill(types, members=name)
        _fill(types, name=kind)
    if api_version:
        _fill(root, version=api_version)
    return _as_bytes(root)


def _in_order(root: Xml.Element) -> Xml.Element:
    """Put children of the same name together, as Salesforce's own files have them."""
    root[:] = sorted(root, key=lambda child: child.tag)
    return root


def _fill(root: Xml.Element, **texts: str) -> None:
    for tag, text in texts.items():
        Xml.SubElement(root, tag).text = text


def _as_bytes(root: Xml.Element) -> bytes:
    root.set("xmlns", NAMESPACE)
    Xml.indent(root, "    ")
    text = Xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _local(name: str, prefix: str) -> str:
    return name.removeprefix(f"{prefix}__") if prefix else name


def _local_path(path: str, prefix: str) -> str:
    return ".".join(_local(name, prefix) for name in path.split("."))


def _yes(flag: bool) -> str:
    return "true" if flag else "false"
