"""Which versions of Mautic we know, and the one table of what differs between them. Pure.

Nobody else compares version numbers: code that must behave differently asks `differences_of`, by the name of the difference.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sidecar.errors import SetupError

Version = tuple[int, int, int]
Spans = tuple[tuple[Version, Version | None], ...]
"""From a version on, up to another one that is not meant any more; None: for good."""

OLDEST: Version = (5, 1, 0)
KNOWN_MAJORS = (5, 6, 7)


@dataclass(frozen=True, slots=True)
class Differences:
    """What a Mautic of one version does. Each name is a fact about Mautic, not a wish of ours.

    `date_modified_is_frozen`: leads.date_modified stands still at the moment of creation.
    `date_modified_empty_at_first`: it is NULL until the first edit.
    `dnc_moves_date_modified`: an opt-out alone moves it.
    `companies_upsert_by_name`: a company sent under a name that is there changes that company, also in a batch.
    `company_batch_fails_whole`: one unknown id in a batch of companies fails the whole call.
    `batch_follows_merges`: a batch edit of a merged id writes to the survivor, and a batch delete of one deletes the survivor.
    `batch_doubles_repeated_ids`: an id that stands twice in a batch edit makes a second contact.
    `blanks_stale_selects`: any save empties a select whose value is no option any more.
    `raw_form_answers`: form answers are stored as they were typed; before, with HTML entities.
    `private_targets_refused`: webhooks to private addresses need `webhook_allowed_private_addresses`.
    `retries_webhooks`: in queue mode, what was refused comes again every hour, out of order.
    `auto_unpublish_switch`: the configuration has `disable_auto_unpublish`, which keeps failing webhooks on.
    `has_soft_deletion`: segments and companies that are about to be deleted carry a date in `deleted`, until a command ends it.
    `sends_to_dnc`: an e-mail sent through the API reaches a contact that opted out.
    `company_deletion_clears_text`: deleting a company empties the text of that name in contacts, without a trace.
    `form_sets_owner_and_stage`: a form may set a contact's owner and stage.
    `escapes_filters`: values of `where[]` are compared with their HTML entities.
    `has_rate_limiter`: Mautic itself may answer 429.
    """

    date_modified_is_frozen: bool
    date_modified_empty_at_first: bool
    dnc_moves_date_modified: bool
    companies_upsert_by_name: bool
    company_batch_fails_whole: bool
    batch_follows_merges: bool
    batch_doubles_repeated_ids: bool
    blanks_stale_selects: bool
    raw_form_answers: bool
    private_targets_refused: bool
    retries_webhooks: bool
    auto_unpublish_switch: bool
    has_soft_deletion: bool
    sends_to_dnc: bool
    company_deletion_clears_text: bool
    form_sets_owner_and_stage: bool
    escapes_filters: bool
    has_rate_limiter: bool


TRUE_IN: Mapping[str, Spans] = MappingProxyType(
    {
        "date_modified_is_frozen": (((6, 0, 0), None),),
        "date_modified_empty_at_first": (((5, 1, 0), (6, 0, 0)),),
        "dnc_moves_date_modified": (((5, 1, 0), (5, 2, 0)),),
        "companies_upsert_by_name": (((5, 2, 0), None),),
        "company_batch_fails_whole": (((7, 0, 0), None),),
        "batch_follows_merges": (((7, 0, 0), None),),
        # Mended in 5.2.7 and in 6.0.3; between 5.2.1 and 5.2.7 nobody looked, so those count as not mended.
        "batch_doubles_repeated_ids": (((5, 1, 0), (5, 2, 7)), ((6, 0, 0), (6, 0, 3))),
        "blanks_stale_selects": (((5, 2, 0), None),),
        "raw_form_answers": (((6, 0, 0), None),),
        # 5.2.8 by inference: the same round of security fixes as 6.0.5.
        "private_targets_refused": (((5, 2, 8), (6, 0, 0)), ((6, 0, 5), None)),
        "retries_webhooks": (((7, 0, 0), None),),
        "auto_unpublish_switch": (((7, 0, 0), None),),
        "has_soft_deletion": (((7, 1, 0), None),),
        "sends_to_dnc": (((5, 1, 0), (7, 2, 0)),),
        "company_deletion_clears_text": (((7, 0, 0), None),),
        "form_sets_owner_and_stage": (((7, 1, 0), None),),
        "escapes_filters": (((5, 1, 0), (6, 0, 0)),),
        "has_rate_limiter": (((5, 1, 0), (7, 0, 0)),),
    }
)
"""In which versions each difference is true. The only place that knows numbers of versions."""


def require_known(version: str) -> None:
    """Accept a version such as "5.2.7"; SetupError for one that nobody has looked at: before 5.1, or another major."""
    number = _parse(version)
    if number and number >= OLDEST and number[0] in KNOWN_MAJORS:
        return
    known = ", ".join(str(each) for each in KNOWN_MAJORS)
    shown = version if re.fullmatch(r"[\w.+-]{1,32}", version) else "unreadable"
    raise SetupError(
        f"This Mautic's version ({shown}) is not known to the sidecar, which works with {known} from 5.1 on. "
        "Nothing was written.",
        code="mautic-version-unknown",
    )


def differences_of(version: str) -> Differences:
    """Return what a known version does; a pre-release counts as its release. SetupError for an unknown one."""
    require_known(version)
    number = _parse(version) or OLDEST
    return Differences(**{name: _is_in(number, spans) for name, spans in TRUE_IN.items()})


def _parse(version: str) -> Version | None:
    found = re.match(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?!\d)", version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _is_in(number: Version, spans: Spans) -> bool:
    return any(first <= number and (until is None or number < until) for first, until in spans)
