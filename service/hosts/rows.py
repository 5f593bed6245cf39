"""Files in any state to rows: plain or gzip, CSV or JSON, with what is not readable set aside.

A row gone wrong costs that row alone: a quote never closed gives back the lines it swallowed. Memory
holds one row, whatever the file.
"""

import csv
import gzip
import re
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from msgspec import Struct

from service.ingest.decode import RefusedReason
from service.ingest.fields import Row
from service.ingest.written import Side

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one line, or of one object of a list, at most; a longer one is set aside without being
held in memory."""
MOST_LINES = 400
"""Lines of one CSV row, at most: more is a quote that was never closed."""
SAMPLED = 256 * 1024
"""Bytes looked at to tell how a file is written."""

csv.field_size_limit(LONGEST_LINE)


class BadRow(Struct, frozen=True):
    """A row that is not even text."""

    reason: RefusedReason
    remedy: str


TOO_LONG = BadRow(RefusedReason.TOO_LONG, f"a line may hold {LONGEST_LINE:,} bytes at most")
NOT_TEXT = BadRow(
    RefusedReason.WRONG_BYTES, "save the file as UTF-8, or say 'encoding', such as windows-1252"
)
NUL = BadRow(RefusedReason.WRONG_BYTES, "delete the NUL characters; no database keeps them")


class InputBroken(Exception):
    """A file that could not be read to its end; everything before ``line`` was."""

    def __init__(self, path: Path, line: int, why: str, remedy: str) -> None:
        super().__init__(f"{path}: line {line}: {why}; {remedy}")
        self.path = path
        self.line = line


class NotGiven(Exception):
    """A name that leads to nothing readable; the message says what would."""


TAKEN = ".taken"
"""Ending of files that hold what was read from a partition; lines there are positions."""


class Opened(Struct, frozen=True):
    """A file's columns, and its rows with the line each begins at."""

    header: tuple[str, ...] | None
    """None for JSON."""
    rows: Iterator[tuple[int, bytes | Row | BadRow]]


