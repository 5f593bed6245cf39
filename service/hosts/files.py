"""The only place that opens what people give: mappings, rule packs, and input files in any state."""

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, cast

from msgspec import Struct

from service.ingest.decode import RefusedReason
from service.ingest.fields import Row
from service.ingest.lined import Fault
from service.ingest.mapping import Feed, SourceMapping, parse_mapping
from service.ingest.people import PersonKey
from service.rules.pack import Pack, parse_pack

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one line, at most; a longer one is set aside without being held in memory."""

csv.field_size_limit(LONGEST_LINE)


class BadRow(Struct, frozen=True):
    """A row that is not even text."""

    reason: RefusedReason
    remedy: str


class InputBroken(Exception):
    """A file that could not be read to its end; everything before ``line`` was."""

    def __init__(self, path: Path, line: int, why: str, remedy: str) -> None:
        super().__init__(f"{path}: line {line}: {why}; {remedy}")
        self.path = path
        self.line = line


class NotGiven(Exception):
    """A name that leads to nothing; the message says what would."""


class Opened(Struct, frozen=True):
    """A file's columns, and its rows with the line each begins at."""

    header: tuple[str, ...] | None
    """None for JSON."""
    rows: Iterator[tuple[int, bytes | Row | BadRow]]


# -- mappings and packs -----------------------------------------------------------------------


def read_mapping(name_or_path: str) -> SourceMapping:
    """A shipped mapping by name, or a file by path. Raises ``Fault`` or ``NotGiven``."""
    text, origin, beside = _read_named(name_or_path, resources.files("service.ingest") / "mappings")
    return parse_mapping(text, origin, beside)


def read_pack(name_or_path: str) -> Pack:
    """A shipped rule pack by name, or a file by path. Raises ``Fault`` or ``NotGiven``."""
    text, origin, beside = _read_named(name_or_path, resources.files("service.rules") / "packs")
    return parse_pack(text, origin, beside)


def person_key(path: Path | None) -> PersonKey | None:
    """The force's key for people: a file of one line, ``id:secret``. Raises ``NotGiven``."""
    if path is None:
        return None
    check_readable(path)
    name, _, secret = path.read_text(encoding="utf-8").strip().partition(":")
    if not (name and len(secret) >= 16):
        raise NotGiven(f"{path} holds no key; write one line, id:secret of 16 characters or more")
    return PersonKey(name, secret.encode())


def shipped(room: str) -> list[str]:
    """Names of what is shipped in ``mappings`` or ``packs``."""
    package = {"mappings": "service.ingest", "packs": "service.rules"}[room]
    names = [entry.name for entry in (resources.files(package) / room).iterdir()]
    inner = {"lexicon.yaml", "reasons.yaml"}
    return sorted(n.removesuffix(".yaml") for n in names if n.endswith(".yaml") and n not in inner)


def _read_named(name: str, room: Traversable) -> tuple[str, str, Any]:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        folder: Traversable = path.parent
        file: Traversable = path
    else:
        folder, file = room, room / f"{name}.yaml"
    if not file.is_file():
        has = ", ".join(sorted(e.name[:-5] for e in room.iterdir() if e.name.endswith(".yaml")))
        raise NotGiven(f"there is no '{name}'; shipped are {has}, or give the path of a .yaml file")

    def beside(part: str) -> str:
        other = folder / part
        if not other.is_file():
            raise Fault(str(file), 1, f"'{part}' is not beside it", "put it there or mend the name")
        return str(other.read_text(encoding="utf-8-sig"))

    return file.read_text(encoding="utf-8-sig"), name, beside


# -- rows -------------------------------------------------------------------------------------


def check_readable(path: Path) -> None:
    """Raises ``NotGiven`` where a path is no file."""
    if path.is_dir():
        raise NotGiven(f"{path} is a directory; give the files in it")
    if not path.is_file():
        raise NotGiven(f"{path} does not exist")


def open_rows(path: Path, feed: Feed) -> Opened:
    """A file's rows for one feed, plain or gzip. Rows raise ``InputBroken`` where the file ends early."""
    lines = _lines(path)
    if feed.written.native:
        return Opened(None, ((n, line) for n, line in lines if not _is_empty(line)))
    if feed.written.format == "json":
        return Opened(None, _json_rows(path, lines))
    return _csv_rows(path, feed, lines)


