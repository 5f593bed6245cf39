"""What a person does about a report, by form: which forms a page offers, what they ask, what they say.

Every form carries the version that its reader has seen and an id of its own, so that pressing twice is
once and the second of two people is told. What is typed is sealed before it goes anywhere.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from msgspec import Struct
from starlette.datastructures import FormData

from schemas.words import Grade, NotRecordedReason, RecordStatus, Role, Verdict
from service.alerts import words
from service.alerts.actors import Action, acts_as
from service.alerts.handling import REFUSED_HOLDS, HoldReason
from service.alerts.mutes import Matchers
from service.control_room.desk import Desk
from service.control_room.problems import Problem
from service.control_room.viewers import Viewer
from service.effects import (
    AcceptCancellation,
    Acknowledge,
    Answer,
    ApproveHold,
    Asked,
    AskHold,
    Assign,
    ConfirmMatch,
    Decide,
    EndMute,
    LinkRecord,
    MuteAlerts,
    QueryCancellation,
    Refusal,
    RefuseHold,
    RefuseMatch,
    Reopen,
    UnlinkRecord,
)
from service.ledger.given import TYPED, Act, ActUnusable, NoKey
from service.ledger.reading import Reading
from service.rules.decisions import SIGNERS

E = TypeVar("E", Grade, NotRecordedReason, HoldReason, Role)

SUBJECT = re.compile(r"source:[A-Za-z0-9._/-]{1,60}|(?=.*\d)[A-Za-z0-9._:/-]{1,64}")
"""What a mute may name: a feed, or a reference, which has a digit and so is no name."""

FIELD_OF = {
    "told": "told_at",
    "rationale": "rationale",
    "evidence_what": "evidence_what",
    "evidence_from": "evidence_from",
    "evidence_at": "evidence_at",
    "other_body": "other_body",
    "other_ref": "other_ref",
    "counted_ref": "other_ref",
    "signed_off": "signed_off_by",
    "accepted_reason": "reason",
    "category": "reason",
    "in_force": "reason",
    "victim_told": "victim_told_at",
    "victim_told_first": "victim_told_at",
    "independent": "independent",
    "what": "what",
    "where_from": "where_from",
    "verifiable": "verifiable",
    "cancellation_code": "code",
}
"""The field of a form that brings what the rules demand; what is in none, the report itself must show."""

BY_YOU = frozenset({"decided_by", "decided_at"})
"""Demands that sending the form meets."""

_UNMET = frozenset({Verdict.PENDING, Verdict.MISSED, Verdict.NOT_PROVABLE, Verdict.PARTLY_RECORDED})


class Reason(Struct, frozen=True):
    """One reason of the closed list, with what it demands."""

    word: str
    label: str
    fields: tuple[tuple[str, str], ...]
    """Fields to fill in, each with the demand in words."""
    shown: tuple[str, ...]
    """What the report itself must show."""
    source: str


class Forms(Struct, frozen=True, kw_only=True):
    """What somebody may do about one report as it stands."""

    may: frozenset[Action]
    version: int
    command_id: str
    reasons: tuple[Reason, ...] = ()
    holds: tuple[tuple[str, str], ...] = ()
    signers: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    """Records here that are cancelled."""
    can_type: bool = True
    """False where no key is set to seal with: what needs text cannot be done."""


class Slip(Struct, frozen=True, kw_only=True):
    """What was wrong with what was sent, and what was in it."""

    action: Action
    told: str
    lacks: tuple[tuple[str, str], ...] = ()
    """What is missing in words, each with the field that brings it; empty: no field does."""
    see: str = ""
    """Another report, which answers for the incident."""
    given: Mapping[str, str] = {}


class BadField(Exception):
    """A field that does not hold what it should; the message is the remedy."""

    def __init__(self, field: str, remedy: str) -> None:
        super().__init__(remedy)
        self.field = field


def forms(desk: Desk, viewer: Viewer, found: Reading) -> Forms:
    """The forms that a report's page offers this viewer."""
    facts, handling, line = found.state.facts, found.state.handling, found.line
    if line.same_as:
        return Forms(may=frozenset(), version=handling.version, command_id="")
    owed = any(crime.verdict in _UNMET for crime in line.crimes)
    cancelled = tuple(
        state.facts.ref
        for state in found.records
        if state.facts.status is RecordStatus.CANCELLED
        and state.facts.ref in {link.record for link in line.links}
    )
    stands = {
        Action.ACKNOWLEDGE: owed and not handling.acknowledged_by,
        Action.ASSIGN: owed,
        Action.LINK: owed,
        Action.UNLINK: bool(handling.links),
        Action.CONFIRM_MATCH: True,
        Action.REFUSE_MATCH: True,
        Action.DECIDE: owed,
        Action.ASK_HOLD: owed and handling.asked is None,
        Action.APPROVE_HOLD: handling.asked is not None,
        Action.REFUSE_HOLD: handling.asked is not None,
        Action.ACCEPT_CANCELLATION: bool(cancelled),
        Action.QUERY_CANCELLATION: bool(cancelled),
        Action.REOPEN: line.verdict is Verdict.ACCOUNTED,
    }
    may = frozenset(
        action
        for action, now in stands.items()
        if now and acts_as(viewer.actor, action, referral=facts.referral)
    )
    return Forms(
        may=may,
        version=handling.version,
        command_id=str(uuid4()),
        reasons=reasons(desk),
        holds=tuple(
            (each.value, words.HOLDS[each]) for each in HoldReason if each not in REFUSED_HOLDS
        ),
        signers=tuple(role.value for role in Role if role in SIGNERS),
        cancelled=cancelled,
        can_type=desk.keys is not None,
    )


