"""A possible crime beside the clear ones a verdict rests on: its own line follows time and proof too.

It bears on no verdict and says nothing; but what is written of it may not depend on when the report
happened to be looked at last (G7).
"""

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.effects import HeartbeatSeen, Input, Tick
from service.pointers import Rulebook
from tests.engine.test_any_order import told
from tests.timeline import MONDAY, Timeline, shipped_pack, sources

LATE = timedelta(hours=2)
DAY = timedelta(days=1)


def affray(day: Timeline, ref: str = "R1", hour: float = 9.0) -> Timeline:
    """A clear affray, and an assault that is only possible: the closing code names another crime."""
    return day.report(
        ref,
        received_at=MONDAY + timedelta(hours=hour),
        closing_codes=["affray"],
        narrative=[{"writer": "call_handler", "text": "he hit me"}],
    )


def recorded(day: Timeline, record: str = "C1", ref: str = "R1") -> Timeline:
    """The affray is recorded."""
    return day.record(record, incident_refs=[ref], offence_code="62A")


def a_day(**changes: Any) -> Timeline:
    return Timeline("england_and_wales", code_map=None, **changes).at("09:00")


def beside(day: Timeline) -> tuple[str, str]:
    """Verdict and reason of the possible crime."""
    (crime,) = [each for each in day.lines["R1"].crimes if each.grade == "possible"]
    return crime.verdict, crime.reason


def test_its_deadline_passes_though_the_report_is_recorded() -> None:
    day = recorded(affray(a_day()).at("10:00"))
    assert beside(day) == ("pending", "")
    day.at("+1 12:00").tick().verdict("R1", "recorded")
    assert beside(day) == ("not_provable", "crime_source_not_read")
    day.heartbeat("crimes")
    assert beside(day) == ("not_provable", "own_source_not_read")
    day.heartbeat("log").says().verdict("R1", "recorded")
    assert beside(day) == ("missed", "recorded_as_something_else")


def test_its_line_says_what_it_waits_for_now_not_when_it_was_last_judged() -> None:
    day = recorded(affray(a_day()).at("10:00")).at("+1 12:00").tick()
    assert beside(day) == ("not_provable", "crime_source_not_read")
    day.heartbeat("log").heartbeat("crimes").says()
    assert beside(day) == ("missed", "recorded_as_something_else")


def test_wider_coverage_and_lost_input_reach_it() -> None:
    day = recorded(affray(a_day(since=None), hour=9).at("10:00")).at("+1 12:00").heartbeat()
    assert beside(day) == ("not_provable", "outside_coverage")
    day.record("C0", recorded_at=MONDAY + timedelta(hours=8)).verdict("R1", "recorded")
    assert beside(day) == ("missed", "recorded_as_something_else")
    day.loses("log", MONDAY).verdict("R1", "recorded")
    assert beside(day) == ("not_provable", "input_lost")


def test_a_miss_that_rests_on_silence_falls_when_silence_is_believed_no_longer() -> None:
    quiet = {"idle_advance": True, "believable_silence": timedelta(hours=40)}
    day = recorded(affray(a_day(crimes=quiet)).at("10:00"))
    day.at("+1 12:00").heartbeat("log").tick("crimes").verdict("R1", "recorded")
    assert beside(day) == ("missed", "recorded_as_something_else")
    day.at("+3 00:00").tick().verdict("R1", "recorded")
    assert beside(day) == ("not_provable", "crime_source_not_read")


# -- generated --------------------------------------------------------------------------------

BOOK = Rulebook(
    shipped_pack("england_and_wales"),
    sources(None, None, log={"lateness": LATE}, crimes={"lateness": LATE}),
)


@st.composite
def affrays(draw: st.DrawFn) -> list[Input]:
    """Affrays over two days, some recorded, with what the sources promise on the way."""
    day = Timeline(rulebook=BOOK)
    for n in range(draw(st.integers(1, 4))):
        hour = draw(st.sampled_from([1.0, 9.0, 9.5, 30.0]))
        affray(day.at(MONDAY + timedelta(hours=hour)), f"R{n}", hour)
        if draw(st.booleans()):
            after = draw(st.sampled_from([0.5, 23.0, 30.0]))
            recorded(day.at(MONDAY + timedelta(hours=hour + after)), f"C{n}", f"R{n}")
    for _ in range(draw(st.integers(0, 5))):
        hour = draw(st.sampled_from([5, 20, 35, 36, 40, 60, 80]))
        day.at(MONDAY + timedelta(hours=hour)).heartbeat(draw(st.sampled_from(["log", "crimes"])))
    for name in draw(st.sampled_from([(), ("log",), ("crimes",), ("log", "crimes")])):
        day.put(HeartbeatSeen("33", name, MONDAY + 4 * DAY, MONDAY + 4 * DAY))
    return day.inputs


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(affrays(), st.randoms(use_true_random=False), st.lists(st.integers(1, 6), max_size=12))
def test_any_order_and_any_turns_give_the_same_lines(
    inputs: list[Input], chance: Random, sizes: list[int]
) -> None:
    tick = Tick("33", MONDAY + 5 * DAY)
    mixed = [*inputs, tick]
    chance.shuffle(mixed)
    assert told([*inputs, tick], [1000], BOOK) == told(mixed, sizes, BOOK)
