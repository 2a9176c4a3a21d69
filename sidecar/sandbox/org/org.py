"""A Salesforce org to run against: the API over WSGI, and what a person or an administrator does to it as plain methods."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sidecar.sandbox.org.app import App, Seen
from sidecar.sandbox.org.bulk import Bulk
from sidecar.sandbox.org.clock import Clock, stamp
from sidecar.sandbox.org.collections import Collections
from sidecar.sandbox.org.customising import Customising
from sidecar.sandbox.org.duplicates import DuplicateRule
from sidecar.sandbox.org.events import ChangeEvents
from sidecar.sandbox.org.faults import Faults
from sidecar.sandbox.org.kept_schema import dump, load
from sidecar.sandbox.org.late import LateCommit
from sidecar.sandbox.org.lifecycle import Lifecycle
from sidecar.sandbox.org.limits import Limits
from sidecar.sandbox.org.metadata import Metadata
from sidecar.sandbox.org.oauth import Client, SignIn
from sidecar.sandbox.org.permission_set_metadata import PermissionSets
from sidecar.sandbox.org.records import Actor, Records
from sidecar.sandbox.org.replication import Replication
from sidecar.sandbox.org.rest import Rest
from sidecar.sandbox.org.rules import Rules, ValidationRule
from sidecar.sandbox.org.schema import Field, SObject
from sidecar.sandbox.org.seed import ADMINISTRATOR, STANDARD, give_profile, seed_org, show_rule
from sidecar.sandbox.org.storage import MEMORY, Row, Storage, kept_schema
from sidecar.sandbox.org.tooling import Tooling
from sidecar.sandbox.org.variants import first_schema

KEPT_REQUESTS = 20000


class Org:
    """One org. Methods act like people in its own user interface; `app` is its API.

    `by` says who: "user" (a person), "api" (the integration user), "automation" (moves SystemModstamp only), or a user id.
    An empty org is as the vendor delivers it: nothing of ours in it, the e-mail opt-out hidden, no history tracked.
    """

    def __init__(self, path: str = ":memory:", clock: Clock | None = None, *, is_empty: bool = False) -> None:
        self.lock = threading.RLock()
        self.clock = clock or Clock()
        self.schema = first_schema(is_empty=is_empty)
        kept = kept_schema(path)
        if kept is not None:
            load(kept, self.schema)
        self.storage = Storage(path, self.schema)
        self._is_file = path != MEMORY
        if self._is_file:
            self.storage.keep_schema(dump(self.schema))
        self.rules = Rules()
        self.faults = Faults()
        self.limits = Limits(self.clock, count_records=self._count_records)
        self.requests: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self.records = Records(self.schema, self.storage, self.clock, self.rules)
        self.events = ChangeEvents(self.clock)
        self.lifecycle = Lifecycle(self.records)
        collections = Collections(self.records, self.lifecycle, self.faults)
        self.replication = Replication(self.records)
        self.rest = Rest(self.records, self.lifecycle, collections, self.limits, self.replication)
        self.bulk = Bulk(collections, self.limits)
        self.rest.areas["/jobs"] = self.bulk.answer
        self.customising = Customising(self.schema, self.storage, self.records.permissions)
        permission_sets = PermissionSets(self.records)
        self.metadata = Metadata(self.customising, permission_sets, self.clock, self._note_change)
        self.rest.areas["/metadata"] = self.metadata.answer
        self.tooling = Tooling(self.customising, self.clock, self._note_change)
        self.rest.areas["/tooling"] = self.tooling.answer
        self.rest.catalogue = self.tooling.query
        self.rest.schema_changed_at = self.clock.now()
        self.org_id, self.user_ids = seed_org(self.records)
        self.sign_in = SignIn(self.clock, self.org_id, self._is_active)
        self.app = App(self)
        self._late: LateCommit | None = None

    # What people do

    def insert(self, object_name: str, values: Mapping[str, Any], by: str = "user") -> str:
        """Create a record; return its id."""
        each = self._object(object_name)
        with self.lock:
            if self._late is not None:
                return self._late.insert(object_name, values, by)
            with self.storage.transaction():
                return self.records.insert(each, values, self.actor(by))

    def insert_many(self, object_name: str, rows: Iterable[Mapping[str, Any]], by: str = "user") -> list[str]:
        """Create many records at once; return their ids."""
        each, actor = self._object(object_name), self.actor(by)
        with self.lock, self.storage.transaction():
            return [self.records.insert(each, values, actor) for values in rows]

    def update(self, object_name: str, record_id: str, values: Mapping[str, Any], by: str = "user") -> None:
        """Change a record."""
        each = self._object(object_name)
        with self.lock:
            if self._late is not None:
                self._late.update(object_name, record_id, values, by)
                return
            with self.storage.transaction():
                self.records.update(each, record_id, values, self.actor(by))

    def delete(self, object_name: str, record_id: str, by: str = "user") -> None:
        """Put a record into the recycle bin."""
        with self.lock, self.storage.transaction():
            self.lifecycle.delete(self._object(object_name), record_id, self.actor(by))

    def undelete(self, object_name: str, record_id: str, by: str = "user") -> None:
        """Take a record out of the recycle bin."""
        with self.lock, self.storage.transaction():
            self.lifecycle.undelete(self._object(object_name), record_id, self.actor(by))

    def empty_recycle_bin(self, object_name: str) -> None:
        """Remove deleted records for good; even queryAll does not see them any more."""
        with self.lock:
            self.replication.remember_gone(self._object(object_name))
            self.storage.remove(self._object(object_name), "IsDeleted = 1")

    def merge(self, object_name: str, winner_id: str, loser_ids: Sequence[str], by: str = "user") -> None:
        """Merge records into one."""
        with self.lock, self.storage.transaction():
            self.lifecycle.merge(self._object(object_name), winner_id, loser_ids, self.actor(by))

    def convert_lead(self, lead_id: str, contact_id: str | None = None, by: str = "user") -> str:
        """Convert a lead; return the id of its contact."""
        with self.lock, self.storage.transaction():
            return self.lifecycle.convert(lead_id, self.actor(by), contact_id)

    def hold_writes(self, late: LateCommit | None) -> None:
        """Send inserts and updates to a late transaction, or through again."""
        self._late = late

    def late_commit(self) -> LateCommit:
        """Begin a long transaction: rows get their stamp now and become visible when it commits."""
        return LateCommit(self)

    # What is there

    def rows(self, object_name: str, *, include_deleted: bool = False) -> list[Row]:
        """Return all records of an object, in order of creation."""
        each = self._object(object_name)
        condition = "1" if include_deleted or "IsDeleted" not in each.fields else "IsDeleted = 0"
        with self.lock:
            return self.storage.where(each, condition)

    def row(self, object_name: str, record_id: str) -> Row | None:
        """Return one record, deleted or not."""
        with self.lock:
            return self.storage.get(self._object(object_name), record_id)

    def history(self, object_name: str, record_id: str) -> list[Row]:
        """Return the field history of a record, oldest first."""
        each = self._object(self._object(object_name).history or "")
        with self.lock:
            return self.storage.where(each, f'"{each.parent_key}" = ?', [record_id])

    @property
    def calls(self) -> int:
        """API calls that counted since the last reset."""
        return self.limits.calls

    def reset_calls(self) -> None:
        """Begin to count anew, and forget the requests seen."""
        self.limits.calls = 0
        self.requests.clear()

    # What an administrator does

    def hide_field(self, object_name: str, field_name: str, *, hidden: bool = True) -> None:
        """Take a field out of all profiles and permission sets: for API users it no longer exists."""
        if hidden:
            self.records.permissions.forget_field(object_name, field_name)
        self._change(object_name, field_name, lambda one: setattr(one, "profile_hides", hidden))

    def make_read_only(self, object_name: str, field_name: str, *, read_only: bool = True) -> None:
        """Let API users read a field and not write it."""
        if read_only:
            self.records.permissions.forget_field(object_name, field_name, edit_only=True)
        self._change(object_name, field_name, lambda one: setattr(one, "profile_read_only", read_only))

    def make_admin(self, by: str = "api", *, is_admin: bool = True) -> None:
        """Give a user the administrator's profile, or the ordinary one."""
        self.set_profile(by, ADMINISTRATOR if is_admin else STANDARD)

    def set_profile(self, by: str, profile: str) -> None:
        """Give a user another profile, by its name."""
        with self.lock:
            found = self.storage.where(self._object("Profile"), "Name = ?", [profile])
            give_profile(self.records, self.actor(by).user_id, found[0]["Id"])

    def set_external_id(self, object_name: str, field_name: str, is_external_id: bool) -> None:
        """Make a field an upsert key, or no longer. A unique field stays unique."""
        self._change(object_name, field_name, lambda one: set_key(one, is_external_id))

    def track_field(self, object_name: str, field_name: str, *, tracked: bool = True) -> None:
        """Switch field history on or off."""
        self._change(object_name, field_name, lambda one: setattr(one, "tracked", tracked))

    def resize_field(self, object_name: str, field_name: str, length: int) -> None:
        """Give a text field another length."""
        self._change(object_name, field_name, lambda one: setattr(one, "length", length))

    def drop_object(self, object_name: str, *, missing: bool = True) -> None:
        """Take an object away, or bring it back."""
        with self.lock:
            self.schema.objects[object_name.lower()].is_missing = missing
            self._note_change()

    def add_validation_rule(
        self, object_name: str, fails: Callable[[Mapping[str, Any]], bool], message: str, field: str | None = None
    ) -> None:
        """Refuse records for which `fails` is true."""
        self.rules.validation.append(ValidationRule(object_name, fails, message, field))

    def capture_changes(self, *objects: str) -> None:
        """Select objects for Change Data Capture: from now on their changes become events."""
        self.events.select(*objects)
        if self.events.heed not in self.storage.changes.listeners:
            self.storage.changes.listeners.append(self.events.heed)

    def set_duplicate_rule(
        self, object_name: str, *, allow_save: bool = True, matches: Sequence[str] = (), **more: str
    ) -> None:
        """Compare an object's records with others, its own unless said; with allow_save a caller may insist."""
        objects = tuple(self._object(name) for name in matches or (object_name,))
        rule = DuplicateRule(object_name, objects, allow_save, **more)
        self.rules.duplicates[object_name] = rule
        with self.lock:
            show_rule(self.records, object_name, rule.name or f"Standard_{object_name}_Duplicate_Rule")

    def switch_on_address_picklists(self) -> None:
        """Let states and countries be chosen from lists only, with codes beside their names."""
        with self.lock:
            self.records.addresses.switch_on()
            self._note_change()

    def set_organization(self, **values: Any) -> None:
        """Change what the org says of itself: OrganizationType, IsSandbox, NamespacePrefix, …"""
        with self.lock:
            self.storage.update(self._object("Organization"), self.org_id, values)

    def set_assignment_rule(self, owner_id: str | None) -> None:
        """Give leads written with auto-assign to an owner."""
        self.rules.assign_to = owner_id

    def set_api_limit(self, allowed: int) -> None:
        """Set the calls allowed in 24 hours."""
        self.limits.allowed = allowed

    def set_page_size(self, size: int) -> None:
        """Set how many records a page of a query has."""
        self.rest.page_size = size

    def add_client(
        self,
        client_id: str,
        client_secret: str = "",
        public_key: str | None = None,
        username: str = "integration@example.com",
        **settings: Any,
    ) -> None:
        """Register an app; a user name nobody has leaves it without a user to run as.

        `redirect_uri`, `rotates`, `needs_pkce` and `scopes` are settings of signing in by browser.
        """
        users = self.storage.where(self._object("User"), "Username = ?", [username])
        user_id = users[0]["Id"] if users else None
        self.sign_in.clients[client_id] = Client(client_id, client_secret, public_key, username, user_id, **settings)

    def token(self, by: str = "api") -> str:
        """Return a token without signing in."""
        return self.sign_in.open_session(self.actor(by).user_id)

    def expire_tokens(self) -> None:
        """End all sessions."""
        self.sign_in.sessions.clear()

    def revoke_tokens(self) -> None:
        """End all sessions and all sign-ins of apps: refresh tokens are dead."""
        self.sign_in.revoke()

    def refuse_sign_in(self, error: str, description: str, times: int = 1) -> None:
        """Refuse the next requests for a token in these words."""
        self.sign_in.refusals += [(error, description)] * times

    def move_to(self, my_domain: str) -> None:
        """Give the org another address of its own, which later tokens name."""
        self.sign_in.my_domain = my_domain

    def close(self) -> None:
        """Close the database."""
        self.storage.close()

    def _is_active(self, user_id: str) -> bool:
        user = self.row("User", user_id)
        return bool(user and user["IsActive"])

    def _count_records(self) -> int:
        return sum(self.storage.count(each) for each in self.schema if each.deletable and not each.is_setup)

    def actor(self, by: str, at: str | None = None) -> Actor:
        """Return who acts."""
        user_id = self.user_ids.get(by, by)
        return Actor(user_id, is_automation=by == "automation", at=at)

    def now_stamp(self) -> str:
        """Return the present moment as records carry it."""
        return stamp(self.clock.now())

    def _object(self, name: str) -> SObject:
        return self.schema.objects[name.lower()]

    def _change(self, object_name: str, field_name: str, change: Callable[[Field], None]) -> None:
        with self.lock:
            change(self._object(object_name).fields[field_name])
            self._note_change()

    def _note_change(self) -> None:
        if self._is_file:
            self.storage.keep_schema(dump(self.schema))
        self.records.permissions.note_change()
        self.rest.note_schema_change()


def set_key(one: Field, is_external_id: bool) -> None:
    """Make a field a key, or no longer; without external id a unique field is no lookup either."""
    one.external_id = is_external_id
    one.id_lookup = is_external_id or one.type in {"email", "id"}
