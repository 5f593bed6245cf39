"""Rule packs as written: what shows a crime, which crimes, by when, what accounts for one, as dated data.

Every rule carries its mark: ``sourced`` with the paragraph, ``inference`` with the section it is drawn
from, or ``unsourced``. A verdict that rests on an unsourced rule says so.
"""

from datetime import date

from msgspec import Struct, field

from schemas.words import CancellationCode, NotRecordedReason, ReportedBy
from service.rules.marks import Mark
from service.rules.values import CancellationDemand, DecisionDemand
from service.rules.wording import TextRule


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
    offences: tuple[str, ...] = ()
    """Codes that are this category's alone, though others share their class (breaches of orders)."""
    per: str = "victim"
    """One crime per ``victim``, ``suspect`` or ``incident``."""
    per_class: dict[str, str] = field(default_factory=dict)
    """Classes that are counted otherwise, where a code names the class."""
    state_based: bool = False
    """Points to prove: a caller's words alone make it possible, never clear."""
    conduct: bool = False
    """A course of conduct: may settle by an earlier live record of the same people."""
    additional: bool = False
    """Recorded in addition to the principal crime, always."""
    harm: bool = False
    """High harm."""
    registrar_only: bool = False
    """May the registrar alone cancel it as no crime (C2)?"""
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
    classes: tuple[str, ...] = ()
    """The classes of that category the codes mean, where they say which: they settle how it is counted
    and what a reason may cover, never which record settles it (a caller's word is no charge)."""
    since: date | None = None
    until: date | None = None
    call_for_service: bool = False
    """Does the code itself make what is recorded nationally a matter for the force?"""
    concern: bool = False
    """Does it name what is feared, not what is reported? Then it shows a possible crime at most, until
    officers act or words say more."""


class Qualifiers(Mark, frozen=True, kw_only=True):
    """Incident qualifiers; none shows a crime by itself."""

    id: str
    names: tuple[str, ...]
    harm: bool = False
    """Do they make any crime high harm?"""
    since: date | None = None
    until: date | None = None


class OffenceCodes(Mark, frozen=True, kw_only=True):
    """Whether a log's own code may be an offence code (``008/06``, ``8N``), and then shows that crime."""


class CarveOut(Mark, frozen=True, kw_only=True):
    """Reports whose crimes are shown and not due."""

    id: str
    codes: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()


class TransferredIn(Mark, frozen=True, kw_only=True):
    """Reports passed on by another force: when their clock starts."""

    starts: str = "receipt"
    """``receipt``: when this force received it, as for every other report."""


class ReportedIncident(Mark, frozen=True, kw_only=True):
    """N-codes: an incident recorded as reported, which accounts for a crime of one category."""

    id: str
    codes: tuple[str, ...]
    category: str
    unless_confirmed: bool = False
    """Is the crime owed as soon as the victim confirms it?"""
    unless_reported_by: tuple[ReportedBy, ...] = ()
    """Those whose report is the victim's own word."""
    cancelled_by: tuple[CancellationCode, ...] = ()
    """The only cancellations such a record allows."""


class Demands(Mark, frozen=True, kw_only=True):
    """For what, and since when, one reason may account."""

    since: date | None = None
    categories: tuple[str, ...] = ()
    """The only categories it may account for; empty: any."""


class DecisionRule(Demands, frozen=True, kw_only=True):
    """What a decision not to record must bring under one reason."""

    demands: tuple[DecisionDemand, ...] = ()
    not_classes: tuple[str, ...] = ()
    """Classes of those categories that it may not account for, where the report names them."""

    def excludes(self, category: str, named: tuple[str, ...]) -> bool:
        """Is a crime of this category, of these classes as far as the report names them, not its kind?"""
        if self.categories and category not in self.categories:
            return True
        return not {*named}.isdisjoint(self.not_classes)


class CancellationRule(Demands, frozen=True, kw_only=True):
    """What a cancellation under one code must bring."""

    demands: tuple[CancellationDemand, ...] = ()
    offences: tuple[str, ...] = ()
    """Codes and classes it may cancel, where it demands one of them."""


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
    offence_codes: OffenceCodes | None = None
    carve_outs: tuple[CarveOut, ...] = ()
    reported_incidents: tuple[ReportedIncident, ...] = ()
    transferred_in: TransferredIn | None = None
    qualifiers: tuple[Qualifiers, ...] = ()
    zone: str = "UTC"
    """Time zone in which days begin."""
    domestic_abuse: tuple[str, ...] = ()
    """Qualifiers and codes that mark a report as domestic abuse, for figures of their own."""
    national_fraud_bodies: tuple[str, ...] = ()
    """Bodies that record fraud for all forces; their reference accounts for it."""
    earlier_record_hours: int | None = None
    """How long before receipt a record of any class may have been made; absent: however long."""
    conduct_gap_days: int = 91
    reasons: str = ""
    """File with the two closed lists: decisions not to record, and cancellations."""
    signatures: str = ""
    """File with the ways in which crimes go unrecorded, to be looked for."""


class Reasons(Struct, frozen=True, forbid_unknown_fields=True):
    """The two closed lists, never mixed."""

    decisions: dict[NotRecordedReason, DecisionRule]
    cancellations: dict[CancellationCode, CancellationRule]


def holds(rule: Limit | Era | Indication | Qualifiers, day: date) -> bool:
    """Is a dated rule in force on a day? ``until`` is the first day outside."""
    return (rule.since or date.min) <= day and (rule.until is None or day < rule.until)


def fold_code(code: str) -> str:
    """A code as look-ups hold it: lower case, spaces collapsed."""
    return " ".join(code.lower().split())
