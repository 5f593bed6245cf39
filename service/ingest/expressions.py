"""Field expressions checked without the data: every mistake in them has its line and its remedy."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import BaseModel

from service.ingest.kinds import FieldKind, Kind, fillable, kind_of
from service.ingest.lined import Fault, Table, convert, line_of
from service.ingest.times import (
    WITHOUT_CLOCK,
    Clock,
    TimeRefused,
    duration,
    is_zone,
    parser,
    problem,
)
from service.ingest.written import Expression

Path = tuple[str | int, ...]
"""Steps from the top of a mapping to a value."""

BY_OWN_KEY = {
    "people": "use 'people', which hashes them",
    "victims": "use 'people', which hashes them",
    "suspects": "use 'people', which hashes them",
    "officer": "use 'officer: [columns]' beside 'fields', which hashes them",
    "narrative": "use 'narrative' beside 'fields'",
    "linked_logs": "use 'linked_logs' beside 'fields'",
}
"""Fields that are not filled under ``fields``, and where they are."""


class Checker:
    """Makes faults that know their line."""

    def __init__(self, table: Table, origin: str) -> None:
        self._table = table
        self.origin = origin

    def fault(self, path: Path, message: str, remedy: str) -> Fault:
        """What is wrong at a path."""
        return Fault(self.origin, line_of(self._table, path), message, remedy)

    def duration(self, path: Path, text: str) -> timedelta:
        """A duration, or the fault that it is none."""
        try:
            return duration(text)
        except ValueError as error:
            raise self.fault(path, str(error), "for instance 24h") from None

    def one_of(self, path: Path, word: str, words: Sequence[str]) -> None:
        """One of a closed list."""
        if word not in words:
            raise self.fault(path, f"'{word}' is not known here", f"use {' or '.join(words)}")

    def pattern(self, path: Path, pattern: str) -> re.Pattern[str]:
        """A regular expression."""
        try:
            return re.compile(pattern)
        except re.error as error:
            remedy = "check brackets and backslashes"
            raise self.fault(path, f"not a pattern: {error}", remedy) from None

    def clock(self, path: Path, formats: Sequence[str], zone: str | None) -> None:
        """Formats that can be read and a zone that exists."""
        for index, form in enumerate(formats):
            if (wrong := problem(form)) is not None:
                remedy = "for instance '%d/%m/%Y %H:%M', or iso"
                raise self.fault((*path, "formats", index), f"'{form}' {wrong}", remedy)
        if zone is not None and not is_zone(zone):
            message = f"'{zone}' is no time zone"
            raise self.fault((*path, "zone"), message, "use a name such as Europe/London")

    def instant(self, path: Path, given: Any, clock: Clock) -> Any:
        """The UTC instant of a local date or time written in the mapping itself."""
        text = str(given)
        try:
            return parser(Clock(clock.zone, ("iso",), "first", "forward", "start_of_day"))(text)
        except TimeRefused as refused:
            remedy = "write 2022-11-01 or 2022-11-01T06:00"
            raise self.fault(path, f"'{text}': {refused}", remedy) from None


def is_instant(given: Any) -> bool:
    """Is a value of a mapping a date or time rather than a column's name?"""
    return not isinstance(given, dict) and re.match(r"\d{4}-\d\d-\d\d", str(given)) is not None


# -- expressions ------------------------------------------------------------------------------


