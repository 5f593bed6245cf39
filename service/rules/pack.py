"""Rule packs: what shows a crime, which crimes, by when, and what accounts for one, as dated data.

Every rule carries its mark: ``sourced`` with the paragraph, ``inference`` with the section it is drawn
from, or ``unsourced``. A verdict that rests on an unsourced rule says so.
"""

import csv
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from schemas.words import CancellationCode, NotRecordedReason
from service.ingest.lined import Fault, Table, convert, line_of, load
from service.rules.lexicon import Lexicon, parse_lexicon
from service.rules.values import Timing


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
    needs_results: bool = False
    """Clear only with an arrest or seizure (fraud: a call for service)."""


class Indication(Mark, frozen=True, kw_only=True):
    """Codes that say something of a report."""

    id: str
    codes: tuple[str, ...]
    category: str = ""
    """Category shown; empty: these codes are known and show no crime."""


class CarveOut(Mark, frozen=True, kw_only=True):
    """Reports whose crimes are shown and not due."""

    id: str
    codes: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()


class TextRule(Mark, frozen=True, kw_only=True):
    """When words alone make a crime clear rather than possible."""

    distinct_terms: int = 2
    """Different affirmed terms of one category in the first account (or by one officer)."""


class Demands(Mark, frozen=True, kw_only=True):
    """What one reason must bring; each word is a check of ``decisions`` or ``settle``."""

    demands: tuple[str, ...] = ()
    since: date | None = None
    categories: tuple[str, ...] = ()
    """The only categories it may account for; empty: any."""


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
    harm_qualifiers: tuple[str, ...] = ()
    """Qualifiers that make any crime high harm (domestic abuse); they show no crime themselves."""
    domestic_abuse: tuple[str, ...] = ()
    """Qualifiers and codes that mark a report as domestic abuse, for figures of their own."""
    national_fraud_bodies: tuple[str, ...] = ()
    """Bodies that record fraud for all forces; their reference accounts for it."""
    earlier_record_hours: int | None = None
    """How long before receipt a record of any class may have been made; absent: however long."""
    conduct_gap_days: int = 91
    reasons: str = ""
    """File with the two closed lists: decisions not to record, and cancellations."""


class Reasons(Struct, frozen=True, forbid_unknown_fields=True):
    """The two closed lists, never mixed."""

    decisions: dict[NotRecordedReason, Demands]
    cancellations: dict[CancellationCode, Demands]


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
    domestic_abuse: frozenset[str]
    codes: dict[str, Indication]
    """By code, lower-cased with spaces collapsed."""
    classes_of: dict[str, tuple[str, ...]]
    """Offence classes of a Home Office code ``NNN/NN`` (many to many)."""
    rank_of_class: dict[str, int]
    """Rank of the most serious category that holds a class."""
    reasons: Reasons

    def limit_at(self, received_at: datetime) -> Limit:
        """The recording limit for a report received at this moment."""
        limits = self.written.limits
        return next(
            (each for each in limits if in_span(each.since, each.until, received_at)), limits[0]
        )

    def era_at(self, received_at: datetime) -> Era | None:
        """How crimes are counted for a report received at this moment."""
        eras = self.written.eras
        return next((each for each in eras if in_span(each.since, each.until, received_at)), None)


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
            reasons = convert(
                load(included(written.reasons), written.reasons), written.reasons, Reasons
            )
        classes = _classes(included(written.offences)) if written.offences else {}
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
        domestic_abuse=frozenset(map(fold_code, written.domestic_abuse)),
        codes={fold_code(code): each for each in written.codes for code in each.codes},
        classes_of=classes,
        rank_of_class=_ranks(written),
        reasons=reasons,
    )


def _check(written: Written, table: Table, origin: str) -> None:
    """Marks, and names that must lead somewhere."""
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
    known = set(written.categories)
    for index, each in enumerate(written.codes):
        if each.category and each.category not in known:
            line = line_of(table, f"$.codes[{index}].category")
            remedy = f"categories are {', '.join(sorted(known))}"
            raise Fault(origin, line, f"'{each.category}' is no category of this pack", remedy)
    if written.code_map_yes not in known:
        line = line_of(table, "$.code_map_yes")
        raise Fault(origin, line, f"'{written.code_map_yes}' is no category", "name one that is")


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
