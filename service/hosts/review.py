"""A mapping held against files: what maps, what is refused, which codes nobody knows, and what the
verdicts may conclude from it."""

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from schemas.crimes import CrimeRecord
from schemas.feeds import Heartbeat
from schemas.reports import IncidentLog, Referral
from service.hosts.files import BadRow, InputBroken, NotGiven, Opened, open_rows
from service.ingest.codes import fold
from service.ingest.coverage import Seen, cut_time, is_declared, stated
from service.ingest.decode import Decoder, Refused
from service.ingest.fields import ColumnMissing, Row
from service.ingest.mapping import Feed, SourceMapping
from service.ingest.people import PersonKey
from service.ingest.source import Topic
from service.rules.expect import expect
from service.rules.observe import Observer
from service.rules.pack import Pack

Read = IncidentLog | Referral | CrimeRecord | Heartbeat | Refused | None
"""What a decoder makes of a row."""


class RefusedRows(Struct, frozen=True, kw_only=True):
    """Rows refused for one reason in one field."""

    reason: str
    field: str
    count: int
    first: str
    """File and line of the first."""
    value: str | None
    """What stood there first; None where the field is personal."""
    remedy: str


class SideReview(Struct, frozen=True, kw_only=True):
    """One side held against its files."""

    source: str
    side: str
    files: list[str]
    rows: int
    left_out: int
    """By ``where``."""
    mapped: int
    heartbeats: int
    refused: list[RefusedRows]
    filled: dict[str, int]
    """Rows in which each field of the mapping has a value."""
    never_seen: list[str]
    """Columns of the mapping that are in no row."""
    unknown_codes: dict[str, int]
    """``slot:code`` to reports, most first; empty where no code map and no pack was given."""
    repeated: int
    """Rows that say what an earlier row said."""
    conflicting: int
    """Rows that say otherwise than an earlier row of the same ref and version."""
    first: datetime | None
    last: datetime | None
    since: datetime | None
    until: datetime | None
    declared: bool
    broken: list[str]
    """Files that could not be read to their end."""


class Conclusion(Struct, frozen=True, kw_only=True):
    """What the verdicts may rest on."""

    record_sources: list[str]
    """Sources that could hold a crime."""
    basis: str
    received_from: datetime | None
    received_until: datetime | None
    """Of reports received in this span a miss can be said; None, None: of none."""
    reports_inside: int
    reports: int
    records_naming_a_report: int
    records_found: int
    """... of which the report is in the log."""
    reports_naming_a_record: int
    reports_found: int
    """... of which the record is in the files."""


class Review(Struct, frozen=True, kw_only=True):
    """What ``recount sources check`` says."""

    mapping: str
    sides: list[SideReview]
    conclusion: Conclusion
    findings: list[str] = field(default_factory=list)
    """What should be mended; any makes the exit code 1."""
    notes: list[str] = field(default_factory=list)


# -- which file is which side -----------------------------------------------------------------


