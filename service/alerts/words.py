"""What people read: plain English for the words of the data. JSON keeps its own words.

The one table for pages, messages and terminals. A word that is not in it (a rule id, a category of
somebody's own pack) is shown as it is written, with spaces for underscores.
"""

from collections.abc import Iterable

from schemas.words import AlertType, TimeBound, Verdict
from service.alerts.actors import Action
from service.alerts.handling import HoldReason
from service.alerts.lifecycle import OPEN
from service.alerts.queues import HarmGroup
from service.ingest.source import CutBy, Topic
from service.matching.watermark import Basis

VERDICTS = {
    Verdict.RECORDED: "Recorded in time",
    Verdict.RECORDED_LATE: "Recorded late",
    Verdict.ACCOUNTED: "Accounted for",
    Verdict.PENDING: "Not yet due",
    Verdict.MISSED: "No crime record found",
    Verdict.NOT_PROVABLE: "Cannot tell",
    Verdict.PARTLY_RECORDED: "Some crimes recorded",
    Verdict.NO_CRIME_INDICATED: "No sign of a crime",
    Verdict.UNKNOWN_CODE: "Code nobody knows",
}

ELSEWHERE = frozenset({"recorded_elsewhere", "recorded_nationally", "transferred", "cancelled_C1"})
"""Reasons by which an accounted crime is recorded by somebody else."""

REASONS = {
    # why a crime is not met
    "no_record": "no record belongs to this report",
    "recorded_as_something_else": "recorded as something else",
    "record_withdrawn": "its record was taken away again",
    # why one cannot tell
    "crime_source_not_connected": "the crime system is not connected",
    "outside_coverage": "outside the time the crime system's file covers",
    "crime_source_not_read": "the crime system is not read past the deadline",
    "own_source_not_read": "the report's own source is not read past the deadline",
    "input_lost": "part of the input was lost before it was read",
    # what a record does
    "recorded": "recorded",
    "outranks": "a more serious crime is recorded",
    "continuing_conduct": "part of a course of conduct already recorded",
    "other_class": "a different offence",
    "other_victim": "a different victim",
    "too_early": "recorded too long before the report",
    "offence_code_unknown": "recorded under an offence code nobody knows",
    "record_kind_unknown": "not known whether it is a crime record",
    "not_a_crime_record": "not a crime record",
    "crime_related_incident": "crime-related incident",
    "crime_related_incident_demands_not_met": "crime-related incident, without what that needs",
    "reported_rape_n100": "reported rape (N100) with its reason",
    "n100_without_reason": "reported rape (N100) without a reason",
    "n100_confirmed_owes_a_crime": "confirmed reported rape (N100): a crime is still owed",
    "not_needed": "would settle it, and was not needed",
    "only_possible": "may belong to this report; a person can tell",
    "taken_by_an_earlier_report": "is likely to belong to a report that was due before",
    # a record taken away again
    "cancelled": "cancelled",
    "cancelled_C1": "cancelled: crime of another force (C1)",
    "cancelled_C2": "cancelled: further information shows no crime (C2)",
    "cancelled_C3": "cancelled: the same as, or part of, a crime already recorded (C3)",
    "cancelled_C4": "cancelled: recorded in error (C4)",
    "cancelled_C5": "cancelled: self-defence (C5)",
    "cancelled_without_proof": "cancelled without what the code demands",
    "transferred": "transferred, with the other force's reference",
    "transferred_without_reference": "transferred without the other force's reference",
    "reclassified_to_non_notifiable": "reclassified to an offence that is not notifiable",
    "reclassified_to_n100": "reclassified to a reported rape (N100) by somebody else than the registrar",
    # decisions not to record
    "no_reason": "no reason given",
    "not_notifiable": "not a notifiable crime",
    "balance_not_met": "balance of probabilities not met",
    "credible_contrary_evidence": "credible evidence to the contrary",
    "no_identifiable_victim": "no identifiable victim",
    "third_party_unconfirmed": "third-party report, victim untraceable or denies it",
    "recorded_elsewhere": "recorded by another force or body",
    "recorded_nationally": "recorded nationally (fraud)",
    "schools_protocol": "schools protocol",
    "already_counted": "already counted in another crime",
    "resolved_disturbance": "resolved disturbance or merely offensive message",
    "disorder_over": "disorder over on arrival, no victim",
    "victim_declined": "victim declined to pursue",
}

