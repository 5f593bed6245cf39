"""Field expressions of a mapping, compiled once for a file's header into plain functions of a row."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from service.ingest.times import Clock, TimeRefused, parser
from service.ingest.written import Condition, Expression

Row = Sequence[str] | Mapping[str, Any]
"""A CSV row, or one JSON object."""
Getter = Callable[[Row], str]
"""A column's text in a row, stripped; blank where it says nothing."""


class ValueRefused(Exception):
    """A value that cannot be taken: which word of the closed list of reasons, what was read, what to do."""

    def __init__(self, reason: str, value: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value
        self.remedy = remedy


class ColumnMissing(Exception):
    """The file has no such column; the message lists those it has."""


class Columns(Struct, frozen=True):
    """How to reach a column of this file; ``header`` None: rows are JSON objects."""

    header: tuple[str, ...] | None
    blank: frozenset[str]
    fold_case: bool
    dropped: frozenset[str]

    def get(self, column: str) -> Getter:
        """The text of one column. Raises ``ColumnMissing``."""
        if column in self.dropped:
            raise ColumnMissing(f"column '{column}' is dropped by the mapping and cannot be read")
        raw = self._by_path(column) if self.header is None else self._by_index(column)
        blank, fold_case = self.blank, self.fold_case

        def get(row: Row) -> str:
            text = raw(row).strip()
            if text and text.casefold() in blank:
                return ""
            return text.upper() if fold_case else text

        return get

    def _by_index(self, column: str) -> Getter:
        assert self.header is not None
        if column not in self.header:
            has = ", ".join(self.header)
            raise ColumnMissing(f"the file has no column '{column}'; it has {has}")
        index = self.header.index(column)

        def get(row: Row) -> str:
            assert isinstance(row, Sequence)
            return row[index] if index < len(row) else ""

        return get

    def _by_path(self, column: str) -> Getter:
        steps = column.split(".")

        def get(row: Row) -> str:
            held: Any = row
            for step in steps:
                held = held.get(step) if isinstance(held, Mapping) else None
            return "" if held is None else str(held)

        return get


def text_of(given: Expression, columns: Columns, file_name: str) -> Getter:
    """The text an expression stands for, before it is typed."""
    if given.constant is not None:
        constant = str(given.constant)
        return lambda row: constant
    get = _source(given, columns, file_name)
    if given.pattern is not None:
        get = _matched(get, re.compile(given.pattern))
    if given.values is not None:
        get = _translated(get, given.values, given.else_)
    return get


def _source(given: Expression, columns: Columns, file_name: str) -> Getter:
    if given.file_name:
        return lambda row: file_name
    if given.join:
        parts, glue = [columns.get(column) for column in given.join], given.with_
        return lambda row: glue.join([text for part in parts if (text := part(row))])
    assert given.column is not None
    return columns.get(given.column)


def _matched(get: Getter, pattern: re.Pattern[str]) -> Getter:
    def matched(row: Row) -> str:
        found = pattern.search(get(row))
        return (found.group("value") or "").strip() if found else ""

    return matched


def _translated(get: Getter, values: Mapping[str, Any], otherwise: str | None) -> Getter:
    table = {key.casefold(): str(word) for key, word in values.items()}

    def translated(row: Row) -> str:
        text = get(row)
        if not text:
            return table.get("", "")
        word = table.get(text.casefold(), otherwise)
        if word is None:
            raise ValueRefused("unknown_value", text, "add it to 'values', or give 'else'")
        return word

    return translated


def instant_of(
    given: Expression, columns: Columns, file_name: str, clock: Clock
) -> Callable[[Row], Any]:
    """The UTC instant an expression stands for, None where it says nothing."""
    parse = parser(
        Clock(
            zone=given.zone or clock.zone,
            formats=given.formats or clock.formats,
            ambiguous=clock.ambiguous,
            nonexistent=clock.nonexistent,
            without_clock=given.without_clock or clock.without_clock,
        )
    )
    get = text_of(given, columns, file_name)

    def instant(row: Row) -> Any:
        text = get(row)
        if not text:
            return None
        try:
            return parse(text)
        except TimeRefused as refused:
            remedy = f"{refused}; see 'formats', 'zone', 'ambiguous', 'without_clock'"
            raise ValueRefused("impossible_time", text, remedy) from None

    return instant


def holds(conditions: Sequence[Condition], columns: Columns) -> Callable[[Row], bool]:
    """Do all conditions hold for a row?"""
    checks = [_check(condition, columns) for condition in conditions]
    return lambda row: all([check(row) for check in checks])


def _check(given: Condition, columns: Columns) -> Callable[[Row], bool]:
    get = columns.get(given.column)
    among = {word.casefold() for word in given.among}
    equals = None if given.equals is None else given.equals.casefold()
    differs = None if given.not_equals is None else given.not_equals.casefold()

    def check(row: Row) -> bool:
        text = get(row).casefold()
        return (
            (given.blank is None or given.blank == (not text))
            and (equals is None or text == equals)
            and (differs is None or text != differs)
            and (not among or text in among)
        )

    return check
