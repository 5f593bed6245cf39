"""What the rules answer: crimes expected of a report, and what a record does for one of them."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from schemas.words import Grade


class Expected(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One crime that should be recorded because of a report."""

    id: str
    """Stable within its incident: category and victim (or a number), for instance ``violence:1``."""
    category: str
    """Category word of the pack."""
    classes: tuple[str, ...] = ()
    """Offence classes that are the crime expected (``8N``); empty: any crime record will do."""
    beside: tuple[str, ...] = ()
    """Categories a record of which will do as well: the same account, read in another way."""
    named: tuple[str, ...] = ()
    """Those among them that the report's own codes name; empty: they name only the category."""
    per: str = "victim"
    """What it is counted by: ``victim``, ``suspect`` or ``incident``."""
    rank: int = 0
    """Seriousness under the principal-crime order; a lower number outranks a higher one."""
    grade: Grade = Grade.CLEAR
    victim: str = ""
    """Keyed hash of the victim (or offender, where the class counts offenders); empty: unknown."""
    received_at: datetime
    """Start of the clock."""
    due_at: datetime
    """Recording deadline: elapsed time from receipt by any route."""
    harm: bool = False
    """High harm: sexual, child, domestic abuse, protection-team referrals."""
    rules: tuple[str, ...] = ()
    """Ids of the pack's rules that made it."""
    evidence: tuple[str, ...] = ()
    """Codes and term ids that fired them."""
    unsourced: bool = False
    """Does it rest on a rule that has no source?"""


class Expectation(Struct, frozen=True, kw_only=True, gc=False):
    """Everything the rules say of one incident."""

    crimes: tuple[Expected, ...] = ()
    """In order of rank, then id."""
    unknown_codes: tuple[str, ...] = ()
    """``slot:code`` for codes nobody knows; never read as "no crime"."""
    carve_outs: tuple[str, ...] = ()
    """Rule ids by which crimes are shown but not due (on-duty allegations, NCA-led)."""


class Bearing(StrEnum):
    """What a record does for one expected crime."""

    SETTLES = "settles"
    ACCOUNTS = "accounts"
    SOMETHING_ELSE = "something_else"
    NOTHING = "nothing"


class Settlement(Struct, frozen=True, kw_only=True, gc=False):
    """What a record does for one expected crime, and why."""

    bearing: Bearing
    reason: str
    """A word of a closed list: the reason as metric label, JSON value and test assertion."""


class Standing(Struct, frozen=True, kw_only=True, gc=False):
    """Whether a record still stands, after cancellation, reclassification, transfer."""

    live: bool
    accounts: bool = False
    """Taken away, but as its code demands: the crime it settled is then accounted for."""
    reason: str = "recorded"
    lacks: tuple[str, ...] = ()
    """What its cancellation, transfer or reclassification lacks."""
    other_ref: str = ""
    """Record in which it continues (C3)."""
    backdated: bool = False


class Decision(Struct, frozen=True, kw_only=True):
    """A decision not to record, weighed against the closed list."""

    accepted: bool
    reason: str
    lacks: tuple[str, ...] = ()
    """What the rules demand and the decision does not bring."""


class DecisionDemand(StrEnum):
    """What a decision not to record may have to bring; each is a check in ``decisions``."""

    DECIDED_BY = "decided_by"
    DECIDED_AT = "decided_at"
    RATIONALE = "rationale"
    TOLD = "told"
    EVIDENCE_WHAT = "evidence_what"
    EVIDENCE_FROM = "evidence_from"
    EVIDENCE_AT = "evidence_at"
    VICTIM_BASED = "victim_based"
    NO_VICTIM = "no_victim"
    THIRD_PARTY_UNCONFIRMED = "third_party_unconfirmed"
    OTHER_BODY = "other_body"
    OTHER_REF = "other_ref"
    NOT_OWED_LOCALLY = "not_owed_locally"
    COUNTED_REF = "counted_ref"
    NOT_CONFIRMED = "not_confirmed"
    SCHOOL = "school"
    CRIME_NOT_REQUESTED = "crime_not_requested"
    SIGNED_OFF = "signed_off"


class CancellationDemand(StrEnum):
    """What a cancellation may have to bring; each is a check in ``standing``."""

    REGISTRAR_OR_DECISION_MAKER = "registrar_or_decision_maker"
    NOT_OFFICER_IN_CASE = "not_officer_in_case"
    INDEPENDENT = "independent"
    DECIDED_AT = "decided_at"
    WHAT = "what"
    WHERE_FROM = "where_from"
    VERIFIABLE = "verifiable"
    VICTIM_TOLD = "victim_told"
    VICTIM_TOLD_FIRST = "victim_told_first"
    OTHER_REF = "other_ref"
    OTHER_RECORD_LIVE = "other_record_live"
    SELF_DEFENCE_CLASS = "self_defence_class"


class Timing(Struct, frozen=True, kw_only=True):
    """The times a pack sets around deadlines."""

    grace: timedelta = timedelta(0)
    """Extra wait after the deadline before a miss may be said."""
    due_soon: timedelta = timedelta(hours=4)
    """How long before the deadline people are warned."""
    read_past_receipt: timedelta = timedelta(hours=1)
    """How far past receipt the crime source must be read before *due soon* is believable."""
