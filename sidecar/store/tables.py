"""All tables of the state database. Every row belongs to an instance, by `instance_id`.

Ids of records, names and codes compare byte by byte on every engine. Words from enums are stored as they are and never
renamed. A change here needs a migration; a test compares both on all engines.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.sql.schema import SchemaItem

from sidecar.store.types import BigId, Bytes, Json, LongText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *items: SchemaItem) -> Table:
    """A table with a number per row; on MariaDB transactional, in full Unicode, comparing byte by byte."""
    number = Column("id", BigId, primary_key=True, autoincrement=True)
    return Table(
        name, metadata, number, *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin"
    )  # fmt: skip


def _of_instance() -> Column[int]:
    return Column("instance_id", BigId, ForeignKey("instances.id"), nullable=False)


def _word(name: str, length: int = 32, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(length), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UtcDateTime(), nullable=nullable)


def _ref(prefix: str = "", *, nullable: bool = False) -> list[Column[str]]:
    names = (f"{prefix}_object", f"{prefix}_id") if prefix else ("object", "record_id")
    return [_word(names[0], 80, nullable=nullable), _word(names[1], 64, nullable=nullable)]


instances = _table(
    "instances",
    _word("slug", 64),
    _word("label", 200),
    _word("state"),
    Column("salt", Bytes, nullable=False),
    _moment("synced_from"),
    _moment("created_at"),
    UniqueConstraint("slug"),
)

connections = _table(
    "connections",
    _of_instance(),
    _word("side"),
    Column("settings", Json(), nullable=False),
    Column("secrets", LongText, nullable=False),
    _word("key_id"),
    _word("state"),
    _moment("checked_at", nullable=True),
    _word("check_code", 80, nullable=True),
    _word("check_message", 1000, nullable=True),
    UniqueConstraint("instance_id", "side"),
)

mappings = _table(
    "mappings",
    _of_instance(),
    _word("name", 64),
    Column("version", Integer, nullable=False),
    Column("document", Json(), nullable=False),
    _word("author", 200),
    _moment("valid_from"),
    UniqueConstraint("instance_id", "name", "version"),
)

schedules = _table(
    "schedules",
    _of_instance(),
    _word("lane"),
    Column("interval_seconds", Integer, nullable=False),
    _word("cron", 100, nullable=True),
    Column("on_by_customer", Boolean, nullable=False),
    Column("on_by_support", Boolean, nullable=False),
    Column("jitter_seconds", Integer, nullable=False),
    _moment("next_run_at", nullable=True),
    _word("lease_owner", 200, nullable=True),
    _moment("lease_until", nullable=True),
    Column("lease_seconds", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    UniqueConstraint("instance_id", "lane"),
    Index(None, "next_run_at"),
)

watermarks = _table(
    "watermarks",
    _of_instance(),
    _word("lane"),
    _word("side"),
    _word("feed", 120),
    _moment("begins_at"),
    _moment("watermark", nullable=True),
    _moment("window_start", nullable=True),
    _moment("window_end", nullable=True),
    _moment("cursor_at", nullable=True),
    _word("cursor_id", 120, nullable=True),
    UniqueConstraint("instance_id", "lane", "side", "feed"),
)

links = _table(
    "links",
    _of_instance(),
    _word("lane"),
    *_ref("host"),
    *_ref("salesforce"),
    _word("state"),
    _word("origin", 64),
    Column("opted_out", Boolean, nullable=True),
    Column("fingerprints", Json(), nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    UniqueConstraint("instance_id", "host_object", "host_id"),
    UniqueConstraint("instance_id", "salesforce_object", "salesforce_id"),
    Index(None, "instance_id", "lane", "state"),
)

tombstones = _table(
    "tombstones",
    _of_instance(),
    _word("side"),
    *_ref(),
    _word("reason", 80),
    _moment("at"),
    Index(None, "instance_id", "side", "object", "record_id"),
)

outbox = _table(
    "outbox",
    _of_instance(),
    _word("lane"),
    _word("side"),
    *_ref(),
    _word("reason", 80),
    Column("attempts", Integer, nullable=False),
    Column("hints", Integer, nullable=False),
    _word("waits_for", nullable=True),
    _moment("try_again_at", nullable=True),
    Column("fence", BigInteger, nullable=True),
    _word("seen", 64, nullable=True),
    UniqueConstraint("instance_id", "lane", "side", "object", "record_id"),
    Index(None, "instance_id", "lane", "waits_for"),
)

runs = _table(
    "runs",
    _of_instance(),
    _word("lane"),
    _word("trigger", 64),
    _word("state"),
    _moment("started_at"),
    _moment("heartbeat_at"),
    _moment("finished_at", nullable=True),
    Column("windows", Json(), nullable=False),
    Column("counts", Json(), nullable=False),
    Column("calls", Json(), nullable=False),
    _word("error_code", 80, nullable=True),
    _word("error_message", 1000, nullable=True),
    _word("fixed_by", nullable=True),
    Index(None, "instance_id", "lane", "state"),
)

outcomes = _table(
    "outcomes",
    _of_instance(),
    Column("run_id", BigId, ForeignKey("runs.id"), nullable=True),
    _word("lane"),
    _moment("at"),
    _word("trigger_side"),
    *_ref("host", nullable=True),
    *_ref("salesforce", nullable=True),
    _word("action"),
    _word("status"),
    _word("reason", 80),
    _word("waits_for", nullable=True),
    Column("fields", Json(), nullable=False),
    _word("consent_reason", 80, nullable=True),
    Index(None, "instance_id", "host_object", "host_id"),
    Index(None, "instance_id", "salesforce_object", "salesforce_id"),
    Index(None, "instance_id", "status"),
    Index(None, "run_id", "id"),
    Index(None, "at"),
)

field_changes = _table(
    "field_changes",
    _of_instance(),
    Column("run_id", BigId, ForeignKey("runs.id"), nullable=True),
    _moment("at"),
    _word("side"),
    *_ref(),
    _word("field", 120),
    Column("before_after", LongText, nullable=False),
    _word("key_id"),
    Index(None, "instance_id", "side", "object", "record_id"),
    Index(None, "at"),
)

cache = _table(
    "cache",
    _of_instance(),
    _word("side"),
    _word("name", 200),
    Column("text", LongText, nullable=False),
    _word("key_id"),
    _moment("expires_at"),
    UniqueConstraint("instance_id", "side", "name"),
    Index(None, "expires_at"),
)

api_usage = _table(
    "api_usage",
    _of_instance(),
    _word("side"),
    _moment("hour"),
    Column("calls", Integer, nullable=False),
    Column("used", Integer, nullable=True),
    Column("allowed", Integer, nullable=True),
    _moment("seen_at"),
    UniqueConstraint("instance_id", "side", "hour"),
)

alerts = _table(
    "alerts",
    _of_instance(),
    _word("lane"),
    _word("code", 80),
    _word("message", 1000),
    _word("fixed_by"),
    _moment("first_seen_at"),
    _moment("last_seen_at"),
    _moment("closed_at", nullable=True),
    # True while open, NULL once closed: NULLs are never equal, so any number of closed alerts may stand beside one open.
    Column("is_open", Boolean, nullable=True),
    UniqueConstraint("instance_id", "lane", "code", "is_open"),
)

users = _table(
    "users",
    Column("instance_id", BigId, ForeignKey("instances.id"), nullable=True),
    _word("name", 200),
    _word("password_hash", 200),
    _word("role"),
    _word("language", 16),
    _moment("created_at"),
    UniqueConstraint("name"),
)

audit_log = _table(
    "audit_log",
    Column("instance_id", BigId, ForeignKey("instances.id"), nullable=True),
    _word("who", 200),
    _word("what", 120),
    Column("before", Json(), nullable=True),
    Column("after", Json(), nullable=True),
    _word("reason", 500),
    _moment("at"),
    Index(None, "instance_id", "at"),
)

activity_log = _table(
    "activity_log",
    _of_instance(),
    _word("event_id", 120),
    _word("reference_id", 255),
    _word("event_type", 64),
    _word("salesforce_id", 64),
    _word("state"),
    _word("reason", 80),
    _moment("since"),
    _moment("at"),
    UniqueConstraint("instance_id", "event_id"),
    Index(None, "instance_id", "reference_id"),
    Index(None, "instance_id", "state", "at"),
)

activity_starts = _table(
    "activity_starts",
    _of_instance(),
    *_ref("host"),
    _moment("at"),
    UniqueConstraint("instance_id", "host_object", "host_id"),
)

host_events = _table(
    "host_events",
    _of_instance(),
    _word("delivery_hash", 64),
    _moment("received_at"),
    UniqueConstraint("instance_id", "delivery_hash"),
    Index(None, "received_at"),
)
