"""Field expressions of a mapping, compiled once for a file's header into plain functions of a row."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from service.ingest.expressions import inside
from service.ingest.times import Clock, TimeRefused, parser
from service.ingest.written import Condition, Expression

Row = Sequence[str] | Mapping[str, Any]
"""A CSV row, or one JSON object."""
Getter = Callable[[Any], str]
"""A column's text in a row, stripped; blank where it says nothing."""


class ValueRefused(Exception):
    """A value that cannot be taken: which word of the closed list of reasons, what was read, what to do."""

    def __init__(self, reason: str, value: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value
        self.remedy = remedy


class ColumnMissing(Exception):
    """The file has no such column, or it cannot be told which is meant."""


class Columns(Struct, frozen=True):
    """How to reach a column of this file; ``header`` None: rows are JSON objects."""

    header: tuple[str, ...] | None
    blank: frozenset[str]
    fold_case: bool
    dropped: frozenset[str]

    def get(self, column: str) -> Getter:
        """The text of one column. Raises ``ColumnMissing``."""
        raw = self._raw(column)
        blank, fold_case = self.blank, self.fold_case

        def get(row: Any) -> str:
            text = raw(row).strip()
            if text and text.casefold() in blank:
                return ""
            return text.upper() if fold_case else text

        def plain(row: Any) -> str:
            return raw(row).strip()

        return get if blank or fold_case else plain

    def several(self, column: str) -> Callable[[Any], list[str]]:
        """The texts of one column: those of a list where JSON holds one."""
        get = self.get(column)
        if self.header is not None:
            return lambda row: [get(row)]
        blank, fold_case = self.blank, self.fold_case

        def several(row: Any) -> list[str]:
            held = _held(row, column)
            if not isinstance(held, list):
                return [get(row)]
            texts = [_text(each, column).strip() for each in held]
            texts = ["" if text.casefold() in blank else text for text in texts]
            return [text.upper() for text in texts] if fold_case else texts

        return several

    def _raw(self, column: str) -> Getter:
        if inside(column, tuple(self.dropped)):
            raise ColumnMissing(f"column '{column}' is dropped by the mapping and cannot be read")
        if self.header is None:
            return lambda row: _text(_held(row, column), column)
        found = self.header.count(column)
        if found == 0:
            raise ColumnMissing(_no_column(column, self.header))
        if found > 1:
            raise ColumnMissing(f"the file has {found} columns '{column}'; rename all but one")
        index = self.header.index(column)

        def get(row: Any) -> str:
            # A short row that the mapping lets pass has blanks at its end.
            return row[index] if index < len(row) else ""

        return get


def _no_column(column: str, header: Sequence[str]) -> str:
    # A file without a header row has data in its first line: never repeated, save what is like the
    # name that was sought.
    near = difflib.get_close_matches(column.casefold(), [name.casefold() for name in header], n=1)
    meant = next((name for name in header if near and name.casefold() == near[0]), None)
    help_ = (
        f"did you mean '{meant}'?"
        if meant is not None
        else "'recount sources draft FILE' lists those it has; where the first line is no header, "
        "give their names as 'header: [...]'"
    )
    return f"the file has no column '{column}' among its {len(header)}; {help_}"


def _held(row: Any, column: str) -> Any:
    held = row.get(column)
    if held is None and "." in column:
        held = row
        for step in column.split("."):
            held = held.get(step) if isinstance(held, Mapping) else None
    return held


def _text(held: Any, column: str) -> str:
    if isinstance(held, str):
        return held
    if held is None:
        return ""
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, int | float):
        return str(held)
    remedy = f"'{column}' holds a list or an object; name one value in it, as {column}.name"
    raise ValueRefused("invalid_field", "", remedy)


# -- text -------------------------------------------------------------------------------------


def text_of(given: Expression, columns: Columns, file_name: str) -> Getter:
    """The text an expression stands for, before it is typed."""
    if given.constant is not None:
        constant = str(given.constant)
        return lambda row: constant
    get = _source(given, columns, file_name)
    if given.pattern is not None:
        get = _matched(get, _compiled(given, columns))
    if given.values is not None:
        table, otherwise = _table(given)
        return lambda row: _translated(get(row), table, otherwise)
    return get


