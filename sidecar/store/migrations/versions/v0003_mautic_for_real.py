"""Make the tables for a real Mautic: what we made there, people to push at once, launches used up, and who is left out by hand."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sidecar.store.types import BigId, UtcDateTime

revision = "0003"
down_revision = "0002"

MARIADB: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Make the tables, and the column of the last early run."""
    op.add_column("schedules", sa.Column("early_at", UtcDateTime(), nullable=True))
    op.create_table(
        "host_parts",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("host_id", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_host_parts_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_host_parts"),
        sa.UniqueConstraint("instance_id", "kind", "name", name="uq_host_parts_instance_id_kind_name"),
        **MARIADB,
    )
    op.create_table(
        "pushes",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("host_object", sa.String(length=80), nullable=False),
        sa.Column("host_id", sa.String(length=64), nullable=False),
        sa.Column("wanted_object", sa.String(length=80), nullable=True),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("member_status", sa.String(length=80), nullable=True),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=True),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_pushes_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pushes"),
        **MARIADB,
    )
    op.create_index("ix_pushes_instance_id_state", "pushes", ["instance_id", "state"])
    op.create_index("ix_pushes_instance_id_host_object_host_id", "pushes", ["instance_id", "host_object", "host_id"])
    op.create_table(
        "launches",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_launches_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_launches"),
        sa.UniqueConstraint("instance_id", "token_hash", name="uq_launches_instance_id_token_hash"),
        **MARIADB,
    )
    op.create_index("ix_launches_expires_at", "launches", ["expires_at"])
    op.create_table(
        "exclusions",
        sa.Column("id", BigId, autoincrement=True),
        sa.Column("instance_id", BigId, nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=64), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_exclusions_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_exclusions"),
        sa.UniqueConstraint(
            "instance_id", "side", "object", "record_id", name="uq_exclusions_instance_id_side_object_record_id"
        ),
        **MARIADB,
    )
