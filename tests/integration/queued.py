"""Functions that the queue's tests let a worker run."""

import time
from pathlib import Path


def note(path: str, word: str) -> None:
    """Add a word to a file."""
    with Path(path).open("a") as file:
        file.write(f"{word}\n")


def note_slowly(path: str, word: str) -> None:
    """Say when it begins, take a while, then add the word."""
    note(path, "begun")
    time.sleep(1.5)
    note(path, word)


def fail(word: str) -> None:
    """Fail the way a bug does."""
    raise RuntimeError(word)