def expression(value: Any, path: Path, check: Checker) -> Expression:
    """An expression with its shorthand written out: a bare word is a column."""
    if isinstance(value, str):
        return Expression(column=value)
    if not isinstance(value, Table):
        remedy = "write its name in quotes" if value is not None else "write the name of a column"
        raise check.fault(path, "not a column or an expression", remedy)
    made = convert(value, check.origin, Expression)
    sources = [made.column is not None, made.constant is not None, bool(made.join)]
    sources += [bool(made.first_of), made.file_name]
    if sum(sources) != 1:
        remedy = "give exactly one of column, constant, join, first_of, file_name"
        raise check.fault(path, "it is not said where the value comes from", remedy)
    if made.pattern is not None:
        pattern = check.pattern((*path, "pattern"), made.pattern)
        if "value" not in pattern.groupindex:
            message = "the pattern has no group 'value'"
            raise check.fault((*path, "pattern"), message, "write (?P<value>...)")
    if made.file_name and made.pattern is None:
        remedy = "say which part of it: pattern: '(?P<value>...)'"
        raise check.fault(path, "a file's whole name is no value", remedy)
    if made.constant is not None and (made.pattern or made.values or made.split):
        raise check.fault(path, "a constant is taken as it is", "leave out what is done to it")
    check.clock(path, made.formats, made.zone)
    if made.without_clock is not None:
        check.one_of((*path, "without_clock"), made.without_clock, WITHOUT_CLOCK)
    parts = tuple(
        expression(part, (*path, "first_of", index), check)
        for index, part in enumerate(made.first_of)
    )
    return msgspec.structs.replace(
        made, first_of=parts, values=_words(made.values), else_=word(made.else_)
    )


def _words(values: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {key: word(given) for key, given in values.items()}


def word(given: Any) -> Any:
    """YAML reads bare yes and no as true and false; the contracts have them as words."""
    return {True: "yes", False: "no"}[given] if isinstance(given, bool) else given


def fields(
    given: dict[str, Any], path: Path, contract: type[BaseModel], clock: Clock, check: Checker
) -> dict[str, Expression | list[Expression]]:
    """Every field's expression, checked against what the contract takes."""
    made: dict[str, Expression | list[Expression]] = {}
    for name, value in given.items():
        at = (*path, name)
        if (remedy := BY_OWN_KEY.get(name)) is not None:
            raise check.fault(at, f"'{name}' is not filled from a column", remedy)
        kind = kind_of(contract, name)
        if kind is None:
            names = ", ".join(each for each in fillable(contract) if each not in BY_OWN_KEY)
            raise check.fault(at, f"there is no field '{name}' here", f"fields are {names}")
        if not isinstance(value, list):
            made[name] = field(value, at, kind, clock, check)
        elif not kind.several:
            remedy = "give one column, or {first_of: [...]} or {join: [...]}"
            raise check.fault(at, f"'{name}' holds one value", remedy)
        else:
            made[name] = [
                field(each, (*at, index), kind, clock, check) for index, each in enumerate(value)
            ]
    return made


def field(value: Any, path: Path, kind: FieldKind, clock: Clock, check: Checker) -> Expression:
    """One expression, with the words it can give checked against the contract's own."""
    made = expression(value, path, check)
    if made.split is not None and not (kind.several and made.split):
        remedy = "leave out 'split'" if made.split else "name the separator"
        raise check.fault(path, "this cannot be split", remedy)
    timed = made.formats or made.zone or made.without_clock
    if timed and kind.kind is not Kind.INSTANT:
        remedy = "leave out formats, zone and without_clock"
        raise check.fault(path, "this field is no time", remedy)
    if kind.kind is Kind.INSTANT:
        if made.constant is not None:
            check.instant(path, made.constant, clock)
        return made
    for step, given in _given_words(made):
        if (objection := kind.objection(str(given))) is not None:
            raise check.fault((*path, *step), f"'{given}' cannot stand here", objection)
    return made


def _given_words(made: Expression) -> Iterator[tuple[Path, Any]]:
    """The words that a mapping itself supplies, with where they stand."""
    if made.constant is not None:
        yield ("constant",), word(made.constant)
    for key, given in (made.values or {}).items():
        if given not in ("", None):
            yield ("values", key), given
    if made.else_:
        yield ("else",), made.else_
    for index, part in enumerate(made.first_of):
        for step, given in _given_words(part):
            yield ("first_of", index, *step), given


def columns_of(made: Any) -> Iterator[str]:
    """Every column an expression reads."""
    if isinstance(made, list | tuple):
        for each in made:
            yield from columns_of(each)
    elif isinstance(made, Expression):
        if made.column is not None:
            yield made.column
        yield from made.join
        yield from columns_of(made.first_of)


def inside(column: str, dropped: Sequence[str]) -> bool:
    """Is a column dropped, by its own name or with the object it lies in?"""
    return any(column == each or column.startswith(f"{each}.") for each in dropped)


Include = Callable[[str], str]
"""The text of a file beside the mapping, by name."""
