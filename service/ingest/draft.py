"""A first mapping from a sample: what each column looks to hold, and where a file looks cut.

Everything here is a guess for a person to correct: the mapping written says what was guessed and why.
Columns that look like names or free text are dropped, and none of their values is written out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from service.ingest.times import reader

FORMATS = (
    "iso",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%y %H:%M",
    "%m/%d/%y %H:%M",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %B %Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y%m%d%H%M%S",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "unix",
    "unix_ms",
)
"""Formats tried, in this order; a day before a month where both fit, and that is said."""

NOTHING = frozenset({"n/a", "na", "null", "none", "nil", "-", "--", "unknown", "nan"})
"""Values that may mean nothing; offered, not assumed."""

MOST_CODES = 400
"""Different values of a column of codes, at most."""
MOST_DISTINCT = 100_000
"""Different values of a column that are counted, at most."""


class Looks(StrEnum):
    """What a column looks to hold."""

    EMPTY = "empty"
    TIME = "time"
    CLOCK = "clock"
    ID = "id"
    CODE = "code"
    NUMBER = "number"
    TEXT = "text"


class ColumnDraft(Struct, frozen=True, kw_only=True):
    """One column, looked at."""

    name: str
    looks: Looks
    personal: bool
    """Does it look like names, contact details or free text?"""
    filled: int
    distinct: int
    codes: dict[str, int]
    """Values with counts, most first; only where it looks like codes."""
    nothing: list[str]
    """Values seen that may mean nothing."""
    formats: list[str]
    """Formats that its times, or times of day, have; the commonest first."""
    either: bool
    """Would day and month swapped fit as well?"""
    first: date | None
    last: date | None
    cliffs: list[str]
    """Where its daily counts fall off."""
    starts: date | None
    """First day at the usual level."""
    ends: date | None
    """Last day at the usual level."""


class FileDraft(Struct, frozen=True, kw_only=True):
    """One file, looked at."""

    name: str
    rows: int
    refused: int
    columns: list[ColumnDraft]

    def column(self, name: str) -> ColumnDraft:
        """A column by name."""
        return next(each for each in self.columns if each.name == name)


# -- one column -------------------------------------------------------------------------------


class _Column:
    """Counts of one column, row by row, in bounded memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: Counter[str] = Counter()

    def add(self, text: str) -> None:
        if text in self.values or len(self.values) < MOST_DISTINCT:
            self.values[text] += 1

    def done(self) -> ColumnDraft:
        nothing = sorted(value for value in self.values if value.casefold() in NOTHING)
        told = Counter({value: n for value, n in self.values.items() if value not in nothing})
        formats, days, either = _times(told)
        looks = _looks(self.name, told, formats)
        if looks is not Looks.TIME:
            formats, days, either = _clock_formats(told, looks), Counter(), False
        cliffs, starts, ends = cliff(days)
        return ColumnDraft(
            name=self.name,
            looks=looks,
            personal=_personal(self.name, told, looks),
            filled=told.total(),
            distinct=len(told),
            codes=dict(told.most_common()) if looks is Looks.CODE else {},
            nothing=nothing,
            formats=formats,
            either=either,
            first=min(days, default=None),
            last=max(days, default=None),
            cliffs=cliffs,
            starts=starts,
            ends=ends,
        )


def _looks(name: str, told: Counter[str], formats: Sequence[str]) -> Looks:
    filled = told.total()
    if not filled:
        return Looks.EMPTY
    if formats:
        return Looks.TIME
    if all(_CLOCK.fullmatch(value) for value in list(told)[:500]):
        return Looks.CLOCK
    unique, named = len(told) / filled, _words(name)
    spaced = _share(told, lambda value: " " in value)
    if _share(told, lambda value: len(value) > 40) > 0.3 or (spaced > 0.8 and unique > 0.5):
        return Looks.TEXT
    with_digits = _share(told, lambda value: any(c.isdigit() for c in value))
    if named & _ID_WORDS and with_digits > 0.8:
        return Looks.ID
    if _share(told, lambda value: _DECIMAL.fullmatch(value) is not None) == 1:
        return Looks.NUMBER
    if len(told) <= MOST_CODES and (unique < 0.5 or named & _CODE_WORDS):
        return Looks.CODE
    return Looks.ID if with_digits > 0.8 and spaced < 0.2 else Looks.TEXT


