"""A draft as text: a commented mapping, and its codes as a CSV to fill in."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from msgspec import Struct

from service.ingest.draft import (
    ColumnDraft,
    FileDraft,
    Guess,
    Looks,
    cut_of,
    guess_log,
    guess_records,
    speaks_of_records,
)
from service.ingest.written import Side

CHANGE = "CHANGE_ME"
"""Stands where nothing could be guessed."""


class Named(Struct, frozen=True, kw_only=True):
    """What a person has said about a draft."""

    name: str
    force: str
    zone: str


class Draft(Struct, frozen=True, kw_only=True):
    """A drafted mapping."""

    mapping: str
    """YAML."""
    codes: str
    """CSV: column, code, rows, indicates."""
    warnings: list[str]


def draft(files: Sequence[tuple[Side, FileDraft]], named: Named) -> Draft:
    """A mapping for one file or two: the log, and the records where they are apart."""
    logs = [each for each in files if not speaks_of_records(each[1])]
    log = logs[0] if logs else files[0]
    rest = [each for each in files if each is not log]
    first = guess_log(log[1])
    second = None
    if rest:
        second = (rest[0][0], guess_records(rest[0][1], [each.name for each in log[1].columns]))
    warnings = list(_warnings(first, second[1] if second else None))
    lines = [
        *_top([first, *([second[1]] if second else [])], named),
        "",
        *_incidents(log[0], first, named, paired=second is not None),
        "",
        *(_records(second[0], second[1]) if second else _same_file(first)),
    ]
    top = [f"# {line}".rstrip() for line in _opening(files, named, warnings)]
    return Draft(mapping="\n".join([*top, *lines]) + "\n", codes=_codes(first), warnings=warnings)


def _opening(
    files: Sequence[tuple[Side, FileDraft]], named: Named, warnings: Sequence[str]
) -> Iterator[str]:
    given = " ".join(file.name for _, file in files)
    yield f"Drafted from {', '.join(f'{file.name} ({file.rows:,} rows)' for _, file in files)}."
    yield "Everything here is a guess. Read it, mend it, fill in the last column of"
    yield f"{named.name}.codes.csv with yes, no or a category, then:"
    yield f"  recount sources check {named.name}.yaml {given}"
    if warnings:
        yield ""
        yield "Look at these first:"
        for warning in warnings:
            yield f"- {warning}"


def _warnings(first: Guess, second: Guess | None) -> Iterator[str]:
    for guess in [first, *([second] if second else [])]:
        file = guess.file
        for said in cut_of(file):
            yield f"{file.name}: {said}"
        for column in file.columns:
            if column.looks is Looks.TIME and column.either:
                yield f"{file.name}: {column.name} could also be written with day and month swapped"
        if file.refused:
            yield f"{file.name}: {file.refused:,} rows could not be read; 'sources check' says why"
    if first.both_sides:
        yield f"{first.file.name}: looks to hold both sides, the log and the records made from it"
    elif second is None:
        yield f"{first.file.name}: no records were found in it, and no other file was given"


# -- on top -----------------------------------------------------------------------------------


def _top(guesses: Sequence[Guess], named: Named) -> Iterator[str]:
    yield f"name: {named.name}"
    yield "title: Say in a few words which systems these are"
    force = "  # the one force all rows belong to" if named.force != CHANGE else "  # its name"
    yield f"force: {plain(named.force)}{force}"
    yield f"zone: {named.zone}  # of every time written without an offset"
    yield f"formats: {_listed(_formats(guesses[0]))}"
    yield "ambiguous: first  # the hour that happens twice in autumn: first, second or refuse"
    yield "nonexistent: forward  # the hour that is skipped in spring: forward or refuse"
    columns = [column for guess in guesses for column in guess.file.columns]
    nothing = sorted({value for column in columns for value in column.nothing})
    if nothing:
        yield f"blank: {_listed(nothing)}  # seen; they mean nothing and never match each other"
    dropped = list(dict.fromkeys(column.name for column in columns if column.personal))
    if dropped:
        yield f"drop: {_listed(dropped)}  # look like names or free text: never read"
    yield "limit: 24h"


def _formats(guess: Guess) -> list[str]:
    if guess.at is None:
        return ["iso"]
    return _time(guess.file, guess.at)[1]


def _time(file: FileDraft, name: str) -> tuple[str, list[str]]:
    """A time's expression without its formats, and those; a date takes the clock beside it."""
    column = file.column(name)
    names = [each.name for each in file.columns]
    after = names.index(name) + 1
    beside = file.columns[after] if after < len(names) else None
    if _days_only(column) and beside is not None and beside.looks is Looks.CLOCK:
        joined = [f"{form} {clock}" for form in column.formats for clock in beside.formats]
        return f"join: {_listed([name, beside.name])}", joined
    return f"column: {plain(name)}", column.formats


def _days_only(column: ColumnDraft) -> bool:
    return any("%" in form and "%H" not in form and "%I" not in form for form in column.formats)


def _instant(file: FileDraft, name: str | None, top: Sequence[str]) -> str:
    if name is None:
        return f"{CHANGE}  # no column looks like this time"
    column, (where, formats) = file.column(name), _time(file, name)
    parts = [where]
    if list(formats) != list(top):
        parts.append(f"formats: {_listed(formats)}")
    if _days_only(column) and "join" not in where:
        parts.append("without_clock: start_of_day")
    written = plain(name) if parts == [f"column: {plain(name)}"] else f"{{{', '.join(parts)}}}"
    return f"{written}  # {column.filled:,} rows, {column.first} to {column.last}"


# -- the sides --------------------------------------------------------------------------------


