"""How the sandbox Mautic behaves where Mautic's versions differ: one profile per line of versions that is in use.

5.1 was measured, the others were read from their sources; each profile stands for the last release of its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sidecar.sandbox.host.tables import ColumnFact


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of Mautic.

    - `freezes_date_modified`: the column is set at creation and never again, on contacts, companies and webhooks.
    - `opt_out_moves_contact`: a do-not-contact change alone moves `date_modified` and `modified_by`.
    - `blanks_stale_choices`: saving a contact empties its selects whose value is no option any more.
    - `batches_follow_merges`: a merged-away id in a batch stands for its survivor, also in batch/delete.
    - `repeats_make_duplicates`: the same id twice in batch/edit makes a second contact.
    - `company_batches_upsert`: batch/new with the name of a company changes it; before, the item was refused.
    - `unknown_company_fails_batch`: one unknown id among others makes a whole batch of companies fail.
    - `marks_deletions`: companies and segments have a column `deleted`, and may stay for a while with it.
    - `clears_company_text`: deleting a company empties the text on every contact that carries its name.
    - `escapes_answers`: form answers are stored with their HTML escaped.
    - `refuses_private_addresses`: webhooks go to private addresses only where the settings name them.
    - `retries_deliveries`: a delivery from the queue that fails stays there and is tried again after an hour.
    - `logs_failure_twice`: a refused delivery leaves its status and, in a second row, the reason.
    - `webhook_agent`: how a delivery calls its sender.
    - `columns`, `dropped_columns`: what the tables have, and have not, besides what 5.1 has.
    """

    name: str
    version: str
    freezes_date_modified: bool = False
    opt_out_moves_contact: bool = False
    blanks_stale_choices: bool = True
    batches_follow_merges: bool = False
    repeats_make_duplicates: bool = False
    company_batches_upsert: bool = True
    unknown_company_fails_batch: bool = False
    marks_deletions: bool = False
    clears_company_text: bool = False
    escapes_answers: bool = False
    refuses_private_addresses: bool = False
    retries_deliveries: bool = False
    logs_failure_twice: bool = True
    webhook_agent: str = "GuzzleHttp/7"
    columns: tuple[ColumnFact, ...] = ()
    dropped_columns: frozenset[tuple[str, str]] = frozenset()


def _column(table: str, name: str, kind: str, *, default: str | None = None) -> ColumnFact:
    return ColumnFact(table, name, kind, default is None, "", default or "", "")


NEW_IN_7_2: Final = (
    _column("companies", "deleted", "datetime"),
    _column("lead_lists", "deleted", "datetime"),
    _column("webhook_queue", "retries", "smallint(5)", default="0"),
    _column("webhook_queue", "date_modified", "datetime"),
    _column("webhooks", "marked_unhealthy_at", "datetime"),
    _column("webhooks", "unhealthy_since", "datetime"),
    _column("webhooks", "last_notification_sent_at", "datetime"),
)

PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile(
            "5.1",
            "5.1.1",
            opt_out_moves_contact=True,
            blanks_stale_choices=False,
            repeats_make_duplicates=True,
            company_batches_upsert=False,
            escapes_answers=True,
        ),
        Profile("5.2", "5.2.7", escapes_answers=True),
        Profile("6.0", "6.0.6", freezes_date_modified=True, refuses_private_addresses=True),
        Profile(
            "7.2",
            "7.2.0",
            freezes_date_modified=True,
            batches_follow_merges=True,
            unknown_company_fails_batch=True,
            marks_deletions=True,
            clears_company_text=True,
            refuses_private_addresses=True,
            retries_deliveries=True,
            logs_failure_twice=False,
            webhook_agent="Webhook",
            columns=NEW_IN_7_2,
            dropped_columns=frozenset({("webhook_queue", "payload")}),
        ),
    )
}
DEFAULT: Final = PROFILES["5.1"]


def profile_of(wish: str | Profile) -> Profile:
    """Return a profile by its name, or the one that was made for the occasion."""
    return wish if isinstance(wish, Profile) else PROFILES[wish]
