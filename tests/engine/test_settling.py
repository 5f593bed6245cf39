"""History, and what a silent source left behind, is settled before anybody is told piece by piece."""

from datetime import timedelta
from typing import Any

from service.effects import Settling
from tests.timeline import MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"]}


def quiet(day: Timeline) -> list[tuple[str, bool]]:
    """Everything said of reports, and whether it was said quietly."""
    return [(f"{e.type} {e.subject}", e.quiet) for e in day.events if e.due_at is not None]


def test_misses_due_before_the_first_start_are_quiet_and_later_ones_are_not() -> None:
    day = Timeline().at("09:00").put(Settling("33", MONDAY + timedelta(days=3), MONDAY))
    day.record("C0").report("OLD", **CRIME)
    day.at("+1 10:00").heartbeat().says("missed OLD")
    day.at("+2 09:00").report("NEW", **CRIME).at("+3 10:00").heartbeat().says("missed NEW")
    assert quiet(day) == [("missed OLD", True), ("missed NEW", False)]
    day.record("C1", incident_refs=["OLD"])
    assert quiet(day)[-1] == ("recorded_late OLD", True)  # nobody was told; nobody is told more


def test_who_was_told_aloud_is_told_what_follows_aloud() -> None:
    day = Timeline().at("09:00").record("C0").report("R1", **CRIME)
    day.at("+1 10:00").heartbeat().says("missed R1")
    day.put(Settling("33", MONDAY + timedelta(days=9), day.now))
    day.record("C1", incident_refs=["R1"]).says("recorded_late R1")
    assert quiet(day) == [("missed R1", False), ("recorded_late R1", False)]


def test_what_fell_due_while_a_source_was_silent_is_quiet_once_it_is_back() -> None:
    hours = {"believable_silence": timedelta(hours=6)}
    day = Timeline(crimes=hours).at("09:00").record("C0").report("R1", **CRIME)
    day.at("+1 12:00").heartbeat("log").says("source_silent source:crimes")
    day.at("+1 14:00").heartbeat("crimes").says("source_back source:crimes", "missed R1")
    assert quiet(day) == [("missed R1", True)]


def test_what_other_rules_find_in_the_past_is_quiet() -> None:
    day = Timeline(code_map=None).at("09:00").record("C0").report("R1", **CRIME)
    day.at("+1 10:00").heartbeat()
    said = len(day.events)
    day.learn()
    assert [(e.type, e.quiet) for e in day.events[said:] if e.due_at] == [("missed", True)]


def test_a_later_settling_never_moves_the_line_back() -> None:
    day = Timeline().at("09:00").put(Settling("33", MONDAY + timedelta(days=3), MONDAY))
    day.put(Settling("33", MONDAY, MONDAY))
    assert day.lane.alert_from == MONDAY + timedelta(days=3)
    assert day.lane.now == MONDAY
