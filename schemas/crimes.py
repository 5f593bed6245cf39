"""Crime records and their kin (topic ``crime-record``, key: force), state-carrying by ``version``."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import PERSONAL, Code, Contract, Instant, KeyedHash, Name, Place, Ref
from schemas.words import CancellationCode, RecordKind, RecordStatus, Role, TimeBound


class Cancellation(Contract):
    """How a record was cancelled, with what its code demands [HOCR p25-26, outcomes p26-29]."""

    code: CancellationCode
    """C1 to C5."""
    decided_by: Role | None = None
    """Role of whoever decided."""
    independent: bool = False
    """Was the decider independent of the investigation?"""
    decided_at: Instant | None = None
    """When."""
    information_what: bool = False
    """C2: is the additional information stated?"""
    information_from: bool = False
    """C2: is its origin stated?"""
    information_verifiable: bool = False
    """C2: is it stated how it can be verified?"""
    victim_told_at: Instant | None = None
    """When the victim was told; must come before cancellation under C2 and C5."""
    other_ref: Ref = ""
    """C1: the other force's number. C3: the live record of which this is a part."""


class Reclassification(Contract):
    """A change of class after recording [HOCR p13]."""

    from_code: Code
    """Code before."""
    by: Role | None = None
    """Role of whoever reclassified; to N100 only an accredited registrar may."""
    at: Instant | None = None
    """When."""


class CrimeRecord(Contract):
    """One record of the crime system as it now stands."""

    schema_version: Literal[1] = 1
    """Version of this contract; older ones are raised to it on reading."""
    force: Name
    """The recording force; the lane in which it is matched."""
    ref: Name
    """The record's own reference, unique in its force."""
    version: Annotated[int, Field(ge=0)] = 0
    """Rises with every change of the record."""
    updated_at: Instant | None = None
    """When this version was made; absent: when it was recorded."""
    known_at: Instant | None = None
    """When this version reached us; absent: when it was made."""
    kind: RecordKind = RecordKind.UNKNOWN
    """Crime, crime-related incident, reported incident (N100, N300) or non-crime occurrence."""
    reported_at: Instant | None = None
    """When the matter was reported, as the crime system holds it."""
    recorded_at: Instant
    """When the record was made, or the bound of it that the source knows."""
    recorded_bound: TimeBound = TimeBound.EXACT
    """Whether ``recorded_at`` is exact or a bound."""
    offence_code: Code = ""
    """Home Office classification ``NNN/NN``, an N-code, or whatever the source's pack reads."""
    status: RecordStatus = RecordStatus.RECORDED
    """Where the record stands."""
    cancellation: Cancellation | None = None
    """How it was cancelled."""
    reclassification: Reclassification | None = None
    """Its last change of class."""
    transferred_to: Code = ""
    """Force to which it was transferred."""
    transferred_ref: Ref = ""
    """That force's reference; without it a transfer takes the record away."""
    incident_refs: tuple[Ref, ...] = ()
    """Incident logs or referrals for which it was made."""
    outcome: Code = ""
    """Outcome code."""
    outcome_at: Instant | None = None
    """When the outcome was given."""
    offender_dealt_with_at: Instant | None = None
    """When the offender was dealt with: a conduct crime takes no further conduct after it."""
    officer: KeyedHash | None = None
    """Officer in the case, as a keyed hash."""
    victims: tuple[KeyedHash, ...] = ()
    """Victims, as keyed hashes."""
    suspects: tuple[KeyedHash, ...] = ()
    """Suspects, as keyed hashes."""
    place: Place | None = None
    """Where."""
    committed_from: Instant | None = None
    """Earliest moment of commission; may be decades back."""
    committed_to: Instant | None = None
    """Latest moment of commission."""
    mo_text: Annotated[str, Field(default="", json_schema_extra=PERSONAL)]
    """Method, as written. Personal: read for matching, never kept."""
    flags: tuple[Code, ...] = ()
    """Mandatory flags (domestic abuse, hate ...)."""
