"""Make the first tables.

A migration never changes once it is released: it names its columns itself and does not look at `tables.py`.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sidecar.store.types import BigId, Bytes, Json, LongText, UtcDateTime

revision = "0001"
down_revision = None

MARIADB: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Make every table, those first that others point to."""
    op.create_table(
        "instances",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("salt", Bytes, nullable=False),
        sa.Column("synced_from", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
        sa.UniqueConstraint("slug", name="uq_instances_slug"),
        **MARIADB,
    )
    op.create_table(
        "activity_log",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("event_id", sa.String(length=120), nullable=False),
        sa.Column("reference_id", sa.String(length=255), nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("salesforce_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_activity_log_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_activity_log"),
        sa.UniqueConstraint("instance_id", "event_id", name="uq_activity_log_instance_id_event_id"),
        **MARIADB,
    )
    op.create_index("ix_activity_log_instance_id_reference_id", "activity_log", ["instance_id", "reference_id"])
    op.create_index("ix_activity_log_instance_id_state_at", "activity_log", ["instance_id", "state", "at"])
    op.create_table(
        "activity_starts",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("host_object", sa.String(length=80), nullable=False),
        sa.Column("host_id", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_activity_starts_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_activity_starts"),
        sa.UniqueConstraint(
            "instance_id", "host_object", "host_id", name="uq_activity_starts_instance_id_host_object_host_id"
        ),
        **MARIADB,
    )
    op.create_table(
        "alerts",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("fixed_by", sa.String(length=32), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_alerts_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("instance_id", "lane", "code", "is_open", name="uq_alerts_instance_id_lane_code_is_open"),
        **MARIADB,
    )
    op.create_table(
        "api_usage",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=True),
        sa.Column("allowed", sa.Integer(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_api_usage_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_usage"),
        sa.UniqueConstraint("instance_id", "side", "hour", name="uq_api_usage_instance_id_side_hour"),
        **MARIADB,
    )
    op.create_table(
        "audit_log",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=True),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("what", sa.String(length=120), nullable=False),
        sa.Column("before", Json(), nullable=True),
        sa.Column("after", Json(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_audit_log_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        **MARIADB,
    )
    op.create_index("ix_audit_log_instance_id_at", "audit_log", ["instance_id", "at"])
    op.create_table(
        "cache",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("text", LongText, nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_cache_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cache"),
        sa.UniqueConstraint("instance_id", "side", "name", name="uq_cache_instance_id_side_name"),
        **MARIADB,
    )
    op.create_index("ix_cache_expires_at", "cache", ["expires_at"])
    op.create_table(
        "connections",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("settings", Json(), nullable=False),
        sa.Column("secrets", LongText, nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("check_code", sa.String(length=80), nullable=True),
        sa.Column("check_message", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_connections_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("instance_id", "side", name="uq_connections_instance_id_side"),
        **MARIADB,
    )
    op.create_table(
        "host_events",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("delivery_hash", sa.String(length=64), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_host_events_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_host_events"),
        sa.UniqueConstraint("instance_id", "delivery_hash", name="uq_host_events_instance_id_delivery_hash"),
        **MARIADB,
    )
    op.create_index("ix_host_events_received_at", "host_events", ["received_at"])
    op.create_table(
        "links",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("host_object", sa.String(length=80), nullable=False),
        sa.Column("host_id", sa.String(length=64), nullable=False),
        sa.Column("salesforce_object", sa.String(length=80), nullable=False),
        sa.Column("salesforce_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=True),
        sa.Column("fingerprints", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_links_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint("instance_id", "host_object", "host_id", name="uq_links_instance_id_host_object_host_id"),
        sa.UniqueConstraint(
            "instance_id",
            "salesforce_object",
            "salesforce_id",
            name="uq_links_instance_id_salesforce_object_salesforce_id",
        ),
        **MARIADB,
    )
    op.create_index("ix_links_instance_id_lane_state", "links", ["instance_id", "lane", "state"])
    op.create_table(
        "mappings",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_mappings_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_mappings"),
        sa.UniqueConstraint("instance_id", "name", "version", name="uq_mappings_instance_id_name_version"),
        **MARIADB,
    )
    op.create_table(
        "outbox",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("hints", sa.Integer(), nullable=False),
        sa.Column("waits_for", sa.String(length=32), nullable=True),
        sa.Column("try_again_at", UtcDateTime(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=True),
        sa.Column("seen", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_outbox_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint(
            "instance_id",
            "lane",
            "side",
            "object",
            "record_id",
            name="uq_outbox_instance_id_lane_side_object_record_id",
        ),
        **MARIADB,
    )
    op.create_index("ix_outbox_instance_id_lane_waits_for", "outbox", ["instance_id", "lane", "waits_for"])
    op.create_table(
        "runs",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("trigger", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("windows", Json(), nullable=False),
        sa.Column("counts", Json(), nullable=False),
        sa.Column("calls", Json(), nullable=False),
        sa.Column("error_code", sa.String(length=80), nullable=True),
        sa.Column("error_message", sa.String(length=1000), nullable=True),
        sa.Column("fixed_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_runs_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        **MARIADB,
    )
    op.create_index("ix_runs_instance_id_lane_state", "runs", ["instance_id", "lane", "state"])
    op.create_table(
        "schedules",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=True),
        sa.Column("on_by_customer", sa.Boolean(), nullable=False),
        sa.Column("on_by_support", sa.Boolean(), nullable=False),
        sa.Column("jitter_seconds", sa.Integer(), nullable=False),
        sa.Column("next_run_at", UtcDateTime(), nullable=True),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("lease_seconds", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_schedules_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        sa.UniqueConstraint("instance_id", "lane", name="uq_schedules_instance_id_lane"),
        **MARIADB,
    )
    op.create_index("ix_schedules_next_run_at", "schedules", ["next_run_at"])
    op.create_table(
        "tombstones",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_tombstones_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
        **MARIADB,
    )
    op.create_index(
        "ix_tombstones_instance_id_side_object_record_id", "tombstones", ["instance_id", "side", "object", "record_id"]
    )
    op.create_table(
        "users",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_users_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        **MARIADB,
    )
    op.create_table(
        "watermarks",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("feed", sa.String(length=120), nullable=False),
        sa.Column("begins_at", UtcDateTime(), nullable=False),
        sa.Column("watermark", UtcDateTime(), nullable=True),
        sa.Column("window_start", UtcDateTime(), nullable=True),
        sa.Column("window_end", UtcDateTime(), nullable=True),
        sa.Column("cursor_at", UtcDateTime(), nullable=True),
        sa.Column("cursor_id", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_watermarks_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_watermarks"),
        sa.UniqueConstraint("instance_id", "lane", "side", "feed", name="uq_watermarks_instance_id_lane_side_feed"),
        **MARIADB,
    )
    op.create_table(
        "field_changes",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("run_id", BigId, nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=120), nullable=False),
        sa.Column("before_after", LongText, nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_field_changes_instance_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_field_changes_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_field_changes"),
        **MARIADB,
    )
    op.create_index("ix_field_changes_at", "field_changes", ["at"])
    op.create_index(
        "ix_field_changes_instance_id_side_object_record_id",
        "field_changes",
        ["instance_id", "side", "object", "record_id"],
    )
    op.create_table(
        "outcomes",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("run_id", BigId, nullable=True),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("trigger_side", sa.String(length=32), nullable=False),
        sa.Column("host_object", sa.String(length=80), nullable=True),
        sa.Column("host_id", sa.String(length=64), nullable=True),
        sa.Column("salesforce_object", sa.String(length=80), nullable=True),
        sa.Column("salesforce_id", sa.String(length=64), nullable=True),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("waits_for", sa.String(length=32), nullable=True),
        sa.Column("fields", Json(), nullable=False),
        sa.Column("consent_reason", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_outcomes_instance_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_outcomes_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outcomes"),
        **MARIADB,
    )
    op.create_index("ix_outcomes_run_id_id", "outcomes", ["run_id", "id"])
    op.create_index("ix_outcomes_at", "outcomes", ["at"])
    op.create_index(
        "ix_outcomes_instance_id_host_object_host_id", "outcomes", ["instance_id", "host_object", "host_id"]
    )
    op.create_index(
        "ix_outcomes_instance_id_salesforce_object_salesforce_id",
        "outcomes",
        ["instance_id", "salesforce_object", "salesforce_id"],
    )
    op.create_index("ix_outcomes_instance_id_status", "outcomes", ["instance_id", "status"])
