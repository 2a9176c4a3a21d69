"""Make the tables for a real org: signing in by browser, bulk jobs, the budget, what we made there, and the nightly comparison."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sidecar.store.types import BigId, Bytes, Json, LongText, UtcDateTime

revision = "0002"
down_revision = "0001"

MARIADB: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sign_ins",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("verifier", LongText, nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("bound_to", sa.String(length=64), nullable=False),
        sa.Column("redirect_uri", sa.String(length=500), nullable=False),
        sa.Column("settings", Json(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_sign_ins_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
        sa.UniqueConstraint("state_hash", name="uq_sign_ins_state_hash"),
        **MARIADB,
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])
    op.create_table(
        "leases",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_leases_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
        sa.UniqueConstraint("instance_id", "name", name="uq_leases_instance_id_name"),
        **MARIADB,
    )
    op.create_table(
        "bulk_jobs",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=80), nullable=False),
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_bulk_jobs_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_jobs"),
        sa.UniqueConstraint("instance_id", "job_id", name="uq_bulk_jobs_instance_id_job_id"),
        **MARIADB,
    )
    op.create_index("ix_bulk_jobs_instance_id_state", "bulk_jobs", ["instance_id", "state"])
    op.create_table(
        "budgets",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("calls", sa.Integer, nullable=True),
        sa.Column("percent", sa.Integer, nullable=True),
        sa.Column("reserve_percent", sa.Integer, nullable=False),
        sa.Column("alert_percent", sa.Integer, nullable=False),
        sa.Column("operations_per_month", sa.BigInteger, nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_budgets_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
        sa.UniqueConstraint("instance_id", name="uq_budgets_instance_id"),
        **MARIADB,
    )
    op.create_table(
        "operations",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_operations_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sa.UniqueConstraint("instance_id", "month", name="uq_operations_instance_id_month"),
        **MARIADB,
    )
    op.create_table(
        "org_limits",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("allowed", sa.BigInteger, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_org_limits_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_org_limits"),
        sa.UniqueConstraint("instance_id", "name", name="uq_org_limits_instance_id_name"),
        **MARIADB,
    )
    op.create_table(
        "org_parts",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_org_parts_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_org_parts"),
        sa.UniqueConstraint("instance_id", "kind", "name", name="uq_org_parts_instance_id_kind_name"),
        **MARIADB,
    )
    op.create_table(
        "reconciles",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("feed", sa.String(length=120), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("cursor_id", sa.String(length=120), nullable=True),
        sa.Column("covered_until", UtcDateTime(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("counts", Json(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_reconciles_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reconciles"),
        **MARIADB,
    )
    op.create_index("ix_reconciles_instance_id_lane", "reconciles", ["instance_id", "lane"])
    op.create_table(
        "event_replays",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("replay_id", Bytes, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_event_replays_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_event_replays"),
        sa.UniqueConstraint("instance_id", "topic", name="uq_event_replays_instance_id_topic"),
        **MARIADB,
    )
    op.add_column("api_usage", sa.Column("urgent", sa.Integer, nullable=False, server_default="0"))
