"""Rule packs: what shows a crime, which crimes, by when, and what accounts for one, as dated data.

Every rule carries its mark: ``sourced`` with the paragraph, ``inference`` with the section it is drawn
from, or ``unsourced``. A verdict that rests on an unsourced rule says so.
"""

import csv
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from schemas.words import CancellationCode, NotRecordedReason
from service.ingest.lined import Fault, Table, convert, faults_in, load
from service.rules.lexicon import Lexicon, parse_lexicon
from service.rules.soundness import Laid, unsound
from service.rules.values import CancellationDemand, DecisionDemand, Timing

T = TypeVar("T")
Dated = TypeVar("Dated", "Limit", "Era")


class PackError(Fault):
    """A rule pack that cannot be used: file, line, what is wrong, what to do."""


class Mark(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a rule comes from: exactly one of the three."""

    sourced: str = ""
    """Paragraph of the counting rules or another published source."""
    inference: str = ""
    """Section from which it is drawn, where no source states it outright."""
    unsourced: str = ""
    """Why it is believed, where nothing could be cited."""


class Limit(Mark, frozen=True, kw_only=True):
    """How long after receipt a crime must be recorded, for reports received in a span."""

    id: str
    hours: int
    since: date | None = None
    until: date | None = None


class Era(Mark, frozen=True, kw_only=True):
    """How many crimes one report makes, for reports received in a span."""

    id: str
    counts: str
    """``principal``: the most serious; ``conduct_and_next``: conduct plus the next most serious."""
    since: date | None = None
    until: date | None = None


class Category(Mark, frozen=True, kw_only=True):
    """A kind of crime: which classes are it, how serious it is, how it is counted."""

    rank: int
    """Principal-crime order; a lower number outranks a higher one."""
    classes: tuple[str, ...] = ()
    """Offence classes; empty: any crime record settles."""
    per: str = "victim"
    """One crime per ``victim``, ``suspect`` or ``incident``."""
    state_based: bool = False
    """Points to prove: a caller's words alone make it possible, never clear."""
    conduct: bool = False
    """A course of conduct: may settle by an earlier live record of the same people."""
    additional: bool = False
    """Recorded in addition to the principal crime, always."""
    harm: bool = False
    """High harm."""
    firm: bool = False
    """So grave that a closing code of another crime leaves it clear."""
    needs_results: bool = False
    """Clear only with an arrest or seizure (fraud: a call for service)."""


class Indication(Mark, frozen=True, kw_only=True):
    """Codes that say something of a report."""

    id: str
    codes: tuple[str, ...]
    category: str = ""
    """Category shown; empty: these codes are known and show no crime."""
    call_for_service: bool = False
    """Does the code itself make what is recorded nationally a matter for the force?"""


class CarveOut(Mark, frozen=True, kw_only=True):
    """Reports whose crimes are shown and not due."""

    id: str
    codes: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()


class TransferredIn(Mark, frozen=True, kw_only=True):
    """Reports passed on by another force: when their clock starts."""

    starts: str = "receipt"
    """``receipt``: when this force received it, as for every other report."""


class TextRule(Mark, frozen=True, kw_only=True):
    """When words alone make a crime clear rather than possible."""

    distinct_terms: int = 2
    """Different affirmed terms of one category in the first account (or by one officer)."""


class Demands(Mark, frozen=True, kw_only=True):
    """For what, and since when, one reason may account."""

    since: date | None = None
    categories: tuple[str, ...] = ()
    """The only categories it may account for; empty: any."""


class DecisionRule(Demands, frozen=True, kw_only=True):
    """What a decision not to record must bring under one reason."""

    demands: tuple[DecisionDemand, ...] = ()


class CancellationRule(Demands, frozen=True, kw_only=True):
    """What a cancellation under one code must bring."""

    demands: tuple[CancellationDemand, ...] = ()


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    """Times around deadlines, as written."""

    grace_minutes: int = 0
    due_soon_hours: int = 4
    read_past_receipt_minutes: int = 60


class Written(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A pack as written."""

    name: str
    title: str
    timing: Times = Times()
    limits: tuple[Limit, ...]
    eras: tuple[Era, ...] = ()
    categories: dict[str, Category]
    code_map_yes: str
    """Category meant by ``indicates: yes`` in a mapping's code map."""
    lexicon: str = ""
    offences: str = ""
    codes: tuple[Indication, ...] = ()
    text: TextRule | None = None
    carve_outs: tuple[CarveOut, ...] = ()
    transferred_in: TransferredIn | None = None
    harm_qualifiers: tuple[str, ...] = ()
    """Qualifiers that make any crime high harm (domestic abuse); they show no crime themselves."""
    national_fraud_bodies: tuple[str, ...] = ()
    """Bodies that record fraud for all forces; their reference accounts for it."""
    earlier_record_hours: int | None = None
    """How long before receipt a record of any class may have been made; absent: however long."""
    conduct_gap_days: int = 91
    reasons: str = ""
    """File with the two closed lists: decisions not to record, and cancellations."""


class Reasons(Struct, frozen=True, forbid_unknown_fields=True):
    """The two closed lists, never mixed."""

    decisions: dict[NotRecordedReason, DecisionRule]
    cancellations: dict[CancellationCode, CancellationRule]


class Pack(Struct, frozen=True, kw_only=True, eq=False):
    """A compiled pack: fast look-ups over what was written. Compared by identity."""

    name: str
    title: str
    digest: str
    """SHA-256 over the pack and every file it includes."""
    written: Written
    timing: Timing
    lexicon: Lexicon | None
    harm_qualifiers: frozenset[str]
    codes: dict[str, Indication]
    """By code, lower-cased with spaces collapsed."""
    classes_of: dict[str, tuple[str, ...]]
    """Offence classes of a Home Office code ``NNN/NN`` (many to many)."""
    rank_of_class: dict[str, int]
    """Rank of the most serious category that holds a class."""
    reasons: Reasons
    limits: tuple[tuple[datetime, Limit], ...]
    """Limits with the moment from which each holds, the latest first."""
    eras: tuple[tuple[datetime, Era], ...]
    """Eras likewise."""

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


def fold_code(code: str) -> str:
    """A code as look-ups hold it: lower case, spaces collapsed."""
    return " ".join(code.lower().split())


def parse_pack(text: str, origin: str, include: Callable[[str], str]) -> Pack:
    """Compile a pack; ``include(name)`` gives the text of a file beside it. Raises ``PackError``."""
    read = _Parts(text, origin, include)
    written = read.written
    if read.faults or written is None:
        fault = read.faults[0]
        raise PackError(fault.origin, fault.line, fault.message, fault.remedy)
    times = written.timing
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
        harm_qualifiers=frozenset(map(fold_code, written.harm_qualifiers)),
        codes={fold_code(code): each for each in written.codes for code in each.codes},
        classes_of=read.classes,
        rank_of_class=_ranks(written),
        reasons=read.reasons,
        limits=_latest_first(written.limits),
        eras=_latest_first(written.eras),
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
        self.classes: dict[str, tuple[str, ...]] = {}
        self._include = include
        table = self._table(text, origin)
        self.written = self._typed(table, origin, Written)
        if self.written is None or table is None:
            return
        reasons_table = self._read(self.written)
        if not self.faults:
            laid = Laid(table, origin, reasons_table, self.written.reasons)
            found = unsound(self.written, self.reasons, self.classes, laid)
            # Down the pack, then down what it includes.
            self.faults += sorted(found, key=lambda each: (each.origin != origin, each.line))

    def _read(self, written: Written) -> Table | None:
        """The included files; the lists of reasons as they were written."""
        if (text := self._included(written.lexicon)) is not None:
            try:
                self.lexicon = parse_lexicon(text, written.lexicon)
            except Fault as fault:
                self.faults.append(fault)
        table = None
        if (text := self._included(written.reasons)) is not None:
            table = self._table(text, written.reasons)
            self.reasons = self._typed(table, written.reasons, Reasons) or self.reasons
        if (text := self._included(written.offences)) is not None:
            try:
                self.classes = _classes(text, written.offences)
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


def _classes(text: str, origin: str) -> dict[str, tuple[str, ...]]:
    classes: dict[str, list[str]] = {}
    rows = csv.DictReader(text.splitlines())
    if not {"code", "class"} <= set(rows.fieldnames or ()):
        raise Fault(origin, 1, "the offence list lacks a column", "use the columns code and class")
    for row in rows:
        if not row["code"] or not row["class"]:
            remedy = "give both, or delete the row"
            raise Fault(origin, rows.line_num, "an offence without code or class", remedy)
        classes.setdefault(row["code"], []).append(row["class"])
    return {code: tuple(found) for code, found in classes.items()}


def _latest_first(rules: Sequence[Dated]) -> tuple[tuple[datetime, Dated], ...]:
    """Dated rules that follow each other without a gap (``soundness``), with their beginnings."""
    began = ((_midnight(rule.since), rule) for rule in rules)
    return tuple(sorted(began, key=lambda pair: pair[0], reverse=True))


def _midnight(day: date | None) -> datetime:
    if day is None:
        return datetime.min.replace(tzinfo=UTC)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _ranks(written: Written) -> dict[str, int]:
    ranks: dict[str, int] = {}
    for category in written.categories.values():
        for name in category.classes:
            ranks[name] = min(category.rank, ranks.get(name, category.rank))
    return ranks


def in_span(since: date | None, until: date | None, at: datetime) -> bool:
    """Does a moment fall in a dated span, by UTC date? ``until`` is the first day outside."""
    day = at.astimezone(UTC).date()
    return (since is None or since <= day) and (until is None or day < until)
