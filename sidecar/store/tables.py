"""All tables of the state database. Every row belongs to an instance, by `instance_id`.

Ids of records, names and codes compare byte by byte on every engine. Words from enums are stored as they are and never
renamed. A change here needs a migration; a test compares both on all engines.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, UniqueConstraint

from sidecar.store.columns import metadata, moment, of_instance, ref, table, word
from sidecar.store.host_tables import exclusions, host_events, host_parts, launches, pushes
from sidecar.store.types import BigId, Bytes, Json, LongText

__all__ = ["exclusions", "host_events", "host_parts", "launches", "metadata", "pushes"]

instances = table(
    "instances",
    word("slug", 64),
    word("label", 200),
    word("state"),
    Column("salt", Bytes, nullable=False),
    moment("synced_from"),
    moment("created_at"),
    UniqueConstraint("slug"),
)

connections = table(
    "connections",
    of_instance(),
    word("side"),
    Column("settings", Json(), nullable=False),
    Column("secrets", LongText, nullable=False),
    word("key_id"),
    word("state"),
    moment("checked_at", nullable=True),
    word("check_code", 80, nullable=True),
    word("check_message", 1000, nullable=True),
    UniqueConstraint("instance_id", "side"),
)

mappings = table(
    "mappings",
    of_instance(),
    word("name", 64),
    Column("version", Integer, nullable=False),
    Column("document", Json(), nullable=False),
    word("author", 200),
    moment("valid_from"),
    UniqueConstraint("instance_id", "name", "version"),
)

schedules = table(
    "schedules",
    of_instance(),
    word("lane"),
    Column("interval_seconds", Integer, nullable=False),
    word("cron", 100, nullable=True),
    Column("on_by_customer", Boolean, nullable=False),
    Column("on_by_support", Boolean, nullable=False),
    Column("jitter_seconds", Integer, nullable=False),
    moment("next_run_at", nullable=True),
    # When the slot was last claimed for a run that came before its time.
    moment("early_at", nullable=True),
    word("lease_owner", 200, nullable=True),
    moment("lease_until", nullable=True),
    Column("lease_seconds", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    UniqueConstraint("instance_id", "lane"),
    Index(None, "next_run_at"),
)

watermarks = table(
    "watermarks",
    of_instance(),
    word("lane"),
    word("side"),
    word("feed", 120),
    moment("begins_at"),
    moment("watermark", nullable=True),
    moment("window_start", nullable=True),
    moment("window_end", nullable=True),
    moment("cursor_at", nullable=True),
    word("cursor_id", 120, nullable=True),
    UniqueConstraint("instance_id", "lane", "side", "feed"),
)

links = table(
    "links",
    of_instance(),
    word("lane"),
    *ref("host"),
    *ref("salesforce"),
    word("state"),
    word("origin", 64),
    Column("opted_out", Boolean, nullable=True),
    Column("fingerprints", Json(), nullable=False),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("instance_id", "host_object", "host_id"),
    UniqueConstraint("instance_id", "salesforce_object", "salesforce_id"),
    Index(None, "instance_id", "lane", "state"),
)

tombstones = table(
    "tombstones",
    of_instance(),
    word("side"),
    *ref(),
    word("reason", 80),
    moment("at"),
    Index(None, "instance_id", "side", "object", "record_id"),
)

outbox = table(
    "outbox",
    of_instance(),
    word("lane"),
    word("side"),
    *ref(),
    word("reason", 80),
    Column("attempts", Integer, nullable=False),
    Column("hints", Integer, nullable=False),
    word("waits_for", nullable=True),
    moment("try_again_at", nullable=True),
    Column("fence", BigInteger, nullable=True),
    word("seen", 64, nullable=True),
    UniqueConstraint("instance_id", "lane", "side", "object", "record_id"),
    Index(None, "instance_id", "lane", "waits_for"),
)

runs = table(
    "runs",
    of_instance(),
    word("lane"),
    word("trigger", 64),
    word("state"),
    moment("started_at"),
    moment("heartbeat_at"),
    moment("finished_at", nullable=True),
    Column("windows", Json(), nullable=False),
    Column("counts", Json(), nullable=False),
    Column("calls", Json(), nullable=False),
    word("error_code", 80, nullable=True),
    word("error_message", 1000, nullable=True),
    word("fixed_by", nullable=True),
    Index(None, "instance_id", "lane", "state"),
)

outcomes = table(
    "outcomes",
    of_instance(),
    Column("run_id", BigId, ForeignKey("runs.id"), nullable=True),
    word("lane"),
    moment("at"),
    word("trigger_side"),
    *ref("host", nullable=True),
    *ref("salesforce", nullable=True),
    word("action"),
    word("status"),
    word("reason", 80),
    word("waits_for", nullable=True),
    Column("fields", Json(), nullable=False),
    word("consent_reason", 80, nullable=True),
    Index(None, "instance_id", "host_object", "host_id"),
    Index(None, "instance_id", "salesforce_object", "salesforce_id"),
    Index(None, "instance_id", "status"),
    Index(None, "run_id", "id"),
    Index(None, "at"),
)

field_changes = table(
    "field_changes",
    of_instance(),
    Column("run_id", BigId, ForeignKey("runs.id"), nullable=True),
    moment("at"),
    word("side"),
    *ref(),
    word("field", 120),
    Column("before_after", LongText, nullable=False),
    word("key_id"),
    Index(None, "instance_id", "side", "object", "record_id"),
    Index(None, "at"),
)

cache = table(
    "cache",
    of_instance(),
    word("side"),
    word("name", 200),
    Column("text", LongText, nullable=False),
    word("key_id"),
    moment("expires_at"),
    UniqueConstraint("instance_id", "side", "name"),
    Index(None, "expires_at"),
)

api_usage = table(
    "api_usage",
    of_instance(),
    word("side"),
    moment("hour"),
    Column("calls", Integer, nullable=False),
    # Those of the calls that used the reserve of an API budget.
    Column("urgent", Integer, nullable=False, server_default="0"),
    Column("used", Integer, nullable=True),
    Column("allowed", Integer, nullable=True),
    moment("seen_at"),
    UniqueConstraint("instance_id", "side", "hour"),
)

alerts = table(
    "alerts",
    of_instance(),
    word("lane"),
    word("code", 80),
    word("message", 1000),
    word("fixed_by"),
    moment("first_seen_at"),
    moment("last_seen_at"),
    moment("closed_at", nullable=True),
    # True while open, NULL once closed: NULLs are never equal, so any number of closed alerts may stand beside one open.
    Column("is_open", Boolean, nullable=True),
    UniqueConstraint("instance_id", "lane", "code", "is_open"),
)

users = table(
    "users",
    Column("instance_id", BigId, ForeignKey("instances.id"), nullable=True),
    word("name", 200),
    word("password_hash", 200),
    word("role"),
    word("language", 16),
    moment("created_at"),
    UniqueConstraint("name"),
)

audit_log = table(
    "audit_log",
    Column("instance_id", BigId, ForeignKey("instances.id"), nullable=True),
    word("who", 200),
    word("what", 120),
    Column("before", Json(), nullable=True),
    Column("after", Json(), nullable=True),
    word("reason", 500),
    moment("at"),
    Index(None, "instance_id", "at"),
)

activity_log = table(
    "activity_log",
    of_instance(),
    word("event_id", 120),
    word("reference_id", 255),
    word("event_type", 64),
    word("salesforce_id", 64),
    word("state"),
    word("reason", 80),
    moment("since"),
    moment("at"),
    UniqueConstraint("instance_id", "event_id"),
    Index(None, "instance_id", "reference_id"),
    Index(None, "instance_id", "state", "at"),
)

activity_starts = table(
    "activity_starts",
    of_instance(),
    *ref("host"),
    moment("at"),
    UniqueConstraint("instance_id", "host_object", "host_id"),
)

sign_ins = table(
    "sign_ins",
    of_instance(),
    word("state_hash", 64),
    Column("verifier", LongText, nullable=False),
    word("key_id"),
    word("bound_to", 64),
    word("redirect_uri", 500),
    Column("settings", Json(), nullable=False),
    moment("expires_at"),
    UniqueConstraint("state_hash"),
    Index(None, "expires_at"),
)

leases = table(
    "leases",
    of_instance(),
    word("name", 80),
    word("owner", 200),
    moment("until"),
    UniqueConstraint("instance_id", "name"),
)

bulk_jobs = table(
    "bulk_jobs",
    of_instance(),
    word("lane"),
    word("kind"),
    word("object", 80),
    word("job_id"),
    word("state"),
    Column("row_count", Integer, nullable=False),
    moment("made_at"),
    moment("finished_at", nullable=True),
    UniqueConstraint("instance_id", "job_id"),
    Index(None, "instance_id", "state"),
)

budgets = table(
    "budgets",
    of_instance(),
    Column("calls", Integer, nullable=True),
    Column("percent", Integer, nullable=True),
    Column("reserve_percent", Integer, nullable=False),
    Column("alert_percent", Integer, nullable=False),
    Column("operations_per_month", BigInteger, nullable=True),
    moment("changed_at"),
    UniqueConstraint("instance_id"),
)

operations = table(
    "operations",
    of_instance(),
    word("month", 7),
    Column("count", BigInteger, nullable=False),
    UniqueConstraint("instance_id", "month"),
)

org_limits = table(
    "org_limits",
    of_instance(),
    word("name", 80),
    Column("used", BigInteger, nullable=False),
    Column("allowed", BigInteger, nullable=False),
    moment("seen_at"),
    UniqueConstraint("instance_id", "name"),
)

org_parts = table(
    "org_parts",
    of_instance(),
    word("kind"),
    word("name", 200),
    moment("made_at"),
    UniqueConstraint("instance_id", "kind", "name"),
)

reconciles = table(
    "reconciles",
    of_instance(),
    word("lane"),
    word("side"),
    word("feed", 120),
    word("mode"),
    word("cursor_id", 120, nullable=True),
    moment("covered_until", nullable=True),
    moment("started_at"),
    moment("finished_at", nullable=True),
    Column("counts", Json(), nullable=False),
    Index(None, "instance_id", "lane"),
)

event_replays = table(
    "event_replays",
    of_instance(),
    word("topic", 120),
    Column("replay_id", Bytes, nullable=False),
    moment("at"),
    UniqueConstraint("instance_id", "topic"),
)
