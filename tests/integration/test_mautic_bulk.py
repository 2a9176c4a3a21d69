"""Thousands of contacts through the bundle's bulk endpoint: few calls, each item's error its own, and REST when it fails."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.cache import MemoryCache
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.side import MauticSide, connect
from sidecar.records import NOTHING, Ref, Side
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.faults import Fault
from sidecar.sync.model import ConsentChange, Reaction, Write, WriteError, WriteResult
from tests.builders import NOON
from tests.recorded_mautic import rules_for
from tests.wsgi import WsgiAdapter

BULK, EDIT, NEW = "/api/sidecar/contacts/bulk", "/api/contacts/batch/edit", "/api/contacts/batch/new"
MANY = 4_000


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, list[int]]]:
    """A Mautic with 4,000 contacts; each test installs the bundle anew, or takes it away."""
    path: Path = tmp_path_factory.mktemp("mautic") / "mautic.sqlite3"
    host = Host(f"sqlite:///{path}")
    yield host, host.create_many([{"email": f"p{number}@example.org"} for number in range(MANY)])
    host.close()


@contextmanager
def side_of(host: Host, *, bundle: bool, parallel: int = 4) -> Iterator[MauticSide]:
    client_id, secret = host.add_oauth_client("Sidecar")
    if bundle:
        host.install_bundle(client_id)
    else:
        host.remove_bundle()
    connection = MauticConnection(
        "http://127.0.0.1:1", host.database_url, client_id=client_id, client_secret=secret, parallel=parallel
    )
    host.requests.clear()
    host.faults.clear()
    side = connect(
        connection, cache=MemoryCache(), clock=lambda: NOON, adapter=WsgiAdapter(host.app), sleep=lambda _: None
    )
    yield side
    side.close()


def edit(contact_id: int, consent: ConsentChange | None = None, tags: tuple[str, ...] = (), **values: Any) -> Write:
    return Write(Side.HOST, "contact", Ref("contact", str(contact_id)), values or NOTHING, consent=consent, tags=tags)


def create(consent: ConsentChange | None = None, **values: Any) -> Write:
    return Write(Side.HOST, "contact", values=values, consent=consent)


def write(side: MauticSide, writes: Sequence[Write]) -> list[WriteResult]:
    return side.write(rules_for(side.reader.schema, "email"), writes)


def calls(host: Host) -> Counter[str]:
    """Return how often each path of the API was called."""
    return Counter(path.partition("?")[0] for _, path in host.requests)


def test_four_thousand_changed_people_are_eight_calls_and_leave_the_outbox_empty(
    crowded: tuple[Host, list[int]],
) -> None:
    host, people = crowded
    with side_of(host, bundle=True) as side:
        results = write(side, [edit(each, firstname="Bulk") for each in people])
    assert [result.ref and int(result.ref.id) for result in results] == people
    assert not any(result.error for result in results)
    assert calls(host)[BULK] <= 8
    assert calls(host)[EDIT] == 0
    assert {row["firstname"] for row in host.contacts()} == {"Bulk"}
    assert [row["kind"] for row in host.outbox()] == ["began"]


@pytest.mark.parametrize(("status", "skip"), [(403, 1), (404, 1), (413, 1), (503, 1), (500, 1), (502, 0)])
def test_switched_off_in_the_middle_of_a_run_the_rest_goes_by_rest(
    crowded: tuple[Host, list[int]], status: int, skip: int
) -> None:
    host, people = crowded
    some, name = people[:600], f"Then {status}"
    with side_of(host, bundle=True, parallel=1) as side:
        host.faults.add(Fault(f"POST {BULK}", status=status, skip=skip))
        results = write(side, [edit(each, firstname=name) for each in some])
        assert not any(result.error for result in results)
        assert [int(result.ref.id) for result in results if result.ref] == some
        assert calls(host)[BULK] == skip + 1
        assert calls(host)[EDIT] == (1 if skip else 3)
        assert len([row for row in host.contacts() if row["firstname"] == name]) == 600
        write(side, [edit(people[0], firstname="Next")])
        assert calls(host)[BULK] == skip + 1, "it is not asked again in this run"


# -- each item by itself ---------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A Mautic with a few contacts."""
    made = Host(f"sqlite:///{tmp_path}/mautic.sqlite3")
    yield made
    made.close()


