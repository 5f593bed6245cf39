"""From a row to a document: each field of a mapping becomes a function that puts its value there."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from schemas.words import AgeBand
from service.ingest.fields import Columns, Getter, instant_of, text_of, texts_of
from service.ingest.kinds import FieldKind, Kind, inner, kind_of
from service.ingest.lined import Fault
from service.ingest.mapping import Feed
from service.ingest.people import PersonKey, keyed_hash
from service.ingest.times import Reading, reader
from service.ingest.written import Coordinates, Expression

Document = dict[str, Any]
Setter = Callable[[Any, Document], None]
"""Puts one field of a row into a document. Raises ``ValueRefused``."""


def setters(
    feed: Feed, columns: Columns, file_name: str, key: PersonKey | None
) -> list[tuple[str, Setter]]:
    """For each field of the mapping its name and how to put it into a document."""
    made = [
        (name, _field(feed, name, given, columns, file_name)) for name, given in feed.fields.items()
    ]
    written = feed.written
    if written.narrative:
        made.append(("narrative", _entries(feed, columns, file_name)))
    if written.linked_logs:
        made.append(("linked_logs", _links(feed, columns, file_name)))
    if (written.people or written.officer) and key is None:
        message = "the mapping identifies people and no key is given"
        remedy = "set RECOUNT_PERSON_KEY_FILE to a file that holds the force's key"
        raise Fault(feed.mapping.name, 1, message, remedy)
    if key is not None and written.people:
        made.append(("people", _people(feed, columns, file_name, key)))
    if key is not None and written.officer:
        made.append(("officer", _officer(feed, columns, file_name, key)))
    if {"place.latitude", "place.longitude"} & feed.fields.keys():
        made.append(("place.latitude", _coordinates(feed.mapping.coordinates)))
    for parent, needed in _halves(feed).items():
        made.append((parent, _whole(parent, needed)))
    return made


def _field(feed: Feed, name: str, given: Any, columns: Columns, file_name: str) -> Setter:
    kind = kind_of(feed.contract, name)
    assert kind is not None
    path = name.split(".")
    if kind.several:
        each = given if isinstance(given, list) else [given]
        return _put(path, _several([texts_of(one, columns, file_name) for one in each], kind))
    if kind.kind is Kind.INSTANT:
        return _put(path, instant_of(given, columns, file_name, feed.clock))
    return _put(path, _worded(text_of(given, columns, file_name), kind))


def _put(path: Sequence[str], get: Callable[[Any], Any]) -> Setter:
    *parents, last = path

    def put(row: Any, document: Document) -> None:
        value = get(row)
        if value is None or value == "":
            return
        for parent in parents:
            document = document.setdefault(parent, {})
        document[last] = value

    def put_on_top(row: Any, document: Document) -> None:
        value = get(row)
        if value is not None and value != "":
            document[last] = value

    return put if parents else put_on_top


def _several(
    gets: Sequence[Callable[[Any], list[str]]], kind: FieldKind
) -> Callable[[Any], list[str] | None]:
    words = {word.casefold(): word for word in kind.words}
    if len(gets) == 1 and not words:
        only = gets[0]
        return lambda row: only(row) or None

    def several(row: Any) -> list[str] | None:
        found = [text for get in gets for text in get(row)]
        return [words.get(text.casefold(), text) for text in found] or None

    return several


def _worded(get: Getter, kind: FieldKind) -> Getter:
    """A word of a closed list, whichever way its case is written."""
    if kind.kind is not Kind.WORD:
        return get
    words = {word.casefold(): word for word in kind.words}

    def worded(row: Any) -> str:
        text = get(row)
        return words.get(text.casefold(), text)

    return worded


# -- lists of objects -------------------------------------------------------------------------


def _entries(feed: Feed, columns: Columns, file_name: str) -> Setter:
    items: list[dict[str, Callable[[Any], Any]]] = []
    for entry in feed.written.narrative:
        item: dict[str, Callable[[Any], Any]] = {}
        for name in ("text", "writer", "category"):
            given = getattr(entry, name)
            if given is not None:
                item[name] = text_of(given, columns, file_name)
        if entry.at is not None:
            item["at"] = instant_of(entry.at, columns, file_name, feed.clock)
        items.append(item)
    return _list("narrative", items, "text")


def _links(feed: Feed, columns: Columns, file_name: str) -> Setter:
    items: list[dict[str, Callable[[Any], Any]]] = [
        {"ref": text_of(link.ref, columns, file_name), "relation": _always(link.relation)}
        for link in feed.written.linked_logs
    ]
    return _list("linked_logs", items, "ref")


def _always(word: str) -> Getter:
    return lambda row: word


def _list(name: str, items: Sequence[dict[str, Callable[[Any], Any]]], needs: str) -> Setter:
    """A list of objects; one whose ``needs`` is blank is left out."""

    def put(row: Any, document: Document) -> None:
        kept = []
        for item in items:
            if not item[needs](row):
                continue
            values = {key: get(row) for key, get in item.items()}
            kept.append({key: value for key, value in values.items() if value not in ("", None)})
        if kept:
            document[name] = kept

    return put


# -- people -----------------------------------------------------------------------------------


def _people(feed: Feed, columns: Columns, file_name: str, key: PersonKey) -> Setter:
    """People by keyed hash: ``people`` of a report, ``victims`` and ``suspects`` of a record."""
    people = []
    for person in feed.written.people:
        gets = [_identity(each, columns, file_name) for each in person.identity]
        given = person.age_band
        band = None if given is None else _band(text_of(given, columns, file_name))
        people.append((person.role, gets, band))
    in_report = feed.side != "records"

    def put(row: Any, document: Document) -> None:
        for role, gets, band in people:
            hashed = keyed_hash(key, [get(row) for get in gets])
            age = band(row) if band is not None else ""
            if hashed is None and not age:
                continue
            if not in_report:
                document.setdefault(f"{role}s", []).append(hashed)
                continue
            person = {"role": role, "key": hashed}
            if age:
                person["age_band"] = age
            document.setdefault("people", []).append(person)

    return put


def _officer(feed: Feed, columns: Columns, file_name: str, key: PersonKey) -> Setter:
    gets = [_identity(each, columns, file_name) for each in feed.written.officer]
    return _put(["officer"], lambda row: keyed_hash(key, [get(row) for get in gets]))


def _identity(given: Expression, columns: Columns, file_name: str) -> Getter:
    """A part of somebody's identity; a date is the same however each side writes it."""
    get = text_of(given, columns, file_name)
    readers: list[Callable[[str], Reading | None]] = [reader(form) for form in given.formats]
    if not readers:
        return get

    def identity(row: Any) -> str:
        text = get(row)
        found = next((read for each in readers if (read := each(text)) is not None), None)
        return text if found is None else found[0].date().isoformat()

    return identity


