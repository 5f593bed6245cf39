"""YAML that a person wrote, read into typed values, with errors that say where.

``read`` parses and converts in one step; whatever is wrong is a ``Fault`` with file, line, message and
remedy. Unknown and repeated keys are refused by name: a misspelt setting must not be a silent default.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")


class Fault(Exception):
    """Something in a file that a person wrote is wrong; str() is one readable line."""

    def __init__(self, origin: str, line: int, message: str, remedy: str) -> None:
        super().__init__(f"{origin}:{line}: {message}; {remedy}")
        self.origin = origin
        self.line = line
        self.message = message
        self.remedy = remedy


class Table(dict[str, Any]):
    """A YAML mapping that remembers the line of itself and of each key."""

    line: int
    lines: dict[str, int]


class Rows(list[Any]):
    """A YAML sequence that remembers the line of each item."""

    lines: list[int]


class _Loader(yaml.SafeLoader):
    origin = ""


def _table(loader: _Loader, node: yaml.MappingNode) -> Table:
    table = Table()
    table.line = node.start_mark.line + 1
    table.lines = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        # As written: a code such as 010, 1:30 or No is a word here, not what YAML makes of it.
        plain = isinstance(key_node, yaml.ScalarNode)
        key = key_node.value if plain else str(loader.construct_object(key_node, deep=True))
        if key in table:
            raise Fault(loader.origin, line, f"'{key}' is given twice", "keep one of them")
        table[key] = loader.construct_object(value_node, deep=True)
        table.lines[key] = line
    return table


def _rows(loader: _Loader, node: yaml.SequenceNode) -> Rows:
    rows = Rows(loader.construct_object(item, deep=True) for item in node.value)
    rows.lines = [item.start_mark.line + 1 for item in node.value]
    return rows


_Loader.add_constructor("tag:yaml.org,2002:map", _table)
_Loader.add_constructor("tag:yaml.org,2002:seq", _rows)


def load(text: str, origin: str) -> Table:
    """Parse YAML whose top is a mapping; values stay untyped. Raises ``Fault``."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        message = f"a character that no text file should hold (code {error.character})"
        raise Fault(origin, line, message, "delete it, or save the file as UTF-8") from None
    loader.origin = origin
    try:
        top = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        # A bracket never closed is where it was opened, not where the parser gave up.
        opened = error.context_mark if "flow" in (error.context or "") else None
        mark = opened or error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = f"not YAML: {error.problem or error.context}"
        raise Fault(origin, line, problem, "check indentation, colons and quotes") from None
    finally:
        loader.dispose()
    if not isinstance(top, Table):
        raise Fault(origin, 1, "the file must hold keys and values", "start with 'name: ...'")
    return top


def read(text: str, origin: str, type_: type[T]) -> T:
    """Parse YAML into a typed value (a msgspec Struct that forbids unknown fields)."""
    return convert(load(text, origin), origin, type_)


def convert(table: Any, origin: str, type_: type[T]) -> T:
    """Type what ``load`` gave; the error names the line of the value at fault."""
    try:
        return _typed(table, type_)
    except msgspec.ValidationError as error:
        raise _Objection(table, type_, error).fault(origin) from None


def faults_in(table: Table, origin: str, type_: type) -> Iterator[Fault]:
    """Everything ``convert`` objects to: what is at fault is set aside and the rest looked at, until
    nothing is wrong or what is wrong cannot be set aside."""
    rest = deepcopy(table)
    gone: list[list[str | int]] = []
    while True:
        try:
            _typed(rest, type_)
            return
        except msgspec.ValidationError as error:
            objection = _Objection(rest, type_, error)
        if objection.missing() not in gone:
            yield objection.fault(origin)
        gone.append(objection.at())
        if not objection.set_aside():
            return


def _typed(table: Any, type_: type[T]) -> T:
    return msgspec.convert(table, type_, strict=True, str_keys=True)