def check_readable(path: Path) -> None:
    """Raises ``NotGiven`` where a path is no file that could hold rows."""
    if path.is_dir():
        raise NotGiven(f"{path} is a directory; give the files in it")
    if not path.is_file():
        raise NotGiven(f"{path} does not exist")
    start = _start(path, 4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise NotGiven(f"{path} is written in UTF-16; save it as UTF-8")
    if start == b"PK\x03\x04":
        raise NotGiven(f"{path} is a zip archive or a workbook; unpack it, or save it as CSV")


def open_as(path: Path, side: Side) -> Opened:
    """A file's rows, as a mapping says that it is written."""
    check_readable(path)
    if path.suffix == TAKEN:
        return Opened(None, _taken(path))
    if side.native:
        return Opened(None, ((n, line) for n, line in _lines(path) if not _is_empty(line)))
    if side.format == "json":
        return Opened(None, _json_rows(path))
    return _csv_rows(path, side)


def write_taken(file: IO[bytes], position: int, value: bytes | None) -> None:
    """Append one record of a topic, as ``open_as`` reads it back."""
    kept = b"null" if value is None else value  # an empty message is refused, as the worker does
    file.write(position.to_bytes(8, "big") + len(kept).to_bytes(4, "big") + kept)


def _taken(path: Path) -> Iterator[tuple[int, bytes]]:
    """Records of a partition with their positions."""
    with path.open("rb") as file:
        while head := file.read(12):
            yield int.from_bytes(head[:8], "big"), file.read(int.from_bytes(head[8:], "big"))


def guess(path: Path) -> Side:
    """How a file looks to be written: JSON or CSV, its separator, its encoding, whether its first row
    names the columns. Raises ``NotGiven`` or ``InputBroken``."""
    check_readable(path)
    start = _start(path, SAMPLED).removeprefix(b"\xef\xbb\xbf")
    if start.lstrip()[:1] in (b"{", b"["):
        return Side(format="json")
    encoding = "utf-8"
    try:
        # The sample may end inside a character.
        text = start[: start.rfind(b"\n") + 1 or None].decode()
    except UnicodeDecodeError:
        encoding = "windows-1252"
        text = start.decode(encoding, errors="replace")
    lines = text.splitlines(keepends=True)[:200]
    delimiter = max(",;\t|", key=lambda each: _regularity(lines, each))
    first = next(csv.reader(lines, delimiter=delimiter), [])
    if _names_columns(first):
        return Side(encoding=encoding, delimiter=delimiter)
    header = tuple(f"column_{number}" for number in range(1, len(first) + 1))
    return Side(encoding=encoding, delimiter=delimiter, header=header)


def _regularity(lines: list[str], delimiter: str) -> tuple[int, int]:
    """How many rows have the same number of columns, and how many columns that is."""
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return (0, 0)
    width, rows = max(widths.items(), key=lambda each: (each[0] > 1, each[1]), default=(0, 0))
    return (rows if width > 1 else 0, width)


def _names_columns(row: list[str]) -> bool:
    cells = [cell.strip() for cell in row]
    return len(set(cells)) == len(cells) and all(
        cell and not re.fullmatch(r"[\W\d]+", cell) and not re.search(r"\d\d[:/-]\d\d", cell)
        for cell in cells
    )


# -- bytes ------------------------------------------------------------------------------------


def _open(path: Path) -> IO[bytes]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise NotGiven(f"{path} cannot be read: {error.strerror}") from None
    if raw.peek(2)[:2] == b"\x1f\x8b":
        return cast(IO[bytes], _Unpacked(raw))
    return raw


class _Unpacked(gzip.GzipFile):
    """A gzip file that closes what it reads from."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__(fileobj=raw)
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


_ENDS_EARLY = (EOFError, zlib.error, gzip.BadGzipFile)


def _broken(path: Path, line: int, error: Exception) -> InputBroken:
    remedy = "fetch the file again; what was read before is used"
    return InputBroken(path, line, f"the file ends early ({error})", remedy)


def _start(path: Path, size: int) -> bytes:
    """The first bytes of a file, as far as they can be read."""
    found = b""
    with _open(path) as stream:
        try:
            while len(found) < size and (more := stream.read(min(4096, size - len(found)))):
                found += more
        except _ENDS_EARLY:
            return found
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes | BadRow]]:
    """Lines with their number from 1, without byte order mark; overlong ones set aside."""
    number = 0
    with _open(path) as stream:
        try:
            while line := stream.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                    _drain(stream)
                    yield number, TOO_LONG
                    continue
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        except _ENDS_EARLY as error:
            raise _broken(path, number, error) from None


def _drain(stream: IO[bytes]) -> None:
    while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass


def _is_empty(line: bytes | BadRow) -> bool:
    return isinstance(line, bytes) and not line.strip()


# -- CSV --------------------------------------------------------------------------------------


def _csv_rows(path: Path, side: Side) -> Opened:
    text = _CsvText(_lines(path), side.encoding, side.skip_lines)
    # Strict: a stray quote is an error and not a guess at where the column ends.
    reader = csv.reader(text, delimiter=side.delimiter, strict=True)
    header = side.header or _header(path, text, reader)
    return Opened(header, _read_csv(reader, text, len(header), side.short_rows == "blank"))


def _header(path: Path, text: "_CsvText", reader: Any) -> tuple[str, ...]:
    text.begin()
    try:
        first = next(reader, None)
    except (csv.Error, _NeverEnds) as error:
        why = f"the header row cannot be read ({error})"
        raise InputBroken(path, text.at, why, "mend its quotes and line ends") from None
    if text.bad is not None:
        raise InputBroken(path, text.at, "the header row cannot be read", text.bad.remedy)
    if first is None:
        raise InputBroken(path, 1, "the file is empty", "give a file with a header row")
    return tuple(name.strip() for name in first)


class _NeverEnds(Exception):
    """A row of more lines than any row has."""


class _CsvText:
    """Lines as text for the csv reader, remembering those of the row being read, so that a row gone
    wrong can be given back save for its first line."""

    def __init__(
        self, lines: Iterator[tuple[int, bytes | BadRow]], encoding: str, skip: int
    ) -> None:
        self._lines = lines
        self._encoding = encoding
        self._skip = skip
        self._again: deque[tuple[int, bytes | BadRow]] = deque()
        self._row: list[tuple[int, bytes | BadRow]] = []
        self.bad: BadRow | None = None
        """What is wrong with a line of this row."""

    @property
    def at(self) -> int:
        """The line at which this row begins."""
        return self._row[0][0] if self._row else 1

    @property
    def height(self) -> int:
        """Lines of this row."""
        return len(self._row)

    def begin(self) -> None:
        """The next line begins a row."""
        self._row = []
        self.bad = None

    def give_back(self) -> None:
        """Read all lines of this row but the first again: they are rows of their own."""
        self._again.extendleft(reversed(self._row[1:]))

    def __iter__(self) -> "_CsvText":
        return self

    def __next__(self) -> str:
        if len(self._row) >= MOST_LINES:
            raise _NeverEnds(f"a quoted column of more than {MOST_LINES} lines")
        number, line = self._again.popleft() if self._again else next(self._lines)
        while self._skip:
            self._skip -= 1
            number, line = next(self._lines)
        self._row.append((number, line))
        if isinstance(line, BadRow):
            self.bad = line
            return "\n"
        if b"\0" in line:
            self.bad = NUL
            line = line.replace(b"\0", b"")
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            self.bad = NOT_TEXT
            return line.decode(self._encoding, errors="replace")


def _read_csv(
    reader: Any, text: _CsvText, width: int, short_is_blank: bool
) -> Iterator[tuple[int, bytes | Row | BadRow]]:
    while True:
        text.begin()
        try:
            row = next(reader, None)
            if row is None:
                return
            wrong = _ragged(row, width, short_is_blank)
        except (csv.Error, _NeverEnds) as error:
            wrong = f"mend the quotes and line ends here ({error})"
            text.give_back()
            yield text.at, text.bad or BadRow(RefusedReason.INVALID_FIELD, wrong)
            continue
        if text.height > 1 and wrong is not None:
            text.give_back()
            yield text.at, BadRow(RefusedReason.INVALID_FIELD, wrong)
        elif text.bad is not None:
            yield text.at, text.bad
        elif any(row):
            yield text.at, row if wrong is None else BadRow(RefusedReason.INVALID_FIELD, wrong)


def _ragged(row: list[str], width: int, short_is_blank: bool) -> str | None:
    if len(row) == width or (short_is_blank and len(row) < width):
        return None
    said = f"the row has {len(row)} columns and the header {width}"
    if len(row) > width:
        return f"{said}; quote the separator where it stands in a text"
    return (
        f"{said}; was it cut off? Where empty columns at the end are left out, say "
        "'short_rows: blank'"
    )


# -- JSON -------------------------------------------------------------------------------------


def _json_rows(path: Path) -> Iterator[tuple[int, bytes | Row | BadRow]]:
    """JSON Lines; or the objects of one list, one after another, without holding the list."""
    start = _start(path, SAMPLED).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return _listed(path)
    return ((number, line) for number, line in _lines(path) if not _is_empty(line))


_MARK = re.compile(rb'["\\{}\[\]]')
_CHUNK = 1 << 18


def _listed(path: Path) -> Iterator[tuple[int, bytes | Row | BadRow]]:
    """Each item of a list as bytes, found by its brackets alone, however its lines are broken."""
    scan = _ListScan()
    with _open(path) as stream:
        try:
            while not scan.ended and (chunk := stream.read(_CHUNK)):
                yield from scan.items(chunk)
        except _ENDS_EARLY as error:
            raise _broken(path, scan.line, error) from None
    if not scan.ended:
        raise InputBroken(path, scan.line, "the list does not end", "fetch the file again")


class _ListScan:
    """Where the items of a JSON list begin and end, chunk by chunk."""

    def __init__(self) -> None:
        self.line = 1
        self.ended = False
        self._held = b""
        self._depth = 0
        self._in_string = False
        self._escaped_at = -1
        self._too_long = False

    def items(self, chunk: bytes) -> Iterator[tuple[int, bytes | BadRow]]:
        """The items that end in this chunk, each with the line it begins at."""
        start = 0
        for mark in _MARK.finditer(chunk):
            where, sign = mark.start(), mark.group()
            if where == self._escaped_at:
                continue
            if self._in_string:
                if sign == b"\\":
                    self._escaped_at = where + 1
                elif sign == b'"':
                    self._in_string = False
            elif sign == b'"':
                self._in_string = True
            elif sign in b"{[":
                if self._depth == 1:
                    yield from self._between(self._held + chunk[start:where])
                    start = where
                self._depth += 1
            elif sign in b"}]":
                self._depth -= 1
                if self._depth == 1:
                    yield self._item(self._held + chunk[start : where + 1])
                    start = where + 1
                elif self._depth == 0:
                    yield from self._between(self._held + chunk[start:where])
                    self.ended = True
                    return
        self._escaped_at -= len(chunk)
        self._hold(chunk[start:])

    def _hold(self, rest: bytes) -> None:
        self._held += rest
        if len(self._held) > LONGEST_LINE:
            self._too_long = True
            self.line += self._held.count(b"\n")
            self._held = b""

    def _between(self, held: bytes) -> Iterator[tuple[int, bytes | BadRow]]:
        self.line += held.count(b"\n")
        self._held = b""
        if held.lstrip(b"\xef\xbb\xbf").strip(b" \t\r\n,["):
            yield (
                self.line,
                BadRow(RefusedReason.NOT_JSON, "each item of the list must be an object"),
            )

    def _item(self, held: bytes) -> tuple[int, bytes | BadRow]:
        at = self.line
        self.line += held.count(b"\n")
        self._held = b""
        if self._too_long:
            self._too_long = False
            return at, TOO_LONG
        return at, held
