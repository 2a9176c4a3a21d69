"""What must stay unreadable: secrets of connections, cached tokens, values of people; and changing the key."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from sidecar.errors import SetupError
from sidecar.records import Side
from sidecar.store.cache import SqlCache, prune_cache
from sidecar.store.connections import Connections, ConnectionState
from sidecar.store.crypto import Cipher, generate_key
from sidecar.store.ledger import Ledger
from sidecar.store.rotation import ENCRYPTED, count_unrotated, rotate_secrets
from sidecar.store.tables import cache, connections, metadata
from tests.builders_store import CIPHER, CIPHER_KEY, NOW, Clock, Worker, an_instance, host, linked

SECRET = "s3cr3t-of-the-org"
SETTINGS = {"login_url": "https://acme.my.salesforce.com", "flow": "client_credentials"}


@pytest.fixture
def instance(database):
    return an_instance(database)


@pytest.fixture
def connected(database, instance):
    kept = Connections(database, CIPHER)
    kept.save(instance.id, Side.SALESFORCE, SETTINGS, {"client_secret": SECRET, "private_key": "PEM"})
    return kept


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(database, instance, clock):
    return SqlCache(database, CIPHER, instance.id, Side.SALESFORCE, clock)


def test_a_connection_shows_which_secrets_are_set_and_never_what_they_are(connected, instance):
    found = connected.load(instance.id, Side.SALESFORCE)
    assert (found.settings, found.secret_names) == (SETTINGS, {"client_secret", "private_key"})
    assert found.state is ConnectionState.UNCHECKED
    assert SECRET not in repr(found)


def test_a_client_gets_the_secrets(connected, instance):
    assert connected.load_secrets(instance.id, Side.SALESFORCE) == {"client_secret": SECRET, "private_key": "PEM"}


def test_secrets_are_not_readable_in_the_table(connected, database):
    with database.read() as connection:
        (row,) = connection.execute(sa.select(connections)).all()
    assert SECRET not in str(tuple(row))
    assert "client_secret" not in str(tuple(row))


def test_a_side_nobody_connected_has_nothing(connected, instance):
    assert connected.load(instance.id, Side.HOST) is None
    assert connected.load_secrets(instance.id, Side.HOST) == {}


def test_secrets_that_are_not_entered_again_are_kept_and_empty_ones_forgotten(connected, instance):
    connected.save(instance.id, Side.SALESFORCE, {"flow": "jwt_bearer"}, {"client_secret": ""})
    assert connected.load(instance.id, Side.SALESFORCE).settings == {"flow": "jwt_bearer"}
    assert connected.load_secrets(instance.id, Side.SALESFORCE) == {"private_key": "PEM"}


def test_a_check_is_remembered_until_something_is_changed(connected, instance):
    connected.note_check(instance.id, Side.SALESFORCE, NOW, code="signin-refused", message="Sign-in was refused")
    found = connected.load(instance.id, Side.SALESFORCE)
    assert (found.state, found.checked_at, found.check_code) == (ConnectionState.BROKEN, NOW, "signin-refused")
    connected.note_check(instance.id, Side.SALESFORCE, NOW)
    found = connected.load(instance.id, Side.SALESFORCE)
    assert (found.state, found.check_code, found.check_message) == (ConnectionState.WORKING, None, None)
    connected.save(instance.id, Side.SALESFORCE, SETTINGS)
    assert connected.load(instance.id, Side.SALESFORCE).state is ConnectionState.UNCHECKED


def test_a_wrong_key_says_so(connected, database, instance):
    with pytest.raises(SetupError) as caught:
        Connections(database, Cipher([generate_key()])).load_secrets(instance.id, Side.SALESFORCE)
    assert caught.value.code == "keys-cannot-read"


def test_a_cached_text_is_there_until_it_runs_out(tokens, clock):
    assert tokens.get("token") is None
    tokens.put("token", "00D!old", expires_at=NOW + timedelta(hours=1))
    tokens.put("token", "00D!new", expires_at=NOW + timedelta(hours=2))
    assert tokens.get("token") == "00D!new"
    clock.pass_(hours=2)
    assert tokens.get("token") is None


def test_a_dropped_text_is_gone(tokens):
    tokens.put("token", "00D!x", expires_at=NOW + timedelta(hours=1))
    tokens.drop("token")
    tokens.drop("token")
    assert tokens.get("token") is None


def test_a_cached_text_is_for_one_side_of_one_instance(tokens, database, instance, clock):
    tokens.put("token", "00D!x", expires_at=NOW + timedelta(hours=1))
    other = an_instance(database, "other")
    assert SqlCache(database, CIPHER, instance.id, Side.HOST, clock).get("token") is None
    assert SqlCache(database, CIPHER, other.id, Side.SALESFORCE, clock).get("token") is None


def test_a_large_describe_fits_and_is_not_readable(tokens, database):
    describe = "Mautic_Id__c," * 100_000
    tokens.put("describe", describe, expires_at=NOW + timedelta(hours=1))
    assert tokens.get("describe") == describe
    with database.read() as connection:
        assert "Mautic_Id__c" not in connection.scalar(sa.select(cache.c.text))


def test_only_what_ran_out_is_pruned(tokens, database):
    tokens.put("old", "x", expires_at=NOW + timedelta(hours=1))
    tokens.put("new", "x", expires_at=NOW + timedelta(hours=3))
    assert prune_cache(database, NOW + timedelta(hours=2)) == 1
    assert tokens.get("new") == "x"


def test_after_a_rotation_the_old_key_can_be_thrown_away(connected, tokens, database, instance, clock):
    tokens.put("token", "00D!x", expires_at=NOW + timedelta(hours=1))
    changes = tuple((Side.HOST, f"field{number}", "a", "b") for number in range(7))
    Worker(database, instance.id).take().settle([linked(1, changes=changes)])
    new_key = generate_key()
    both = Cipher([new_key, CIPHER_KEY])
    assert count_unrotated(database, both) == 9
    assert rotate_secrets(database, both, batch_size=3) == 9
    assert rotate_secrets(database, both, batch_size=3) == count_unrotated(database, both) == 0
    new = Cipher([new_key])
    assert Connections(database, new).load_secrets(instance.id, Side.SALESFORCE)["client_secret"] == SECRET
    assert SqlCache(database, new, instance.id, Side.SALESFORCE, clock).get("token") == "00D!x"
    assert len(Ledger(database, new).history.changes(instance.id, Side.HOST, host(1))) == 7


def test_every_encrypted_table_is_rotated():
    with_key = {table.name for table in metadata.sorted_tables if "key_id" in table.c}
    assert with_key == {table.name for table, _ in ENCRYPTED}
