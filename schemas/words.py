"""Closed vocabularies of the contracts, in the field's own words.

A value outside a list is refused at the edge and never guessed. Sources in brackets name the
paragraph of the crime recording rules (HOCR) or the incident standard (NSIR) behind the list.
"""

from enum import StrEnum


class ReceivedVia(StrEnum):
    """The route by which a report first reached the police; each starts the clock [HOCR p6, p10]."""

    EMERGENCY_CALL = "emergency_call"
    NON_EMERGENCY_CALL = "non_emergency_call"
    ONLINE = "online"
    FRONT_COUNTER = "front_counter"
    OFFICER = "officer"
    EMAIL = "email"
    OTHER_AGENCY = "other_agency"
    ALARM = "alarm"
    REFERRAL = "referral"
    OTHER = "other"


class ReportedBy(StrEnum):
    """Who reports: professionals, parents and carers speak for the victim [HOCR p7-8]."""

    VICTIM = "victim"
    PARENT_OR_CARER = "parent_or_carer"
    PROFESSIONAL = "professional"
    OTHER_THIRD_PARTY = "other_third_party"
    POLICE = "police"
    UNKNOWN = "unknown"


class VictimKind(StrEnum):
    """Whether anyone is known to be the victim; an unwilling victim is still one [HOCR p9-10]."""

    PERSON = "person"
    ORGANISATION = "organisation"
    NONE = "none"
    UNKNOWN = "unknown"


class VictimConfirmed(StrEnum):
    """What the victim said when asked whether the reported crime happened [HOCR p7-8]."""

    YES = "yes"
    NO = "no"
    UNTRACEABLE = "untraceable"
    NOT_ASKED = "not_asked"


class Role(StrEnum):
    """The part a writer or decider plays in the force; never a person's name."""

    CALL_HANDLER = "call_handler"
    OFFICER = "officer"
    OFFICER_IN_CASE = "officer_in_case"
    INVESTIGATOR = "investigator"
    SUPERVISOR = "supervisor"
    DUTY_INSPECTOR = "duty_inspector"
    DECISION_MAKER = "decision_maker"
    PUBLIC_PROTECTION = "public_protection"
    REGISTRAR = "registrar"
    SYSTEM = "system"
    OTHER = "other"


class PersonRole(StrEnum):
    """The capacity in which a person appears; data-subject categories are kept apart (DPA Part 3)."""

    VICTIM = "victim"
    SUSPECT = "suspect"
    WITNESS = "witness"
    REPORTER = "reporter"
    OTHER = "other"


class AgeBand(StrEnum):
    """Age as a band, enough for the child rules and no more."""

    UNDER_13 = "under_13"
    AGE_13_TO_15 = "13_to_15"
    AGE_16_TO_17 = "16_to_17"
    ADULT = "adult"
    UNKNOWN = "unknown"


class LogRelation(StrEnum):
    """How one log refers to another [NSIR 1.5, 1.11]."""

    SAME_INCIDENT = "same_incident"
    DUPLICATE_OF = "duplicate_of"
    RELATED = "related"


class Result(StrEnum):
    """What officers did at the scene, where it bears on whether a crime is shown."""

    ARREST = "arrest"
    SEIZURE = "seizure"


class NotRecordedReason(StrEnum):
    """The closed list of decisions not to record [HOCR p7-10, p12; rules of 2023].

    ``victim_declined`` is named only so that it can be refused: declining to pursue is no reason.
    """

    NOT_NOTIFIABLE = "not_notifiable"
    BALANCE_NOT_MET = "balance_not_met"
    CREDIBLE_CONTRARY_EVIDENCE = "credible_contrary_evidence"
    NO_IDENTIFIABLE_VICTIM = "no_identifiable_victim"
    THIRD_PARTY_UNCONFIRMED = "third_party_unconfirmed"
    RECORDED_ELSEWHERE = "recorded_elsewhere"
    SCHOOLS_PROTOCOL = "schools_protocol"
    ALREADY_COUNTED = "already_counted"
    RESOLVED_DISTURBANCE = "resolved_disturbance"
    DISORDER_OVER = "disorder_over"
    REPORTED_RAPE_N100 = "reported_rape_n100"
    VICTIM_DECLINED = "victim_declined"


class RecordKind(StrEnum):
    """What a row of the crime system is; only ``crime`` settles an expected crime outright."""

    CRIME = "crime"
    CRIME_RELATED_INCIDENT = "crime_related_incident"
    REPORTED_INCIDENT = "reported_incident"
    NON_CRIME_OCCURRENCE = "non_crime_occurrence"
    UNKNOWN = "unknown"


class RecordStatus(StrEnum):
    """Where a record stands now."""

    RECORDED = "recorded"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"
    RECLASSIFIED = "reclassified"


class CancellationCode(StrEnum):
    """Why a record was taken away again [HOCR p25-26]."""

    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    C5 = "C5"


class TimeBound(StrEnum):
    """How far a recording time can be trusted: exact, or only a bound from one side."""

    EXACT = "exact"
    AT_LATEST = "at_latest"
    AT_EARLIEST = "at_earliest"


class Verdict(StrEnum):
    """The verdict words; each expected crime has one, and so has each report."""

    RECORDED = "recorded"
    RECORDED_LATE = "recorded_late"
    ACCOUNTED = "accounted"
    PENDING = "pending"
    MISSED = "missed"
    NOT_PROVABLE = "not_provable"
    PARTLY_RECORDED = "partly_recorded"
    NO_CRIME_INDICATED = "no_crime_indicated"
    UNKNOWN_CODE = "unknown_code"


class Grade(StrEnum):
    """How sure the indication is: ``clear`` may alert, ``possible`` is queued for review only."""

    CLEAR = "clear"
    POSSIBLE = "possible"


class AlertType(StrEnum):
    """Types of event on ``recording-alerts``."""

    DUE_SOON = "due_soon"
    MISSED = "missed"
    PARTLY_RECORDED = "partly_recorded"
    RECORDED = "recorded"
    RECORDED_LATE = "recorded_late"
    ACCOUNTED = "accounted"
    RECORD_WITHDRAWN = "record_withdrawn"
    LOG_REOPENED = "log_reopened"
    SOURCE_SILENT = "source_silent"
    SOURCE_BACK = "source_back"
    UNKNOWN_CODE = "unknown_code"
    INPUT_LOST = "input_lost"
    CLOSED_WITHOUT_REASON = "closed_without_reason"
    NOT_PROVABLE = "not_provable"
    NO_CRIME_INDICATED = "no_crime_indicated"
    VERSION_CONFLICT = "version_conflict"
