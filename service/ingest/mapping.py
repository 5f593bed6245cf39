"""Source mappings: a force's own columns, codes and time zone, checked and made ready to read with.

``parse_mapping`` refuses at once what can be known without the data: unknown keys, fields no contract
has, words no list holds, a time zone nobody knows; each with file, line and remedy.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog, Referral
from schemas.words import LogRelation, PersonRole, Role
from service.ingest.codes import SLOTS, code_map
from service.ingest.expressions import (
    Checker,
    Include,
    Path,
    columns_of,
    expression,
    field,
    fields,
    inside,
    is_instant,
)
from service.ingest.kinds import FieldKind, Kind
from service.ingest.lined import Fault, convert, load
from service.ingest.source import LEVELS, CutBy, Source, Topic
from service.ingest.times import AMBIGUOUS, NONEXISTENT, Clock
from service.ingest.written import (
    CompleteTo,
    Condition,
    Expression,
    MappingWritten,
    PersonColumns,
    Side,
)

MappingError = Fault
"""A mapping that cannot be used: file, line, what is wrong, what to do."""

SIDES: dict[str, tuple[Topic, type[IncidentLog] | type[Referral] | type[CrimeRecord]]] = {
    "incidents": (Topic.INCIDENT_LOG, IncidentLog),
    "records": (Topic.CRIME_RECORD, CrimeRecord),
    "referrals": (Topic.REFERRAL, Referral),
}


class Complete(Struct, frozen=True, kw_only=True):
    """How far a file is complete, as its rows say."""

    at: Expression
    minus: timedelta = timedelta(0)


class Feed(Struct, frozen=True, kw_only=True):
    """One side of a mapping: what it is, which files it reads, how rows become contracts."""

    side: str
    """``incidents``, ``records`` or ``referrals``."""
    files: str
    """The side whose files it reads: its own, or the one it is taken ``from``."""
    source: Source
    written: Side
    """Its keys, shorthand written out, and what it takes over from the side it is taken ``from``."""
    mapping: MappingWritten
    fields: dict[str, Any]
    """Contract field to expression (or list of them), shorthand written out."""
    clock: Clock
    complete_to: Complete | None = None
    """What says how far the file is complete."""

    @property
    def contract(self) -> type[IncidentLog] | type[Referral] | type[CrimeRecord]:
        """The contract that its rows become."""
        return SIDES[self.side][1]

    @property
    def ordered(self) -> bool:
        """Are rows in order of arrival?"""
        return self.written.ordered

    def columns(self) -> list[str]:
        """Every column it reads, each once, in the order of the mapping."""
        return list(dict.fromkeys(_columns_read(self.fields, self.written, self.complete_to)))


class SourceMapping(Struct, frozen=True, kw_only=True):
    """A mapping, checked."""

    name: str
    title: str
    zone: str
    digest: str
    feeds: tuple[Feed, ...]


def parse_mapping(text: str, origin: str, include: Include) -> SourceMapping:
    """Check a mapping; ``include(name)`` gives the text of a code list beside it. Raises ``Fault``."""
    table = load(text, origin)
    written = convert(table, origin, MappingWritten)
    check = Checker(table, origin)
    digest = hashlib.sha256(text.encode())

    def included(name: str) -> str:
        part = include(name)
        digest.update(part.encode())
        return part

    clock = _whole(written, check)
    feeds = []
    for side in SIDES:
        given: Side | None = getattr(written, side)
        if given is not None:
            feeds.append(_feed(side, given, written, clock, check, included))
    if not feeds:
        raise check.fault((), "no side is mapped", "give incidents, records or referrals")
    whole = digest.hexdigest()
    return SourceMapping(
        name=written.name,
        title=written.title,
        zone=written.zone,
        digest=whole,
        feeds=tuple(replace(feed, source=replace(feed.source, digest=whole)) for feed in feeds),
    )


def is_name(word: str) -> bool:
    """Can it name a mapping, and so its sources?"""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]*", word) is not None


def _whole(written: MappingWritten, check: Checker) -> Clock:
    """What stands above the sides."""
    if not is_name(written.name):
        remedy = "use small letters, digits, - and _; it names the source for ever"
        raise check.fault(("name",), f"'{written.name}' cannot be a name", remedy)
    if not written.formats:
        raise check.fault(("formats",), "no format is given", "for instance [iso]")
    check.clock((), written.formats, written.zone)
    check.one_of(("ambiguous",), written.ambiguous, AMBIGUOUS)
    check.one_of(("nonexistent",), written.nonexistent, NONEXISTENT)
    if written.limit is not None and not check.duration(("limit",), written.limit):
        raise check.fault(("limit",), "a limit of nothing", "for instance 24h")
    _coordinates(written, check)
    return Clock(written.zone, written.formats, written.ambiguous, written.nonexistent)


def _coordinates(written: MappingWritten, check: Checker) -> None:
    given = written.coordinates
    check.one_of(("coordinates", "system"), given.system, ("wgs84", "osgb36"))
    if given.system == "osgb36" and find_spec("pyproj") is None:
        message = "coordinates in osgb36 need the package pyproj"
        raise check.fault(("coordinates", "system"), message, "pip install 'recount[geo]'")
    if given.within is not None:
        south, west, north, east = given.within
        if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
            remedy = "write [south, west, north, east] in degrees"
            raise check.fault(("coordinates", "within"), "no box", remedy)


def _feed(
    side: str,
    given: Side,
    written: MappingWritten,
    clock: Clock,
    check: Checker,
    include: Include,
) -> Feed:
    topic, contract = SIDES[side]
    given = _file(side, given, written, check)
    made = {} if given.native else _fields(side, given, written, clock, check)
    given = _parts(side, given, clock, check)
    since, until, complete = _coverage(side, given, clock, made, check)
    for index, level in enumerate(given.levels):
        check.one_of((side, "levels", index), level, LEVELS)
    silence = given.believable_silence
    slots = {slot: list(columns_of(made.get(f"{slot}_codes", []))) for slot in SLOTS}
    if given.native:
        slots = {slot: [slot] for slot in SLOTS}
    if given.codes is not None and contract is CrimeRecord:
        message = "records are not asked whether they show a crime"
        raise check.fault((side, "codes"), message, "map 'kind' instead")
    source = Source(
        name=f"{written.name}/{side}",
        topic=topic,
        forces=(written.force,) if written.force else (),
        lateness=check.duration((side, "lateness"), given.lateness),
        believable_silence=(
            check.duration((side, "believable_silence"), silence) if silence else None
        ),
        idle_advance=given.idle_advance,
        cut_by=CutBy(given.coverage.cut_by),
        covers_from=since,
        covers_until=until,
        lag=check.duration((side, "lag"), given.lag),
        levels=given.levels,
        limit=check.duration(("limit",), written.limit) if written.limit else None,
        code_map=(
            code_map(given.codes, (side, "codes"), slots, check, include) if given.codes else None
        ),
    )
    feed = Feed(
        side=side,
        files=given.from_ or side,
        source=source,
        written=given,
        mapping=written,
        fields=made,
        clock=clock,
        complete_to=complete,
    )
    for column in feed.columns():
        if inside(column, written.drop):
            message = f"column '{column}' is dropped and yet read by {side}"
            raise check.fault(("drop",), message, "take it out of one of the two")
    return feed


# -- the file ---------------------------------------------------------------------------------

# Not ``ordered``: the order in which calls came is not that in which records were made.
_OF_THE_FILE = ("format", "encoding", "delimiter", "header", "skip_lines", "short_rows")
_NOT_NATIVE = ("fields", "where", "people", "officer", "narrative", "linked_logs", "unique")


def _file(side: str, given: Side, written: MappingWritten, check: Checker) -> Side:
    """How the file is read; the same for every side that is taken from it."""
    if given.from_ is not None:
        other: Side | None = getattr(written, given.from_, None) if given.from_ in SIDES else None
        if other is None or given.from_ == side:
            message = f"there is no other side '{given.from_}'"
            raise check.fault((side, "from"), message, "name one that is mapped")
        if other.from_ is not None or other.native or given.native:
            message = "only a file of one's own rows can be read again"
            raise check.fault((side, "from"), message, "name the side that reads the file")
        for key in _OF_THE_FILE:
            if getattr(given, key) != getattr(Side(), key):
                remedy = f"say it under '{given.from_}', whose file this is"
                raise check.fault((side, key), f"'{key}' is not for this side to say", remedy)
        given = replace(given, **{key: getattr(other, key) for key in _OF_THE_FILE})
    if given.native:
        for key in (*_NOT_NATIVE, "version"):
            if getattr(given, key):
                remedy = "leave it out, or leave out 'native'"
                raise check.fault((side, key), f"native rows need no '{key}'", remedy)
    check.one_of((side, "format"), given.format, ("csv", "json"))
    check.one_of((side, "short_rows"), given.short_rows, ("refuse", "blank"))
    if len(given.delimiter) != 1 or given.delimiter in '"\r\n':
        message = f"'{given.delimiter}' separates nothing"
        raise check.fault((side, "delimiter"), message, "give one character, such as ; or \\t")
    _encoding(side, given, check)
    return given


def _encoding(side: str, given: Side, check: Checker) -> None:
    plain = bytes(range(128))
    try:
        fits = codecs.decode(plain, given.encoding) == plain.decode("ascii")
    except (LookupError, ValueError, TypeError):
        fits = False
    if not fits:
        message = f"'{given.encoding}' is no encoding that can be read here"
        raise check.fault((side, "encoding"), message, "use utf-8 or windows-1252")
    if given.format == "json" and codecs.lookup(given.encoding).name != "utf-8":
        raise check.fault((side, "encoding"), "JSON is always UTF-8", "leave it out")


# -- fields -----------------------------------------------------------------------------------


def _fields(
    side: str, given: Side, written: MappingWritten, clock: Clock, check: Checker
) -> dict[str, Any]:
    made: dict[str, Any] = dict(
        fields(given.fields, (side, "fields"), SIDES[side][1], clock, check)
    )
    if written.force is not None and "force" not in made:
        made["force"] = Expression(constant=written.force)
    needed = ["force", "ref", "recorded_at" if side == "records" else "received_at"]
    for name in needed:
        if name not in made:
            remedy = (
                "say which column holds it" if name != "force" else "or give 'force: NAME' on top"
            )
            raise check.fault((side, "fields"), f"'{name}' is not mapped", remedy)
    if side == "records" and "kind" not in made:
        remedy = "add 'kind: {constant: crime}' where every row is a crime"
        raise check.fault((side, "fields"), "'kind' is not mapped", remedy)
    if given.version is not None and "version" in made:
        message = "the version is given twice"
        raise check.fault((side, "version"), message, "keep it beside 'fields'")
    return made


_ROLE = FieldKind(Kind.WORD, False, tuple(Role), Role)
_TEXT = FieldKind(Kind.TEXT, False, (), str)
_TIME = FieldKind(Kind.INSTANT, False, (), datetime)


def _parts(side: str, given: Side, clock: Clock, check: Checker) -> Side:
    """Conditions, people, entries and links, with their expressions written out."""
    for index, condition in enumerate(given.where):
        _condition(condition, (side, "where", index), check)

    def made(value: Any, path: Path, kind: FieldKind = _TEXT) -> Any:
        return None if value is None else field(value, path, kind, clock, check)

    entries = [
        replace(
            entry,
            text=made(entry.text, (side, "narrative", index, "text")),
            writer=made(entry.writer, (side, "narrative", index, "writer"), _ROLE),
            at=made(entry.at, (side, "narrative", index, "at"), _TIME),
            category=made(entry.category, (side, "narrative", index, "category")),
        )
        for index, entry in enumerate(given.narrative)
    ]
    links = []
    for index, link in enumerate(given.linked_logs):
        at: Path = (side, "linked_logs", index)
        check.one_of((*at, "relation"), link.relation, tuple(LogRelation))
        links.append(replace(link, ref=made(link.ref, (*at, "ref"))))
    if side == "records" and (entries or links):
        message = "records have neither narrative nor linked logs"
        raise check.fault((side,), message, "map 'mo_text' and 'incident_refs'")
    officer = [
        expression(value, (side, "officer", index), check)
        for index, value in enumerate(given.officer)
    ]
    return replace(
        given,
        people=tuple(_person(side, index, each, check) for index, each in enumerate(given.people)),
        officer=tuple(officer),
        narrative=tuple(entries),
        linked_logs=tuple(links),
    )


def _condition(given: Condition, path: Path, check: Checker) -> None:
    said = [given.equals, given.not_equals, given.matches, given.blank]
    if all(each is None for each in said) and not given.among and not given.not_among:
        remedy = "add equals, not_equals, among, not_among, matches or blank"
        raise check.fault(path, "a condition that says nothing", remedy)
    if given.matches is not None:
        check.pattern((*path, "matches"), given.matches)


def _person(side: str, index: int, given: PersonColumns, check: Checker) -> PersonColumns:
    path: Path = (side, "people", index)
    check.one_of((*path, "role"), given.role, tuple(PersonRole))
    if not given.identity and given.age_band is None:
        raise check.fault(path, "nothing tells who this is", "give 'identity: [columns]'")
    if side == "records":
        check.one_of((*path, "role"), given.role, ("victim", "suspect"))
        if given.age_band is not None:
            message = "records hold no age"
            raise check.fault((*path, "age_band"), message, "leave it out")
    identity = [
        expression(value, (*path, "identity", number), check)
        for number, value in enumerate(given.identity)
    ]
    band = given.age_band
    if band is not None:
        band = expression(band, (*path, "age_band"), check)
    return replace(given, identity=tuple(identity), age_band=band)


# -- coverage ---------------------------------------------------------------------------------


def _coverage(
    side: str, given: Side, clock: Clock, made: dict[str, Any], check: Checker
) -> tuple[datetime | None, datetime | None, Complete | None]:
    """From, until, and what in the rows says how far; at most one of the last two."""
    said, at = given.coverage, (side, "coverage")
    check.one_of((*at, "cut_by"), said.cut_by, tuple(CutBy))
    since = None if said.from_ is None else check.instant((*at, "from"), said.from_, clock)
    until = None if said.until is None else check.instant((*at, "until"), said.until, clock)
    complete = None
    if said.complete_to is not None:
        if until is not None:
            message = "both 'until' and 'complete_to' say where it ends"
            raise check.fault((*at, "complete_to"), message, "keep one of them")
        if is_instant(said.complete_to):
            until = check.instant((*at, "complete_to"), said.complete_to, clock)
        else:
            complete = _complete(said.complete_to, (*at, "complete_to"), check)
    if since is not None and until is not None and since >= until:
        raise check.fault((*at, "from"), "it ends before it begins", "mend one of the two")
    if complete is not None and given.native:
        message = "native rows say how far they reach by heartbeats"
        raise check.fault((*at, "complete_to"), message, "give 'until', or leave it out")
    _cut_by(side, given, made, until is not None or complete is not None, check)
    return since, until, complete


def _complete(given: Any, path: Path, check: Checker) -> Complete:
    if not isinstance(given, dict) or not given.keys() & set(CompleteTo.__struct_fields__):
        return Complete(at=expression(given, path, check))
    written = convert(given, check.origin, CompleteTo)
    named = {
        name: getattr(written, name)
        for name in ("newest", "last_capture", "each_capture")
        if getattr(written, name) is not None
    }
    if len(named) != 1:
        remedy = "give exactly one of newest, last_capture, each_capture"
        raise check.fault(path, "it is not said what tells how far", remedy)
    (name, value), *_ = named.items()
    return Complete(
        at=expression(value, (*path, name), check),
        minus=check.duration((*path, "minus"), written.minus),
    )


CUT_FIELD = {
    ("records", CutBy.RECEIVED): "reported_at",
    ("records", CutBy.OCCURRED): "committed_from",
    ("incidents", CutBy.OCCURRED): "occurred_from",
    ("referrals", CutBy.OCCURRED): "occurred_from",
}
"""The field that holds the time a file was cut by, where it is not that of the event itself."""


def _cut_by(side: str, given: Side, made: dict[str, Any], ends: bool, check: Checker) -> None:
    needed = CUT_FIELD.get((side, CutBy(given.coverage.cut_by)))
    if needed is None or ends or given.native or needed in made:
        return
    message = (
        f"a file cut by '{given.coverage.cut_by}' of which neither end nor '{needed}' is known"
    )
    remedy = f"map '{needed}', or give 'until' or 'complete_to'"
    raise check.fault((side, "coverage", "cut_by"), message, remedy)


def _columns_read(made: dict[str, Any], given: Side, complete: Complete | None) -> Iterator[str]:
    for each in made.values():
        yield from columns_of(each)
    yield from (condition.column for condition in given.where)
    yield from given.unique
    if given.version not in (None, "file_order", "first_row"):
        yield str(given.version)
    yield from columns_of(given.officer)
    for part in (*given.people, *given.narrative, *given.linked_logs):
        for value in msgspec.structs.astuple(part):
            yield from columns_of(value)
    if complete is not None:
        yield from columns_of(complete.at)
