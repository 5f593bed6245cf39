"""What a source is and how far it may be believed: the part of a mapping that decisions read."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct


class Topic(StrEnum):
    """The three inputs; a source feeds exactly one."""

    INCIDENT_LOG = "incident-log"
    CRIME_RECORD = "crime-record"
    REFERRAL = "public-protection-referral"


class CutBy(StrEnum):
    """The time by which a file was cut, which is what its end and beginning mean."""

    RECEIVED = "received"
    OCCURRED = "occurred"
    RECORDED = "recorded"


class Indicates(StrEnum):
    """What a code says about a report; any other word names a category of crime."""

    YES = "yes"
    NO = "no"


class Blank(StrEnum):
    """What an empty code column says."""

    NO_CRIME = "no_crime"
    UNKNOWN = "unknown"
    NEXT = "next"


class Combine(StrEnum):
    """How several code columns make one answer."""

    ANY = "any"
    FIRST_NOT_BLANK = "first_not_blank"


LEVELS = ("crime_ref", "incident_ref", "repaired_ref", "same_incident")
"""Match levels that a mapping may allow, surest first."""


class CodeColumn(Struct, frozen=True):
    """One column of codes: where its values lie in the contract, and what each indicates."""

    slot: str
    """``opening`` or ``closing``: the contract's field that holds this column's code."""
    indicates: dict[str, str]
    """Code, lower-cased with spaces collapsed, to ``yes``, ``no`` or a category."""
    blank: Blank = Blank.UNKNOWN
    """What an empty value says."""


class CodeMap(Struct, frozen=True, eq=False):
    """A source's own answer to "does this report show a crime?", for forces without a rule pack.

    Compared by identity: decisions are remembered by it."""

    columns: tuple[CodeColumn, ...]
    """Columns in order of precedence."""
    combine: Combine = Combine.ANY
    """Whether any column may show a crime, or the first that is filled in decides."""


class Source(Struct, frozen=True, kw_only=True):
    """One feed as its mapping declares it; ``name`` is unique in the ledger."""

    name: str
    """``mapping/side``, for instance ``umd/records``."""
    topic: Topic
    """Which input it feeds."""
    forces: tuple[str, ...] = ()
    """Forces it is declared for; empty: those it is seen to bring. A declared source that never
    arrived could still hold the crime, so no miss is said without it."""
    lateness: timedelta = timedelta(0)
    """How far its events may come out of order: its watermark stays this far behind them."""
    believable_silence: timedelta | None = None
    """The longest it may be quiet before it counts as stopped; None: silence raises nothing."""
    idle_advance: bool = False
    """Read to its end, does it move with the clock? Misses that rest on it are then ``silence``."""
    cut_by: CutBy = CutBy.RECORDED
    """By which time its coverage was cut."""
    covers_from: datetime | None = None
    """Declared start of coverage; None: the first time seen."""
    covers_until: datetime | None = None
    """Declared end of coverage; None: still growing, or as ``CoverageStated`` says at its end."""
    lag: timedelta = timedelta(hours=24)
    """How long after recording a record may first appear before it counts as backdated."""
    levels: tuple[str, ...] = LEVELS
    """Match levels allowed for this source."""
    limit: timedelta | None = None
    """Recording limit where the mapping states one instead of a rule pack."""
    code_map: CodeMap | None = None
    """What its codes indicate, where the mapping says so."""
    digest: str = ""
    """Digest of the mapping file and everything it includes."""

    @property
    def reports(self) -> bool:
        """Does it bring reports (rather than records)?"""
        return self.topic is not Topic.CRIME_RECORD

    @property
    def runs_on(self) -> bool:
        """Do the times of its events run on past the time it was cut by, and so prove nothing?"""
        if self.cut_by is CutBy.RECEIVED:
            return not self.reports
        return self.cut_by is CutBy.OCCURRED
