"""Rule packs: what shows a crime, which crimes, by when, and what accounts for one, as dated data.

Every rule carries its mark: ``sourced`` with the paragraph, ``inference`` with the section it is drawn
from, or ``unsourced``. A verdict that rests on an unsourced rule says so.
"""

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from msgspec import Struct

from schemas.words import CancellationCode, NotRecordedReason
from service.ingest.lined import Fault, Table, convert, line_of, load
from service.rules.lexicon import Lexicon, parse_lexicon
from service.rules.values import CancellationDemand, DecisionDemand, Timing

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
    digest = hashlib.sha256(text.encode())

    def included(name: str) -> str:
        part = include(name)
        digest.update(part.encode())
        return part

    try:
        table = load(text, origin)
        written = convert(table, origin, Written)
        _check(written, table, origin)
        lexicon = None
        if written.lexicon:
            lexicon = parse_lexicon(included(written.lexicon), written.lexicon)
        reasons = Reasons({}, {})
        if written.reasons:
            listed = load(included(written.reasons), written.reasons)
            reasons = convert(listed, written.reasons, Reasons)
            _check_reasons(reasons, written, listed, written.reasons)
        classes = _classes(included(written.offences)) if written.offences else {}
        _check_classes(written, classes, table, origin)
    except Fault as fault:
        raise PackError(fault.origin, fault.line, fault.message, fault.remedy) from None
    times = written.timing
    return Pack(
        name=written.name,
        title=written.title,
        digest=digest.hexdigest(),
        written=written,
        timing=Timing(
            grace=timedelta(minutes=times.grace_minutes),
            due_soon=timedelta(hours=times.due_soon_hours),
            read_past_receipt=timedelta(minutes=times.read_past_receipt_minutes),
        ),
        lexicon=lexicon,
        harm_qualifiers=frozenset(map(fold_code, written.harm_qualifiers)),
        codes={fold_code(code): each for each in written.codes for code in each.codes},
        classes_of=classes,
        rank_of_class=_ranks(written),
        reasons=reasons,
        limits=_latest_first(written.limits),
        eras=_latest_first(written.eras),
    )


def _latest_first(rules: Sequence[Dated]) -> tuple[tuple[datetime, Dated], ...]:
    """Dated rules that follow each other without a gap (``_check_dates``), with their beginnings."""
    began = ((_midnight(rule.since), rule) for rule in rules)
    return tuple(sorted(began, key=lambda pair: pair[0], reverse=True))


def _midnight(day: date | None) -> datetime:
    if day is None:
        return datetime.min.replace(tzinfo=UTC)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _check(written: Written, table: Table, origin: str) -> None:
    """Marks, dates, and names that must lead somewhere."""
    groups: list[tuple[str, list[Mark]]] = [
        ("limits", list(written.limits)),
        ("eras", list(written.eras)),
        ("codes", list(written.codes)),
        ("carve_outs", list(written.carve_outs)),
    ]
    for key, rules in groups:
        for index, rule in enumerate(rules):
            _check_mark(rule, f"$.{key}[{index}]", table, origin)
    for name, category in written.categories.items():
        _check_mark(category, f"$.categories.{name}", table, origin)
    if written.transferred_in is not None:
        _check_mark(written.transferred_in, "$.transferred_in", table, origin)
    if written.text is not None:
        _check_mark(written.text, "$.text", table, origin)
    _check_dates("limits", written.limits, table, origin)
    _check_dates("eras", written.eras, table, origin)
    _check_ids(written, table, origin)
    known = set(written.categories)
    for index, each in enumerate(written.codes):
        if each.category and each.category not in known:
            line = line_of(table, f"$.codes[{index}].category")
            remedy = f"categories are {', '.join(sorted(known))}"
            raise Fault(origin, line, f"'{each.category}' is no category of this pack", remedy)
    if written.code_map_yes not in known:
        line = line_of(table, "$.code_map_yes")
        raise Fault(origin, line, f"'{written.code_map_yes}' is no category", "name one that is")