def sort_out(mapping: SourceMapping, paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Files by the side whose columns they have. Raises ``NotGiven`` where it is not plain."""
    owners = [feed for feed in mapping.feeds if feed.files == feed.side]
    found: dict[str, list[Path]] = {}
    for path in paths:
        against = {feed.side: _against(path, feed) for feed in owners}
        fits = [side for side, objection in against.items() if objection is None]
        if len(fits) == 1:
            found.setdefault(fits[0], []).append(path)
            continue
        if fits:
            options = " or ".join(f"--{side}" for side in fits)
            raise NotGiven(f"{path} could be {' or '.join(fits)}; say {options}")
        said = "; ".join(f"as {side}: {objection}" for side, objection in against.items())
        raise NotGiven(f"{path} fits no side of the mapping ({said})")
    return found


def _against(path: Path, feed: Feed) -> str | None:
    """Why a file is not of this side; None: it could be."""
    opened = open_rows(path, feed)
    first = next((row for _, row in opened.rows if not isinstance(row, BadRow)), None)
    if feed.written.native:
        read = Decoder(feed, path.name, None).decode(first) if first is not None else None
        return "its first row is another contract" if isinstance(read, Refused) else None
    try:
        decoder = Decoder(feed, path.name, opened.header, person_key=STAND_IN)
    except ColumnMissing as missing:
        return str(missing)
    if opened.header is None and first is not None:
        read = decoder.decode(first)
        if isinstance(read, Refused) and read.reason == "not_json":
            return "its rows are no JSON objects"
        lacks = [column for column in feed.columns() if column not in _keys(first)]
        return (
            f"its first row has no '{lacks[0]}'" if len(lacks) > len(feed.columns()) / 2 else None
        )
    return None


def _keys(row: bytes | Row) -> set[str]:
    """Every path of a JSON object that leads to a value."""
    found: set[str] = set()

    def walk(held: object, path: str) -> None:
        if path:
            found.add(path)
        if isinstance(held, dict):
            for key, value in held.items():
                walk(value, f"{path}.{key}" if path else key)

    try:
        walk(json.loads(row) if isinstance(row, bytes) else row, "")
    except ValueError:
        return set()
    return found


STAND_IN = PersonKey("check", b"stands in for the force's own key while a mapping is checked")
"""Used where no key is given: what is checked is never stored."""


# -- reading ----------------------------------------------------------------------------------


class _Gathering:
    """Counts of one side, row by row."""

    def __init__(self, feed: Feed, pack: Pack | None, fallback: Pack) -> None:
        self.feed = feed
        self.counts: Counter[str] = Counter()
        self.refused: dict[tuple[str, str], RefusedRows] = {}
        self.filled: Counter[str] = Counter(dict.fromkeys(feed.fields, 0))
        self.seen_keys: set[str] = set()
        self.unknown: Counter[str] = Counter()
        self.seen = Seen()
        self.received = array("d")
        self.refs: set[int] = set()
        self.names: list[int] = []
        self.broken: list[str] = []
        self.files: list[str] = []
        self._content: dict[int, int] = {}
        self._pack = pack
        self._judge = pack or fallback
        self._observer = Observer(pack or fallback, feed.source)
        self._sources = {feed.source.name: feed.source}
        self._number = 0

    def read(self, path: Path, opened: Opened, decoder: Decoder) -> None:
        """One file to its end, or as far as it goes."""
        self.files.append(str(path))
        json_rows = opened.header is None and not self.feed.written.native
        try:
            for line, row in opened.rows:
                self.counts["rows"] += 1
                if isinstance(row, BadRow):
                    self._refuse(Refused(reason=row.reason, remedy=row.remedy), path, line)
                    continue
                if json_rows:
                    self.seen_keys |= _keys(row)
                self._add(decoder.decode(row, self._number), path, line)
                self._number += 1
                if (newest := decoder.complete_to(row)) is not None:
                    self.seen = self.seen.at(None, newest)
        except InputBroken as broken:
            self.broken.append(str(broken))

    def _add(self, read: Read, path: Path, line: int) -> None:
        if read is None:
            self.counts["left_out"] += 1
        elif isinstance(read, Refused):
            self._refuse(read, path, line)
        elif isinstance(read, Heartbeat):
            self.counts["heartbeats"] += 1
        else:
            self.counts["mapped"] += 1
            self._mapped(read)

    def _mapped(self, read: IncidentLog | Referral | CrimeRecord) -> None:
        self.seen = self.seen.at(cut_time(self.feed, read), None)
        self.filled.update([name for name in self.feed.fields if _has(read, name)])
        content = hash(read.model_dump_json(exclude={"known_at"}))
        key = hash((read.force, read.ref, read.version))
        if key in self._content:
            same = self._content[key] == content
            self.counts["repeated" if same else "conflicting"] += 1
        self._content.setdefault(key, content)
        self.refs.add(_mark(read.ref))
        named = read.incident_refs if isinstance(read, CrimeRecord) else read.crime_refs
        self.names += [_mark(ref) for ref in named if ref.strip()][:1]
        if not isinstance(read, CrimeRecord):
            self.received.append(read.received_at.timestamp())
            self._codes(read)

    def _codes(self, read: IncidentLog | Referral) -> None:
        """Codes nobody knows. Without a pack the mapping's own map alone is asked, and any category
        it names is known."""
        code_map = self.feed.source.code_map
        if code_map is None and self._pack is None:
            return
        facts = self._observer.report(read)
        for unknown in expect(self._judge, self._sources, [facts]).unknown_codes:
            slot, _, code = unknown.partition(":")
            listed = code_map is not None and any(
                column.slot == slot and fold(code) in column.indicates
                for column in code_map.columns
            )
            if self._pack is not None or not listed:
                self.unknown[unknown] += 1

    def _refuse(self, refused: Refused, path: Path, line: int) -> None:
        key = (refused.reason.value, refused.field)
        stood = self.refused.get(key)
        self.refused[key] = (
            replace(stood, count=stood.count + 1)
            if stood is not None
            else RefusedRows(
                reason=refused.reason.value,
                field=refused.field,
                count=1,
                first=f"{path}:{line}",
                value=refused.value,
                remedy=refused.remedy,
            )
        )

    def done(self) -> SideReview:
        """What was gathered."""
        since, until = stated(self.feed, self.seen)
        is_json = self.feed.written.format == "json" and not self.feed.written.native
        columns = self.feed.columns() if is_json and self.counts["rows"] else []
        return SideReview(
            source=self.feed.source.name,
            side=self.feed.side,
            files=self.files,
            rows=self.counts["rows"],
            left_out=self.counts["left_out"],
            mapped=self.counts["mapped"],
            heartbeats=self.counts["heartbeats"],
            refused=sorted(self.refused.values(), key=lambda each: -each.count),
            filled={name: self.filled[name] for name in self.feed.fields},
            never_seen=[column for column in columns if column not in self.seen_keys],
            unknown_codes=dict(self.unknown.most_common()),
            repeated=self.counts["repeated"],
            conflicting=self.counts["conflicting"],
            first=self.seen.first,
            last=self.seen.last,
            since=since,
            until=until,
            declared=is_declared(self.feed),
            broken=self.broken,
        )


def _has(read: object, path: str) -> bool:
    held: object = read
    for step in path.split("."):
        held = getattr(held, step, None)
    return held not in (None, "", ())


def _mark(ref: str) -> int:
    """Stands for a reference where only equality matters."""
    return hash(ref.strip().casefold())


# -- the whole --------------------------------------------------------------------------------


def review(
    mapping: SourceMapping,
    files: Mapping[str, Sequence[Path]],
    fallback: Pack,
    pack: Pack | None = None,
    person_key: PersonKey | None = None,
) -> Review:
    """Hold a mapping against its files. ``pack`` says which codes are known; without one the mapping's
    own code map does. Raises ``ColumnMissing``, ``NotGiven``, ``Fault``."""
    gathered = []
    for feed in mapping.feeds:
        gathering = _Gathering(feed, pack, fallback)
        for path in files.get(feed.files, ()):
            opened = open_rows(path, feed)
            decoder = Decoder(feed, path.name, opened.header, person_key=person_key or STAND_IN)
            gathering.read(path, opened, decoder)
        gathered.append(gathering)
    sides = [each.done() for each in gathered]
    conclusion = _conclude(gathered, sides)
    hashes = any(feed.written.people or feed.written.officer for feed in mapping.feeds)
    notes = _notes(mapping, sides, conclusion, pack is not None)
    if hashes and person_key is None:
        notes.append("people are hashed and no key is given; set RECOUNT_PERSON_KEY_FILE to replay")
    return Review(
        mapping=mapping.name,
        sides=sides,
        conclusion=conclusion,
        findings=_findings(sides, conclusion),
        notes=notes,
    )


def _conclude(gathered: Sequence[_Gathering], sides: Sequence[SideReview]) -> Conclusion:
    logs = [each for each in gathered if each.feed.source.reports]
    crimes = [each for each in gathered if not each.feed.source.reports]
    spans = [side for side in sides if side.rows]
    since = [side.since for side in spans if side.since is not None]
    limits = [each.feed.source.limit for each in logs if each.feed.source.limit is not None]
    until = [side.until for side in spans if side.until is not None]
    start, end = max(since, default=None), None
    if until:
        end = min(until) - min(limits, default=timedelta(hours=24))
    held = [each for each in crimes if each.counts["mapped"]]
    if start is None or end is None or start >= end or not held:
        start = end = None
    received = [at for each in logs for at in each.received]
    inside = 0
    if start is not None and end is not None:
        first, last = start.timestamp(), end.timestamp()
        inside = sum(1 for at in received if first <= at <= last)
    log_refs = {ref for each in logs for ref in each.refs}
    crime_refs = {ref for each in crimes for ref in each.refs}
    by_record = [ref for each in crimes for ref in each.names]
    by_report = [ref for each in logs for ref in each.names]
    return Conclusion(
        record_sources=[each.feed.source.name for each in held],
        basis="coverage" if all(side.declared for side in spans) else "first to last time seen",
        received_from=start,
        received_until=end,
        reports_inside=inside,
        reports=len(received),
        records_naming_a_report=len(by_record),
        records_found=sum(1 for ref in by_record if ref in log_refs),
        reports_naming_a_record=len(by_report),
        reports_found=sum(1 for ref in by_report if ref in crime_refs),
    )


def _findings(sides: Sequence[SideReview], conclusion: Conclusion) -> list[str]:
    found = []
    for side in sides:
        count = sum(each.count for each in side.refused)
        found += [f"{side.side}: {broken}" for broken in side.broken]
        if count:
            found.append(f"{side.side}: {count:,} of {side.rows:,} rows are refused")
        if side.unknown_codes:
            codes, reports = len(side.unknown_codes), sum(side.unknown_codes.values())
            found.append(
                f"{side.side}: {_count(codes, 'code')} nobody knows, {_count(reports, 'report')}"
            )
        if side.never_seen:
            found.append(f"{side.side}: no row has {', '.join(side.never_seen)}")
        if side.conflicting:
            found.append(
                f"{side.side}: {_count(side.conflicting, 'row')} "
                f"{'says' if side.conflicting == 1 else 'say'} otherwise than an earlier row of the "
                "same ref; say which stands by 'version', or tell them apart by 'unique'"
            )
        if side.files and side.rows and not side.mapped and not side.heartbeats:
            found.append(f"{side.side}: not one row could be used")
    given = {side.side for side in sides if side.rows}
    if "records" in given and len(given) > 1 and conclusion.received_from is None:
        found.append("nothing can be said to be missed: the sides cover no common time")
    return found


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _notes(
    mapping: SourceMapping, sides: Sequence[SideReview], conclusion: Conclusion, has_pack: bool
) -> list[str]:
    notes = []
    for side in sides:
        if not side.files:
            notes.append(f"{side.side}: no file was given")
        elif not side.declared and side.mapped:
            notes.append(
                f"{side.side}: the end of its coverage is not declared; taken as the last time seen"
            )
    topics = {feed.source.topic for feed in mapping.feeds}
    if Topic.CRIME_RECORD not in topics:
        notes.append("no records are mapped: nothing can be said to be missed")
    if Topic.REFERRAL not in topics:
        notes.append("no referrals are mapped: reports that never had a log cannot be seen")
    maps = [feed.source.code_map for feed in mapping.feeds if feed.source.reports]
    if not has_pack and None in maps:
        notes.append("without a code map, only '--rules PACK' tells which codes are known")
    for total, found, what in (
        (conclusion.records_naming_a_report, conclusion.records_found, "records name a report"),
        (conclusion.reports_naming_a_record, conclusion.reports_found, "reports name a record"),
    ):
        if total and found * 2 < total:
            notes.append(
                f"{total:,} {what} and only {found:,} of those are there; is it the right column?"
            )
    return notes
