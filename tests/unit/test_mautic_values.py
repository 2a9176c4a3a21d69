"""Mautic's values, PHP text, versions and addresses: small things that are wrong for everybody when they are wrong."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import SetupError
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.opt_outs import logged_reason
from sidecar.hosts.mautic.php import unserialize
from sidecar.hosts.mautic.values import from_row, to_json, why_not_writable
from sidecar.hosts.mautic.versions import require_known
from sidecar.records import FieldInfo, FieldType

LIFTED = 'a:1:{s:18:"dnc_channel_status";a:1:{s:5:"email";a:3:{s:6:"reason";i:0;s:10:"old_reason";i:3;s:8:"comments";s:0:"";}}}'
OPTED_OUT = 'a:1:{s:18:"dnc_channel_status";a:1:{s:5:"email";a:2:{s:6:"reason";i:3;s:8:"comments";s:2:"é";}}}'
BY_SMS = 'a:1:{s:18:"dnc_channel_status";a:1:{s:3:"sms";a:2:{s:6:"reason";i:3;s:8:"comments";s:0:"";}}}'


def info(kind: FieldType, scale: int | None = None) -> FieldInfo:
    return FieldInfo("f", "F", kind, scale=scale)


@pytest.mark.parametrize(
    ("raw", "kind", "expected"),
    [
        (None, FieldType.TEXT, None),
        ("", FieldType.TEXT, None),
        ("0", FieldType.TEXT, "0"),
        (0, FieldType.BOOLEAN, False),
        ("1", FieldType.BOOLEAN, True),
        (0.0, FieldType.NUMBER, Decimal("0.0")),
        (12.3, FieldType.NUMBER, Decimal("12.3")),
        ("nan", FieldType.NUMBER, None),
        ("music|art", FieldType.MULTI_PICKLIST, ("music", "art")),
        ("|", FieldType.MULTI_PICKLIST, None),
        (date(2020, 2, 29), FieldType.DATE, date(2020, 2, 29)),
        ("2020-02-29", FieldType.DATE, date(2020, 2, 29)),
        ("0000-00-00", FieldType.DATE, None),
        ("0000-00-00 00:00:00", FieldType.DATETIME, None),
        ("2026-03-04 15:06:07", FieldType.DATETIME, datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)),
        (timedelta(hours=9, minutes=30), FieldType.TEXT, "09:30:00"),
    ],
)
def test_a_column_becomes_canonical(raw: object, kind: FieldType, expected: object) -> None:
    assert from_row(raw, info(kind)) == expected


def test_a_moment_of_whole_minutes_is_read_so() -> None:
    raw = datetime(2026, 3, 4, 15, 6, 7)  # noqa: DTZ001  (as the driver hands it over)
    assert from_row(raw, info(FieldType.DATETIME, scale=0)) == datetime(2026, 3, 4, 15, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (False, 0),
        (True, 1),
        (Decimal("1234.50"), "1234.50"),
        (Decimal("1E+3"), "1000"),
        (("music", "art"), ["music", "art"]),
        (date(2020, 2, 29), "2020-02-29"),
        (datetime(2026, 3, 4, 15, 6, 7, tzinfo=timezone(timedelta(hours=2))), "2026-03-04 13:06:07"),
        ("  5 > 4 ", "  5 > 4 "),
        (None, None),
    ],
)
def test_a_value_is_sent_in_the_form_mautic_takes(value: object, sent: object) -> None:
    assert to_json(value) == sent
    assert type(to_json(value)) is type(sent)


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        (Decimal(0), FieldType.NUMBER, "mautic-drops-zero"),
        (Decimal("0.30000000000000004"), FieldType.NUMBER, "mautic-drops-zero"),
        (Decimal("-0.9"), FieldType.NUMBER, "mautic-drops-zero"),
        (Decimal(1), FieldType.NUMBER, None),
        ("0", FieldType.TEXT, "mautic-drops-zero"),
        ("00000", FieldType.TEXT, "mautic-drops-zero"),
        ("0 apples", FieldType.TEXT, None),
        ("5 < 6 > 4", FieldType.TEXT, "mautic-strips-tags"),
        ("6 > 4", FieldType.TEXT, None),
        (False, FieldType.BOOLEAN, None),
        (None, FieldType.NUMBER, None),
        ("infinity", FieldType.TEXT, None),
    ],
)
def test_what_mautic_would_store_differently_is_known_beforehand(
    value: object, kind: FieldType, code: str | None
) -> None:
    assert why_not_writable(value, info(kind), "text") == code


def test_an_html_field_takes_tags() -> None:
    assert why_not_writable("<p>x</p>", info(FieldType.LONG_TEXT), "html") is None


@given(st.text())
def test_text_is_sent_and_read_as_it_is(text: str) -> None:
    assert to_json(text) == text
    assert from_row(text, info(FieldType.TEXT)) == (text or None)


@pytest.mark.parametrize(
    ("details", "reason"), [(LIFTED, 0), (OPTED_OUT, 3), (BY_SMS, None), ("a:0:{}", None), (None, None)]
)
def test_the_log_says_what_became_of_the_opt_out(details: str | None, reason: int | None) -> None:
    assert logged_reason(details) == reason


def test_objects_in_php_text_do_not_hide_the_rest() -> None:
    text = 'a:2:{s:1:"d";O:8:"DateTime":1:{s:4:"date";s:4:"2026";}s:1:"x";i:1;}'
    assert unserialize(text) == {"d": {"date": "2026"}, "x": 1}


@given(st.binary())
def test_broken_php_text_is_nothing_but_never_an_error(raw: bytes) -> None:
    unserialize(raw)


@pytest.mark.parametrize("version", ["5.1.1", "5.2.12", "6.0.10", "7.2.2"])
def test_versions_five_to_seven_are_known(version: str) -> None:
    require_known(version)


@pytest.mark.parametrize("version", ["4.4.13", "8.0.0", "", "five"])
def test_other_versions_are_refused_with_a_message(version: str) -> None:
    with pytest.raises(SetupError, match="5, 6, 7") as caught:
        require_known(version)
    assert caught.value.code == "mautic-version-unknown"


@pytest.mark.parametrize(
    "url", ["http://mautic.example", "ftp://localhost", "mautic.example", "https://", "http://127.0.0.1.evil.example"]
)
def test_an_address_that_would_show_the_token_is_refused(url: str) -> None:
    with pytest.raises(SetupError):
        MauticConnection(url, "sqlite://")


@pytest.mark.parametrize(
    "url", ["https://mautic.example/", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:1"]
)
def test_https_and_this_machine_are_fine(url: str) -> None:
    assert MauticConnection(url, "sqlite://").base_url == url.rstrip("/")


def test_no_secret_shows_in_a_connection() -> None:
    shown = repr(
        MauticConnection("https://m.example", "mysql://u:geheim1@h/d", client_secret="geheim2", password="geheim3")
    )
    assert "geheim" not in shown