def _personal(name: str, told: Counter[str], looks: Looks) -> bool:
    named = _words(name)
    if looks in (Looks.TIME, Looks.CLOCK, Looks.EMPTY):
        return bool(named & {"dob", "birth"})
    if looks is Looks.TEXT or named & _PERSON_WORDS:
        return True
    like_names = _share(told, lambda value: _NAME.fullmatch(value) is not None)
    return looks is Looks.CODE and like_names > 0.9 and len(told) > 20


def _share(told: Counter[str], holds: Callable[[str], bool]) -> float:
    """Share of rows whose value is so."""
    return sum(count for value, count in told.items() if holds(value)) / told.total()


_NAME = re.compile(r"[A-Z][a-z'’-]+,? [A-Z][A-Za-z'’. -]+")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_CLOCK = re.compile(r"\d?\d:\d\d(:\d\d)?( ?[AaPp][Mm])?|([01]\d|2[0-3])[0-5]\d")
_ID_WORDS = {"id", "no", "number", "num", "ref", "reference", "urn", "key"}
_CODE_WORDS = {"type", "code", "class", "nature", "disposition", "outcome", "result", "status"} | {
    "category",
    "priority",
    "grade",
    "beat",
    "area",
    "district",
    "ward",
    "qualifier",
    "method",
}
_PERSON_WORDS = {"name", "surname", "forename", "firstname", "lastname", "caller", "victim"} | {
    "suspect",
    "complainant",
    "witness",
    "officer",
    "collar",
    "phone",
    "telephone",
    "mobile",
    "email",
    "dob",
    "birth",
    "narrative",
    "notes",
    "note",
    "comment",
    "comments",
    "remarks",
    "description",
    "summary",
    "text",
    "details",
    "address",
    "postcode",
    "arrestee",
    "offender",
}