def _check_dates(key: str, rules: Sequence[Dated], table: Table, origin: str) -> None:
    """One rule holds on each day: the first from the beginning, each until the next begins."""
    expected: date | None = None
    order = sorted(enumerate(rules), key=lambda pair: pair[1].since or date.min)
    for position, (index, rule) in enumerate(order):
        line = line_of(table, f"$.{key}[{index}]")
        if rule.since != expected:
            message = f"'{rule.id}' begins {rule.since or 'at the beginning'}"
            remedy = (
                f"begin it {expected}, where the one before ends" if expected else "remove 'since'"
            )
            raise Fault(origin, line, message, remedy)
        if rule.until is None and position < len(order) - 1:
            raise Fault(origin, line, f"'{rule.id}' has no end", "say 'until' when the next begins")
        expected = rule.until
    if rules and expected is not None:
        line = line_of(table, f"$.{key}[{order[-1][0]}].until")
        raise Fault(origin, line, f"nothing holds from {expected} on", "remove the last 'until'")


def _check_ids(written: Written, table: Table, origin: str) -> None:
    """Each rule has an id of its own, and each code one rule."""
    ids: set[str] = set()
    codes: dict[str, str] = {}
    for key in ("limits", "eras", "codes", "carve_outs"):
        for index, rule in enumerate(getattr(written, key)):
            line = line_of(table, f"$.{key}[{index}]")
            if rule.id in ids:
                raise Fault(origin, line, f"id '{rule.id}' is given twice", "rename one of them")
            ids.add(rule.id)
    for index, indication in enumerate(written.codes):
        for code in map(fold_code, indication.codes):
            if code in codes:
                line = line_of(table, f"$.codes[{index}].codes")
                message = f"code '{code}' is in {codes[code]} and in {indication.id}"
                raise Fault(origin, line, message, "a code says one thing; remove one")
            codes[code] = indication.id


def _check_classes(
    written: Written, classes: dict[str, tuple[str, ...]], table: Table, origin: str
) -> None:
    """Every class a category names is in the list of offences."""
    listed = {name for names in classes.values() for name in names}
    for name, category in written.categories.items():
        for index, each in enumerate(category.classes):
            if listed and each not in listed:
                line = line_of(table, ("categories", name, "classes", index))
                remedy = "mend it, or add its codes to the list"
                raise Fault(origin, line, f"class '{each}' is in no offence of the list", remedy)


def _check_reasons(reasons: Reasons, written: Written, table: Table, origin: str) -> None:
    """Each reason has its mark, and the categories it is for are the pack's."""
    kinds: dict[str, Mapping[Any, Demands]] = {
        "decisions": reasons.decisions,
        "cancellations": reasons.cancellations,
    }
    for key, rules in kinds.items():
        for reason, rule in rules.items():
            at = f"$.{key}.{reason.value}"
            _check_mark(rule, at, table, origin)
            lost = written.categories.keys().isdisjoint(rule.categories)
            if rule.categories and written.offences and lost:
                remedy = f"categories are {', '.join(sorted(written.categories))}"
                message = f"'{reason.value}' is for no category of this pack"
                raise Fault(origin, line_of(table, at), message, remedy)


def _check_mark(rule: Mark, path: str, table: Table, origin: str) -> None:
    if sum(bool(mark) for mark in (rule.sourced, rule.inference, rule.unsourced)) != 1:
        message = "a rule needs exactly one of sourced, inference, unsourced"
        remedy = "say where it comes from, or mark it unsourced"
        raise Fault(origin, line_of(table, path), message, remedy)


def _classes(text: str) -> dict[str, tuple[str, ...]]:
    classes: dict[str, list[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        classes.setdefault(row["code"], []).append(row["class"])
    return {code: tuple(found) for code, found in classes.items()}


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