_BANDS = ((13, AgeBand.UNDER_13), (16, AgeBand.AGE_13_TO_15), (18, AgeBand.AGE_16_TO_17))


def _band(get: Getter) -> Getter:
    """A band by name or from an age in years."""

    def band(row: Any) -> str:
        text = get(row).lower()
        if not (text.isascii() and text.isdigit()):
            return text
        return next((band for below, band in _BANDS if int(text[:4]) < below), AgeBand.ADULT)

    return band


# -- places and objects -----------------------------------------------------------------------


def _coordinates(given: Coordinates) -> Setter:
    """Degrees from whatever the source writes; axes that fit only when swapped are swapped back. What
    is no point on the map is left out: a report is not lost for its coordinates."""
    convert = _degrees_from_osgb36() if given.system == "osgb36" else None

    def put(row: Any, document: Document) -> None:
        place = document.get("place")
        if place is None:
            return
        first, second = place.pop("latitude", None), place.pop("longitude", None)
        point = _point(first, second)
        if point is not None:
            fits = [_fitting(point, given, convert), _fitting(point[::-1], given, convert)]
            # Swapped axes are only recognised by the box in which they must lie.
            found = fits[0] or (fits[1] if given.within is not None else None)
            if found is not None:
                place["latitude"], place["longitude"] = found
        if not place:
            del document["place"]

    return put


Point = tuple[float, float]
_MOST_NORTH, _MOST_EAST = 1_300_000, 700_000
"""The British grid, in metres from its origin."""


def _point(first: Any, second: Any) -> Point | None:
    try:
        point = float(first), float(second)
    except (TypeError, ValueError):
        return None
    return point if all(map(math.isfinite, point)) and point != (0.0, 0.0) else None


def _fitting(
    point: Point, given: Coordinates, convert: Callable[[float, float], Point] | None
) -> Point | None:
    if convert is not None:
        if not (0 <= point[0] <= _MOST_NORTH and 0 <= point[1] <= _MOST_EAST):
            return None
        point = convert(point[1], point[0])[::-1]
    first, second = point
    south, west, north, east = given.within or (-90.0, -180.0, 90.0, 180.0)
    return (first, second) if south <= first <= north and west <= second <= east else None


def _degrees_from_osgb36() -> Callable[[float, float], Point]:
    from pyproj import Transformer

    transform: Callable[[float, float], Point] = Transformer.from_crs(
        "EPSG:27700", "EPSG:4326", always_xy=True
    ).transform
    return transform


def _halves(feed: Feed) -> dict[str, frozenset[str]]:
    """Objects that a mapping fills, with the parts they cannot be without."""
    found: dict[str, frozenset[str]] = {}
    for name in feed.fields:
        parent, dot, _ = name.partition(".")
        if dot:
            below = inner(feed.contract.model_fields[parent].annotation)
            assert below is not None
            needed = {each for each, held in below.model_fields.items() if held.is_required()}
            if needed:
                found[parent] = frozenset(needed)
    return found


def _whole(parent: str, needed: frozenset[str]) -> Setter:
    """An object without a part it cannot be without is not there (no cancellation without its code)."""

    def put(row: Any, document: Document) -> None:
        held = document.get(parent)
        if held is not None and not needed <= held.keys():
            del document[parent]

    return put
