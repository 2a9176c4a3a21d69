"""Reads one table of a document key by key and remembers everything that is wrong with it, with its path. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from sidecar.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""A name of ours: mapping, lane, field pair."""
API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
"""A field or object of either side, as its API writes it. Nothing else ever reaches a query."""

_Word = TypeVar("_Word", bound=StrEnum)
_MAX_TEXT = 255
_MAX_LIST = 200


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """One thing wrong with a document: where, what, what would be right, and what was probably meant."""

    path: str
    message: str
    allowed: tuple[str, ...] = ()
    suggestion: str | None = None

    def __str__(self) -> str:
        told = f"{self.path or 'document'}: {self.message}"
        if self.allowed:
            told += f" (allowed: {', '.join(self.allowed)})"
        return f"{told}; did you mean {self.suggestion}?" if self.suggestion else told


class MappingError(UsageError):
    """A document that cannot be used, with everything that is wrong in it."""

    def __init__(self, problems: Collection[DocumentProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), code="mapping-invalid")


class TableReader:
    """One table of a document. Every method returns something usable, so that one reading finds every problem."""

    def __init__(self, table: object, path: str, problems: list[DocumentProblem]) -> None:
        self._path = path
        self._problems = problems
        self._table: Mapping[object, object] = table if isinstance(table, Mapping) else {}
        self._is_table = isinstance(table, Mapping)
        if not self._is_table:
            self._problems.append(DocumentProblem(path, "must be a table"))

    def has(self, key: str) -> bool:
        """Tell whether the key is there at all."""
        return key in self._table

    def get(self, key: str) -> object:
        """Return the value as it stands there, None if it does not."""
        return self._table.get(key)

    def text_keys(self) -> list[str]:
        """Return the table's keys in their order; one that is no text is a problem."""
        for key in self._table:
            if not isinstance(key, str):
                self._problems.append(DocumentProblem(self._path, "has a key that is not a text"))
        return [key for key in self._table if isinstance(key, str)]

    def require_known(self, known: Collection[str]) -> None:
        """Note every key that is not one of `known`, with the nearest that is."""
        for key in self.text_keys():
            if key not in known:
                self.note(shown(key), "is not a known key", suggestion=nearest(key, known))

    def text(self, key: str, *, form: re.Pattern[str] | None = None, default: str | None = None) -> str | None:
        """Return a text that is not blank; without a default an absent one is None."""
        if key not in self._table:
            return default
        value = self._table[key]
        if not _is_text(value):
            self.note(key, f"must be a text of 1 to {_MAX_TEXT} characters")
        elif form and not form.fullmatch(str(value)):
            self.note(key, f"{shown(value)} is not a name (letters, digits and underscores, a letter first)")
        else:
            return str(value)
        return default

    def required_text(self, key: str, *, form: re.Pattern[str]) -> str:
        """Return a text that must be there."""
        if key not in self._table:
            self.note(key, "is missing")
        return self.text(key, form=form) or ""

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            self.note(key, "must be true or false", allowed=("true", "false"))
            return default
        return value

    def word(self, key: str, words: type[_Word], default: _Word) -> _Word:
        """Return one word of a fixed list."""
        return self.optional_word(key, words) or default

    def optional_word(self, key: str, words: type[_Word]) -> _Word | None:
        """Return one word of a fixed list, or None if the key is absent or wrong."""
        if key not in self._table:
            return None
        value, allowed = self._table[key], tuple(word.value for word in words)
        if isinstance(value, str) and value in allowed:
            return words(value)
        self.note(key, f"{shown(value)} is not allowed here", allowed=allowed, suggestion=nearest(value, allowed))
        return None

    def names(self, key: str, *, form: re.Pattern[str]) -> tuple[str, ...]:
        """Return a list of names without repetitions; empty if it is absent."""
        value = self._table.get(key, [])
        if not isinstance(value, list | tuple) or len(value) > _MAX_LIST:
            self.note(key, "must be a list of names")
            return ()
        good = [name for name in value if isinstance(name, str) and form.fullmatch(name)]
        if len(good) < len(value):
            self.note(key, "has an entry that is not a name")
        if len(set(good)) < len(good):
            self.note(key, "names something twice")
        return tuple(dict.fromkeys(good))

    def number(self, key: str, *, least: int, most: int, default: int) -> int:
        """Return a whole number within bounds."""
        value = self._table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.note(key, f"must be a whole number from {least} to {most}")
            return default
        return value

    def note(self, key: str, message: str, *, allowed: tuple[str, ...] = (), suggestion: str | None = None) -> None:
        """Remember a problem of one key; where there is no table, that was all there is to say."""
        if not self._is_table:
            return
        path = ".".join(part for part in (self._path, key) if part)
        self._problems.append(DocumentProblem(path, message, allowed, suggestion))


def nearest(value: object, known: Collection[str]) -> str | None:
    """Return the known word most like the one given, if any is."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return None
    return next(iter(get_close_matches(value.lower(), known, n=1, cutoff=0.6)), None)


def _is_text(value: object) -> bool:
    """Tell whether it is a text that is not blank and can be written to any file: no halves of characters."""
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def shown(value: object) -> str:
    """Return what was written there, short and printable."""
    text = str(value) if isinstance(value, str | bool) else type(value).__name__
    return "".join(character if character.isprintable() else "?" for character in text[:40])
