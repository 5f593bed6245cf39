"""The list of offences: which classes a code is, which kinds of crime that makes it, since when not.

Codes and classes are many to many: one code can be three classes, and a breach of an order shares its
class with the harassment it is recorded beside. So a category may name the codes that are its own.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from service.ingest.lined import Fault

_COLUMNS = {"code", "class"}


class Kind(Protocol):
    """What is read of a category."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Its offence classes."""

    @property
    def offences(self) -> tuple[str, ...]:
        """Codes that are its own, whatever their class."""


class Offences(Struct, frozen=True, kw_only=True):
    """The list as published, by code ``NNN/NN``."""

    classes: dict[str, tuple[str, ...]]
    """Offence classes of a code."""
    ended: dict[str, date]
    """First day on which a code is notifiable no longer. Repealed offences stay: what was committed
    under them is recorded under them."""


def read_offences(text: str, origin: str) -> Offences:
    """Read ``code,class`` and, where there is one, ``until``. Raises ``Fault``."""
    rows = csv.DictReader(text.splitlines())
    lacking = sorted(_COLUMNS - {*(rows.fieldnames or ())})
    if lacking:
        message = f"the offence list lacks a column: {', '.join(lacking)}"
        raise Fault(origin, 1, message, "use the columns code and class")
    classes: dict[str, list[str]] = defaultdict(list)
    ended: dict[str, date] = {}
    for row in rows:
        code, until = row["code"], row.get("until")
        if not code or not row["class"]:
            remedy = "give both, or delete the row"
            raise Fault(origin, rows.line_num, "an offence without code or class", remedy)
        if not re.fullmatch(r"\d{3}/\d{2}", code):
            raise Fault(origin, rows.line_num, f"'{code}' is no code", "write it as 008/06")
        if row["class"] in classes[code]:
            raise Fault(origin, rows.line_num, f"{code} is {row['class']} twice", "remove one")
        classes[code].append(row["class"])
        if until:
            try:
                ended[code] = date.fromisoformat(until)
            except ValueError:
                remedy = "write it as 2023-05-01"
                raise Fault(origin, rows.line_num, f"'{until}' is no day", remedy) from None
    return Offences(
        classes={code: tuple(found) for code, found in classes.items()},
        ended=ended,
    )


@lru_cache(maxsize=8192)
def canonical(code: str) -> str:
    """A code as the list writes it: ``8/6`` and ``00806`` are ``008/06``; a class keeps its letters."""
    code = code.strip().upper()
    parts = re.fullmatch(r"(\d{1,3})/(\d{1,2})", code) or re.fullmatch(r"(\d{3})(\d{2})", code)
    if parts:
        return f"{parts[1].zfill(3)}/{parts[2].zfill(2)}"
    return code.replace(" ", "")


def kinds_of(
    categories: Mapping[str, Kind], classes: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """Categories by code and by bare class. A code that a category names is that one's alone."""
    by_class: dict[str, list[str]] = defaultdict(list)
    own: dict[str, list[str]] = defaultdict(list)
    for name, category in categories.items():
        for each in category.classes:
            by_class[each].append(name)
        for code in category.offences:
            own[code].append(name)
    found = {each: tuple(names) for each, names in by_class.items()}
    for code, held in classes.items():
        names = own.get(code) or [
            name
            for each in held
            for name in by_class.get(each, ())
            if not categories[name].offences
        ]
        found[code] = tuple(dict.fromkeys(names))
    return found
