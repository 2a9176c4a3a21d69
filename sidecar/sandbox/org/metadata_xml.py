"""Read the zip of a deployment: its manifests and the components its files hold. Pure; knows XML, not the org."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
FOLDERS = {"CustomObject": ("objects", "object"), "PermissionSet": ("permissionsets", "permissionset")}
DELETED_FIRST = ("destructiveChangesPre.xml", "destructiveChanges.xml")
DELETED_LAST = ("destructiveChangesPost.xml",)
REPEATED = frozenset(
    {"fields", "fieldPermissions", "objectPermissions", "userPermissions", "types", "members", "value"}
)


class BadPackageError(Exception):
    """A zip nothing can be deployed from."""

    def __init__(self, problem: str, file_name: str = "package.xml") -> None:
        super().__init__(problem)
        self.problem = problem
        self.file_name = file_name


@dataclass(frozen=True, slots=True)
class Component:
    """One thing to create, change or delete. `problem` says why its file cannot be read."""

    kind: str
    name: str
    file_name: str
    values: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


@dataclass(slots=True)
class Package:
    """All components of a deployment, in the order they are dealt with."""

    deleted_first: list[Component] = field(default_factory=list)
    objects: list[Component] = field(default_factory=list)
    fields: list[Component] = field(default_factory=list)
    permission_sets: list[Component] = field(default_factory=list)
    unreadable: list[Component] = field(default_factory=list)
    deleted_last: list[Component] = field(default_factory=list)


def read_package(data: bytes, *, is_single: bool) -> Package:
    """Return what a zip asks for."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            files = {info.filename: opened.read(info) for info in opened.infolist() if not info.is_dir()}
    except zipfile.BadZipFile:
        raise BadPackageError("The zip file is not valid", "") from None
    files = files if is_single else {name.partition("/")[2]: body for name, body in files.items()}
    if "package.xml" not in files:
        raise BadPackageError("No package.xml found")
    package = Package()
    for kind, name in members(files, "package.xml"):
        package_member(package, files, kind, name)
    for names, target in ((DELETED_FIRST, package.deleted_first), (DELETED_LAST, package.deleted_last)):
        target += [Component(*one, name) for name in names if name in files for one in members(files, name)]
    package.fields = list({each.name: each for each in package.fields}.values())
    package.objects = list({each.name: each for each in package.objects}.values())
    package.unreadable += [
        Component(kind, file_stem(name), name, problem="Not in package.xml")
        for kind, (folder, ending) in FOLDERS.items()
        for name in files
        if name.startswith(f"{folder}/") and not is_named(package, name)
    ]
    return package


def is_named(package: Package, file_name: str) -> bool:
    """Say whether a manifest names what a file holds, or a field of it."""
    everything = [*package.objects, *package.fields, *package.permission_sets, *package.unreadable]
    return any(each.file_name == file_name for each in everything)


def file_stem(name: str) -> str:
    """Return the component a file is named after."""
    return name.rpartition("/")[2].partition(".")[0]


def members(files: dict[str, bytes], manifest: str) -> Iterator[tuple[str, str]]:
    """Yield type and name of every member of a manifest."""
    try:
        root = as_values(ET.fromstring(files[manifest]))  # noqa: S314 - what a test itself has written
    except ET.ParseError as error:
        raise BadPackageError(f"Error parsing file: {error}", manifest) from None
    for each in root.get("types", []):
        for name in each.get("members", []):
            yield str(each.get("name", "")), str(name)


def package_member(package: Package, files: dict[str, bytes], kind: str, name: str) -> None:
    """Find the file of a member and put what it holds where it belongs."""
    if kind == "CustomField":
        object_name, _, field_name = name.partition(".")
        package.fields += fields_of(files, object_name, only=field_name)
        return
    if kind not in FOLDERS:
        package.unreadable.append(Component(kind, name, "package.xml", problem=f"Unknown type name '{kind}'"))
        return
    folder, ending = FOLDERS[kind]
    found = [file for file in files if file.startswith(f"{folder}/")] if name == "*" else [f"{folder}/{name}.{ending}"]
    for file_name in found:
        component = read_component(files, kind, file_stem(file_name), file_name)
        if component.problem:
            package.unreadable.append(component)
        elif kind == "PermissionSet":
            package.permission_sets.append(component)
        else:
            package.objects.append(component)
            package.fields += fields_of(files, component.name)


def fields_of(files: dict[str, bytes], object_name: str, only: str | None = None) -> list[Component]:
    """Return the fields an object's file holds, or the one that is asked for."""
    file_name = f"objects/{object_name}.object"
    holder = read_component(files, "CustomObject", object_name, file_name)
    if holder.problem and only is not None:
        return [Component("CustomField", f"{object_name}.{only}", file_name, problem=holder.problem)]
    listed = [
        Component("CustomField", f"{object_name}.{values.get('fullName', '')}", file_name, values)
        for values in holder.values.get("fields", [])
    ]
    chosen = [each for each in listed if only is None or each.name == f"{object_name}.{only}"]
    if only is not None and not chosen:
        return [missing("CustomField", f"{object_name}.{only}", file_name)]
    return chosen


def read_component(files: dict[str, bytes], kind: str, name: str, file_name: str) -> Component:
    """Return what a file says, or why it cannot be read."""
    if file_name not in files:
        return missing(kind, name, file_name)
    try:
        root = ET.fromstring(files[file_name])  # noqa: S314 - what a test itself has written
    except ET.ParseError as error:
        return Component(kind, name, file_name, problem=f"Error parsing file: {error}")
    if root.tag != f"{{{NAMESPACE}}}{kind}":
        return Component(kind, name, file_name, problem=f"The root element must be {kind} in {NAMESPACE}")
    return Component(kind, name, file_name, as_values(root))


def missing(kind: str, name: str, file_name: str) -> Component:
    """Return a member without a file."""
    problem = f"An object '{name}' of type {kind} was named in package.xml, but was not found in zipped directory"
    return Component(kind, name, file_name, problem=problem)


def as_values(element: ET.Element) -> dict[str, Any]:
    """Return an element's children by name: texts, or elements in their turn; what may repeat is a list."""
    values: dict[str, Any] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        value: Any = as_values(child) if len(child) else (child.text or "").strip()
        if name in REPEATED:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values
