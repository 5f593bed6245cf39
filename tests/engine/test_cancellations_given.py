"""Cancellations accepted by a person: every code, each thing it demands missing one at a time."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.words import CancellationCode
from service.effects import AcceptCancellation
from service.rules.values import CancellationDemand as Demand
from tests.timeline import MONDAY, Timeline, shipped_pack

NOON = MONDAY + timedelta(hours=12)
TYPED = ("what", "where_from", "verifiable")
OF_THE_CRIME = {Demand.SELF_DEFENCE_CLASS}
"""Met by the record's class: tried in the rules' own tests."""
OF_THE_PERSON = {Demand.DECIDED_AT}
"""Met by acting at all."""
WITHOUT: dict[Demand, dict[str, Any]] = {
    Demand.REGISTRAR_OR_DECISION_MAKER: {"role": "decision_maker"},
    Demand.NOT_OFFICER_IN_CASE: {"officer_hash": "o-1"},
    Demand.INDEPENDENT: {"independent": False},
    Demand.WHAT: {"typed": ("where_from", "verifiable")},
    Demand.WHERE_FROM: {"typed": ("what", "verifiable")},
    Demand.VERIFIABLE: {"typed": ("what", "where_from")},
    Demand.VICTIM_TOLD: {"victim_told_at": None},
    Demand.VICTIM_TOLD_FIRST: {"victim_told_at": None},
    Demand.OTHER_REF: {"other_ref": ""},
    Demand.OTHER_RECORD_LIVE: {"other_ref": "C404"},
}
"""How a person leaves out what each demand asks for. That a decision maker does is refused for rape."""


def asked(code: CancellationCode) -> set[Demand]:
    """What a code demands, by the shipped rules."""
    return set(shipped_pack("england_and_wales").reasons.cancellations[code].demands)


def accepted(code: CancellationCode, but: Demand | None = None) -> Timeline:
    """A crime cancelled with a code and nothing else; somebody accepts that, but for one demand."""
    grave = but is Demand.REGISTRAR_OR_DECISION_MAKER
    offence = "019/07" if grave else "008/06"
    day = Timeline("england_and_wales", code_map=None).at("09:00")
    day.report("R1", opening_codes=["rape" if grave else "assault"], reported_by="victim")
    fields: dict[str, Any] = {"incident_refs": ["R1"], "offence_code": offence, "officer": "o-1"}
    day.at("10:00").record("C1", version=1, **fields)
    day.record("C9", version=1, offence_code="008/06")
    made = MONDAY + timedelta(hours=10)
    cancelled: dict[str, Any] = {"status": "cancelled", "cancellation": {"code": code.value}}
    day.at("12:00").record("C1", version=2, recorded_at=made, **cancelled, **fields)
    given: dict[str, Any] = {"independent": True, "victim_told_at": NOON, "other_ref": "C9"}
    act: dict[str, Any] = {"role": "registrar", "typed": TYPED}
    for name, value in (WITHOUT[but] if but else {}).items():
        (act if name in ("role", "typed", "officer_hash") else given)[name] = value
    return day.at("12:30").does(AcceptCancellation(record="C1", **given), **act)


def test_every_code_and_every_demand_is_here() -> None:
    codes = shipped_pack("england_and_wales").reasons.cancellations
    assert set(codes) == set(CancellationCode)
    assert {*WITHOUT, *OF_THE_CRIME, *OF_THE_PERSON} == set(Demand)


@pytest.mark.parametrize("code", CancellationCode)
def test_a_cancellation_that_brings_everything_accounts(code: CancellationCode) -> None:
    accepted(code).answered().verdict("R1", "accounted")


@pytest.mark.parametrize(
    ("code", "but"),
    [
        (code, demand)
        for code in CancellationCode
        for demand in Demand
        if demand in WITHOUT and demand in asked(code)
    ],
)
def test_a_cancellation_that_lacks_one_thing_is_refused_and_changes_nothing(
    code: CancellationCode, but: Demand
) -> None:
    day = accepted(code, but)
    answer = day.answers[-1]
    why = {
        Demand.REGISTRAR_OR_DECISION_MAKER: "registrar_only",
        Demand.NOT_OFFICER_IN_CASE: "officer_in_case",
    }.get(but, "lacks")
    assert answer.refused == why, day.story()
    assert why == "officer_in_case" or but.value in answer.lacks
    assert day.lane.reports["R1"].handling.version == 0
    assert day.lines["R1"].verdict == "pending"
