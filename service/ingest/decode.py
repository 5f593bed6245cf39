"""Rows to contracts: what cannot be read is refused with its field, its reason and the remedy.

A value is repeated in a refusal only where its field is not personal (G9).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
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
from service.ingest.fields import Columns, Row, ValueRefused, holds, instant_of, text_of
from service.ingest.kinds import inner
from service.ingest.mapping import Feed
from service.ingest.people import PersonKey
from service.ingest.setters import Document, setters

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
    WRONG_FORCE = "wrong_force"


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

_NUL = "delete the NUL characters; no database keeps them"
_ONE_OBJECT = "write one JSON object a line"


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
        """Raises ``ColumnMissing`` where the mapping names a column that the file lacks, ``Fault``
        where it identifies people and there is no key."""
        self._contract = feed.contract
        self._not_after = not_after
        self._native = feed.written.native
        if self._native:
            return
        written = feed.mapping
        columns = Columns(
            header=None if header is None else tuple(header),
            blank=frozenset(word.casefold() for word in written.blank),
            fold_case=written.fold_case,
            dropped=frozenset(written.drop),
        )
        self._is_read = holds(feed.written.where, columns)
        self._setters = setters(feed, columns, file_name, person_key)
        self._unique = [columns.get(column) for column in feed.written.unique]
        self._version = _version(feed, columns)
        self._force = text_of(feed.fields["force"], columns, file_name)
        complete = feed.complete_to
        self._newest = instant_of(complete.at, columns, file_name, feed.clock) if complete else None

    def decode(self, row: bytes | Row, number: int = 0) -> Contract | Heartbeat | Refused | None:
        """One row: a contract, a refusal, or None where ``where`` leaves it out. ``number`` counts the
        feed's rows from 0, over all its files in the order given: versions by file order rest on it."""
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
        except (msgspec.MsgspecError, ValueRefused, *_UNREADABLE):
            return None

    def complete_to(self, row: bytes | Row) -> datetime | None:
        """What this row says about how far the file is complete, where the mapping names a column."""
        if self._native or self._newest is None:
            return None
        try:
            held = msgspec.json.decode(row) if isinstance(row, bytes) else row
            return self._newest(held)
        except (msgspec.MsgspecError, ValueRefused, *_UNREADABLE):
            return None

    # -- native -------------------------------------------------------------------------------

    def _decode_native(self, line: bytes) -> Contract | Heartbeat | Refused:
        beat = b'"heartbeat"' in line and _is_heartbeat(line)
        contract = Heartbeat if beat else self._contract
        if b"\\u0000" in line and _holds_nul(_loaded(line)):
            return Refused(
                reason=RefusedReason.WRONG_BYTES, remedy=_NUL, force=_force_of_line(line)
            )
        try:
            return contract.model_validate_json(line)
        except ValidationError as error:
            return self._raised(line, contract, error)

    def _raised(
        self, line: bytes, contract: type[Contract | Heartbeat], error: ValidationError
    ) -> Contract | Heartbeat | Refused:
        """An older version of the contract is raised; anything else is refused."""
        first = error.errors(include_url=False, include_context=False)[0]
        if first["loc"] != ("schema_version",):
            return _invalid(contract, error, _force_of_line(line))
        stated = first["input"]
        try:
            return contract.model_validate(upcast(json.loads(line)))
        except (VersionUnknown, ValidationError):
            return Refused(
                reason=RefusedReason.UNKNOWN_VERSION,
                field="schema_version",
                value=str(stated) if isinstance(stated, int) else None,
                remedy="upgrade this service before its producers, or send a version it knows",
                force=_force_of_line(line),
            )

    # -- mapped -------------------------------------------------------------------------------

    def _decode_line(self, line: bytes, number: int) -> Contract | Refused | None:
        row = _loaded(line)
        if not isinstance(row, dict):
            return Refused(reason=RefusedReason.NOT_JSON, remedy=_ONE_OBJECT)
        if b"\\u0000" in line and _holds_nul(row):
            return Refused(reason=RefusedReason.WRONG_BYTES, remedy=_NUL)
        return self._decode_row(row, number)

    def _decode_row(self, row: Row, number: int) -> Contract | Refused | None:
        document: Document = {}
        at = "where"
        try:
            if self._is_read is not None and not self._is_read(row):
                return None
            for at, put in self._setters:  # noqa: B007
                put(row, document)
        except ValueRefused as refused:
            personal = not refused.value or _is_personal(self._contract, at.split("."))
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


