"""Decisions not to record given by a person: every reason, each demand missing one at a time."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.words import NotRecordedReason, Role
from service.effects import Decide
from tests.timeline import MONDAY, Timeline, shipped_pack

Reason = NotRecordedReason
AT = MONDAY + timedelta(hours=10)
ALWAYS = ("told", "rationale")
DEMANDS: dict[Reason, tuple[str, ...]] = {
    Reason.NOT_NOTIFIABLE: ALWAYS,
    Reason.BALANCE_NOT_MET: ALWAYS,
    Reason.CREDIBLE_CONTRARY_EVIDENCE: (*ALWAYS, "evidence_what", "evidence_from", "evidence_at"),
    Reason.NO_IDENTIFIABLE_VICTIM: (*ALWAYS, "no_victim"),
    Reason.THIRD_PARTY_UNCONFIRMED: (*ALWAYS, "third_party_unconfirmed"),
    Reason.RECORDED_ELSEWHERE: (*ALWAYS, "other_body", "other_ref"),
    Reason.SCHOOLS_PROTOCOL: (*ALWAYS, "school", "crime_not_requested"),
    Reason.ALREADY_COUNTED: (*ALWAYS, "counted_ref"),
    Reason.RESOLVED_DISTURBANCE: (*ALWAYS, "signed_off"),
    Reason.DISORDER_OVER: (*ALWAYS, "no_victim"),
    Reason.REPORTED_RAPE_N100: (*ALWAYS, "counted_ref", "not_confirmed"),
}
"""What a person or the report must bring; who decides and when is the person and the moment."""
CODE = {
    Reason.RESOLVED_DISTURBANCE: "public order",
    Reason.DISORDER_OVER: "public order",
    Reason.REPORTED_RAPE_N100: "rape",
}
BRINGS: dict[str, tuple[str, Any]] = {
    "told": ("told_at", AT),
    "evidence_at": ("evidence_at", AT),
    "other_body": ("other_body", "BTP"),
    "other_ref": ("other_ref", "B-17"),
    "counted_ref": ("other_ref", "C-17"),
    "signed_off": ("signed_off_by", Role.SUPERVISOR),
}
TYPED = ("rationale", "evidence_what", "evidence_from")
REPORT: dict[str, dict[str, Any]] = {
    "no_victim": {"victim_kind": "none"},
    "third_party_unconfirmed": {
        "reported_by": "other_third_party",
        "victim_confirmed": "untraceable",
    },
    "school": {"school": {"premises": True, "in_hours": True}},
}


def given(reason: Reason, but: str = "") -> Timeline:
    """A decision for a reason that meets everything but one demand."""
    demands = [demand for demand in DEMANDS[reason] if demand != but]
    fields: dict[str, Any] = {"reported_by": "victim"}
    for demand in demands:
        fields |= REPORT.get(demand, {})
    if but == "crime_not_requested":
        fields["school"] = {"premises": True, "in_hours": True, "crime_requested": True}
    if but == "not_confirmed":
        fields["victim_confirmed"] = "yes"
    day = Timeline("england_and_wales", code_map=None).at("09:00")
    day.report("R1", opening_codes=[CODE.get(reason, "assault")], **fields)
    assert day.lines["R1"].crimes, "the report shows a crime"
    brings = dict(BRINGS[demand] for demand in demands if demand in BRINGS)
    typed = [field for field in TYPED if field in demands]
    return day.at("10:30").does(Decide(reason=reason, **brings), typed=typed)


NOT_OF_THE_PERSON = {"decided_by", "decided_at", "victim_based", "not_owed_locally"}
"""Met by who asks and when, or by the kind of crime: tried in the rules' own tests."""


def test_every_reason_of_the_closed_list_is_here_with_all_that_it_demands() -> None:
    asked = shipped_pack("england_and_wales").reasons.decisions
    assert set(DEMANDS) == set(asked) == set(Reason) - {Reason.VICTIM_DECLINED}
    for reason, rule in asked.items():
        assert set(DEMANDS[reason]) == set(map(str, rule.demands)) - NOT_OF_THE_PERSON, reason


@pytest.mark.parametrize("reason", DEMANDS)
def test_a_decision_that_brings_everything_accounts(reason: Reason) -> None:
    given(reason).answered().verdict("R1", "accounted", reason.value)


@pytest.mark.parametrize(
    ("reason", "but"), [(reason, but) for reason, asked in DEMANDS.items() for but in asked]
)
def test_a_decision_that_lacks_one_thing_is_refused_and_changes_nothing(
    reason: Reason, but: str
) -> None:
    day = given(reason, but)
    day.answered("lacks", but)
    before = day.lane.reports["R1"]
    assert before.handling.version == 0
    assert day.lines["R1"].verdict == "pending"


def test_the_victim_declining_is_no_reason() -> None:
    declined = Decide(reason=Reason.VICTIM_DECLINED, told_at=AT)
    day = given(Reason.NOT_NOTIFIABLE, "told").does(declined, typed=TYPED)
    day.answered("lacks", "accepted_reason").verdict("R1", "pending")


@pytest.mark.parametrize(
    ("name", "value"),
    [("other_ref", "Ann Example"), ("other_body", "a" * 41), ("other_ref", "x\n1")],
)
def test_a_reference_holds_no_name_and_no_text(name: str, value: str) -> None:
    given_: dict[str, Any] = {name: value}
    asked = Decide(reason=Reason.RECORDED_ELSEWHERE, told_at=AT, **given_)
    given(Reason.NOT_NOTIFIABLE, "told").does(asked, typed=TYPED).answered("bad_reference")


def test_what_the_report_says_later_undoes_a_decision() -> None:
    """The victim confirms after all: the ground is gone, and the crime is owed again."""
    day = given(Reason.THIRD_PARTY_UNCONFIRMED).verdict("R1", "accounted")
    received: datetime = MONDAY + timedelta(hours=9)
    day.at("12:00").report(
        "R1",
        version=2,
        received_at=received,
        opening_codes=["assault"],
        reported_by="other_third_party",
        victim_confirmed="yes",
    )
    day.verdict("R1", "pending")
