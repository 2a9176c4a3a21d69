"""Re-encrypts everything stored with the newest key, so that older keys can be thrown away."""

from sqlalchemy import Column, Table, bindparam, func, select, update

from sidecar.store.crypto import Cipher
from sidecar.store.session import Database
from sidecar.store.tables import cache, connections, field_changes, sign_ins

ENCRYPTED: tuple[tuple[Table, str], ...] = (
    (connections, "secrets"),
    (cache, "text"),
    (field_changes, "before_after"),
    (sign_ins, "verifier"),
)
"""Every encrypted column; each of these tables tells in `key_id` which key was used."""


def rotate_secrets(database: Database, cipher: Cipher, *, batch_size: int = 500) -> int:
    """Re-encrypt what is not yet under the first key, return how many rows that were; can be stopped and repeated."""
    return sum(_rotate_column(database, cipher, table.c[name], batch_size) for table, name in ENCRYPTED)


def count_unrotated(database: Database, cipher: Cipher) -> int:
    """Return how many rows still need an older key."""
    with database.read() as connection:
        return sum(
            connection.scalar(select(func.count()).where(table.c.key_id != cipher.key_id)) or 0
            for table, _ in ENCRYPTED
        )


def _rotate_column(database: Database, cipher: Cipher, column: Column[str], batch_size: int) -> int:
    table, rotated = column.table, 0
    batch = (
        select(table.c.id, column).where(table.c.key_id != cipher.key_id).order_by(table.c.id).limit(batch_size)
    ).with_for_update()
    change = update(table).where(table.c.id == bindparam("row_id"))
    while True:
        with database.write() as connection:
            rows = [
                {"row_id": number, column.name: cipher.rotate(token), "key_id": cipher.key_id}
                for number, token in connection.execute(batch)
            ]
            if rows:
                connection.execute(change, rows)
        rotated += len(rows)
        if len(rows) < batch_size:
            return rotated