_UNREADABLE = (UnicodeDecodeError, AttributeError, RecursionError)
"""What a line that is no JSON object raises, beside the decoder's own error."""


def _version(feed: Feed, columns: Columns) -> Callable[[Any, int], Any] | None:
    given = feed.written.version
    if given is None:
        return None
    if given == "file_order":
        return lambda row, number: number
    if given == "first_row":
        return lambda row, number: max(0, 2**31 - number)
    get = columns.get(given)
    return lambda row, number: get(row) or 0


# -- lines ------------------------------------------------------------------------------------


def _loaded(line: bytes) -> Any:
    """What a line of JSON holds; None where it is none."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, *_UNREADABLE):
        return None


def _is_heartbeat(line: bytes) -> bool:
    held = _loaded(line)
    return isinstance(held, dict) and held.get("kind") == "heartbeat"


def _holds_nul(held: Any) -> bool:
    if isinstance(held, str):
        return "\0" in held
    if isinstance(held, dict):
        return any("\0" in key or _holds_nul(value) for key, value in held.items())
    return isinstance(held, list) and any(_holds_nul(each) for each in held)


def _force_of_line(line: bytes) -> str:
    try:
        return _peek(line).force
    except (msgspec.MsgspecError, *_UNREADABLE):
        return ""


# -- refusals ---------------------------------------------------------------------------------


def _invalid(contract: type[BaseModel], error: ValidationError, force: str) -> Refused:
    """The first thing a contract objects to, without the value of a personal field."""
    first = error.errors(include_url=False)[0]
    kind = first["type"]
    if kind in ("json_invalid", "model_type", "model_attributes_type", "recursion_loop"):
        return Refused(reason=RefusedReason.NOT_JSON, remedy=_ONE_OBJECT, force=force)
    path, known = _known(contract, [str(step) for step in first["loc"]])
    hide = not known or kind == "missing" or _is_personal(contract, path)
    if not isinstance(first["input"], str | int | float):
        hide = True
    return Refused(
        reason=RefusedReason.INVALID_FIELD,
        field=".".join(path) + ("" if known else " (unknown field)"),
        value=None if hide else str(first["input"])[:SHOWN],
        remedy=_remedy(kind, first),
        force=force,
    )


def _remedy(kind: str, error: Any) -> str:
    if kind == "missing":
        return "nothing stands here; fill it in, or leave such rows out by 'where'"
    if kind == "extra_forbidden":
        return "the contract has no such field; check its spelling, or leave it out"
    if kind == "string_too_long":
        most = error["ctx"]["max_length"]
        return f"at most {most} characters; is a separator or a quote missing before it?"
    if kind == "enum":
        return f"use one of {error['ctx']['expected']}, or translate by 'values'"
    if kind == "timezone_aware":
        return "write the time with its offset, such as Z or +01:00"
    return str(error["msg"])


def _known(contract: type[BaseModel], path: Sequence[str]) -> tuple[list[str], bool]:
    """As much of a path as the contract itself names: keys that a sender made up are not repeated."""
    known: list[str] = []
    model: Any = contract
    for step in path:
        if step.isdigit():
            known.append(step)
            continue
        fields = getattr(model, "model_fields", {})
        if step not in fields:
            return known, False
        known.append(step)
        model = inner(fields[step].annotation)
    return known, True


_PERSONAL = frozenset({"people", "narrative", "victims", "suspects", "officer", "mo_text"})
_PUBLIC_OF_PLACE = frozenset({"area"})


def _is_personal(contract: type[BaseModel], path: Sequence[str]) -> bool:
    """Is a field, or the object it lies in, personal? People always are, and so is where they live."""
    if not path or path[0] in _PERSONAL:
        return True
    if path[0] == "place":
        return not (len(path) > 1 and path[1] in _PUBLIC_OF_PLACE)
    model: Any = contract
    for step in path:
        field = getattr(model, "model_fields", {}).get(step)
        if field is None:
            return False
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("personal"):
            return True
        model = inner(field.annotation)
    return False