DEMANDS = {
    # of a decision not to record
    "accepted_reason": "a reason that the rules accept",
    "decided_by": "who decided (not the officer in the case)",
    "decided_at": "when it was decided",
    "rationale": "a rationale",
    "told": "victim or reporter told",
    "evidence_what": "what the contrary evidence is",
    "evidence_from": "whom the contrary evidence is from",
    "evidence_at": "when the contrary evidence was given",
    "victim_based": "an offence against somebody",
    "no_victim": "that there is no victim",
    "third_party_unconfirmed": "that the victim is untraceable or denies it",
    "other_body": "which other body recorded it",
    "other_ref": "the other reference",
    "not_owed_locally": "a crime that is not the force's own to record",
    "not_confirmed": "that the victim has not confirmed it",
    "counted_ref": "the crime it is counted in",
    "school": "school premises, in school hours",
    "crime_not_requested": "that nobody asked for a crime to be recorded",
    "signed_off": "a supervisor's signature",
    "category": "a kind of crime that this reason can cover",
    "in_force": "a date on which this reason was in force",
    # of a cancellation, transfer or reclassification
    "cancellation_code": "a cancellation code",
    "registrar_or_decision_maker": "the registrar's or a decision-maker's decision",
    "not_officer_in_case": "a decider other than the officer in the case",
    "independent": "a decision independent of the officer in the case",
    "what": "what the new information is",
    "where_from": "where the new information is from",
    "verifiable": "how the new information can be verified",
    "victim_told": "victim told",
    "victim_told_first": "victim told before it was cancelled",
    "other_record_live": "that the other record still stands",
    "self_defence_class": "an offence that self-defence can cancel",
    "genuine_error": "a genuine error (C4): a reported incident allows no other cancellation",
    "registrar": "the registrar's decision",
    # of either, once people have spoken
    "decided_after_appeal": "a decision made after the appeal",
    "answer_to_query": "somebody's acceptance, since it was doubted",
}

LEVELS = {
    "crime_ref": "the report names the record",
    "incident_ref": "the record names the report",
    "by_hand": "linked by hand",
    "repaired_ref": "reference one slip away, time and place agree",
    "same_incident": "through another log of the same incident",
    "probable": "probable match",
    "possible": "possible match, to be confirmed",
}

CATEGORIES = {
    "any_crime": "Crime of any kind",
    "damage_arson": "Damage and arson",
    "harassment_stalking": "Harassment and stalking",
    "sexual": "Sexual offence",
    "vehicle": "Vehicle crime",
}
"""Kinds of crime whose word alone reads badly."""

ROUTES = {"log": "Incident log", "referral": "Referral to a protection team"}

TOPICS = {
    Topic.INCIDENT_LOG: "Incident log",
    Topic.CRIME_RECORD: "Crime system",
    Topic.REFERRAL: "Referrals to protection teams",
}

BLIND = {
    Topic.INCIDENT_LOG: "Reports in the incident log cannot be seen.",
    Topic.CRIME_RECORD: "No crime record can be seen, so no report can be said to have none.",
    Topic.REFERRAL: "Reports that came straight to a protection team (from a school, the NHS, social "
    "care) and never had an incident log cannot be seen, and are in no figure here.",
}
"""What cannot be seen where a feed is not connected."""

CUTS = {
    CutBy.RECEIVED: "by time of receipt",
    CutBy.OCCURRED: "by time of occurrence",
    CutBy.RECORDED: "by time of recording",
}

BASES = {
    Basis.EVENT: "by what it sent",
    Basis.HEARTBEAT: "by its own word",
    Basis.SILENCE: "by its silence",
    Basis.COVERAGE: "by what its file covers",
}

BOUNDS = {
    TimeBound.EXACT: "exact",
    TimeBound.AT_LATEST: "at the latest",
    TimeBound.AT_EARLIEST: "at the earliest",
}

