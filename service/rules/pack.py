"""Rule packs compiled: fast look-ups over what was written, and what is refused on the way."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from service.ingest.lined import Fault, Table, convert, faults_in, load
from service.rules.lexicon import Lexicon, group_of, parse_lexicon
from service.rules.offences import Offences, kinds_of, read_offences
from service.rules.signatures import Signatures, parse_signatures
from service.rules.soundness import Laid, unsound, wordless
from service.rules.values import Timing
from service.rules.wording import wanted_terms
from service.rules.written import (
    Era,
    Indication,
    Limit,
    Qualifiers,
    Reasons,
    ReportedIncident,
    Written,
    fold_code,
    holds,
)

T = TypeVar("T")
Dated = TypeVar("Dated", Limit, Era)


class PackError(Fault):
    """A rule pack that cannot be used: file, line, what is wrong, what to do."""


class Pack(Struct, frozen=True, kw_only=True, eq=False):
    """A compiled pack: fast look-ups over what was written. Compared by identity."""

    name: str
    title: str
    digest: str
    """SHA-256 over the pack and every file it includes."""
    written: Written
    timing: Timing
    lexicon: Lexicon | None
    state_based: dict[str, bool]
    """Of each category, whether it is state-based."""
    editions: tuple[datetime, ...]
    """Moments at which codes or qualifiers change; ``codes`` and ``harm_qualifiers`` have one more."""
    harm_qualifiers: tuple[frozenset[str], ...]
    domestic_abuse: frozenset[str]
    codes: tuple[dict[str, Indication], ...]
    """By edition, then by code, lower-cased with spaces collapsed."""
    classes_of: dict[str, tuple[str, ...]]
    """Offence classes of a Home Office code ``NNN/NN`` (many to many)."""
    kinds_of: dict[str, tuple[str, ...]]
    """Categories of a code, or of a bare class."""
    reported_incidents: dict[str, ReportedIncident]
    """By N-code."""
    ended: dict[str, datetime]
    """When a code ceased to be notifiable."""
    rank_of: dict[str, int]
    """Rank of a code or bare class as a principal crime, on its mildest reading; those recorded in
    addition have none."""
    zone: tzinfo
    reasons: Reasons
    signatures: Signatures
    """Ways of going unrecorded to look for; none where the pack includes no such file."""
    limits: tuple[tuple[datetime, Limit], ...]
    """Limits with the moment from which each holds, the latest first."""
    eras: tuple[tuple[datetime, Era], ...]
    """Eras likewise."""

    def edition_at(self, received_at: datetime) -> int:
        """Which edition of codes and qualifiers holds for a report received at this moment."""
        return bisect_right(self.editions, received_at)

    def limit_at(self, received_at: datetime) -> Limit:
        """The recording limit for a report received at this moment."""
        for since, limit in self.limits:
            if received_at >= since:
                return limit
        return self.limits[-1][1]

    def era_at(self, received_at: datetime) -> Era | None:
        """How crimes are counted for a report received at this moment."""
        for since, era in self.eras:
            if received_at >= since:
                return era
        return None


def parse_pack(text: str, origin: str, include: Callable[[str], str]) -> Pack:
    """Compile a pack; ``include(name)`` gives the text of a file beside it. Raises ``PackError``."""
    read = _Parts(text, origin, include)
    written = read.written
    if read.faults or written is None:
        fault = read.faults[0]
        raise PackError(fault.origin, fault.line, fault.message, fault.remedy)
    times, zone = written.timing, ZoneInfo(written.zone)
    kinds = kinds_of(written.categories, read.offences.classes)
    editions = _editions(written, zone)
    days = [began.astimezone(zone).date() for began in editions]
    return Pack(
        name=written.name,
        title=written.title,
        digest=read.digest.hexdigest(),
        written=written,
        timing=Timing(
            grace=timedelta(minutes=times.grace_minutes),
            due_soon=timedelta(hours=times.due_soon_hours),
            read_past_receipt=timedelta(minutes=times.read_past_receipt_minutes),
        ),
        lexicon=read.lexicon,
        state_based={name: each.state_based for name, each in written.categories.items()},
        editions=editions,
        domestic_abuse=frozenset(map(fold_code, written.domestic_abuse)),
        harm_qualifiers=tuple(_harmful(written, day) for day in (date.min, *days)),
        codes=tuple(_known(written, day) for day in (date.min, *days)),
        classes_of=read.offences.classes,
        kinds_of=kinds,
        reported_incidents={
            code: each for each in written.reported_incidents for code in each.codes
        },
        ended={code: _midnight(day, zone) for code, day in read.offences.ended.items()},
        rank_of=_ranks(written, kinds),
        zone=zone,
        reasons=read.reasons,
        signatures=read.signatures,
        limits=_latest_first(written.limits, zone),
        eras=_latest_first(written.eras, zone),
    )


def pack_faults(text: str, origin: str, include: Callable[[str], str]) -> list[Fault]:
    """Everything that is found wrong with a pack and the files it includes; none: it can be used."""
    return _Parts(text, origin, include).faults


class _Parts:
    """A pack and the files it includes, each read as far as it can be, and every fault met. What names
    lead to is looked at only where everything has the shape it should have."""

    def __init__(self, text: str, origin: str, include: Callable[[str], str]) -> None:
        self.faults: list[Fault] = []
        self.digest = hashlib.sha256(text.encode())
        self.lexicon: Lexicon | None = None
        self.reasons = Reasons({}, {})
        self.signatures = Signatures(())
        self.offences = Offences(classes={}, ended={})
        self._include = include
        table = self._table(text, origin)
        self.written = self._typed(table, origin, Written)
        if self.written is None or table is None:
            return
        reasons_table = self._read(self.written)
        if not self.faults:
            laid = Laid(table, origin, reasons_table, self.written.reasons)
            found = [*unsound(self.written, self.reasons, self.offences.classes, laid)]
            if self.lexicon is not None:
                groups = {group_of(term) for term in self.lexicon.ids}
                found += wordless(self.written, self.lexicon.ids, groups, laid)
            # Down the pack, then down what it includes.
            self.faults += sorted(found, key=lambda each: (each.origin != origin, each.line))

    def _read(self, written: Written) -> Table | None:
        """The included files; the lists of reasons as they were written."""
        if (text := self._included(written.lexicon)) is not None:
            try:
                wanted = wanted_terms(written.text, written.categories)
                self.lexicon = parse_lexicon(text, written.lexicon, wanted)
            except Fault as fault:
                self.faults.append(fault)
        table = None
        if (text := self._included(written.reasons)) is not None:
            table = self._table(text, written.reasons)
            self.reasons = self._typed(table, written.reasons, Reasons) or self.reasons
        if (text := self._included(written.signatures)) is not None:
            try:
                self.signatures = parse_signatures(text, written.signatures)
            except Fault as fault:
                self.faults.append(fault)
        if (text := self._included(written.offences)) is not None:
            try:
                self.offences = read_offences(text, written.offences)
            except Fault as fault:
                self.faults.append(fault)
        return table

    def _included(self, name: str) -> str | None:
        if not name:
            return None
        try:
            text = self._include(name)
        except Fault as fault:
            self.faults.append(fault)
            return None
        self.digest.update(text.encode())
        return text

    def _table(self, text: str, origin: str) -> Table | None:
        try:
            return load(text, origin)
        except Fault as fault:
            self.faults.append(fault)
            return None

    def _typed(self, table: Table | None, origin: str, type_: type[T]) -> T | None:
        if table is None:
            return None
        faults = list(faults_in(table, origin, type_))
        self.faults += faults
        return None if faults else convert(table, origin, type_)


def _latest_first(rules: Sequence[Dated], zone: tzinfo) -> tuple[tuple[datetime, Dated], ...]:
    """Dated rules that follow each other without a gap (``soundness``), with their beginnings."""
    began = ((_midnight(rule.since, zone), rule) for rule in rules)
    return tuple(sorted(began, key=lambda pair: pair[0], reverse=True))


def _midnight(day: date | None, zone: tzinfo) -> datetime:
    if day is None:
        return datetime.min.replace(tzinfo=UTC)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _editions(written: Written, zone: tzinfo) -> tuple[datetime, ...]:
    rules: list[Indication | Qualifiers] = [*written.codes, *written.qualifiers]
    days = {day for rule in rules for day in (rule.since, rule.until) if day is not None}
    return tuple(_midnight(day, zone) for day in sorted(days))


def _harmful(written: Written, day: date) -> frozenset[str]:
    rules = [each for each in written.qualifiers if each.harm and holds(each, day)]
    return frozenset(fold_code(name) for rule in rules for name in rule.names)


def _known(written: Written, day: date) -> dict[str, Indication]:
    """Codes and what they show on one day. Those of carve-outs are known too: they show none."""
    carved = [
        Indication(id=each.id, codes=each.codes, sourced=each.sourced)
        for each in written.carve_outs
    ]
    rules = [*carved, *(each for each in written.codes if holds(each, day))]
    return {fold_code(code): rule for rule in rules for code in rule.codes}


def _ranks(written: Written, kinds: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """A record that may be two crimes counts as the milder: only what surely outranks settles."""
    ranks: dict[str, int] = {}
    for code, names in kinds.items():
        principal = [written.categories[name] for name in names]
        held = [each.rank for each in principal if not each.additional]
        if held:
            ranks[code] = max(held)
    return ranks


def begun(pack: Pack, since: date | None, at: datetime) -> bool:
    """Had a rule begun at this moment, where it holds?"""
    return since is None or since <= at.astimezone(pack.zone).date()
