"""CSV as Bulk API 2.0 reads and writes it: strict about line ends and quotes. Start here: `read_upload`."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sidecar.sandbox.org.errors import OrgError

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
NO_VALUE = "#N/A"
MAX_HEADER = 32_000
MAX_CELL = 131_072
MAX_RECORD = 400_000
QUOTE = '"'
QUOTED_CELL = r'"(?:[^"]|"")*"'


class JobError(Exception):
    """The job fails as a whole; the message becomes its errorMessage."""


@dataclass(slots=True)
class Line:
    """One row as it was uploaded; `problem` says why it cannot even be read."""

    cells: list[str]
    problem: OrgError | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """How a job's CSV is written."""

    ending: str = "LF"
    delimiter: str = "COMMA"

    @property
    def newline(self) -> str:
        """The characters between two rows."""
        return ENDINGS[self.ending]

    @property
    def separator(self) -> str:
        """The character between two cells."""
        return DELIMITERS[self.delimiter]


@dataclass(slots=True)
class Upload:
    """What was uploaded: the header as it was sent, its names, and the rows."""

    header: str
    names: list[str]
    lines: list[Line]


def read_upload(data: bytes, form: Format) -> Upload:
    """Return the header and the rows of an upload, or raise what fails the whole job."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise JobError("InvalidBatch : Failed to parse CSV: the data is not UTF-8") from None
    records = split_records(text, form)
    header = next(records, "")
    if not header or len(header) > MAX_HEADER:
        raise JobError("InvalidBatch : Unable to find any headers in CSV file")
    names = read_line(header, form).cells
    width = len(names)
    return Upload(header, names, [checked(read_line(record, form), record, width) for record in records if record])


def split_records(text: str, form: Format) -> Iterator[str]:
    """Yield the rows of a text; a line end inside quotes does not end a row."""
    wrong = JobError(
        f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {form.ending}"
    )
    pending = ""
    for piece in text.split(form.newline):
        whole = pending + piece
        if whole.count('"') % 2:
            pending = whole + form.newline
            continue
        pending = ""
        if "\r" in whole or "\n" in whole:
            outside = re.sub(QUOTED_CELL, "", whole)
            if "\r" in outside or "\n" in outside:
                raise wrong
        yield whole
    if pending:
        yield pending.removesuffix(form.newline)


def read_line(record: str, form: Format) -> Line:
    """Return the cells of one row; a blank beside a quote spoils the row, not the job."""
    if '"' not in record:
        return Line(record.split(form.separator))
    separator = re.escape(form.separator)
    cell = rf'({QUOTED_CELL}|[^"{separator}]*)'
    if re.fullmatch(rf"{cell}(?:{separator}{cell})*", record) is None:
        lenient = next(csv.reader([record], delimiter=form.separator, skipinitialspace=True), [])
        return Line(lenient, unreadable("a quotation mark does not stand at the edge of its value"))
    cells = [found[1] for found in re.finditer(rf"(?:^|{separator}){cell}", record)]
    return Line([each[1:-1].replace('""', '"') if each.startswith('"') else each for each in cells])


def checked(line: Line, record: str, width: int) -> Line:
    """Return a row with its problem, if its size is one."""
    if line.problem is None and len(line.cells) != width:
        line.problem = unreadable(f"Row length: {len(line.cells)}, header length: {width}")
    is_long = len(record) > MAX_CELL and (len(record) > MAX_RECORD or max(map(len, line.cells)) > MAX_CELL)
    if line.problem is None and is_long:
        line.problem = unreadable("a value or the record is too long")
    return line


def unreadable(why: str) -> OrgError:
    """Return the error of a row nobody can read. The documentation says that such a row fails, not in which words."""
    return OrgError("INVALID_CSV_ROW", why, [])


def write_csv(header: str, rows: Iterable[Sequence[str]], form: Format) -> bytes:
    """Return CSV as the org writes it: the header as it is given, every value quoted."""
    separator = form.separator
    lines = [header]
    lines += [separator.join(f'"{cell.replace(QUOTE, QUOTE * 2)}"' for cell in row) for row in rows]
    return (form.newline.join(lines) + form.newline).encode()
