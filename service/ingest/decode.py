"""Rows to contracts: what cannot be read is refused with its field, its reason and the remedy.

A value is repeated in a refusal only where its field is not personal (G9).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from schemas.crimes import CrimeRecord
from schemas.feeds import Heartbeat
from schemas.reports import IncidentLog, Referral
from schemas.upcast import VersionUnknown, upcast
from service.ingest.fields import (
    Columns,
    Getter,
    Row,
    ValueRefused,
    holds,
    instant_of,
    text_of,
)
from service.ingest.lined import Fault
from service.ingest.mapping import Feed, kind_of
from service.ingest.people import PersonKey, keyed_hash
from service.ingest.written import Coordinates, Expression

Contract = IncidentLog | Referral | CrimeRecord


class RefusedReason(StrEnum):
    """Why an input is a dead letter; the same word is the count's label."""

    NOT_JSON = "not_json"
    WRONG_BYTES = "wrong_bytes"
    TOO_LONG = "too_long"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_VALUE = "unknown_value"
    IMPOSSIBLE_TIME = "impossible_time"
    IN_THE_FUTURE = "in_the_future"
    UNKNOWN_VERSION = "unknown_version"


class Refused(Struct, frozen=True, kw_only=True):
    """An input that could not be read."""

    reason: RefusedReason
    field: str = ""
    value: str | None = None
    """What stood there; None where the field is personal."""
    remedy: str = ""
    force: str = ""


class _Peek(Struct, frozen=True):
    force: str = ""


_peek = msgspec.json.Decoder(_Peek).decode
SHOWN = 80
"""Characters of a value repeated in a refusal, at most."""


class Decoder:
    """Reads the rows of one file for one feed."""

    def __init__(
        self,
        feed: Feed,
        file_name: str,
        header: Sequence[str] | None,
        not_after: datetime | None = None,
        person_key: PersonKey | None = None,
    ) -> None:
        """Raises ``ColumnMissing`` where the mapping names a column that the file lacks."""
        self._feed = feed
        self._contract = feed.contract
        self._not_after = not_after
        self._native = feed.written.native
        if self._native:
            return
        written = feed.mapping
        self._columns = Columns(
            header=None if header is None else tuple(header),
            blank=frozenset(word.casefold() for word in written.blank),
            fold_case=written.fold_case,
            dropped=frozenset(written.drop),
        )
        self._is_read = holds(feed.written.where, self._columns)
        self._setters = _setters(feed, self._columns, file_name, person_key)
        self._unique = [self._columns.get(column) for column in feed.written.unique]
        self._version = _version(feed, self._columns)
        force = feed.fields["force"]
        self._force = text_of(force, self._columns, file_name)
        newest = feed.complete_to
        self._newest = (
            instant_of(_expression(newest.newest), self._columns, file_name, feed.clock)
            if newest
            else None
        )

    def decode(self, row: bytes | Row, number: int = 0) -> Contract | Heartbeat | Refused | None:
        """One row (``number`` counts from 0): a contract, a refusal, or None where ``where`` leaves
        it out."""
        read: Contract | Heartbeat | Refused | None
        if isinstance(row, bytes):
            read = self._decode_native(row) if self._native else self._decode_line(row, number)
        else:
            read = self._decode_row(row, number)
        if self._not_after is not None and isinstance(read, Contract):
            return self._unless_future(read)
        return read

    def force_of(self, row: bytes | Row) -> str | None:
        """The force of a row, without validating it; None where it cannot be told."""
        try:
            if isinstance(row, bytes):
                if self._native:
                    return _peek(row).force or None
                row = cast(Row, msgspec.json.decode(row))
            return self._force(row) or None
        except (msgspec.MsgspecError, ValueRefused, AttributeError):
            return None

    def complete_to(self, row: bytes | Row) -> datetime | None:
        """What this row says about how far the file is complete, where the mapping names a column."""
        if self._native or self._newest is None:
            return None
        try:
            held = msgspec.json.decode(row) if isinstance(row, bytes) else row
            found: datetime | None = self._newest(held)
        except (ValueRefused, msgspec.MsgspecError):
            return None
        return found

    # -- native -------------------------------------------------------------------------------

    def _decode_native(self, line: bytes) -> Contract | Heartbeat | Refused:
        try:
            if b'"heartbeat"' in line and _is_heartbeat(line):
                return Heartbeat.model_validate_json(line)
            return self._contract.model_validate_json(line)
        except ValidationError as error:
            return self._raised(line, error)

    def _raised(self, line: bytes, error: ValidationError) -> Contract | Refused:
        """An older version of the contract is raised; anything else is refused."""
        first = error.errors(include_url=False, include_context=False)[0]
        if first["loc"] != ("schema_version",):
            return _invalid(self._contract, error, _force_of_line(line))
        try:
            return self._contract.model_validate(upcast(json.loads(line)))
        except (VersionUnknown, ValidationError) as unknown:
            return Refused(
                reason=RefusedReason.UNKNOWN_VERSION,
                field="schema_version",
                value=str(first["input"])[:SHOWN],
                remedy=f"{unknown}; upgrade this service before its producers".splitlines()[0],
                force=_force_of_line(line),
            )

    # -- mapped -------------------------------------------------------------------------------

    def _decode_line(self, line: bytes, number: int) -> Contract | Refused | None:
        try:
            row = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Refused(reason=RefusedReason.NOT_JSON, remedy="write one JSON object a line")
        if not isinstance(row, dict):
            return Refused(reason=RefusedReason.NOT_JSON, remedy="each line must be an object")
        return self._decode_row(row, number)

    def _decode_row(self, row: Row, number: int) -> Contract | Refused | None:
        if not self._is_read(row):
            return None
        document: dict[str, Any] = {}
        at = ""
        try:
            for name, put in self._setters:
                at = name
                put(row, document)
        except ValueRefused as refused:
            personal = _is_personal(self._contract, at.split("."))
            return Refused(
                reason=RefusedReason(refused.reason),
                field=at,
                value=None if personal else refused.value[:SHOWN],
                remedy=refused.remedy,
                force=self.force_of(row) or "",
            )
        if self._unique and "ref" in document:
            told = "\x1f".join([get(row) for get in self._unique])
            mark = hashlib.blake2b(told.encode(), digest_size=4).hexdigest()
            document["ref"] = f"{document['ref']}#{mark}"
        if self._version is not None:
            document["version"] = self._version(row, number)
        try:
            return self._contract.model_validate(document)
        except ValidationError as error:
            return _invalid(self._contract, error, str(document.get("force", "")))

    def _unless_future(self, read: Contract) -> Contract | Refused:
        at = read.updated_at or (
            read.recorded_at if isinstance(read, CrimeRecord) else read.received_at
        )
        if self._not_after is None or at <= self._not_after:
            return read
        field = "recorded_at" if isinstance(read, CrimeRecord) else "received_at"
        return Refused(
            reason=RefusedReason.IN_THE_FUTURE,
            field="updated_at" if read.updated_at else field,
            value=at.isoformat(),
            remedy="mend the time at its source; it lies after now and would hide what is missing",
            force=read.force,
        )


