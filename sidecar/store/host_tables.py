"""Tables about the host platform: what it told us, what we made there, whom it wants pushed, and who is left out by hand."""

from sqlalchemy import Index, UniqueConstraint

from sidecar.store.columns import moment, of_instance, ref, table, word

host_events = table(
    "host_events",
    of_instance(),
    word("delivery_hash", 64),
    moment("received_at"),
    UniqueConstraint("instance_id", "delivery_hash"),
    Index(None, "received_at"),
)

host_parts = table(
    "host_parts",
    of_instance(),
    word("kind"),
    word("name", 200),
    word("host_id", 64),
    moment("made_at"),
    UniqueConstraint("instance_id", "kind", "name"),
)

pushes = table(
    "pushes",
    of_instance(),
    *ref("host"),
    # None: what the mapping makes of a new person.
    word("wanted_object", 80, nullable=True),
    word("campaign_id", 64, nullable=True),
    word("member_status", 80, nullable=True),
    word("source", 120),
    word("state"),
    word("reason", 80, nullable=True),
    moment("requested_at"),
    moment("finished_at", nullable=True),
    Index(None, "instance_id", "state"),
    Index(None, "instance_id", "host_object", "host_id"),
)

launches = table(
    "launches",
    of_instance(),
    word("token_hash", 64),
    moment("expires_at"),
    UniqueConstraint("instance_id", "token_hash"),
    Index(None, "expires_at"),
)

exclusions = table(
    "exclusions",
    of_instance(),
    word("side"),
    *ref(),
    word("who", 200),
    moment("at"),
    UniqueConstraint("instance_id", "side", "object", "record_id"),
)
