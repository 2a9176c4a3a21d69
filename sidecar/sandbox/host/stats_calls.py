"""REST calls on raw tables: /api/stats."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host.answers import answer
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.filters import UnknownColumnError, conditions, nested, ordering, span
from sidecar.sandbox.host.values import shown

TABLES = (
    "asset_downloads",
    "audit_log",
    "campaign_lead_event_log",
    "campaign_leads",
    "companies_leads",
    "dynamic_content_stats",
    "email_stat_replies",
    "email_stats",
    "focus_stats",
    "form_submissions",
    "ip_addresses",
    "lead_categories",
    "lead_companies_change_log",
    "lead_devices",
    "lead_donotcontact",
    "lead_event_log",
    "lead_lists_leads",
    "lead_points_change_log",
    "lead_stages_change_log",
    "lead_utmtags",
    "page_hits",
    "page_redirects",
    "push_notification_stats",
    "sms_message_stats",
    "video_hits",
    "webhook_logs",
)
DEFAULT_LIMIT = 100


def tables_list(call: Call) -> Response:
    """Return the tables there are; also what an unknown table answers."""
    columns = {name: sorted(call.work.schema[name].c.keys()) for name in TABLES}
    return answer({"availableTables": TABLES, "tableColumns": columns})


def stats(call: Call, table: str) -> Response:
    """Return raw rows with every value as text; an unknown column is an error inside a 200."""
    if table not in TABLES:
        return tables_list(call)
    found, query = call.work.schema[table], nested(call.request.args)
    try:
        wanted, order = conditions(found, query.get("where")), ordering(found, query)
    except UnknownColumnError as error:
        alias = "".join(word[0] for word in re.split("_", table))
        text = "An exception occurred while executing a query: SQLSTATE[42S22]: Column not found: 1054 Unknown column "
        return answer({"errors": [{"message": f"{text}'{alias}.{error}' in 'WHERE'", "code": 1054}]})
    start, limit = span(query, DEFAULT_LIMIT)
    total = call.work.connection.execute(select(func.count()).select_from(found).where(*wanted)).scalar()
    page = select(found).where(*wanted).order_by(*order).offset(start).limit(limit)
    rows = [{k: as_text(v) for k, v in row.items()} for row in call.work.connection.execute(page).mappings()]
    return answer({"total": str(total), "stats": rows})


def as_text(value: Any) -> str | None:
    """Return a value the way the database driver of Mautic hands it over."""
    return None if value is None else str(shown(value))


RULES = [
    Rule("/api/stats", endpoint=tables_list, methods=["GET"]),
    Rule("/api/stats/<table>", endpoint=stats, methods=["GET"]),
]
