"""Results read back: the verdict lines of a replay's folder, or of a ledger, and what they are about."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from pathlib import Path

import msgspec
from msgspec import Struct

from service.hosts.files import InputBroken, NotGiven
from service.ingest.source import Topic
from service.matching.judgement import Line, decode

VERDICTS = "verdicts.jsonl"


class Placed(Struct, frozen=True):
    """A verdict line, and where it stands."""

    line: Line
    path: Path
    number: int


class Stated(Struct, frozen=True, kw_only=True):
    """What a folder's ``summary.json`` says it is about."""

    title: str
    zone: str
    as_of: datetime | None = None
    pack: str = ""
    pack_digest: str = ""
    blind_spots: tuple[Topic, ...] = ()


class _Records(Struct, frozen=True):
    unlinked: int = 0


class Summary(Struct, frozen=True):
    """The parts of ``summary.json`` that are read back."""

    about: Stated | None = None
    records: _Records = _Records()


def read_summary(folder: Path) -> Summary:
    """What a folder is about. Raises ``NotGiven`` where it is no replay's folder, ``InputBroken``
    where its summary cannot be read."""
    path = folder / "summary.json"
    if not path.is_file() or not (folder / VERDICTS).is_file():
        raise NotGiven(f"{folder} is no folder of results; give one that `recount replay` made")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise InputBroken(path, 1, "no summary of a replay", "replay again") from None


def read_lines(folders: Sequence[Path]) -> Iterator[Line]:
    """Lines of several folders in order of force and ref. Raises ``InputBroken`` where a line cannot
    be read or is out of order, ``NotGiven`` where one report is in two folders."""
    streams = [_placed(folder / VERDICTS) for folder in folders]
    before: Placed | None = None
    for placed in merge(*streams, key=_key):
        if before is not None and _key(before) == _key(placed):
            raise NotGiven(
                f"{before.path}: line {before.number} and {placed.path}: line {placed.number} are of "
                "one report; give folders that share none, or compare them with --against"
            )
        before = placed
        yield placed.line


def _key(placed: Placed) -> tuple[str, str]:
    return placed.line.force, placed.line.ref


def _placed(path: Path) -> Iterator[Placed]:
    """A file's lines with their place, in order."""
    held: Placed | None = None
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            try:
                placed = Placed(decode(text), path, number)
            except (msgspec.DecodeError, msgspec.ValidationError):
                raise InputBroken(path, number, "no verdict line", "replay again") from None
            if held is not None and _key(placed) < _key(held):
                remedy = "sort it by force and ref, as `recount replay` leaves it"
                raise InputBroken(path, number, "out of order", remedy)
            held = placed
            yield placed


def not_connected(topics: Sequence[str]) -> tuple[Topic, ...]:
    """Feeds of which nothing was ever read."""
    return tuple(topic for topic in Topic if topic.value not in topics)
