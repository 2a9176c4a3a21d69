"""Encryption at rest."""

import pytest

from sidecar.errors import SetupError
from sidecar.store.crypto import Cipher, generate_key


def test_what_was_encrypted_can_be_read_and_does_not_show():
    cipher = Cipher([generate_key()])
    token = cipher.encrypt("geheim ☂")
    assert "geheim" not in token
    assert cipher.decrypt(token) == "geheim ☂"


def test_an_older_key_still_reads_and_the_first_one_writes():
    old, new = generate_key(), generate_key()
    both = Cipher([new, old])
    assert both.decrypt(Cipher([old]).encrypt("secret")) == "secret"
    assert Cipher([new]).decrypt(both.encrypt("secret")) == "secret"


def test_a_rotated_token_no_longer_needs_the_older_key():
    old, new = generate_key(), generate_key()
    token = Cipher([new, old]).rotate(Cipher([old]).encrypt("secret"))
    assert Cipher([new]).decrypt(token) == "secret"


@pytest.mark.parametrize("act", ["decrypt", "rotate"])
def test_a_wrong_key_is_a_setup_problem_that_shows_nothing(act):
    token = Cipher([generate_key()]).encrypt("secret")
    with pytest.raises(SetupError) as caught:
        getattr(Cipher([generate_key()]), act)(token)
    assert caught.value.code == "keys-cannot-read"
    assert token not in str(caught.value)


def test_the_key_id_names_the_first_key_without_showing_it():
    old, new = generate_key(), generate_key()
    assert Cipher([new, old]).key_id == Cipher([new]).key_id != Cipher([old]).key_id
    assert new[:8] not in repr(Cipher([new]))


@pytest.mark.parametrize(("keys", "code"), [([], "keys-missing"), (["short"], "keys-malformed")])
def test_unusable_keys_are_a_setup_problem(keys, code):
    with pytest.raises(SetupError) as caught:
        Cipher(keys)
    assert caught.value.code == code
