"""Source mappings: a force's own columns, codes and time zone, checked and made ready to read with.

``parse_mapping`` refuses at once what can be known without the data: unknown keys, fields no contract
has, words no list holds, a time zone nobody knows; each with file, line and remedy.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct
from pydantic import AwareDatetime, BaseModel

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog, Referral
from service.ingest.lined import Fault, Table, convert, line_of, load
from service.ingest.source import Blank, CodeColumn, CodeMap, Combine, CutBy, Source, Topic
from service.ingest.times import Clock, TimeRefused, duration, parser
from service.ingest.written import Codes, CompleteTo, Expression, MappingWritten, Side

MappingError = Fault
"""A mapping that cannot be used: file, line, what is wrong, what to do."""

SIDES: dict[str, tuple[Topic, type[IncidentLog] | type[Referral] | type[CrimeRecord]]] = {
    "incidents": (Topic.INCIDENT_LOG, IncidentLog),
    "records": (Topic.CRIME_RECORD, CrimeRecord),
    "referrals": (Topic.REFERRAL, Referral),
}


class Feed(Struct, frozen=True, kw_only=True):
    """One side of a mapping: what it is, which files it reads, how rows become contracts."""

    side: str
    """``incidents``, ``records`` or ``referrals``."""
    files: str
    """The side whose files it reads: its own, or the one it is taken ``from``."""
    source: Source
    written: Side
    mapping: MappingWritten
    fields: dict[str, Any]
    """Contract field to expression (or list of them), shorthand written out."""
    clock: Clock

    @property
    def contract(self) -> type[IncidentLog] | type[Referral] | type[CrimeRecord]:
        """The contract that its rows become."""
        return SIDES[self.side][1]

    @property
    def ordered(self) -> bool:
        """Are rows in order of arrival?"""
        return self.written.ordered

    @property
    def complete_to(self) -> CompleteTo | None:
        """The column that says how far the file is complete."""
        return self.written.coverage.complete_to


class SourceMapping(Struct, frozen=True, kw_only=True):
    """A mapping, checked."""

    name: str
    title: str
    zone: str
    digest: str
    feeds: tuple[Feed, ...]


def parse_mapping(text: str, origin: str, include: Callable[[str], str]) -> SourceMapping:
    """Check a mapping; ``include(name)`` gives the text of a code list beside it. Raises ``Fault``."""
    table = load(text, origin)
    written = convert(table, origin, MappingWritten)
    check = _Checker(table, origin)
    digest = hashlib.sha256(text.encode())

    def included(name: str) -> str:
        part = include(name)
        digest.update(part.encode())
        return part

    clock = _clock(written, check)
    feeds = []
    for side in SIDES:
        given: Side | None = getattr(written, side)
        if given is not None:
            feeds.append(_feed(side, given, written, clock, check, included))
    if not feeds:
        raise check.fault("$", "no side is mapped", "give incidents, records or referrals")
    whole = digest.hexdigest()
    feeds = [
        msgspec.structs.replace(feed, source=msgspec.structs.replace(feed.source, digest=whole))
        for feed in feeds
    ]
    return SourceMapping(
        name=written.name,
        title=written.title,
        zone=written.zone,
        digest=whole,
        feeds=tuple(feeds),
    )


class _Checker:
    """Makes faults that know their line."""

    def __init__(self, table: Table, origin: str) -> None:
        self._table = table
        self.origin = origin

    def fault(self, path: str, message: str, remedy: str) -> Fault:
        return Fault(self.origin, line_of(self._table, path), message, remedy)

    def duration(self, path: str, text: str) -> timedelta:
        try:
            return duration(text)
        except ValueError as error:
            raise self.fault(path, str(error), "for instance 24h") from None

    def one_of(self, path: str, word: str, words: Sequence[str]) -> None:
        if word not in words:
            raise self.fault(path, f"'{word}' is not known here", f"use {' or '.join(words)}")


def _clock(written: MappingWritten, check: _Checker) -> Clock:
    try:
        ZoneInfo(written.zone)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"'{written.zone}' is no time zone"
        raise check.fault("$.zone", message, "use a name such as Europe/London") from None
    check.one_of("$.ambiguous", written.ambiguous, ("first", "second", "refuse"))
    check.one_of("$.nonexistent", written.nonexistent, ("forward", "refuse"))
    return Clock(written.zone, written.formats, written.ambiguous, written.nonexistent)


def _feed(
    side: str,
    given: Side,
    written: MappingWritten,
    clock: Clock,
    check: _Checker,
    include: Callable[[str], str],
) -> Feed:
    topic, contract = SIDES[side]
    at = f"$.{side}"
    if given.from_ is not None and getattr(written, given.from_, None) is None:
        raise check.fault(
            f"{at}.from", f"there is no side '{given.from_}'", "name one that is mapped"
        )
    check.one_of(f"{at}.format", given.format, ("csv", "json"))
    fields = {} if given.native else _fields(side, given, written, contract, check)
    for level in given.levels:
        known = ("crime_ref", "incident_ref", "repaired_ref", "same_incident")
        check.one_of(f"{at}.levels", level, known)
    silence = given.believable_silence
    source = Source(
        name=f"{written.name}/{side}",
        topic=topic,
        forces=(written.force,) if written.force else (),
        lateness=check.duration(f"{at}.lateness", given.lateness),
        believable_silence=(
            check.duration(f"{at}.believable_silence", silence) if silence else None
        ),
        idle_advance=given.idle_advance,
        cut_by=_cut_by(at, given, check),
        covers_from=_instant(f"{at}.coverage.from", given.coverage.from_, clock, check),
        covers_until=_instant(f"{at}.coverage.until", given.coverage.until, clock, check),
        lag=check.duration(f"{at}.lag", given.lag),
        levels=given.levels,
        limit=check.duration("$.limit", written.limit) if written.limit else None,
        code_map=_code_map(at, given.codes, check, include) if given.codes else None,
    )
    return Feed(
        side=side,
        files=given.from_ or side,
        source=source,
        written=given,
        mapping=written,
        fields=fields,
        clock=clock,
    )


def _cut_by(at: str, given: Side, check: _Checker) -> CutBy:
    check.one_of(f"{at}.coverage.cut_by", given.coverage.cut_by, tuple(CutBy))
    if given.coverage.complete_to is not None:
        check.duration(f"{at}.coverage.complete_to.minus", given.coverage.complete_to.minus)
    return CutBy(given.coverage.cut_by)


def _instant(path: str, given: object, clock: Clock, check: _Checker) -> datetime | None:
    if given is None:
        return None
    text = str(given)
    try:
        return parser(Clock(clock.zone, ("iso",), "first", "forward", "start_of_day"))(text)
    except TimeRefused as refused:
        remedy = "write 2022-11-01 or 2022-11-01T06:00"
        raise check.fault(path, f"'{text}' {refused}", remedy) from None


# -- fields -----------------------------------------------------------------------------------


def _fields(
    side: str,
    given: Side,
    written: MappingWritten,
    contract: type[BaseModel],
    check: _Checker,
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in given.fields.items():
        path = f"$.{side}.fields.{name}"
        if kind_of(contract, name) is None:
            names = ", ".join(contract.model_fields)
            raise check.fault(path, f"{side} have no field '{name}'", f"fields are {names}")
        several = value if isinstance(value, list) else [value]
        made = [expression(each, path, check) for each in several]
        fields[name] = made if isinstance(value, list) else made[0]
    if written.force is not None and "force" not in fields:
        fields["force"] = Expression(constant=written.force)
    needed = ["force", "ref", "recorded_at" if side == "records" else "received_at"]
    for name in needed:
        if name not in fields:
            remedy = (
                "say which column holds it" if name != "force" else "or give 'force: NAME' on top"
            )
            raise check.fault(f"$.{side}.fields", f"'{name}' is not mapped", remedy)
    if side == "records" and "kind" not in fields:
        remedy = "add 'kind: {constant: crime}' where every row is a crime"
        raise check.fault(f"$.{side}.fields", "'kind' is not mapped", remedy)
    return fields


def expression(value: Any, path: str, check: _Checker) -> Expression:
    """An expression with its shorthand written out: a bare word is a column."""
    if isinstance(value, str):
        return Expression(column=value)
    if not isinstance(value, Table):
        raise check.fault(path, "not a column or an expression", "write the name of a column")
    made = convert(value, check.origin, Expression)
    sources = [made.column is not None, made.constant is not None, bool(made.join), made.file_name]
    if sum(sources) != 1:
        remedy = "give exactly one of column, constant, join, file_name"
        raise check.fault(path, "it is not said where the value comes from", remedy)
    if made.pattern is not None:
        _check_pattern(made.pattern, path, check)
    return made


def _check_pattern(pattern: str, path: str, check: _Checker) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise check.fault(
            path, f"not a pattern: {error}", "check brackets and backslashes"
        ) from None
    if "value" not in groups:
        raise check.fault(path, "the pattern has no group 'value'", "write (?P<value>...)")


def kind_of(contract: type[BaseModel], path: str) -> str | None:
    """``instant``, ``flag``, ``number``, ``list`` or ``text`` for a contract's field; None: no such."""
    name, _, rest = path.partition(".")
    field = contract.model_fields.get(name)
    if field is None:
        return None
    parts = _parts(field.annotation)
    inner = next((p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)), None)
    if rest:
        return kind_of(inner, rest) if inner is not None else None
    if inner is not None:
        return None
    instants = ((datetime, "instant"), (AwareDatetime, "instant"))
    for type_, kind in (*instants, (bool, "flag"), (int, "number"), (float, "number")):
        if type_ in parts:
            return kind
    return "list" if tuple in parts else "text"


