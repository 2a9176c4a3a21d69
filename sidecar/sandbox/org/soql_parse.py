"""Read SOQL text into a tree. Pure; knows the language, not the schema."""

import re
from dataclasses import dataclass, field

from sidecar.sandbox.org.errors import OrgError

MAX_LENGTH = 100_000
TOKEN = re.compile(
    r"""\s+
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))
    | (?P<date>\d{4}-\d\d-\d\d(?![\dT]))
    | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w-]))
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<op><=|>=|!=|<>|=|<|>|\(|\)|,|:)
    """,
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the query and where it begins."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps through parents."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in the query: kind is string, number, datetime, date, boolean or null."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `values` has one entry unless the operator takes a list."""

    path: Path
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions under AND, OR or NOT."""

    operator: str
    parts: tuple["Condition | Group", ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY; `nulls` is FIRST, LAST or unsaid."""

    path: Path
    is_descending: bool
    nulls: str | None


@dataclass(slots=True)
class Query:
    """A parsed query. `counts` is "*" for COUNT(), a path for COUNT(field), else None."""

    text: str
    object: Path
    fields: list[Path] = field(default_factory=list)
    counts: Path | None = None
    alias: str | None = None
    groups: list[Path] = field(default_factory=list)
    aggregates: list[tuple[Path, str | None]] = field(default_factory=list)
    where: Condition | Group | None = None
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def malformed(message: str) -> OrgError:
    """Return the answer for text that is not SOQL."""
    return OrgError("MALFORMED_QUERY", message)


def tokenize(text: str) -> list[Token]:
    """Cut a query into tokens."""
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise malformed(f"line 1:{at} no viable alternative at character '{text[at]}'")
        if found.lastgroup is not None:
            tokens.append(Token(found.lastgroup, found.group(), at))
        at = found.end()
    return [*tokens, Token("end", "<EOF>", len(text))]


class Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise malformed("SOQL statements cannot be longer than 100000 characters.")
        self.text = text
        self.tokens = tokenize(text)
        self.next = 0

    def parse(self) -> Query:
        """Return the whole query."""
        self.expect("SELECT")
        fields, counts = self.select_list()
        self.expect("FROM")
        query = Query(self.text, self.path(), fields)
        if self.take("WHERE"):
            query.where = self.expression()
        if self.take("GROUP"):
            self.expect("BY")
            query.groups = self.paths()
        if query.groups or (counts and fields) or len(counts) > 1:
            query.aggregates = counts
        elif counts:
            query.counts, query.alias = counts[0]
        if self.take("ORDER"):
            self.expect("BY")
            query.order = self.order_keys()
        if self.take("LIMIT"):
            query.limit = self.whole_number()
        if self.take("OFFSET"):
            query.offset = self.whole_number()
        if self.peek().kind != "end":
            raise self.unexpected()
        return query

    def peek(self) -> Token:
        """Return the token to come."""
        return self.tokens[self.next]

    def advance(self) -> Token:
        """Take the token to come."""
        token = self.tokens[self.next]
        self.next += 1
        return token

    def is_word(self, word: str) -> bool:
        """Say whether a keyword or sign comes next."""
        token = self.peek()
        return token.kind in {"name", "op"} and token.text.upper() == word

    def take(self, word: str) -> bool:
        """Take a keyword or sign if it comes next."""
        if self.is_word(word):
            self.next += 1
            return True
        return False

    def expect(self, word: str) -> None:
        """Take a keyword or sign, or refuse the query."""
        if not self.take(word):
            raise self.unexpected()

    def unexpected(self) -> OrgError:
        """Return the answer for a query that goes wrong at the token to come."""
        token = self.peek()
        said = f"'{token.text}'" if token.kind == "end" else token.text
        return malformed(f"unexpected token: {said}")

    def path(self) -> Path:
        """Take a field or object name."""
        if self.peek().kind != "name":
            raise self.unexpected()
        token = self.advance()
        return Path(token.text, token.at)

    def whole_number(self) -> int:
        """Take a number without decimals."""
        token = self.advance()
        if token.kind != "number" or not token.text.isdigit():
            self.next -= 1
            raise self.unexpected()
        return int(token.text)

    def select_list(self) -> tuple[list[Path], list[tuple[Path, str | None]]]:
        """Take fields and counts; a count may have an alias."""
        fields: list[Path] = []
        counts: list[tuple[Path, str | None]] = []
        while not (fields or counts) or self.take(","):
            first = self.path()
            if first.text.upper() == "COUNT" and self.take("("):
                counted = Path("*", first.at) if self.is_word(")") else self.path()
                self.expect(")")
                counts.append((counted, None if self.is_word("FROM") or self.is_word(",") else self.path().text))
            else:
                fields.append(first)
        return fields, counts

    def paths(self) -> list[Path]:
        """Take names with commas between them."""
        found = [self.path()]
        while self.take(","):
            found.append(self.path())
        return found

    def expression(self) -> Condition | Group:
        """Take conditions joined by AND or by OR; both need parentheses."""
        parts = [self.term()]
        word = next((word for word in ("AND", "OR") if self.is_word(word)), None)
        while word is not None and self.take(word):
            parts.append(self.term())
        if self.is_word("AND") or self.is_word("OR"):
            raise self.unexpected()
        return Group(word, tuple(parts)) if word is not None else parts[0]

    def term(self) -> Condition | Group:
        """Take one condition, a negation, or something in parentheses."""
        if self.take("NOT"):
            return Group("NOT", (self.term(),))
        if self.take("("):
            inner = self.expression()
            self.expect(")")
            return inner
        return self.condition()

    def condition(self) -> Condition:
        """Take a comparison."""
        path = self.path()
        token = self.advance()
        operator = token.text.upper()
        if operator == "NOT" and self.take("IN"):
            operator = "NOT IN"
        if operator in COMPARISONS or operator == "LIKE":
            return Condition(path, "!=" if operator == "<>" else operator, (self.literal(),))
        if operator in {"IN", "NOT IN", "INCLUDES", "EXCLUDES"}:
            self.expect("(")
            values = [self.literal()]
            while self.take(","):
                values.append(self.literal())
            self.expect(")")
            return Condition(path, operator, tuple(values))
        self.next -= 1
        raise self.unexpected()

    def literal(self) -> Literal:
        """Take a value."""
        token = self.advance()
        if token.kind == "string":
            return Literal("string", token.text[1:-1], token.at)
        if token.kind in {"number", "date", "datetime"}:
            return Literal(token.kind, token.text, token.at)
        if token.kind == "name" and token.text.upper() in {"TRUE", "FALSE"}:
            return Literal("boolean", token.text.upper(), token.at)
        if token.kind == "name" and token.text.upper() in {"NULL", "TODAY", "YESTERDAY", "TOMORROW"}:
            return Literal("null" if token.text.upper() == "NULL" else "day", token.text.upper(), token.at)
        self.next -= 1
        raise self.unexpected()

    def order_keys(self) -> list[Order]:
        """Take the keys of ORDER BY."""
        keys: list[Order] = []
        while not keys or self.take(","):
            path = self.path()
            is_descending = not self.take("ASC") and self.take("DESC")
            nulls = None
            if self.take("NULLS"):
                nulls = "LAST" if self.take("LAST") else "FIRST"
                if nulls == "FIRST":
                    self.expect("FIRST")
            keys.append(Order(path, is_descending, nulls))
        return keys


def unescape(raw: str) -> str:
    """Return what a quoted text means."""
    return "".join(char for char, _ in characters(raw, ESCAPES))


def like_pattern(raw: str) -> str:
    """Return a regular expression for a LIKE pattern: % any text, _ one character, both literal when escaped."""
    wild = {"%": ".*", "_": "."}
    more = ESCAPES | {"_": "_", "%": "%"}
    return "".join(
        wild[char] if char in wild and not escaped else re.escape(char) for char, escaped in characters(raw, more)
    )


def characters(raw: str, escapes: dict[str, str]) -> list[tuple[str, bool]]:
    """Return the characters of a quoted text, each with whether it was escaped."""
    found, at = [], 0
    while at < len(raw):
        if raw[at] != "\\":
            found.append((raw[at], False))
            at += 1
        elif raw[at + 1] == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", raw[at + 2 : at + 6]):
            found.append((chr(int(raw[at + 2 : at + 6], 16)), True))
            at += 6
        elif raw[at + 1] in escapes:
            found.append((escapes[raw[at + 1]], True))
            at += 2
        else:
            raise malformed(
                f"Invalid string literal '{raw}'. Illegal character sequence '\\{raw[at + 1]}' in string literal."
            )
    return found
