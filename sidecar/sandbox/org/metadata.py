"""The Metadata API over REST: a zip is taken, and what became of it is asked for until it is done. Start here: `Metadata`."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from werkzeug import Request

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.customising import ACTIVITY, Customising, Effect
from sidecar.sandbox.org.deployment import Deployment, Outcome, details, report
from sidecar.sandbox.org.errors import OrgError, not_found
from sidecar.sandbox.org.field_metadata import RefusedError
from sidecar.sandbox.org.ids import full_id, make_id
from sidecar.sandbox.org.metadata_xml import BadPackageError, Component, Package, read_package
from sidecar.sandbox.org.permission_set_metadata import PermissionSets
from sidecar.sandbox.org.wire import Answer, Call

NO_RIGHT = "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"
LASTS = timedelta(seconds=30)
POLLS = 2  # the first look finds a deployment under way, the second finds it done
ONE = re.compile(r"/metadata/deployRequest/([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Parts:
    """The body of a multipart request: its named parts."""

    named: dict[str, bytes]


def read_parts(request: Request) -> Parts:
    """Return the parts of a multipart request, with or without file names."""
    named = {name: value.encode() for name, value in request.form.items()}
    for name, part in request.files.items():
        named[name] = part.read()
        part.close()
    return Parts(named)


@dataclass(slots=True)
class Metadata:
    """Deployments, which finish by being asked for or by the org's clock."""

    customising: Customising
    permission_sets: PermissionSets
    clock: Clock
    changed: Callable[[], None]
    lasts: timedelta = LASTS
    deployments: dict[str, Deployment] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        """Carry out one call below /metadata/."""
        self.customising.permissions.require(call.user_id, "ModifyMetadata", "ModifyAllData", message=NO_RIGHT)
        found = ONE.fullmatch(call.path.rstrip("/"))
        if found is not None:
            return self._look(call, found[1])
        if call.path.rstrip("/") == "/metadata/deployRequest":
            return self._begin(call)
        raise not_found()

    def settle(self) -> None:
        """Carry out what has had time enough."""
        for each in self.deployments.values():
            if not each.is_done and self.clock.now() - each.created_at >= self.lasts:
                self._run(each)

    def _begin(self, call: Call) -> Answer:
        if call.method != "POST":
            raise OrgError(
                "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are POST", status=405
            )
        parts = call.body.named if isinstance(call.body, Parts) else {}
        if not {"json", "file"} <= parts.keys():
            raise OrgError("INVALID_MULTIPART_REQUEST", "The request needs the parts 'json' and 'file'")
        try:
            options = json.loads(parts["json"])["deployOptions"]
        except (ValueError, KeyError, TypeError):
            raise OrgError("JSON_PARSER_ERROR", "deployOptions could not be read") from None
        new_id = make_id("0Af", len(self.deployments) + 1)
        each = Deployment(new_id, call.user_id, self.clock.now(), options, parts["file"])
        self.deployments[new_id] = each
        location = f"{call.base}/metadata/deployRequest/{new_id}"
        return Answer(
            201,
            {"validatedDeployRequestId": None} | report(each, self._name_of(each), location),
            {"Location": location},
        )

    def _look(self, call: Call, record_id: str) -> Answer:
        each = self.deployments.get(full_id(record_id) or "")
        if each is None:
            raise not_found()
        if call.method != "GET":
            raise OrgError(
                "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are GET", status=405
            )
        each.polls += 1
        if each.polls >= POLLS and not each.is_done:
            self._run(each)
        body = report(each, self._name_of(each), f"{call.base}{call.path}")
        if call.flag("includeDetails"):
            body["deployResult"]["details"] = details(each)
        return Answer(200, body)

    def _run(self, each: Deployment) -> None:
        """Carry a deployment out: all of it, or with an error none, unless it was asked to keep the rest."""
        before = self.customising.snapshot()
        with self.customising.storage.transaction() as transaction:
            try:
                package = read_package(each.data, is_single=each.option("singlePackage", default=True))
                each.outcomes = list(self._outcomes(each, package))
            except BadPackageError as error:
                each.outcomes = [Outcome("", error.file_name, error.file_name, problem=error.problem)]
            failed = any(one.is_error for one in each.outcomes)
            if each.option("checkOnly") or (failed and each.option("rollbackOnError", default=True)):
                transaction.undo()
        if transaction.is_undone:
            self.customising.restore(before)
        each.finish(self.clock.now())
        self.changed()

    def _outcomes(self, each: Deployment, package: Package) -> Iterator[Outcome]:
        yield Outcome("", "package.xml", "package.xml")
        for one in package.unreadable:
            yield Outcome(one.kind, one.name, one.file_name, problem=one.problem)
        for one in package.deleted_first:
            yield self._delete(each, one)
        for one in (*package.objects, *package.fields, *package.permission_sets):
            yield self._put(each, one)
        for one in package.deleted_last:
            yield self._delete(each, one)

    def _put(self, each: Deployment, one: Component) -> Outcome:
        if one.problem is not None:
            return Outcome(one.kind, one.name, one.file_name, problem=one.problem)
        try:
            self._require_rights(each, one.kind)
            with self.customising.storage.transaction():
                effect = self._effect(each, one)
        except RefusedError as error:
            return Outcome(one.kind, one.name, one.file_name, problem=error.problem)
        return Outcome(one.kind, one.name, one.file_name, created=effect.created, changed=effect.changed)

    def _effect(self, each: Deployment, one: Component) -> Effect:
        if one.kind == "PermissionSet":
            return self.permission_sets.put(one.name, one.values, each.user_id)
        if one.kind == "CustomField":
            return self.customising.put_field(one.name.partition(".")[0], one.name, one.values)
        return Effect() if one.name == ACTIVITY else self.customising.put_object(one.name, one.values)

    def _delete(self, each: Deployment, one: Component) -> Outcome:
        try:
            self._require_rights(each, one.kind)
            was_there = self._remove(one)
        except RefusedError as error:
            return Outcome(one.kind, one.name, one.file_name, problem=error.problem)
        if was_there:
            return Outcome(one.kind, one.name, one.file_name, deleted=True, changed=True)
        warns_only = each.option("ignoreWarnings")
        problem = f"No {one.kind} named: {one.name} found"
        return Outcome(one.kind, one.name, one.file_name, problem=problem, is_warning=True, is_error=not warns_only)

    def _remove(self, one: Component) -> bool:
        if one.kind == "PermissionSet":
            return self.permission_sets.delete(one.name)
        if one.kind == "CustomField":
            object_name = one.name.partition(".")[0]
            known = self.customising.schema.objects.get(object_name.lower())
            return (known is not None or object_name == ACTIVITY) and self.customising.delete_field(
                object_name, one.name
            )
        if one.kind == "CustomObject":
            return self.customising.delete_object(one.name)
        raise RefusedError(f"Unknown type name '{one.kind}'")

    def _require_rights(self, each: Deployment, kind: str) -> None:
        needed = "ManageProfilesPermissionsets" if kind == "PermissionSet" else "CustomizeApplication"
        if needed not in self.customising.permissions.rights(each.user_id):
            raise RefusedError("You do not have sufficient rights to perform this operation")

    def _name_of(self, each: Deployment) -> str:
        found = self.customising.storage.get(self.customising.schema.objects["user"], each.user_id)
        return str(found["Name"]) if found else ""