Setter = Callable[[Row, dict[str, Any]], None]


def _setters(
    feed: Feed, columns: Columns, file_name: str, key: PersonKey | None
) -> list[tuple[str, Setter]]:
    """For each field of the mapping, how to put it into a document."""
    setters = [
        (name, _setter(feed, name, given, columns, file_name))
        for name, given in feed.fields.items()
    ]
    written = feed.written
    if written.narrative:
        entries = [
            {
                name: text_of(_expression(value), columns, file_name)
                if name != "at"
                else instant_of(_expression(value), columns, file_name, feed.clock)
                for name, value in msgspec.structs.asdict(entry).items()
                if value is not None
            }
            for entry in written.narrative
        ]
        setters.append(("narrative.text", _list_setter("narrative", entries, "text")))
    if written.linked_logs:
        links = [
            {
                "ref": text_of(_expression(link.ref), columns, file_name),
                "relation": _always(link.relation),
            }
            for link in written.linked_logs
        ]
        setters.append(("linked_logs.ref", _list_setter("linked_logs", links, "ref")))
    if written.people:
        setters.append(("people.key", _people_setter(feed, columns, file_name, key)))
    if feed.mapping.coordinates.within or feed.mapping.coordinates.system != "wgs84":
        setters.append(("place.latitude", _coordinates_setter(feed.mapping.coordinates)))
    return setters


def _setter(feed: Feed, name: str, given: Any, columns: Columns, file_name: str) -> Setter:
    kind = kind_of(feed.contract, name)
    if kind == "list":
        several = given if isinstance(given, list) else [given]
        parts = [(text_of(each, columns, file_name), each.split) for each in several]
        return _texts_setter(name.split("."), parts)
    assert isinstance(given, Expression)
    if kind == "instant":
        return _path_setter(name.split("."), instant_of(given, columns, file_name, feed.clock))
    return _path_setter(name.split("."), text_of(given, columns, file_name))


def _path_setter(path: Sequence[str], get: Callable[[Row], Any]) -> Setter:
    *parents, last = path

    def put(row: Row, document: dict[str, Any]) -> None:
        value = get(row)
        if value is None or value == "":
            return
        for parent in parents:
            document = document.setdefault(parent, {})
        document[last] = value

    return put


def _texts_setter(path: Sequence[str], parts: Sequence[tuple[Getter, str | None]]) -> Setter:
    def get(row: Row) -> list[str]:
        found: list[str] = []
        for part, separator in parts:
            text = part(row)
            found += text.split(separator) if separator else [text]
        return [text.strip() for text in found if text.strip()]

    return _path_setter(path, lambda row: get(row) or None)