def reasons(desk: Desk) -> tuple[Reason, ...]:
    """Decisions not to record that the active rules know, each with what it demands."""
    found = []
    for reason, rule in desk.rulebook.pack.reasons.decisions.items():
        asked = [str(demand) for demand in rule.demands if demand not in BY_YOU]
        fields = tuple((FIELD_OF[d], words.demand(d)) for d in asked if d in FIELD_OF)
        shown = tuple(words.demand(d) for d in asked if d not in FIELD_OF)
        label = words.sentence(words.reason(reason.value))
        found.append(Reason(reason.value, label, fields, shown, rule.sourced or rule.inference))
    return tuple(found)


async def give(
    desk: Desk, viewer: Viewer, action: Action, force: str, ref: str, form: FormData
) -> Answer:
    """Do what a form asks. Raises ``BadField``, or ``Problem`` where nothing can be typed."""
    given = {name: str(value).strip() for name, value in form.items()}
    version = given.get("version", "")
    act = Act(
        force=force,
        command_id=given.get("command_id", "") or str(uuid4()),
        actor=viewer.actor,
        asked=asked_for(action, given, ZoneInfo(desk.settings.zone)),
        ref=ref,
        expected=int(version) if version.isdecimal() and len(version) < 10 else None,
        typed={name: given.get(name, "") for name in TYPED},
    )
    try:
        return await desk.give(act)
    except NoKey as wrong:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no_text_key", str(wrong)) from None
    except ActUnusable as wrong:
        raise BadField(wrong.field, str(wrong)) from None


def slip(action: Action, answer: Answer, form: FormData) -> Slip:
    """A refusal as the page tells it."""
    assert answer.refused is not None
    lacks = [(words.demand(lack), FIELD_OF.get(lack, "")) for lack in answer.lacks]
    if answer.refused is Refusal.COMMENT_MISSING:
        lacks = [("why", "comment")]
    return Slip(
        action=action,
        told=words.REFUSALS[answer.refused],
        lacks=tuple(lacks),
        see=answer.see,
        given={name: str(value) for name, value in form.items() if isinstance(value, str)},
    )