ALERTS = {
    **{AlertType(each): told for each, told in VERDICTS.items() if each is not Verdict.PENDING},
    AlertType.DUE_SOON: "Due soon, no crime record found yet",
    AlertType.CLOSED_WITHOUT_REASON: "Closed with no crime record and no accepted reason",
    AlertType.RECORD_WITHDRAWN: "Its record was taken away again",
    AlertType.LOG_REOPENED: "Owed again",
    AlertType.NOT_PROVABLE: "Cannot tell: feed not read far enough",
    AlertType.SOURCE_SILENT: "Feed stopped",
    AlertType.SOURCE_BACK: "Feed is back",
    AlertType.INPUT_LOST: "Input lost before it was read",
    AlertType.VERSION_CONFLICT: "Two contents under one version",
}
"""What was said of a report or a feed."""

OWED = OPEN
"""Said, these leave something for a person to do."""

SETTLE = "record it, link its crime, or decide not to record (who, why, victim told)"
"""What ends an alert about a report."""

ASKS = {
    AlertType.SOURCE_SILENT: "find out why nothing comes; until it is back, reports that rest on it "
    "cannot be judged",
    AlertType.UNKNOWN_CODE: "give the code a meaning in the source mapping",
    AlertType.INPUT_LOST: "send the lost span again; what rests on it cannot be judged",
    AlertType.VERSION_CONFLICT: "find out which of the two is right, and send it under a new version",
}
"""What somebody who runs a feed is asked to do."""

DIGEST = {
    "new": "New on your worklist",
    "quiet": "Found while older reports were settled",
    "changed": "Changed since you were told",
    "open": "Still open",
}
"""Parts of a digest."""


def said(type_: AlertType, reason: str = "") -> str:
    """What was said, as people read it."""
    moved = ", with another deadline" if reason == "deadline_moved" else ""
    same = ": another log of the same incident answers for it" if reason == "same_incident" else ""
    return ALERTS[type_] + moved + same


GROUPS = {
    HarmGroup.SEXUAL: "Rape and sexual",
    HarmGroup.CHILD: "Child, referral",
    HarmGroup.DOMESTIC: "Domestic abuse",
    HarmGroup.VIOLENCE: "Other violence",
    HarmGroup.OTHER: "All other",
}
"""Rows of the board."""

EVENTS = ALERTS | {
    AlertType.DUE_SOON: "Due soon",
    AlertType.PARTLY_RECORDED: "Some crimes recorded, others not",
    AlertType.INPUT_LOST: "Part of the input was lost",
    AlertType.CLOSED_WITHOUT_REASON: "Closed without an accepted reason",
    AlertType.NOT_PROVABLE: "Cannot tell",
}
"""The same where it stands in a list, beside its time and its reason."""

ACTIONS = {
    Action.ACKNOWLEDGE: "Acknowledge",
    Action.ASSIGN: "Assign",
    Action.LINK: "Link a record",
    Action.UNLINK: "Unlink a record",
    Action.CONFIRM_MATCH: "Confirm a match",
    Action.REFUSE_MATCH: "Refuse a match",
    Action.DECIDE: "Decision not to record",
    Action.ACCEPT_CANCELLATION: "Accept a cancellation",
    Action.QUERY_CANCELLATION: "Question a cancellation",
    Action.ASK_HOLD: "Ask registrar: delay",
    Action.APPROVE_HOLD: "Approve the delay",
    Action.REFUSE_HOLD: "Refuse the delay",
    Action.MUTE: "Mute",
    Action.END_MUTE: "End a mute",
    Action.REOPEN: "Victim appeals: reopen",
}
"""What a person can do."""

DONE = {**{str(action): told for action, told in ACTIONS.items()}, "disclosed": "Noted as given"}
"""What a page says was done."""

TYPED = {
    "comment": "Comment",
    "rationale": "Rationale",
    "evidence_what": "What the contrary evidence is",
    "evidence_from": "Whom it is from",
    "what": "What the new information is",
    "where_from": "Where it is from",
    "verifiable": "How it can be verified",
}
"""Fields of free text."""

PURPOSES = {
    "recording": "to see that the crime is recorded, or why not",
    "safeguarding": "to protect somebody",
    "assurance": "to check how it was recorded",
    "audit": "to check lawfulness, and who looked",
    "complaint": "a complaint or an appeal by the victim",
    "request": "somebody asked for what is held about them",
}
"""Why somebody looked, or was given something. [DPA 2018 s.62]"""

KINDS = {"interrupt": "message at once", "digest": "digest", "thread": "update of a message"}
"""Classes of message."""

