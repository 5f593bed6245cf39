"""The six classic faults of "A and no B by the deadline", each by name, and what stands against it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.timeline import MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"]}
DAY = timedelta(hours=24)


def test_false_miss_then_match_is_not_said_on_arrival() -> None:
    """A left join that speaks when the report arrives cries wolf and takes it back."""
    day = Timeline().at("09:00").report("R1", **CRIME).says().verdict("R1", "pending")
    day.at("12:00").heartbeat("crimes").says()
    day.at("+1 08:59").record("C1", incident_refs=["R1"]).says("due_soon R1", "recorded R1")
    day.at("+3 00:00").heartbeat().says().verdict("R1", "recorded")


def test_no_miss_while_the_crime_feed_is_behind_and_none_when_it_catches_up_with_the_record() -> (
    None
):
    day = Timeline().at("09:00").report("R1", **CRIME)
    day.at("+1 12:00").heartbeat("log").says().verdict("R1", "not_provable")
    day.record("C1", incident_refs=["R1"], recorded_at=MONDAY + timedelta(hours=20))
    day.says().verdict("R1", "recorded")


def test_a_miss_is_said_though_no_further_event_comes() -> None:
    """Stream time alone stands still on a quiet night; heartbeats and ticks carry it on."""
    day = Timeline().at("09:00").report("R1", **CRIME)
    day.at("+1 10:00").heartbeat("log", "crimes").says("missed R1")
    day.verdict("R1", "missed", "no_record")


def test_a_silent_night_without_proof_is_not_provable_and_never_lost() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).at("+1 10:00").tick()
    day.says().verdict("R1", "not_provable", "crime_source_not_connected")
    day.heartbeat("log", "crimes").says("missed R1")


def test_a_deadline_survives_a_restart() -> None:
    """The lane goes through its stored form before every input (see Timeline.put)."""
    day = Timeline().at("09:00").report("R1", **CRIME)
    assert day.lane.reports["R1"].next_by_clock == MONDAY + timedelta(hours=29)
    day.at("+1 05:00").tick()
    assert day.lane.reports["R1"].next_by_clock == MONDAY + timedelta(hours=33)


def test_a_slow_source_does_not_lose_the_deadlines_of_another() -> None:
    """One number for all partitions closes windows that were never looked at."""
    day = Timeline().at("09:00").report("R1", **CRIME)
    day.at("09:30").report("P1", source="referrals", **CRIME)
    day.at("+1 12:00").heartbeat("log", "crimes")
    day.verdict("R1", "missed").verdict("P1", "not_provable", "own_source_not_read")
    day.heartbeat("referrals").verdict("P1", "missed")


def test_windows_are_not_symmetric() -> None:
    """A record from before the call settles it where the rules allow; one after the limit is late."""
    day = Timeline()
    day.at("08:00").record("C1", incident_refs=["R1"])
    day.at("09:00").report("R1", **CRIME).verdict("R1", "recorded")
    day.report("R2", **CRIME)
    day.at("+2 09:00").record("C2", incident_refs=["R2"]).verdict("R2", "recorded_late")


@pytest.mark.parametrize(
    ("after_receipt", "verdict"),
    [
        (DAY - timedelta(microseconds=1), "recorded"),
        (DAY, "recorded"),
        (DAY + timedelta(microseconds=1), "recorded_late"),
    ],
)
def test_a_record_made_exactly_at_the_deadline_is_in_time(
    after_receipt: timedelta, verdict: str
) -> None:
    day = Timeline().at("09:00").report("R1", **CRIME)
    received = day.now
    day.at("+5 00:00").record("C1", incident_refs=["R1"], recorded_at=received + after_receipt)
    day.verdict("R1", verdict)


def test_a_miss_needs_the_watermark_at_the_deadline_and_not_a_moment_less() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).at("+1 09:00")
    day.heartbeat("log").heartbeat("crimes", until=day.now - timedelta(microseconds=1))
    day.verdict("R1", "not_provable", "crime_source_not_read")
    day.heartbeat("crimes").verdict("R1", "missed")


LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("received", "deadline"),
    [
        pytest.param(
            datetime(2024, 3, 30, 12, tzinfo=LONDON),
            datetime(2024, 3, 31, 13, tzinfo=LONDON),
            id="clocks go forward: 24 elapsed hours end an hour later by the clock",
        ),
        pytest.param(
            datetime(2024, 10, 26, 12, tzinfo=LONDON),
            datetime(2024, 10, 27, 11, tzinfo=LONDON),
            id="clocks go back: an hour earlier by the clock",
        ),
        pytest.param(
            datetime(2024, 10, 27, 1, 30, tzinfo=LONDON, fold=1),
            datetime(2024, 10, 28, 1, 30, tzinfo=LONDON),
            id="received in the hour that happens twice",
        ),
        pytest.param(
            datetime(2024, 2, 28, 23, 30, tzinfo=LONDON),
            datetime(2024, 2, 29, 23, 30, tzinfo=LONDON),
            id="into a leap day",
        ),
        pytest.param(
            datetime(2024, 12, 31, 23, 59, 59, tzinfo=LONDON),
            datetime(2025, 1, 1, 23, 59, 59, tzinfo=LONDON),
            id="over the year's end",
        ),
    ],
)
def test_twenty_four_hours_are_elapsed_hours(received: datetime, deadline: datetime) -> None:
    day = Timeline(since=datetime(2020, 1, 1, tzinfo=UTC)).at(received).report("R1", **CRIME)
    assert day.lines["R1"].deadline == deadline
    due = deadline.astimezone(UTC)
    day.at(due - timedelta(microseconds=1)).heartbeat("log", "crimes").verdict("R1", "pending")
    day.at(due).heartbeat("log", "crimes").verdict("R1", "missed")