def _incidents(side: Side, guess: Guess, named: Named, paired: bool) -> Iterator[str]:
    top = _formats(guess)
    yield "incidents:"
    yield from _file(side)
    yield "  fields:"
    yield f"    ref: {_ref(guess)}"
    yield f"    received_at: {_instant(guess.file, guess.at, top)}"
    if guess.occurred is not None:
        yield f"    occurred_from: {_instant(guess.file, guess.occurred, top)}"
    if guess.opening is not None:
        yield f"    opening_codes: [{plain(guess.opening)}]"
    if guess.closing is not None:
        yield f"    closing_codes: [{plain(guess.closing)}]"
    if guess.area is not None:
        yield f"    place.area: {plain(guess.area)}"
    if guess.priority is not None:
        yield f"    priority: {plain(guess.priority)}"
    if guess.other_ref is not None:
        yield f"    crime_refs: [{plain(guess.other_ref)}]"
    used = [guess.ref, guess.at, guess.occurred, guess.opening, guess.closing, guess.area]
    yield from _unused(guess, [*used, guess.priority, guess.other_ref, guess.record_at])
    yield from _repeats(guess)
    if guess.opening is not None:
        yield "  codes:"
        empty = guess.file.rows - guess.file.column(guess.opening).filled
        said = f"  # {empty:,} rows have none" if empty else ""
        yield f"    opening: {{file: {named.name}.codes.csv, blank: unknown}}{said}"
        if guess.closing is not None:
            yield f"    closing: {{file: {named.name}.codes.csv, blank: next}}"
    yield from _coverage(guess.file, guess.at, "received")


def _records(side: Side, guess: Guess) -> Iterator[str]:
    yield "records:"
    yield from _file(side)
    yield "  fields:"
    yield f"    ref: {_ref(guess)}"
    yield "    kind: {constant: crime}  # or map the column that tells a crime from other records"
    yield f"    recorded_at: {_instant(guess.file, guess.at, [])}"
    if guess.other_ref is not None:
        yield f"    incident_refs: [{plain(guess.other_ref)}]"
    if guess.occurred is not None:
        yield f"    committed_from: {_instant(guess.file, guess.occurred, [])}"
    yield from _unused(guess, [guess.ref, guess.at, guess.other_ref, guess.occurred])
    yield from _repeats(guess)
    yield from _coverage(guess.file, guess.at, "recorded")


def _same_file(guess: Guess) -> Iterator[str]:
    if not guess.both_sides or guess.other_ref is None:
        yield "# records: map here the system in which crimes are recorded"
        return
    yield "records:"
    yield "  from: incidents  # the same file, read once more"
    yield "  where:"
    yield f"    - {{column: {plain(guess.other_ref)}, blank: false}}"
    yield "  fields:"
    yield f"    ref: {plain(guess.other_ref)}"
    yield "    kind: {constant: crime}"
    yield f"    recorded_at: {_instant(guess.file, guess.record_at, _formats(guess))}"
    yield f"    incident_refs: [{plain(guess.ref or CHANGE)}]"
    yield from _coverage(guess.file, guess.record_at, "recorded")


def _ref(guess: Guess) -> str:
    return plain(guess.ref) if guess.ref else f"{CHANGE}  # no column looks like a reference"


def _file(side: Side) -> Iterator[str]:
    if side.format != "csv":
        yield f"  format: {side.format}"
    if side.encoding != "utf-8":
        yield f"  encoding: {side.encoding}"
    if side.delimiter != ",":
        yield f"  delimiter: {json.dumps(side.delimiter)}"
    if side.header:
        yield f"  header: {_listed(side.header)}  # no header row was seen: name the columns"


def _unused(guess: Guess, used: Sequence[str | None]) -> Iterator[str]:
    for column in guess.file.columns:
        if column.name not in used and not column.personal:
            example = f", {column.distinct:,} different" if column.distinct else ""
            yield f"    # not mapped: {column.name} (looks like {column.looks.value}{example})"


def _repeats(guess: Guess) -> Iterator[str]:
    if guess.ref is None:
        return
    column = guess.file.column(guess.ref)
    if column.distinct < column.filled:
        again = column.filled - column.distinct
        yield f"  # {again:,} rows repeat a ref. If they are later states of it, the last stands;"
        yield "  # if each is a record of its own, use 'unique: [columns that tell them apart]'."
        yield "  version: file_order"


def _coverage(file: FileDraft, name: str | None, cut_by: str) -> Iterator[str]:
    column = file.column(name) if name else None
    if column is None or column.starts is None or column.ends is None:
        return
    since, until = column.starts, _until(column)
    yield "  # What the file answers for: from and until come from the days seen, the last left out"
    yield "  # because it may be cut off. Say what you know instead; a miss rests on it."
    if since < until:
        yield f"  coverage: {{from: {since}, until: {until}, cut_by: {cut_by}}}"
    else:
        yield f"  coverage: {{from: {since}, cut_by: {cut_by}}}"


def _until(column: ColumnDraft) -> date:
    assert column.ends is not None
    return column.ends + timedelta(days=1) if column.ends != column.last else column.ends


# -- text -------------------------------------------------------------------------------------


class _Text:
    """What the csv writer writes to."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str, /) -> object:
        """One row."""
        self.lines.append(text)
        return None


def _codes(guess: Guess) -> str:
    text = _Text()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["column", "code", "rows", "indicates"])
    for name in (guess.opening, guess.closing):
        if name is not None:
            for code, count in guess.file.column(name).codes.items():
                rows.writerow([name, code, count, ""])
    return "".join(text.lines)


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*( [A-Za-z0-9_]+)*")
_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}


def plain(text: str) -> str:
    """A word as YAML takes it: in quotes where it would be read as something else."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _listed(words: Sequence[str]) -> str:
    return f"[{', '.join(plain(word) for word in words)}]"
