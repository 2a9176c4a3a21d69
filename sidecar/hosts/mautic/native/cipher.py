"""Opens what Mautic encrypted with its own `secret_key`. Pure; the key is an argument and is kept nowhere.

A cell is two base64 texts joined by a bar. The first holds, in base64 again, AES-256-CBC over PHP's serialized value
followed by 64 hexadecimal characters of HMAC-SHA256, whose key is the last 32 characters of the secret key, as text.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from sidecar.errors import UsageError
from sidecar.hosts.mautic.php import unserialize

_BLOCK = 16
_TAG = 64
_TAG_KEY = 32
_KEY = re.compile(r"[0-9a-f]{64}")


def decrypt_all(cells: Mapping[str, str], secret_key: str) -> dict[str, str]:
    """Return every secret as a text; what holds none is left out."""
    opened = {name: decrypt(cell, secret_key) for name, cell in cells.items() if cell}
    return {name: value for name, value in opened.items() if value}


def decrypt(cell: str, secret_key: str) -> str:
    """Return the text in a cell; UsageError for a key that is none or not this Mautic's, and for any other cipher."""
    key = require_key(secret_key)
    data, vector = _parts(cell)
    message = _checked(_without_padding(_deciphered(data, vector, bytes.fromhex(key))), key)
    value = unserialize(message)
    if value is None or isinstance(value, dict):
        return ""
    return str(value)


def require_key(text: str) -> str:
    """Return the key without what surrounds it; UsageError if it cannot be one."""
    key = text.strip().strip("'\"")
    if not _KEY.fullmatch(key):
        raise UsageError(
            "Mautic's secret key has 64 hexadecimal characters; it stands in local.php as 'secret_key'",
            code="native-secret-key-invalid",
        )
    return key


def _parts(cell: str) -> tuple[bytes, bytes]:
    sealed, bar, vector_text = cell.partition("|")
    try:
        data = base64.b64decode(base64.b64decode(sealed, validate=True), validate=True)
        vector = base64.b64decode(vector_text, validate=True)
    except (binascii.Error, ValueError):
        raise _another_cipher() from None
    if not bar or len(vector) != _BLOCK or not data or len(data) % _BLOCK:
        raise _another_cipher()
    return data, vector


def _deciphered(data: bytes, vector: bytes, key: bytes) -> bytes:
    block = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    return block.update(data) + block.finalize()


def _without_padding(padded: bytes) -> bytes:
    unpadder = PKCS7(_BLOCK * 8).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise _wrong_key() from None


def _checked(sealed: bytes, key: str) -> bytes:
    message, tag = sealed[:-_TAG], sealed[-_TAG:]
    expected = hmac.new(key[-_TAG_KEY:].encode(), message, hashlib.sha256).hexdigest().encode()
    if not hmac.compare_digest(tag, expected):
        raise _wrong_key()
    return message


def _wrong_key() -> UsageError:
    return UsageError(
        "That is not the secret key with which this Mautic encrypted its plugin's secrets",
        code="native-secret-key-wrong",
    )


def _another_cipher() -> UsageError:
    return UsageError(
        "The plugin's secrets are encrypted in another way than Mautic 5 to 7 do it",
        code="native-cipher-unknown",
    )
