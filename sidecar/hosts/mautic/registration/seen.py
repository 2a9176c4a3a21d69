"""What a look at a Mautic found. Values only; None stands for what nobody told us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sidecar.errors import SidecarError
from sidecar.hosts.mautic.versions import Differences
from sidecar.records import ObjectSchema


@dataclass(frozen=True, slots=True)
class HookSeen:
    """Our webhook as Mautic has it."""

    id: int
    name: str
    url: str
    is_published: bool
    triggers: frozenset[str]
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ApiSeen:
    """What the REST API said. A right is None where it could not be tried; `bundle` is the answer of ours, if it is there."""

    error: SidecarError | None = None
    version: str | None = None
    differences: Differences | None = None
    who: str = ""
    said_at: datetime | None = None
    may_list: bool | None = None
    may_view_others: bool | None = None
    may_edit_others: bool | None = None
    may_create: bool | None = None
    may_manage_fields: bool | None = None
    may_manage_hooks: bool | None = None
    hook: HookSeen | None = None
    bundle_status: int | None = None
    bundle: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """What the database said. `grants` are as they were told, without a password's hash; None where there are none to tell."""

    error: SidecarError | None = None
    now: datetime | None = None
    schema: ObjectSchema | None = None
    grants: tuple[str, ...] | None = None
    unreadable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    soft_deletion: bool | None = None
    log_from: datetime | None = None
    contacts_from: datetime | None = None
    hooks_waiting: int | None = None
    hooks_waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a Mautic, from outside and from its database."""

    base_url: str
    is_basic: bool
    prefix: str
    now: datetime
    api: ApiSeen
    database: DatabaseSeen
    heard_at: datetime | None = None
    has_segment: bool | None = None
