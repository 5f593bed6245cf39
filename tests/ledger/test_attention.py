"""What an auditor counts: steps nobody took, attention spent, warnings acted on in time."""

from datetime import timedelta
from typing import Any

import pytest

from service.alerts.actors import ActorRole
from service.delivery.numbers import give_numbers
from service.delivery.planning import plan_round
from service.effects import Acknowledge
from service.ledger.attention import (
    Acted,
    Spent,
    acted_in_time,
    audit,
    interrupts_spent,
    most_within,
)
from service.ledger.opening import Ledger
from tests.delivery.told import Story
from tests.timeline import MONDAY

HARM: dict[str, Any] = {"opening_codes": ["harassment"]}
PLAIN: dict[str, Any] = {"opening_codes": ["burglary"]}


def begun(ledger: Ledger) -> Story:
    story = Story(ledger).at("08:00")
    return story.heartbeat()


def test_a_planner_that_sleeps_is_found_by_name(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 05:00")  # due soon: the desk is told
    asleep = story.now
    with story.asleep():
        story.passes("+1 09:00")
    with ledger.reading() as connection:
        before = audit(connection, story.now)
    assert (before.steps_overdue, before.events_unheard, before.heartbeat_at) == (0, 1, asleep)
    # It hears of the miss, and sleeps again before it looks.
    with ledger.writing() as connection:
        give_numbers(connection)
    assert plan_round(ledger, story.routes, story.now, limit=1).more
    with ledger.reading() as connection:
        soon = audit(connection, story.now + timedelta(minutes=5))
        late = audit(connection, story.now + timedelta(minutes=15))
    assert (soon.steps_overdue, soon.named) == (0, ())
    assert [(each.subject, each.step, each.receiver) for each in late.named] == [
        ("R1", "missed", "bureau"),
        ("R1", "missed", "inspector"),
        ("R1", "missed_told", "registrar"),
        ("R1", "missed_told", "chief"),
    ]
    assert {each.at for each in late.named} == {story.now}
    assert late.steps_overdue == 4
    story.plan()


def test_interrupts_stand_against_their_receivers_budget(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00")
    with story.asleep():
        for n in range(9):
            story.report(f"R{n}", received_at=story.now, **HARM)
    story.passes("+1 09:05")
    with ledger.reading() as connection:
        day = {each.receiver: each for each in interrupts_spent(connection, story.now)}
        hour = interrupts_spent(connection, story.now, timedelta(hours=1))
        quiet = interrupts_spent(connection, story.now + timedelta(days=2))
    usual: dict[str, Any] = {"force": "33", "an_hour": 6, "a_shift": None}
    assert day["control_room"] == Spent(
        receiver="control_room",
        given=6,
        kept_back=3,
        most_in_an_hour=6,
        most_in_a_shift=6,
        **usual,
    )
    inspector = day["inspector"]
    assert (inspector.given, inspector.kept_back, inspector.a_shift) == (2, 7, 2)
    assert all(each.within for each in day.values())
    assert {each.receiver for each in hour} == {"bureau", "inspector"}
    assert quiet == ()


def test_more_than_the_budget_is_seen() -> None:
    over = Spent(
        force="33",
        receiver="inspector",
        given=3,
        kept_back=0,
        most_in_an_hour=1,
        most_in_a_shift=3,
        an_hour=6,
        a_shift=2,
    )
    assert not over.within


def test_the_fullest_stretch() -> None:
    times = [MONDAY + timedelta(minutes=each) for each in (0, 30, 59, 60, 200)]
    assert most_within(times, timedelta(hours=1)) == 3
    assert most_within([], timedelta(hours=1)) == 0


def test_warnings_acted_on_in_time_are_counted_by_their_deadline(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00")
    for ref in ("ACKNOWLEDGED", "RECORDED", "LATE", "IGNORED", "BOTH"):
        story.report(ref, **(PLAIN if ref == "RECORDED" else HARM))
    story.passes("+1 06:00")
    for ref in ("ACKNOWLEDGED", "BOTH"):
        story.person_does(Acknowledge(), ActorRole.SUPERVISOR, ref)
    story.record("C1", incident_refs=["RECORDED"], offence_code="28")
    story.record("C2", incident_refs=["BOTH"], offence_code="8Q")
    story.passes("+1 10:00")
    story.person_does(Acknowledge(), ActorRole.SUPERVISOR, "LATE")
    with ledger.reading() as connection:
        day = acted_in_time(connection, "33", MONDAY + timedelta(hours=24), story.now)
        before = acted_in_time(connection, "33", MONDAY, MONDAY + timedelta(hours=33))
        other = acted_in_time(connection, "34", MONDAY, story.now)
    assert day == Acted(warned=5, acted_on=2, settled=1)
    assert day.share == pytest.approx(0.6)
    assert (before.warned, other.share) == (0, None)