LISTED = {
    "worklist": "on the worklist",
    "digest": "in a digest",
    "interrupt": "on the worklist",
    "quiet": "in the digest of what was settled quietly",
    "noticed": "in a digest, once",
}
"""How a report stands with a receiver."""

NOTICES = {
    "waiting": "waiting",
    "claimed": "being sent",
    "sent": "sent",
    "replaced": "replaced by a newer one",
    "refused": "refused by the receiver",
    "expired": "tried in vain",
    "failed": "could not be made",
}
"""How a message stands."""

BECAME = {
    Verdict.RECORDED: "in time",
    Verdict.RECORDED_LATE: "late",
    Verdict.MISSED: "no record",
    Verdict.ACCOUNTED: "accounted for",
    Verdict.NOT_PROVABLE: "cannot tell",
    Verdict.PENDING: "not yet due",
}
"""Verdicts as the heads of columns."""

HOLDS = {
    HoldReason.VICTIM_UNREACHABLE: "victim cannot be reached",
    HoldReason.VICTIM_UNFIT: "victim is not fit to say",
    HoldReason.FORCE_UNCLEAR: "not clear which force's it is",
    HoldReason.SYSTEM_DOWN: "crime system is down",
    HoldReason.EXCEPTIONAL: "exceptional",
    HoldReason.INTERVIEW: "awaiting interview",
    HoldReason.MEDICAL: "awaiting medical evidence",
    HoldReason.APPOINTMENT: "awaiting appointment",
}
"""Why recording is to wait."""


REFUSALS = {
    "not_your_force": "This is not a force of yours.",
    "not_your_role": "Your role does not do this.",
    "officer_in_case": "The officer in the case does not decide it.",
    "registrar_only": "Only the registrar accepts this one.",
    "command_id_taken": "This form was sent before with something else in it. Look again, then send.",
    "report_unknown": "There is no such report.",
    "record_unknown": "There is no such record here. Check the reference; the crime system may lag.",
    "same_incident": "Another log answers for this incident. Act there.",
    "changed_meanwhile": "Somebody else acted first. What you see now is how it stands; send again if "
    "it is still right.",
    "not_now": "As the report stands this cannot be done.",
    "no_change": "It is so already.",
    "not_linked": "This record is not linked here.",
    "tied_by_reference": "A reference ties this record to the report; only the crime system can undo it.",
    "not_cancelled": "This record is not cancelled.",
    "lacks": "Something is missing.",
    "nothing_owed": "No crime is owed here.",
    "crime_unknown": "There is no such crime in this report.",
    "nothing_to_reopen": "Nothing was decided here that could be reopened.",
    "hold_never_for_this": "Recording never waits for this: record it, and cancel it if it proves none.",
    "no_hold_asked": "Nobody has asked for a delay.",
    "not_ahead": "The time given is past already.",
    "comment_missing": "A comment is needed: why?",
    "bad_reference": "This is no reference: letters and digits with at least one digit, and never a name.",
    "mute_unknown": "There is no such mute.",
}
"""Why something was refused, and what to do."""

PROBLEMS = {
    "csrf": (
        "This form is out of date",
        "Nothing was done. Go back, reload the page, and send it again.",
    ),
    401: ("Not signed in", "Sign in first, then come back."),
    403: (
        "Not for you",
        "Your role, force or named rights do not cover this. The attempt was noted; ask your "
        "administrator where you need it.",
    ),
    404: (
        "Not found",
        "There is no such page or report, or it is not yours to see.",
    ),
    405: ("Not found", "There is no such page."),
    413: ("Too long", "Nothing was done: what was sent is longer than this service takes."),
    422: ("This address cannot be read", "Something in it is not what it should be."),
    429: ("Too many requests", "Wait a little, then reload."),
    500: ("This failed here", "It is not your doing, and it was noted. Try again in a while."),
    503: ("Not available just now", "Nothing was lost. Reload in a few seconds."),
}
"""What went wrong with a page, by reason or by status: its title, and what to do."""


def problem(reason: str, status: int) -> tuple[str, str]:
    """Title and advice."""
    found = PROBLEMS.get(reason) or PROBLEMS.get(status)
    return found or ("This did not work", "Go back and try again.")