def _list_setter(
    name: str, items: Sequence[Mapping[str, Callable[[Row], Any]]], needs: str
) -> Setter:
    """A list of objects; one whose ``needs`` is blank is left out."""

    def put(row: Row, document: dict[str, Any]) -> None:
        found = [{key: get(row) for key, get in item.items()} for item in items]
        kept = [
            {key: value for key, value in each.items() if value not in ("", None)}
            for each in found
            if each[needs]
        ]
        if kept:
            document[name] = kept

    return put


def _people_setter(feed: Feed, columns: Columns, file_name: str, key: PersonKey | None) -> Setter:
    """People by keyed hash: ``people`` of a report, ``victims`` and ``suspects`` of a record."""
    if key is None:
        message = "the mapping identifies people and no key is given"
        remedy = "set RECOUNT_PERSON_KEY_FILE to a file that holds the force's key"
        raise Fault(feed.mapping.name, 1, message, remedy)
    people = []
    for person in feed.written.people:
        gets = [columns.get(column) for column in person.identity]
        band = (
            text_of(_expression(person.age_band), columns, file_name) if person.age_band else None
        )
        people.append((person.role, gets, band))
    in_report = feed.side != "records"

    def put(row: Row, document: dict[str, Any]) -> None:
        for role, gets, band in people:
            hashed = keyed_hash(key, [get(row) for get in gets])
            if hashed is None:
                continue
            if in_report:
                person = {"role": role, "key": hashed}
                if band is not None and (age := band(row)):
                    person["age_band"] = age
                document.setdefault("people", []).append(person)
            elif role in ("victim", "suspect"):
                document.setdefault(f"{role}s", []).append(hashed)

    return put


def _coordinates_setter(given: Coordinates) -> Setter:
    """Degrees from whatever the source writes; axes that fit only when swapped are swapped back."""
    convert = _degrees_from_osgb36() if given.system == "osgb36" else None

    def put(row: Row, document: dict[str, Any]) -> None:
        place = document.get("place", {})
        if "latitude" not in place or "longitude" not in place:
            return
        try:
            first, second = float(place["latitude"]), float(place["longitude"])
        except ValueError:
            return
        if convert is not None:
            second, first = convert(second, first)
        if given.within is not None:
            south, west, north, east = given.within
            fits = south <= first <= north and west <= second <= east
            swapped = south <= second <= north and west <= first <= east
            if not fits and swapped:
                first, second = second, first
            elif not fits:
                del place["latitude"], place["longitude"]
                return
        place["latitude"], place["longitude"] = first, second

    return put


def _degrees_from_osgb36() -> Callable[[float, float], tuple[float, float]]:
    try:
        from pyproj import Transformer
    except ImportError:
        message = "coordinates in osgb36 need the package pyproj"
        raise Fault("coordinates", 1, message, "install it: pip install pyproj") from None
    transform: Callable[[float, float], tuple[float, float]] = Transformer.from_crs(
        "EPSG:27700", "EPSG:4326", always_xy=True
    ).transform
    return transform


def _version(feed: Feed, columns: Columns) -> Callable[[Row, int], Any] | None:
    given = feed.written.version
    if given is None:
        return None
    if given == "file_order":
        return lambda row, number: number
    if given == "first_row":
        return lambda row, number: max(0, 2**31 - number)
    get = columns.get(given)
    return lambda row, number: get(row) or 0


def _expression(value: Any) -> Expression:
    if isinstance(value, str):
        return Expression(column=value)
    return msgspec.convert(value, Expression, str_keys=True)


def _always(word: str) -> Getter:
    return lambda row: word


def _is_heartbeat(line: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(line).get("kind") == "heartbeat")
    except (msgspec.MsgspecError, AttributeError):
        return False


def _force_of_line(line: bytes) -> str:
    try:
        return _peek(line).force
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _invalid(contract: type[BaseModel], error: ValidationError, force: str) -> Refused:
    """The first thing a contract objects to, without the value of a personal field."""
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] in ("json_invalid", "model_type", "model_attributes_type"):
        remedy = "write one JSON object a line"
        return Refused(reason=RefusedReason.NOT_JSON, remedy=remedy, force=force)
    path = [str(step) for step in first["loc"]]
    known = path and path[0] in contract.model_fields
    hide = not known or _is_personal(contract, path) or not isinstance(first["input"], str | int)
    return Refused(
        reason=RefusedReason.INVALID_FIELD,
        field=".".join(path) if known else "(unknown field)",
        value=None if hide else str(first["input"])[:SHOWN],
        remedy=first["msg"],
        force=force,
    )


def _is_personal(contract: type[BaseModel], path: Sequence[str]) -> bool:
    """Is a field, or the object it lies in, personal? People always are."""
    if path and path[0] in ("people", "narrative", "victims", "suspects", "officer", "mo_text"):
        return True
    model: Any = contract
    for step in path:
        field = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if field is None:
            return False
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("personal"):
            return True
        model = next(
            (
                part
                for part in getattr(field.annotation, "__args__", (field.annotation,))
                if isinstance(part, type) and issubclass(part, BaseModel)
            ),
            None,
        )
    return False