def _is_empty(line: bytes | BadRow) -> bool:
    return isinstance(line, bytes) and not line.strip()


def _lines(path: Path) -> Iterator[tuple[int, bytes | BadRow]]:
    """Lines with their number from 1, without byte order mark; overlong ones set aside."""
    number = 0
    with path.open("rb") as raw:
        stream: IO[bytes] = raw
        if raw.peek(2)[:2] == b"\x1f\x8b":
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        try:
            while line := stream.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                    _drain(stream)
                    remedy = f"a line may hold {LONGEST_LINE:,} bytes at most"
                    yield number, BadRow(RefusedReason.TOO_LONG, remedy)
                    continue
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            remedy = "fetch the file again; what was read before is used"
            raise InputBroken(path, number, f"the file ends early ({error})", remedy) from None


def _drain(stream: IO[bytes]) -> None:
    while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass


_NOT_TEXT = re.compile("[\udc80-\udcff]")


def _csv_rows(path: Path, feed: Feed, lines: Iterator[tuple[int, bytes | BadRow]]) -> Opened:
    text = _CsvLines(lines)
    reader = csv.reader(text, delimiter=feed.written.delimiter)
    header = feed.written.header
    if not header:
        first = next(reader, None)
        if first is None:
            raise InputBroken(path, 1, "the file is empty", "give a file with a header row")
        header = tuple(name.strip() for name in first)
    return Opened(header, _read_csv(reader, text, len(header)))


class _CsvLines:
    """Lines as text for the csv reader; what is not text goes to ``bad`` instead."""

    def __init__(self, lines: Iterator[tuple[int, bytes | BadRow]]) -> None:
        self._lines = lines
        self.number = 0
        self.bad: list[tuple[int, BadRow]] = []

    def __iter__(self) -> Iterator[str]:
        for number, line in self._lines:
            self.number = number
            if isinstance(line, BadRow):
                self.bad.append((number, line))
                continue
            text = line.decode("utf-8", errors="surrogateescape")
            if not text.isascii() and _NOT_TEXT.search(text):
                remedy = "save the file as UTF-8"
                self.bad.append((number, BadRow(RefusedReason.WRONG_BYTES, remedy)))
                continue
            yield text


def _read_csv(
    reader: Any, text: _CsvLines, width: int
) -> Iterator[tuple[int, bytes | Row | BadRow]]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            remedy = f"mend the quotes around line {text.number} ({error})"
            yield text.number, BadRow(RefusedReason.INVALID_FIELD, remedy)
            continue
        yield from text.bad
        text.bad.clear()
        if row is None:
            return
        if len(row) > width:
            remedy = f"the row has {len(row)} columns and the header {width}; quote the separator"
            yield text.number, BadRow(RefusedReason.INVALID_FIELD, remedy)
        elif row:
            yield text.number, row


def _json_rows(
    path: Path, lines: Iterator[tuple[int, bytes | BadRow]]
) -> Iterator[tuple[int, bytes | Row | BadRow]]:
    """JSON Lines; or the objects of one list, one after another, without holding the list."""
    first = next(((n, line) for n, line in lines if not _is_empty(line)), None)
    if first is None:
        return
    number, line = first
    if isinstance(line, bytes) and line.lstrip().startswith(b"["):
        yield from _listed(path, line.lstrip()[1:], number, lines)
        return
    yield first
    yield from ((n, each) for n, each in lines if not _is_empty(each))


def _listed(
    path: Path, held: bytes, number: int, lines: Iterator[tuple[int, bytes | BadRow]]
) -> Iterator[tuple[int, bytes | Row | BadRow]]:
    decoder, text = json.JSONDecoder(), held.decode("utf-8", errors="replace")
    while True:
        text = text.lstrip(" \t\r\n,")
        if text.startswith("]"):
            return
        try:
            found, end = decoder.raw_decode(text) if text else (None, 0)
        except json.JSONDecodeError:
            end = 0
        if end:
            text = text[end:]
            yield (
                number,
                found
                if isinstance(found, dict)
                else BadRow(RefusedReason.NOT_JSON, "each item of the list must be an object"),
            )
            continue
        number, line = next(lines, (number, b""))
        if isinstance(line, BadRow):
            yield number, line
        elif not line:
            raise InputBroken(path, number, "the list does not end", "fetch the file again")
        else:
            text += line.decode("utf-8", errors="replace")
