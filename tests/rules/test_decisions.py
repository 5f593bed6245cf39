"""Decisions not to record: the closed list of rules.md's third section, each with what it demands."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.words import Grade, NotRecordedReason, ReportedBy, Role, VictimConfirmed, VictimKind
from service.rules.decisions import decision, elsewhere
from service.rules.facts import ReportFacts
from service.rules.values import DecisionDemand
from tests.rules.facts import DAY, RECEIVED, closure, expected, log, pack, unconfirmed

Reason = NotRecordedReason
ALWAYS = {"decided_by", "decided_at", "rationale", "told"}
ASKED = {
    Reason.NOT_NOTIFIABLE: ALWAYS,
    Reason.BALANCE_NOT_MET: ALWAYS,
    Reason.CREDIBLE_CONTRARY_EVIDENCE: ALWAYS | {"evidence_what", "evidence_from", "evidence_at"},
    Reason.NO_IDENTIFIABLE_VICTIM: ALWAYS | {"victim_based", "no_victim"},
    Reason.THIRD_PARTY_UNCONFIRMED: ALWAYS | {"victim_based", "third_party_unconfirmed"},
    Reason.RECORDED_ELSEWHERE: ALWAYS | {"other_body", "other_ref", "not_owed_locally"},
    Reason.SCHOOLS_PROTOCOL: ALWAYS | {"school", "crime_not_requested"},
    Reason.ALREADY_COUNTED: ALWAYS | {"counted_ref"},
    Reason.RESOLVED_DISTURBANCE: ALWAYS | {"signed_off"},
    Reason.DISORDER_OVER: ALWAYS | {"no_victim"},
    Reason.REPORTED_RAPE_N100: ALWAYS | {"counted_ref", "not_confirmed"},
}
CATEGORY = {
    Reason.RESOLVED_DISTURBANCE: "public_order",
    Reason.DISORDER_OVER: "public_order",
    Reason.REPORTED_RAPE_N100: "rape",
}
REPORT: dict[DecisionDemand, dict[str, Any]] = {
    DecisionDemand.NO_VICTIM: {"victim_kind": VictimKind.NONE},
    DecisionDemand.THIRD_PARTY_UNCONFIRMED: unconfirmed(),
    DecisionDemand.SCHOOL: {"school_premises": True, "school_in_hours": True},
}
"""What the report must say for a demand to be met."""
WITHOUT: dict[DecisionDemand, dict[str, Any]] = {
    DecisionDemand.DECIDED_BY: {"decided_by": None},
    DecisionDemand.DECIDED_AT: {"decided_at": None},
    DecisionDemand.RATIONALE: {"rationale": False},
    DecisionDemand.TOLD: {"told_at": None},
    DecisionDemand.EVIDENCE_WHAT: {"evidence_what": False},
    DecisionDemand.EVIDENCE_FROM: {"evidence_from": False},
    DecisionDemand.EVIDENCE_AT: {"evidence_at": None},
    DecisionDemand.OTHER_BODY: {"other_body": ""},
    DecisionDemand.OTHER_REF: {"other_ref": ""},
    DecisionDemand.COUNTED_REF: {"other_ref": ""},
    DecisionDemand.NOT_OWED_LOCALLY: {"other_body": "Report Fraud"},
    DecisionDemand.SIGNED_OFF: {"signed_off_by": None},
}
"""How a decision leaves out what it must bring itself."""


def report_for(reason: Reason, but: DecisionDemand | None = None) -> ReportFacts:
    """A report that meets everything but one demand."""
    facts: dict[str, Any] = {}
    for demand, given in REPORT.items():
        if demand in ASKED[reason] and demand is not but:
            facts |= given
    if but is DecisionDemand.CRIME_NOT_REQUESTED:
        facts["school_crime_requested"] = True
    if but is DecisionDemand.NOT_CONFIRMED:
        facts["victim_confirmed"] = VictimConfirmed.YES
    return log(**facts)


@pytest.mark.parametrize("reason", ASKED)
def test_a_decision_that_brings_everything_accounts(reason: Reason) -> None:
    crime = expected(CATEGORY.get(reason, "violence"))
    weighed = decision(pack(), crime, closure(reason), [report_for(reason)])
    assert (weighed.accepted, weighed.reason, weighed.lacks) == (True, reason.value, ())


@pytest.mark.parametrize(
    ("reason", "demand"),
    [(reason, DecisionDemand(word)) for reason, words in ASKED.items() for word in sorted(words)],
)
def test_a_decision_lacks_what_its_reason_demands(reason: Reason, demand: DecisionDemand) -> None:
    against_the_state = demand is DecisionDemand.VICTIM_BASED
    crime = expected("drugs" if against_the_state else CATEGORY.get(reason, "violence"))
    given = closure(reason, **WITHOUT.get(demand, {}))
    weighed = decision(pack(), crime, given, [report_for(reason, but=demand)])
    assert not weighed.accepted
    assert demand in weighed.lacks


def test_the_pack_asks_for_exactly_this() -> None:
    rules = pack().reasons.decisions
    assert {reason: set(rule.demands) for reason, rule in rules.items()} == ASKED
    assert Reason.VICTIM_DECLINED not in rules


def test_that_the_victim_declined_to_pursue_is_refused() -> None:
    weighed = decision(pack(), expected(), closure(Reason.VICTIM_DECLINED), [log()])
    assert (weighed.accepted, weighed.lacks) == (False, ("accepted_reason",))


def test_a_closure_without_a_reason_is_none() -> None:
    given = replace(closure(Reason.NOT_NOTIFIABLE), reason=None)
    assert decision(pack(), expected(), given, [log()]).reason == "no_reason"


@pytest.mark.parametrize("reason", ASKED)
def test_never_by_the_officer_in_the_case(reason: Reason) -> None:
    given = closure(reason, decided_by=Role.OFFICER_IN_CASE)
    crime = expected(CATEGORY.get(reason, "violence"))
    assert not decision(pack(), crime, given, [report_for(reason)]).accepted


@pytest.mark.parametrize(
    ("reason", "category"),
    [
        pytest.param(Reason.REPORTED_RAPE_N100, "violence", id="an N100 is for rape"),
        pytest.param(Reason.DISORDER_OVER, "violence", id="disorder over: public order only"),
        pytest.param(
            Reason.RESOLVED_DISTURBANCE, "burglary", id="resolved: disturbances and messages only"
        ),
        pytest.param(Reason.SCHOOLS_PROTOCOL, "rape", id="the schools protocol: nothing serious"),
        pytest.param(Reason.SCHOOLS_PROTOCOL, "robbery", id="... and no robbery"),
    ],
)
def test_a_reason_is_for_its_kinds_of_crime_only(reason: Reason, category: str) -> None:
    weighed = decision(pack(), expected(category), closure(reason), [report_for(reason)])
    assert "category" in weighed.lacks


@pytest.mark.parametrize(("day", "accepted"), [(14, False), (15, True)])
def test_resolved_disturbances_since_mid_may_2023(day: int, accepted: bool) -> None:
    decided = datetime(2023, 5, day, 12, tzinfo=UTC)
    given = closure(Reason.RESOLVED_DISTURBANCE, decided_at=decided)
    crime = expected("public_order", received_at=decided)
    assert decision(pack(), crime, given, [log()]).accepted is accepted


@pytest.mark.parametrize(
    "answer", [VictimConfirmed.YES, VictimConfirmed.NOT_ASKED], ids=lambda each: each.value
)
def test_a_third_party_reason_needs_the_victims_no_or_no_trace_of_them(
    answer: VictimConfirmed,
) -> None:
    given = closure(Reason.THIRD_PARTY_UNCONFIRMED)
    assert not decision(pack(), expected(), given, [log(**unconfirmed(answer))]).accepted


@pytest.mark.parametrize(
    ("reason", "one", "other"),
    [
        pytest.param(
            Reason.NO_IDENTIFIABLE_VICTIM,
            {"victim_kind": VictimKind.NONE},
            {"victims": ("k:a",), "victim_kind": VictimKind.UNKNOWN},
            id="no victim in one log, a victim named in another",
        ),
        pytest.param(
            Reason.THIRD_PARTY_UNCONFIRMED,
            unconfirmed(),
            {"reported_by": ReportedBy.VICTIM},
            id="a third party's log, and the victim's own",
        ),
        pytest.param(
            Reason.THIRD_PARTY_UNCONFIRMED,
            unconfirmed(),
            {"reported_by": ReportedBy.UNKNOWN, "victim_confirmed": VictimConfirmed.YES},
            id="denied in one log, confirmed in another",
        ),
        pytest.param(
            Reason.THIRD_PARTY_UNCONFIRMED,
            unconfirmed(),
            {"reported_by": ReportedBy.PROFESSIONAL},
            id="a professional reports too, who speaks for the victim",
        ),
    ],
)
def test_all_logs_of_an_incident_are_heard(
    reason: Reason, one: dict[str, Any], other: dict[str, Any]
) -> None:
    unnamed = {"victim_kind": VictimKind.UNKNOWN}
    alone = [log(**{**unnamed, **one})]
    both = [*alone, log(ref="R2", **{**unnamed, **other})]
    assert decision(pack(), expected(), closure(reason), alone).accepted
    assert not decision(pack(), expected(), closure(reason), both).accepted


@pytest.mark.parametrize(
    ("category", "named", "accepted"),
    [
        ("violence", (), True),
        ("violence", ("5D",), False),
        ("harassment_stalking", (), True),
        ("damage_arson", ("56A", "56B"), False),
        ("damage_arson", ("58C",), True),
        ("weapons", (), False),
        ("drugs", (), False),
        ("sexual", (), False),
        ("child_cruelty", (), False),
        ("modern_slavery", (), False),
        ("homicide", (), False),
    ],
)
def test_the_schools_protocol_and_its_serious_list(
    category: str, named: tuple[str, ...], accepted: bool
) -> None:
    crime = expected(category, named=named)
    report = report_for(Reason.SCHOOLS_PROTOCOL)
    weighed = decision(pack(), crime, closure(Reason.SCHOOLS_PROTOCOL), [report])
    assert weighed.accepted is accepted


SERIOUS = {"5D", "10B", "10C", "10D", "11A", "13", "23", "36", "70", "71", "86", "88A", "92A"}
SERIOUS |= {"92D", "92E", "106"}


def test_nothing_on_the_serious_list_is_a_matter_for_the_school(shared_data: Path) -> None:
    """The list by name, all sexual assaults, and every class that is indictable only."""
    modes: dict[str, set[str]] = {}
    path = shared_data / "reference" / "notifiable_offences_2026-27.csv"
    with path.open(encoding="utf-8-sig") as lines:
        for row in csv.DictReader(lines):
            name = row["Offence category"].split(" ")[0]
            modes.setdefault(name, set()).add(row["Mode"].strip().upper())
    indictable = {name for name, found in modes.items() if found == {"I"}}
    rule = pack().reasons.decisions[Reason.SCHOOLS_PROTOCOL]
    allowed = {
        name
        for category in rule.categories
        for name in pack().written.categories[category].classes
        if name not in rule.not_classes
    }
    assert not allowed & (SERIOUS | indictable | {"17A", "17B", "20A", "20B"})


def test_contrary_evidence_came_before_the_decision() -> None:
    given = closure(Reason.CREDIBLE_CONTRARY_EVIDENCE, evidence_at=RECEIVED + 2 * DAY)
    assert decision(pack(), expected(), given, [log()]).lacks == ("evidence_at",)


@pytest.mark.parametrize(
    ("category", "grade", "accepted"),
    [
        pytest.param("fraud", "possible", True, id="fraud"),
        pytest.param("fraud", "clear", False, id="fraud with a call for service"),
        pytest.param("forgery", "clear", False, id="forgery"),
        pytest.param("theft", "clear", False, id="blackmail"),
    ],
)
def test_a_national_body_records_fraud_and_nothing_else(
    category: str, grade: str, accepted: bool
) -> None:
    given = closure(Reason.RECORDED_ELSEWHERE, other_body="NFIB")
    crime = expected(category, grade=Grade(grade))
    assert decision(pack(), crime, given, [log()]).accepted is accepted


# -- fraud ----------------------------------------------------------------------------------------

NATIONAL = {"recording_body": "Report Fraud", "recording_body_ref": "RF1"}


@pytest.mark.parametrize(
    ("category", "grade", "report", "accounted"),
    [
        pytest.param("fraud", "possible", NATIONAL, True, id="with the national reference"),
        pytest.param("fraud", "possible", {**NATIONAL, "recording_body": "NFIB"}, True, id="NFIB"),
        pytest.param(
            "fraud", "possible", {"recording_body": "report fraud"}, False, id="not without one"
        ),
        pytest.param(
            "fraud", "possible", {**NATIONAL, "recording_body": "a bank"}, False, id="of whom?"
        ),
        pytest.param("fraud", "clear", NATIONAL, False, id="a call for service is local"),
        pytest.param("forgery", "clear", NATIONAL, False, id="forgery is local"),
        pytest.param("theft", "clear", NATIONAL, False, id="blackmail is local, as theft is"),
    ],
)
def test_fraud_is_recorded_nationally(
    category: str, grade: str, report: dict[str, Any], accounted: bool
) -> None:
    crime = expected(category, grade=Grade(grade))
    assert bool(elsewhere(pack(), crime, [log(**report)])) is accounted