class _Objection:
    """What msgspec says is wrong, and where in what was written."""

    def __init__(self, table: Any, type_: type, error: msgspec.ValidationError) -> None:
        self.message, _, path = str(error).partition(" - at ")
        path = path.strip("`")
        # Of a key that is itself wrong: "`key` in `$.table`".
        self._path = f"{path}[...]" if path.startswith("key`") else path
        self._table, self._type = table, type_
        self._steps = list(self._located(str(error)))

    def fault(self, origin: str) -> Fault:
        """The same for whoever wrote it."""
        path = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self._steps)
        remedy = _remedy(self.message, self._path, self._type)
        where = f" at {path.removeprefix('.')}" if path else ""
        line = line_of(self._table, self._steps, self.message)
        return Fault(origin, line, f"{self.message}{where}", remedy)

    def at(self) -> list[str | int]:
        """Steps to what is at fault, a key that should not be there included."""
        unknown = _UNKNOWN.search(self.message)
        return [*self._steps, unknown.group(1)] if unknown else self._steps

    def missing(self) -> list[str | int] | None:
        """Steps to the key that should be there, where that is what is wrong."""
        key = _MISSING.search(self.message)
        return [*self._steps, key.group(1)] if key else None

    def set_aside(self) -> bool:
        """Take what is at fault away; False where that leaves nothing to look at."""
        held, steps = self._table, self.at()
        if not steps:
            return False
        for step in steps[:-1]:
            held = held[step]
        del held[steps[-1]], held.lines[steps[-1]]
        return True

    def _located(self, said: str) -> Iterator[str | int]:
        """Steps to the value at fault. Of a key that people choose msgspec says only ``[...]``: it is the
        one whose value alone makes it say the same."""
        held, taken = self._table, list[str | int]()
        for match in _STEP.finditer(self._path):
            step: str | int | None = match[1] or (int(match[2]) if match[2] else None)
            if step is None and isinstance(held, Table):
                step = next((key for key in held if self._says_so(taken, key, said)), None)
            if step is None:
                return
            taken.append(step)
            held = held[step]
            yield step

    def _says_so(self, steps: Sequence[str | int], key: str, said: str) -> bool:
        """Does msgspec say the same where the table at these steps has this key alone?"""
        try:
            _typed(_with_only(self._table, steps, key), self._type)
        except msgspec.ValidationError as error:
            return str(error) == said
        return False


def _with_only(held: Any, steps: Sequence[str | int], key: str) -> Any:
    """What was written, with one key left in the table at these steps."""
    if not steps:
        return {key: held[key]}
    copy: Any = dict(held) if isinstance(held, Table) else list(held)
    copy[steps[0]] = _with_only(held[steps[0]], steps[1:], key)
    return copy


_REMEDIES = (
    (r"Expected `str[^`]*`, got `(bool|int|float|date|datetime)`", "put the value in quotes"),
    (r"Expected `array[^`]*`, got `(str|int|float|bool)`", "write a list: [one, two]"),
    (r"Expected `object[^`]*`, got", "write keys and values below it, indented"),
    (r"Expected `bool[^`]*`, got", "write true or false"),
    (r"Expected `int[^`]*`, got", "write a whole number"),
    (r"Expected `date[^`]*`, got|Invalid RFC3339", "write a date such as 2015-04-01"),
    (r"missing required field", "add it"),
)
"""What msgspec objects to, and what to do about it."""

_MISSING = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


def line_of(table: Any, path: str | Sequence[str | int], message: str = "") -> int:
    """Line of the value at a path such as ``$.limits[0].hours``, or at its steps where a key may hold
    dots; as near as is known."""
    line, held = getattr(table, "line", 1), table
    for step in _steps(path) if isinstance(path, str) else path:
        named = isinstance(held, Table) and step in held
        if named or (isinstance(held, Rows) and isinstance(step, int) and step < len(held)):
            line, held = held.lines[step], held[step]
    unknown = _UNKNOWN.search(message)
    if unknown and isinstance(held, Table):
        line = held.lines.get(unknown.group(1), line)
    return line


def _steps(path: str) -> list[str | int]:
    found = [step.groups() for step in _STEP.finditer(path)]
    return [key if key is not None else int(index) for key, index in found if key or index]


def _remedy(message: str, path: str, type_: type) -> str:
    unknown = _UNKNOWN.search(message)
    if word := re.search(r"Invalid enum value '([^']+)'", message):
        near = difflib.get_close_matches(word[1], _words(type_), n=1)
        return f"did you mean '{near[0]}'?" if near else "see the documentation for the words"
    if unknown is None:
        for pattern, remedy in _REMEDIES:
            if re.search(pattern, message):
                return remedy
        return "see the documentation of this file for what belongs here"
    near = difflib.get_close_matches(unknown.group(1), _names(type_), n=1)
    return f"did you mean '{near[0]}'?" if near else "remove it, or check its spelling"


def _names(type_: Any, seen: frozenset[Any] = frozenset()) -> list[str]:
    """Every field name that can occur below a type."""
    if type_ in seen:
        return []
    seen |= {type_}
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        fields = msgspec.structs.fields(type_)
        below = [name for field in fields for name in _names(field.type, seen)]
        return [field.encode_name for field in fields] + below
    return [name for part in getattr(type_, "__args__", ()) for name in _names(part, seen)]


def _words(type_: Any, seen: frozenset[Any] = frozenset()) -> list[str]:
    """Every word of a closed list that can occur below a type."""
    if type_ in seen:
        return []
    seen |= {type_}
    if isinstance(type_, type) and issubclass(type_, StrEnum):
        return [word.value for word in type_]
    parts: list[Any] = list(getattr(type_, "__args__", ()))
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        parts = [field.type for field in msgspec.structs.fields(type_)]
    return [word for part in parts for word in _words(part, seen)]