def unread(action: Action, bad: BadField, form: FormData) -> Slip:
    """A field that could not be read, as the page tells it."""
    given = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    return Slip(action=action, told="Not sent.", lacks=((str(bad), bad.field),), given=given)


def status_of(answer: Answer) -> HTTPStatus:
    """What a refusal is over HTTP."""
    if answer.refused is Refusal.CHANGED_MEANWHILE:
        return HTTPStatus.CONFLICT
    return HTTPStatus.UNPROCESSABLE_ENTITY


def asked_for(action: Action, given: Mapping[str, str], zone: ZoneInfo) -> Asked:
    """What a form asks for. Raises ``BadField``."""
    record = given.get("record", "")
    match action:
        case Action.ACKNOWLEDGE:
            return Acknowledge()
        case Action.ASSIGN:
            return Assign(given.get("to", ""))
        case Action.LINK:
            return LinkRecord(record)
        case Action.UNLINK:
            return UnlinkRecord(record)
        case Action.CONFIRM_MATCH:
            return ConfirmMatch(record)
        case Action.REFUSE_MATCH:
            return RefuseMatch(record)
        case Action.DECIDE:
            return _decision(given, zone)
        case Action.ACCEPT_CANCELLATION:
            return AcceptCancellation(
                record=record,
                independent=given.get("independent") == "yes",
                victim_told_at=_time(given, "victim_told_at", zone),
                other_ref=given.get("other_ref", ""),
            )
        case Action.QUERY_CANCELLATION:
            return QueryCancellation(record)
        case Action.ASK_HOLD:
            until = _time(given, "until", zone)
            if until is None:
                raise BadField("until", "say until when, as a date and time")
            return AskHold(reason=_one_of(HoldReason, given, "reason"), until=until)
        case Action.APPROVE_HOLD:
            return ApproveHold()
        case Action.REFUSE_HOLD:
            return RefuseHold()
        case Action.REOPEN:
            return Reopen()
        case Action.MUTE:
            return _mute(given, zone)
        case Action.END_MUTE:
            return EndMute(given.get("mute", ""))


def _decision(given: Mapping[str, str], zone: ZoneInfo) -> Decide:
    signed = given.get("signed_off_by", "")
    return Decide(
        reason=_one_of(NotRecordedReason, given, "reason"),
        told_at=_time(given, "told_at", zone),
        evidence_at=_time(given, "evidence_at", zone),
        other_ref=given.get("other_ref", ""),
        other_body=given.get("other_body", ""),
        signed_off_by=_one_of(Role, given, "signed_off_by") if signed else None,
    )


def _mute(given: Mapping[str, str], zone: ZoneInfo) -> MuteAlerts:
    until = _time(given, "until", zone)
    if until is None:
        raise BadField("until", "say until when, as a date and time")
    subject, harm = given.get("subject", ""), given.get("harm", "")
    if subject and not SUBJECT.fullmatch(subject):
        raise BadField("subject", "give a report's reference, or source: and a feed's name")
    grade = given.get("grade", "")
    matchers = Matchers(
        area=given.get("area", "")[:64],
        category=given.get("category", "")[:64],
        harm={"yes": True, "no": False}.get(harm),
        grade=_one_of(Grade, given, "grade") if grade else None,
        subject=subject,
    )
    if matchers == Matchers():
        raise BadField("subject", "say what is to be muted: a kind, an area, or one report")
    return MuteAlerts(matchers=matchers, until=until)


def _one_of(words_: type[E], given: Mapping[str, str], field: str) -> E:
    try:
        return words_(given.get(field, ""))
    except ValueError:
        raise BadField(field, "choose one of the list") from None


def _time(given: Mapping[str, str], field: str, zone: ZoneInfo) -> datetime | None:
    written = given.get(field, "")
    if not written:
        return None
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise BadField(field, "not a time; write it as 2024-01-31T19:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