def texts_of(given: Expression, columns: Columns, file_name: str) -> Callable[[Any], list[str]]:
    """The texts an expression stands for where a field holds several; blanks left out."""
    if given.constant is not None:
        constant = [str(given.constant)]
        return lambda row: constant
    if given.column is not None:
        get = columns.several(given.column)
    else:
        one = _source(given, columns, file_name)

        def get(row: Any) -> list[str]:
            return [one(row)]

    split = given.split
    pattern = _compiled(given, columns) if given.pattern is not None else None
    table, otherwise = _table(given) if given.values is not None else (None, None)
    if split is None and pattern is None and table is None:
        return lambda row: [text for text in get(row) if text]

    def texts(row: Any) -> list[str]:
        found = get(row)
        if split is not None:
            found = [part.strip() for text in found for part in text.split(split)]
        if pattern is not None:
            found = [
                (match["value"] or "").strip() for text in found for match in pattern.finditer(text)
            ]
        if table is not None:
            found = [_translated(text, table, otherwise) for text in found]
        return [text for text in found if text]

    return texts


def _source(given: Expression, columns: Columns, file_name: str) -> Getter:
    if given.file_name:
        return lambda row: file_name
    if given.join:
        parts, glue = [columns.get(column) for column in given.join], given.with_
        return lambda row: glue.join([text for part in parts if (text := part(row))])
    if given.first_of:
        choices = [text_of(part, columns, file_name) for part in given.first_of]

        def first(row: Any) -> str:
            for choice in choices:
                if text := choice(row):
                    return text
            return ""

        return first
    assert given.column is not None
    return columns.get(given.column)


def _compiled(given: Expression, columns: Columns) -> re.Pattern[str]:
    return re.compile(given.pattern or "", re.IGNORECASE if columns.fold_case else 0)


def _matched(get: Getter, pattern: re.Pattern[str]) -> Getter:
    def matched(row: Any) -> str:
        found = pattern.search(get(row))
        return (found["value"] or "").strip() if found else ""

    return matched


def _table(given: Expression) -> tuple[dict[str, str], str | None]:
    table = {
        key.casefold(): "" if word is None else str(word)
        for key, word in (given.values or {}).items()
    }
    return table, None if given.else_ is None else str(given.else_)


def _translated(text: str, table: Mapping[str, str], otherwise: str | None) -> str:
    if not text:
        return table.get("", "")
    word = table.get(text.casefold(), otherwise)
    if word is None:
        raise ValueRefused("unknown_value", text, "add it to 'values', or give 'else'")
    return word


# -- times and conditions ---------------------------------------------------------------------


def instant_of(
    given: Expression, columns: Columns, file_name: str, clock: Clock
) -> Callable[[Any], datetime | None]:
    """The UTC instant an expression stands for, None where it says nothing."""
    parse = parser(
        Clock(
            zone=given.zone or clock.zone,
            formats=("iso",) if given.constant is not None else given.formats or clock.formats,
            ambiguous=clock.ambiguous,
            nonexistent=clock.nonexistent,
            without_clock=given.without_clock or clock.without_clock,
        )
    )
    get = text_of(given, columns, file_name)

    def instant(row: Any) -> datetime | None:
        text = get(row)
        if not text:
            return None
        try:
            return parse(text)
        except TimeRefused as refused:
            remedy = f"{refused}; see 'formats', 'zone', 'ambiguous', 'without_clock'"
            raise ValueRefused("impossible_time", text, remedy) from None

    return instant


def holds(conditions: Sequence[Condition], columns: Columns) -> Callable[[Any], bool] | None:
    """Do all conditions hold for a row? None: there are none."""
    checks = [_check(condition, columns) for condition in conditions]
    if not checks:
        return None
    return lambda row: all([check(row) for check in checks])


def _check(given: Condition, columns: Columns) -> Callable[[Any], bool]:
    get = columns.get(given.column)
    among = {word.casefold() for word in given.among}
    not_among = {word.casefold() for word in given.not_among}
    equals = None if given.equals is None else given.equals.casefold()
    differs = None if given.not_equals is None else given.not_equals.casefold()
    pattern = None if given.matches is None else re.compile(given.matches, re.IGNORECASE)

    def check(row: Any) -> bool:
        text = get(row)
        folded = text.casefold()
        return (
            (given.blank is None or given.blank == (not text))
            and (equals is None or folded == equals)
            and (differs is None or folded != differs)
            and (not among or folded in among)
            and folded not in not_among
            and (pattern is None or pattern.search(text) is not None)
        )

    return check
