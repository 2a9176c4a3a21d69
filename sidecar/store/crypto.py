"""Encrypts at rest what must not be readable in the database: secrets, tokens, values of people."""

import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from sidecar.errors import SetupError


def generate_key() -> str:
    """Return a new random key."""
    return Fernet.generate_key().decode()


class Cipher:
    """Encrypts with the first key and reads with any, so that keys can be replaced while everything runs."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SetupError("There is no key to encrypt secrets with", code="keys-missing")
        try:
            self._fernets = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise SetupError("A key is not 32 bytes in URL-safe base64", code="keys-malformed") from error
        self.key_id = hashlib.sha256(keys[0].encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Cipher(key_id={self.key_id!r})"

    def encrypt(self, text: str) -> str:
        """Return the text as a token that only these keys can read."""
        return self._fernets.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the text of a token; SetupError if none of the keys can read it."""
        try:
            return self._fernets.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise _unreadable() from error

    def rotate(self, token: str) -> str:
        """Return the same text encrypted with the first key."""
        try:
            return self._fernets.rotate(token.encode()).decode()
        except InvalidToken as error:
            raise _unreadable() from error


def _unreadable() -> SetupError:
    return SetupError(
        "What is stored was encrypted with a key that is not among the configured ones", code="keys-cannot-read"
    )