def test_each_items_error_lands_on_its_own_record(host: Host) -> None:
    first, taken, second, loser, gone, longest, named = host.create_many(
        [{"email": f"{name}@example.org"} for name in ("a", "b", "c", "d", "e", "f", "g")]
    )
    writes = [
        edit(first, firstname="A"),
        edit(second, email="b@example.org"),
        edit(longest, firstname="x" * 300),
        edit(named, rating="Lukewarm"),
        edit(loser, firstname="D"),
        edit(gone, firstname="E"),
        create(email="new@example.org", firstname="N"),
        create(email="B@example.org", firstname="B"),
    ]
    with side_of(host, bundle=True) as side:
        _while_sending(side, lambda: _lose(host, first, loser, gone))
        results = write(side, writes)
    refused, retry = Reaction.DATA, Reaction.RETRY
    assert [result.error for result in results] == [
        None,
        WriteError("mautic-value-not-unique", retry, ("email",)),
        WriteError("mautic-field-refused", refused, ("firstname",)),
        WriteError("mautic-field-refused", refused, ("rating",)),
        WriteError("mautic-contact-gone", retry),
        WriteError("mautic-contact-gone", retry),
        None,
        None,
    ]
    assert [result.was_created for result in results] == [*[False] * 6, True, False]
    assert results[7].ref == Ref("contact", str(taken))
    assert calls(host)[EDIT] == calls(host)[NEW] == 0


def _lose(host: Host, winner: int, loser: int, gone: int) -> None:
    host.merge_contacts(winner, loser)
    host.delete_contact(gone)


def _while_sending(side: MauticSide, act: Callable[[], None]) -> None:
    """Let something happen in Mautic after our last look and before our call arrives."""
    send = side.bundle.bulk

    def interrupted(items: Any) -> Any:
        setattr(side.bundle, "bulk", send)  # noqa: B010  (a moment between two steps)
        act()
        return send(items)

    setattr(side.bundle, "bulk", interrupted)  # noqa: B010  (as above)


def test_tags_owner_and_opt_outs_travel_in_the_item(host: Host) -> None:
    sally = host.add_user("sally")
    owned, out, lifted, bounced, cleared = host.create_many(
        [{"email": f"{name}@example.org", "phone": "1"} for name in ("a", "b", "c", "d", "e")]
    )
    host.opt_out(lifted)
    host.opt_out(bounced, 2)
    writes = [
        edit(owned, owner_email="sally@example.com", tags=("From Salesforce",)),
        edit(out, ConsentChange.OPT_OUT),
        edit(lifted, ConsentChange.LIFT, firstname="C"),
        edit(bounced, ConsentChange.LIFT),
        edit(cleared, phone=None),
        create(ConsentChange.OPT_OUT, email="new@example.org"),
    ]
    with side_of(host, bundle=True, parallel=1) as side:
        results = write(side, writes)
    assert [result.consent_error and result.consent_error.code for result in results] == [
        None, None, None, "bounce-is-never-lifted", None, None,
    ]  # fmt: skip
    assert host.rows("leads", id=owned)[0]["owner_id"] == sally
    assert [row["tag"] for row in host.rows("lead_tags")] == ["From Salesforce"]
    assert [row["lead_id"] for row in host.rows("lead_tags_xref")] == [owned]
    made = int(results[5].ref.id) if results[5].ref else 0
    channels = {each: [row["channel"] for row in host.dnc(each)] for each in (out, lifted, bounced, made)}
    assert channels == {out: ["email"], lifted: [], bounced: ["email"], made: ["email"]}
    assert host.rows("leads", id=cleared)[0]["phone"] is None
    assert set(calls(host)) <= {"/oauth/v2/token", "/api/sidecar/status", "/api/users/self", BULK}


def test_what_may_have_been_made_is_not_made_again_at_once(host: Host) -> None:
    [known] = host.create_many([{"email": "a@example.org"}])
    with side_of(host, bundle=True) as side:
        host.faults.add(Fault(f"POST {BULK}", kind="reset_after", times=1, skip=1))
        results = write(side, [edit(known, firstname="A"), create(email="new@example.org")])
    assert results[0].error is None
    assert results[1].error == WriteError("mautic-unreachable", Reaction.RETRY)
    assert len([row for row in host.contacts() if row["email"] == "new@example.org"]) == 1


def test_another_client_s_bundle_is_left_alone(host: Host) -> None:
    [known] = host.create_many([{"email": "a@example.org"}])
    with side_of(host, bundle=True) as side:
        host.install_bundle("77_somebody_else")
        write(side, [edit(known, firstname="A")])
    assert (calls(host)[BULK], calls(host)[EDIT]) == (0, 1)