def event(word: str) -> str:
    """What was said or done."""
    if word in set(AlertType):
        return EVENTS[AlertType(word)]
    return ACTIONS[Action(word)] if word in set(Action) else sentence(plain(word))


def visible(text: str) -> str:
    """Text from outside with what cannot be seen made visible: control characters, and marks that
    would turn the reading direction of what stands around them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


def plain(word: str) -> str:
    """A word that is in no table, as people read it."""
    return word.replace("_", " ")


def sentence(text: str) -> str:
    """With a capital at its beginning, and otherwise as it is."""
    return text[:1].upper() + text[1:]


def reason(word: str) -> str:
    """Why a verdict is what it is, or why a record does not settle a crime."""
    return REASONS.get(word) or plain(word)


def typed(field: str) -> str:
    """A field of free text."""
    return TYPED.get(field) or sentence(plain(field))


def step(name: str) -> str:
    """A step of a route; what stands after a dot was added to it."""
    return plain(name).replace(".", ", ")


def demand(word: str) -> str:
    """What a decision, cancellation, transfer or reclassification must bring."""
    if word.endswith("_not_accepted"):
        return f"a cancellation code that the rules accept ({word.removesuffix('_not_accepted')} is not)"
    return DEMANDS.get(word) or plain(word)


def refusal(word: str, lacks: Iterable[str] = (), see: str = "") -> str:
    """Why a command was refused, with what it lacks or where to look."""
    lacking = ", ".join(map(demand, lacks))
    found = REFUSALS.get(word) or plain(word)
    if lacking or see:
        found = found.removesuffix(".")
    return found + (f": {lacking}" if lacking else "") + (f": see {visible(see)}" if see else "")


def level(word: str) -> str:
    """How strongly a record belongs to a report."""
    return LEVELS.get(word) or plain(word)


def route(word: str) -> str:
    """How a report came in."""
    return ROUTES.get(word) or plain(word)


def category(word: str) -> str:
    """A kind of crime."""
    return CATEGORIES.get(word) or sentence(plain(word))


def accounted(word: str) -> str:
    """Which way a crime is accounted for."""
    if word in ELSEWHERE:
        return "Recorded elsewhere"
    if word.startswith("cancelled"):
        return "Recorded, then cancelled as the rules demand"
    return "Decision not to record"


def closure(decision: str) -> tuple[str, tuple[str, ...]]:
    """A decision that was refused (``refused:reason:lacks…``): its reason, and what it lacks."""
    _, _, rest = decision.partition(":")
    given, *lacks = rest.split(":")
    return reason(given), tuple(demand(lack) for lack in lacks)


SIGNS = {
    "rape_without_record": "rape told, and neither a crime nor an N100",
    "referral_unrecorded": "a referral to a protection team with no record",
    "domestic_abuse_as_incident": "domestic abuse closed as an incident",
    "conduct_misread": "harassment, stalking or messages not seen as a crime",
    "first_account_overridden": "a later entry denies the first account, with no reason",
    "professional_report_as_intelligence": "a professional's report kept as information",
    "fewer_crimes_than_victims": "fewer crimes recorded than there are victims",
    "cancelled_wrongly": "a record cancelled without what that demands",
    "victim_declined": "not recorded because the victim declined to go on",
    "closed_without_reason": "closed with no crime and no reason",
    "antisocial_behaviour_that_is_crime": "antisocial behaviour that is a crime",
    "closed_as_duplicate_without_the_other": "closed for another log or force that holds no record",
    "awaiting_appointment": "waiting for an interview, a medical or an appointment",
    "online_not_looked_at": "an online report nobody opened in time",
    "recorded_late": "recorded late",
    "links_missing": "names a record that no crime system sent",
    "own_audit_too_kind": "the force's own audit let it pass",
}
"""Ways of going unrecorded, by the id of their signature, as people read them."""


def sign(word: str) -> str:
    """One way of going unrecorded."""
    return SIGNS.get(word) or plain(word)


def evidence(item: str) -> str:
    """One thing that speaks for a crime: ``slot:code`` or ``term:id``."""
    slot, found, value = item.partition(":")
    if not found:
        return item
    named = {"opening": "opening code", "closing": "closing code", "term": "words"}
    return f"{named.get(slot, plain(slot))} {value}" if value else f"{named.get(slot, slot)} blank"
