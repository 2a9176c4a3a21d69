"""What the bundle saves from a merge: the loser's do-not-contact entries, its stage with the log, its UTM tags."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import insert, select, update

from sidecar.sandbox.host.work import Work

Row = dict[str, Any]
UNSUBSCRIBED, BOUNCED, BY_HAND = 1, 2, 3
STRENGTH: Final = {BOUNCED: 1, BY_HAND: 2, UNSUBSCRIBED: 3}
"""What a person asked for weighs more than what somebody entered, and that more than a bounce."""

COPIED = ("lead_utmtags", "lead_stages_change_log")


def before_merge(work: Work, winner: Row, loser: Row, columns: Row, details: Row) -> None:
    """Give the winner what Mautic would lose, adding to the columns and the audit details of the save that follows."""
    status = carry_opt_outs(work, winner["id"], loser["id"])
    if status:
        details["dnc_channel_status"] = status
    if loser["stage_id"] and not winner["stage_id"]:
        columns["stage_id"], details["stage"] = loser["stage_id"], [None, loser["stage_id"]]


def carry_opt_outs(work: Work, winner_id: int, loser_id: int) -> Row:
    """Write the loser's entries for the winner as they were, the stronger reason where both have one."""
    table, status = work.schema["lead_donotcontact"], {}
    held = {row["channel"]: row for row in work.rows("lead_donotcontact", table.c.lead_id == winner_id)}
    for entry in work.rows("lead_donotcontact", table.c.lead_id == loser_id):
        channel, own = entry["channel"], held.get(entry["channel"])
        values = {name: entry[name] for name in ("reason", "comments", "channel_id", "date_added")}
        said = {"reason": entry["reason"], "comments": entry["comments"]}
        if own is None:
            work.add("lead_donotcontact", lead_id=winner_id, channel=channel, **values)
            status[channel] = said
        elif STRENGTH[entry["reason"]] > STRENGTH[own["reason"]]:
            work.connection.execute(update(table).where(table.c.id == own["id"]).values(**values))
            status[channel] = {**said, "old_reason": own["reason"]}
    return status


def after_merge(work: Work, winner_id: int, loser_id: int) -> None:
    """Copy the rows that go with the loser; the copies have new ids and the old dates."""
    for name in COPIED:
        table = work.schema[name]
        kept = [column for column in table.c if column.name not in {"id", "lead_id"}]
        rows = work.connection.execute(select(*kept).where(table.c.lead_id == loser_id).order_by(table.c.id)).mappings()
        if copies := [{**row, "lead_id": winner_id} for row in rows]:
            work.connection.execute(insert(table), copies)