def _words(name: str) -> set[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return set(re.split(r"[^a-z]+", spaced.casefold()))


def _times(told: Mapping[str, int]) -> tuple[list[str], Counter[date], bool]:
    """Formats that take nearly every value, rows by day, and whether day and month might be swapped."""
    sample = list(told)[:400]
    if not sample or not any(c.isdigit() for c in sample[0]):
        return [], Counter(), False
    taken = {form: sum(1 for value in sample if _day(value, form)) for form in FORMATS}
    best = max(FORMATS, key=lambda form: taken[form])
    if not taken[best]:
        return [], Counter(), False
    chosen = [best]
    left = [value for value in sample if _day(value, best) is None]
    if left:
        second = max(FORMATS, key=lambda form: sum(1 for value in left if _day(value, form)))
        if any(_day(value, second) for value in left):
            chosen.append(second)
            left = [value for value in left if _day(value, second) is None]
    if len(left) > len(sample) * 0.05:
        return [], Counter(), False
    swapped = best.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
    either = swapped != best and taken.get(swapped, 0) == taken[best]
    days: Counter[date] = Counter()
    for value, count in told.items():
        day = next((day for form in chosen if (day := _day(value, form)) is not None), None)
        if day is not None:
            days[day] += count
    return chosen, days, either


def _clock_formats(told: Mapping[str, int], looks: Looks) -> list[str]:
    if looks is not Looks.CLOCK:
        return []
    value = next(iter(told))
    if value[-1:] in "mM":
        return ["%I:%M:%S %p" if value.count(":") == 2 else "%I:%M %p"]
    return [{0: "%H%M", 1: "%H:%M"}.get(value.count(":"), "%H:%M:%S")]


_READERS = {form: reader(form) for form in FORMATS}


def _day(value: str, form: str) -> date | None:
    found = _READERS[form](value)
    # A count of seconds from before 1995 is more likely a number of something else.
    if found is None or not (1995 if form.startswith("unix") else 1900) <= found[0].year <= 2100:
        return None
    return found[0].date()


# -- cliffs -----------------------------------------------------------------------------------

STEEP = 0.25
"""Below this share of the usual level a stretch of days counts as fallen off."""


TRICKLE = 3
"""So many stretches of days below it, at least, before anything is said."""


def cliff(days: Mapping[date, int]) -> tuple[list[str], date | None, date | None]:
    """Where daily counts fall off at either end, and the first and last day at the usual level."""
    if not days:
        return [], None, None
    first, last = min(days), max(days)
    span = (last - first).days + 1
    rows = sum(days.values())
    # Buckets wide enough that neither chance nor a holiday empties several in a row.
    width = max(7 if span > 90 else 1, round(10 * span / rows))
    buckets = [0] * -(-span // width)
    for day, count in days.items():
        buckets[(day - first).days // width] += count
    filled = sorted(count for count in buckets if count)
    usual = filled[len(filled) * 3 // 4]
    if len(buckets) < 6 or rows < 50:
        return [], first, last
    level = [index for index, count in enumerate(buckets) if count >= STEEP * usual]
    starts = first if level[0] < TRICKLE else first + timedelta(days=level[0] * width)
    ends = last
    if level[-1] < len(buckets) - TRICKLE:
        ends = first + timedelta(days=(level[-1] + 1) * width - 1)
    said = []
    if starts != first:
        said.append(
            f"counts only reach their usual level on {starts}, after a trickle from {first}"
        )
    if ends != last:
        said.append(f"counts fall off after {ends} and trickle on to {last}")
    return said, starts, ends


# -- one file ---------------------------------------------------------------------------------


def look(
    name: str, header: Sequence[str] | None, rows: Iterable[Any], refused: int = 0
) -> FileDraft:
    """A file's columns, looked at. Rows are lists with a header, objects without."""
    columns: dict[str, _Column] = {each: _Column(each) for each in header or ()}
    count = 0
    for row in rows:
        count += 1
        cells = zip(header, row, strict=False) if header is not None else _flat(row)
        for column, text in cells:
            if text := text.strip():
                if column not in columns:
                    columns[column] = _Column(column)
                columns[column].add(text)
    return FileDraft(
        name=name,
        rows=count,
        refused=refused,
        columns=[column.done() for column in columns.values()],
    )


def _flat(row: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, held in row.items():
        path = f"{above}{key}"
        if isinstance(held, Mapping):
            found += _flat(held, f"{path}.")
        elif isinstance(held, list):
            found += [(path, str(each)) for each in held if not isinstance(each, dict | list)]
        elif held is not None:
            found.append((path, str(held)))
    return found


# -- which column is what ---------------------------------------------------------------------

_WANTED = {
    "received": ("received", "reported", "call", "created", "report", "logged", "entered"),
    "recorded": ("recorded", "made", "crimed", "booked", "arrested", "report", "crime", "entered"),
    "occurred": ("occurred", "offence", "occurrence", "incident", "committed", "from"),
    "log_ref": ("incident", "call", "log", "case", "event", "cad"),
    "crime_ref": ("crime", "record", "report", "arrest", "offence", "occurrence"),
    "opening": ("type", "nature", "class", "code", "category", "offence"),
    "closing": ("disposition", "outcome", "result", "closing", "status", "closed"),
    "area": ("beat", "area", "district", "ward", "sector", "neighbourhood"),
    "priority": ("priority", "grade"),
}


def pick(columns: Sequence[ColumnDraft], wanted: str, but: Sequence[str | None] = ()) -> str | None:
    """The column whose name speaks most for a purpose; the earlier word counts more."""
    words = _WANTED[wanted]
    best: tuple[int, str] | None = None
    for column in columns:
        named = _words(column.name)
        hits = [len(words) - index for index, word in enumerate(words) if word in named]
        if column.name not in but and hits and (best is None or max(hits) > best[0]):
            best = (max(hits), column.name)
    return best[1] if best else None


class Guess(Struct, frozen=True, kw_only=True):
    """What a file looks to be, with the column for each purpose."""

    file: FileDraft
    ref: str | None
    other_ref: str | None
    """The other side's reference."""
    at: str | None
    """Received or recorded."""
    occurred: str | None = None
    opening: str | None = None
    closing: str | None = None
    area: str | None = None
    priority: str | None = None
    both_sides: bool = False
    record_at: str | None = None
    """When the record was made, where one file holds both sides."""


def guess_log(file: FileDraft) -> Guess:
    """An incident log, or a file that holds both sides."""
    usable = [each for each in file.columns if not each.personal]
    ids = [each for each in usable if each.looks is Looks.ID]
    times = [each for each in usable if each.looks is Looks.TIME]
    codes = [each for each in usable if each.looks is Looks.CODE]
    whole = [each for each in ids if each.filled >= 0.98 * file.rows]
    partly = [each for each in ids if each.filled < 0.95 * file.rows]
    ref = pick(whole, "log_ref") or _first(whole or ids)
    other = pick(partly, "crime_ref", [ref]) or _first(each for each in partly if each.name != ref)
    at = pick(times, "received") or _first(times)
    record_at = pick(times, "recorded", [at]) if other else None
    occurred = pick(times, "occurred", [at, record_at])
    both = record_at is not None and file.column(record_at).filled < 0.95 * file.rows
    opening = pick(codes, "opening") or _first(codes)
    return Guess(
        file=file,
        ref=ref,
        other_ref=other,
        at=at,
        occurred=occurred,
        opening=opening,
        closing=pick(codes, "closing", [opening]),
        area=pick(codes, "area", [opening]),
        priority=pick(codes, "priority", [opening]),
        both_sides=both,
        record_at=record_at if both else None,
    )


def guess_records(file: FileDraft, log_columns: Sequence[str] = ()) -> Guess:
    """A file of records."""
    usable = [each for each in file.columns if not each.personal]
    ids = [each for each in usable if each.looks is Looks.ID]
    times = [each for each in usable if each.looks is Looks.TIME]
    shared = [each.name for each in ids if each.name in log_columns]
    other = shared[0] if shared else pick(ids, "log_ref")
    ref = pick(ids, "crime_ref", [other]) or _first(each for each in ids if each.name != other)
    at = pick(times, "recorded") or _first(times)
    return Guess(
        file=file, ref=ref or other, other_ref=other, at=at, occurred=pick(times, "occurred", [at])
    )


def speaks_of_records(file: FileDraft) -> bool:
    """Do a file's name and columns speak of records rather than of calls?"""
    words = [*_words(file.name), *(word for each in file.columns for word in _words(each.name))]
    crime = {"crime", "crimes", "record", "records", "recorded", "arrest", "arrests", "charge"}
    call = {"call", "calls", "incident", "incidents", "received", "reported", "log", "cad"}
    return sum(word in crime for word in words) > sum(word in call for word in words)


def _first(columns: Iterable[ColumnDraft]) -> str | None:
    return next((each.name for each in columns), None)


def cut_of(file: FileDraft) -> list[str]:
    """Warnings about where a file looks cut, with the column it looks cut by."""
    times = [each for each in file.columns if each.looks is Looks.TIME]
    said = []
    for column in times:
        for cliff_ in column.cliffs:
            sharp = [
                other.name
                for other in times
                if other.name != column.name
                and (not other.cliffs)
                and other.last is not None
                and column.ends is not None
                and abs((other.last - column.ends).days) <= 7
            ]
            by = f": looks cut by {sharp[0]}" if sharp and "trickle on" in cliff_ else ""
            said.append(f"{column.name}: {cliff_}{by}")
    return said
