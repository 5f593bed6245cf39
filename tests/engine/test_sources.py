"""Silence is not evidence (G5), coverage bounds what may be said (G1), and lost input is never guessed."""

from datetime import timedelta
from typing import Any

import pytest

from service.ingest.source import CutBy
from tests.timeline import MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"]}


def test_a_feed_that_stops_raises_one_alert_and_makes_nothing_due_soon() -> None:
    day = Timeline(crimes={"believable_silence": timedelta(hours=2)})
    for hour in range(6, 13):
        day.at(f"{hour:02}:00").record(f"C{hour}")
    for minute in range(30):
        day.at(f"09:{minute:02}").report(f"R{minute:02}", **CRIME)
    day.at("+1 12:00").heartbeat("log").says("source_silent source:crimes")
    assert {s.verdict for s in day.lane.reports.values()} == {"not_provable"}


def test_what_a_stopped_feed_withheld_is_said_when_it_has_caught_up() -> None:
    day = Timeline(crimes={"believable_silence": timedelta(hours=2)}).at("08:00").record("C0")
    day.at("09:00").report("R1", **CRIME).at("09:05").report("R2", **CRIME)
    day.at("+1 12:00").heartbeat("log").says("source_silent source:crimes")
    made = MONDAY + timedelta(hours=12)
    day.record("C1", incident_refs=["R1"], recorded_at=made).says("source_back source:crimes")
    day.heartbeat("crimes").says("missed R2").verdict("R1", "recorded")


def test_a_source_declared_for_the_force_but_never_seen_withholds_every_miss() -> None:
    day = Timeline(crimes={"forces": ("33",)}).at("09:00").report("R1", **CRIME)
    day.at("+2 09:00").heartbeat("log").says()
    day.verdict("R1", "not_provable", "crime_source_not_connected")


def test_an_unconnected_referral_feed_blocks_no_log() -> None:
    day = Timeline(referrals={"forces": ("33",)}).at("09:00").report("R1", **CRIME)
    day.at("+1 09:00").heartbeat("log", "crimes").verdict("R1", "missed")


def test_due_soon_waits_until_the_crime_source_is_read_past_receipt_and_an_hour() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).at("09:30").heartbeat("crimes")
    day.at("+1 05:00").tick().says()
    day.at("+1 06:00").heartbeat("crimes", until=MONDAY + timedelta(hours=10)).says("due_soon R1")


def test_due_soon_is_said_by_the_clock_four_hours_before_the_deadline() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).at("10:00").heartbeat("crimes")
    day.at("+1 04:59").tick().says().at("+1 05:00").tick().says("due_soon R1").tick().says()


@pytest.mark.parametrize("cut_by", [CutBy.RECEIVED, CutBy.OCCURRED])
def test_a_file_cut_by_incident_date_says_nothing_beyond_its_cut(cut_by: CutBy) -> None:
    """Its record dates run on for weeks after the cut and prove nothing."""
    cut = MONDAY + timedelta(days=2)
    day = Timeline(crimes={"cut_by": cut_by}).at("09:00").report("R1", **CRIME)
    day.at("+1 12:00").report("R2", **CRIME)
    for later in range(3, 20):
        day.at(f"+{later} 09:00").record(f"C{later}").heartbeat("log").says()
    day.covers("crimes", until=cut).says("missed R1")
    day.verdict("R1", "missed").verdict("R2", "not_provable", "outside_coverage")


def test_a_report_from_before_the_records_begin_is_not_provable() -> None:
    day = Timeline(since=None).at("09:00").report("R1", **CRIME)
    day.at("12:00").record("C1").at("+2 00:00").heartbeat("log", "crimes")
    day.verdict("R1", "not_provable", "outside_coverage").says()


def test_a_record_found_outside_coverage_still_settles() -> None:
    day = Timeline(since=None).at("09:00").report("R1", **CRIME).at("12:00").record("C0")
    day.record("C1", incident_refs=["R1"], recorded_at=MONDAY + timedelta(hours=10))
    day.verdict("R1", "recorded")


def test_lateness_holds_the_watermark_back() -> None:
    day = Timeline(crimes={"lateness": timedelta(hours=3)}).at("09:00").report("R1", **CRIME)
    day.at("+1 11:59").record("C1").heartbeat("log").verdict("R1", "not_provable")
    day.at("+1 12:00").record("C2").verdict("R1", "missed")


def test_an_event_stamped_in_the_future_does_not_run_ahead_of_its_arrival() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).at("10:00")
    day.record(
        "C1", recorded_at=MONDAY + timedelta(days=30), updated_at=MONDAY + timedelta(days=30)
    )
    day.at("+1 09:00").heartbeat("log").verdict("R1", "not_provable", "crime_source_not_read")


def test_input_lost_before_it_was_read_makes_its_misses_not_provable() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).at("+1 09:00").heartbeat("log", "crimes")
    day.says("missed R1").loses("crimes", since=MONDAY + timedelta(hours=20))
    day.says("input_lost source:crimes", "not_provable R1")


def test_watermarks_never_go_back() -> None:
    day = Timeline().at("+1 09:00").heartbeat("crimes").at("+1 10:00")
    day.record("C1", recorded_at=MONDAY).heartbeat("crimes", until=MONDAY)
    assert day.lane.sources["crimes"].watermark == MONDAY + timedelta(hours=33)


def test_closed_without_a_reason_prompts_once_when_the_crime_source_is_read_past_closure() -> None:
    received, closed = MONDAY + timedelta(hours=9), MONDAY + timedelta(hours=11)
    day = Timeline().at("09:00").report("R1", version=1, **CRIME)
    again = {"received_at": received, "closed_at": closed, "updated_at": closed, **CRIME}
    day.at("11:00").report("R1", version=2, **again).says()
    day.at("11:05").heartbeat("crimes").says("closed_without_reason R1")
    day.at("11:10").report("R1", version=3, **again).heartbeat("crimes").says()
    day.at("11:20").record("C1", incident_refs=["R1"]).says("recorded R1")


def test_a_record_that_arrives_with_the_closure_prevents_the_prompt() -> None:
    received, closed = MONDAY + timedelta(hours=9), MONDAY + timedelta(hours=11)
    day = Timeline().at("11:00").report("R1", received_at=received, closed_at=closed, **CRIME)
    day.at("11:02").record("C1", incident_refs=["R1"], recorded_at=closed)
    day.at("11:05").heartbeat("crimes").says().verdict("R1", "recorded")


def test_a_time_bound_is_used_and_said() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).report("R2", **CRIME)
    early, late = MONDAY + timedelta(hours=30), MONDAY + timedelta(hours=40)
    day.at("+2 00:00")
    day.record("C1", incident_refs=["R1"], recorded_at=early, recorded_bound="at_latest")
    day.record("C2", incident_refs=["R2"], recorded_at=late, recorded_bound="at_latest")
    day.verdict("R1", "recorded").verdict("R2", "recorded_late")
    assert day.lines["R1"].timing == day.lines["R2"].timing == "at_latest"