def _parts(annotation: Any) -> set[Any]:
    origin = getattr(annotation, "__origin__", annotation)
    found = {origin}
    for part in get_args(annotation):
        found |= _parts(part)
    return found


# -- codes ------------------------------------------------------------------------------------


def _code_map(at: str, codes: Codes, check: _Checker, include: Callable[[str], str]) -> CodeMap:
    check.one_of(f"{at}.codes.combine", codes.combine, tuple(Combine))
    columns = []
    for slot in ("opening", "closing"):
        given = getattr(codes, slot)
        if given is None:
            continue
        path = f"{at}.codes.{slot}"
        check.one_of(f"{path}.blank", given.blank, tuple(Blank))
        indicates = dict(given.indicates)
        if given.file is not None:
            indicates |= _listed(slot, given.file, include(given.file))
        if not indicates:
            raise check.fault(path, "no code is listed", "give 'indicates' or 'file'")
        folded = {" ".join(c.lower().split()): _word(w) for c, w in indicates.items()}
        columns.append(CodeColumn(slot, folded, Blank(given.blank)))
    return CodeMap(columns=tuple(columns), combine=Combine(codes.combine))


def _word(value: Any) -> str:
    """YAML reads bare yes and no as true and false."""
    return {True: "yes", False: "no"}.get(value, str(value).strip().lower())


def _listed(slot: str, origin: str, text: str) -> Mapping[str, str]:
    listed = {}
    for line, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        if not {"code", "indicates"} <= row.keys():
            raise Fault(origin, 1, "the code list lacks a column", "use column,code,indicates")
        if (row.get("column") or slot) != slot:
            continue
        if not (row["indicates"] or "").strip():
            message = f"code '{row['code']}' is not decided"
            raise Fault(origin, line, message, "write yes, no or a category")
        listed[row["code"]] = row["indicates"].strip()
    return listed
