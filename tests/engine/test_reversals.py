"""What was said is taken back aloud when it proves wrong (G4), and said again when it is true again."""

from datetime import timedelta
from typing import Any

import msgspec

from schemas.words import Verdict
from service.ingest.source import Blank, CodeColumn, CodeMap
from tests.timeline import CODES, MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"]}


def missed() -> Timeline:
    """R1, received Monday 09:00, is missed on Tuesday at 10:00."""
    day = Timeline().at("09:00").report("R1", **CRIME)
    return day.at("+1 10:00").heartbeat("log", "crimes").says("missed R1").verdict("R1", "missed")


def test_a_late_record_takes_the_miss_back() -> None:
    day = missed().at("+2 09:00").record("C1", incident_refs=["R1"])
    day.says("recorded_late R1").verdict("R1", "recorded_late")
    assert [each.evidence for each in day.events] == [
        ("opening:crime",),
        ("opening:crime", "record:C1"),
    ]


def test_a_record_made_in_time_but_delivered_late_takes_it_back_as_recorded() -> None:
    day = missed()
    day.at("+2 09:00").record("C1", incident_refs=["R1"], recorded_at=MONDAY + timedelta(hours=30))
    day.says("recorded R1").verdict("R1", "recorded")


def test_missed_recorded_cancelled_missed_is_four_events_of_one_alert() -> None:
    day = missed().at("+2 09:00").record("C1", version=1, incident_refs=["R1"])
    day.at("+3 09:00").record(
        "C1",
        version=2,
        incident_refs=["R1"],
        recorded_at=MONDAY + timedelta(hours=57),
        status="cancelled",
        cancellation={"code": "C2"},
    )
    day.says("recorded_late R1", "record_withdrawn R1", "missed R1").verdict("R1", "missed")
    assert [e.n for e in day.events] == [0, 1, 2, 3]
    assert len({e.alert_id for e in day.events}) == 1
    assert len({e.event_id for e in day.events}) == 4


def test_a_record_cancelled_before_the_deadline_withdraws_nothing_nobody_was_told_of() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME)
    day.at("10:00").record("C1", version=1, incident_refs=["R1"]).verdict("R1", "recorded")
    day.at("11:00").record(
        "C1", version=2, incident_refs=["R1"], status="cancelled", cancellation={"code": "C4"}
    )
    day.says().verdict("R1", "pending")
    day.at("+1 09:00").heartbeat("log", "crimes").says("due_soon R1", "missed R1")


def test_a_record_no_longer_naming_the_report_is_unlinked() -> None:
    day = missed().at("+2 09:00").record("C1", version=1, incident_refs=["R1"])
    day.at("+3 09:00").record("C1", version=2, incident_refs=["R9"], recorded_at=day.now)
    day.says("recorded_late R1", "record_withdrawn R1", "missed R1")
    assert day.lane.records["C1"].linked_to == ()


def test_a_report_no_longer_naming_the_record_is_unlinked() -> None:
    day = Timeline().at("09:00").report("R1", version=1, crime_refs=["C1"], **CRIME)
    day.at("09:30").record("C1").verdict("R1", "recorded")
    day.at("10:00").report("R1", version=2, received_at=MONDAY + timedelta(hours=9), **CRIME)
    day.verdict("R1", "pending")
    assert day.lane.records["C1"].linked_to == ()


def test_an_accepted_decision_accounts_and_a_reopened_log_owes_again() -> None:
    received = MONDAY + timedelta(hours=9)
    day = (
        missed()
        .at("+2 09:00")
        .report(
            "R1",
            version=2,
            received_at=received,
            closed_at=MONDAY + timedelta(hours=56),
            closure={
                "reason": "not_notifiable",
                "decided_by": "decision_maker",
                "decided_at": MONDAY + timedelta(hours=56),
                "rationale_given": True,
                "told_at": MONDAY + timedelta(hours=56),
            },
            **CRIME,
        )
    )
    day.says("accounted R1").verdict("R1", "accounted", "not_notifiable")
    day.at("+3 09:00").report("R1", version=3, received_at=received, **CRIME)
    day.says("log_reopened R1", "missed R1").verdict("R1", "missed")


def test_a_later_version_that_shows_no_crime_takes_the_miss_back() -> None:
    day = (
        missed()
        .at("+2 09:00")
        .report("R1", version=2, received_at=MONDAY + timedelta(hours=9), opening_codes=["welfare"])
    )
    day.says("no_crime_indicated R1").verdict("R1", "no_crime_indicated")


def test_a_corrected_receipt_moves_the_deadline_within_the_same_alert() -> None:
    day = (
        missed()
        .at("+1 11:00")
        .report(
            "R1",
            version=2,
            received_at=MONDAY + timedelta(hours=10),
            updated_at=day_hour(35),
            **CRIME,
        )
    )
    day.says("missed R1")
    assert day.events[-1].detail["reason"] == "deadline_moved"
    assert day.events[-1].effective_at == MONDAY + timedelta(hours=34)
    assert day.events[-1].n == 1


def day_hour(hours: int) -> object:
    """Hours after Monday midnight."""
    return MONDAY + timedelta(hours=hours)


def test_grown_coverage_makes_a_verdict_provable() -> None:
    day = Timeline(since=None, crimes={"covers_from": MONDAY + timedelta(days=1)})
    day.at("09:00").report("R1", **CRIME)
    day.at("+2 00:00").heartbeat("log", "crimes").verdict("R1", "not_provable", "outside_coverage")
    day.covers("crimes", since=MONDAY - timedelta(days=1), until=day.now)
    day.says("missed R1").verdict("R1", "missed")


def test_a_code_learned_decides_again_from_the_raw_code() -> None:
    day = Timeline().at("09:00").report("R1", opening_codes=["burgle"])
    day.says("unknown_code source:log").verdict("R1", "unknown_code")
    day.report("R2", opening_codes=["burgle"]).says().verdict("R2", "unknown_code")
    known = {**CODES.columns[0].indicates, "burgle": "yes"}
    learned = CodeMap(columns=(CodeColumn("opening", known, Blank.NO_CRIME),))
    day.at("+1 09:30").heartbeat("log", "crimes").learn(code_map=learned)
    day.says("missed R1", "missed R2").verdict("R1", "missed").verdict("R2", "missed")


def test_the_first_log_answers_for_one_incident_and_the_others_alert_ends() -> None:
    day = (
        missed()
        .at("+1 11:00")
        .report(
            "R0",
            received_at=MONDAY + timedelta(hours=8),
            linked_logs=[{"ref": "R1", "relation": "same_incident"}],
            **CRIME,
        )
    )
    day.says("missed R0", "accounted R1").verdict("R0", "missed").verdict("R1", "missed")
    assert day.lines["R1"].same_as == "R0"
    assert not day.lines["R1"].crimes
    assert day.events[-1].detail["reason"] == "same_incident"
    day.record("C1", incident_refs=["R1"]).says("recorded_late R0")
    assert day.lines["R0"].links[0].level == "same_incident"


def test_merely_related_logs_stay_apart() -> None:
    day = (
        missed()
        .at("+1 11:00")
        .report("R2", linked_logs=[{"ref": "R1", "relation": "related"}], **CRIME)
    )
    assert day.says().lines["R2"].same_as == ""


def test_a_referral_later_joined_to_a_log_shares_its_record() -> None:
    day = Timeline().at("09:00").report("P1", source="referrals", version=1, **CRIME)
    day.at("+1 09:00").heartbeat().says("missed P1")
    day.at("+1 10:00").report("R1", opening_codes=["welfare"], crime_refs=["C1"]).record("C1")
    day.says().verdict("R1", "no_crime_indicated")
    day.at("+1 11:00").report(
        "P1",
        source="referrals",
        version=2,
        received_at=MONDAY + timedelta(hours=9),
        incident_refs=["R1"],
        **CRIME,
    )
    day.says("recorded_late P1").verdict("P1", "recorded_late")
    assert day.lines["P1"].links[0].level == "same_incident"
    assert day.lines["R1"].same_as == "P1"


def test_logs_that_part_again_are_judged_apart_again() -> None:
    link: dict[str, Any] = {"linked_logs": [{"ref": "R1", "relation": "duplicate_of"}]}
    day = Timeline().at("09:00").report("R1", **CRIME).at("09:10").report("R2", version=1, **link)
    assert day.lines["R2"].same_as == "R1"
    day.at("09:20").report("R2", version=2, received_at=MONDAY + timedelta(minutes=550))
    assert day.lines["R2"].same_as == ""
    day.verdict("R2", "no_crime_indicated").verdict("R1", "pending")


def test_repeats_and_older_versions_change_nothing() -> None:
    day = Timeline().at("09:00").report("R1", version=2, **CRIME)
    before = day.lane.reports["R1"]
    day.report("R1", version=2, **CRIME).report("R1", version=1, opening_codes=["welfare"]).says()
    assert day.lane.reports["R1"] == before


def test_one_version_with_two_contents_is_said_once_and_decided_the_same_either_way() -> None:
    one: dict[str, Any] = {"opening_codes": ["welfare"], "version": 1}
    two: dict[str, Any] = {"opening_codes": ["crime"], "version": 1}
    lines = []
    for first, second in ((one, two), (two, one)):
        day = Timeline().at("09:00").report("R1", **first).report("R1", **second)
        day.report("R1", **first).says("version_conflict R1")
        lines.append(day.lines["R1"])
    assert lines[0] == lines[1]


def test_a_miss_that_rests_on_silence_is_taken_back_when_silence_is_not_believed() -> None:
    quiet = {"idle_advance": True, "believable_silence": timedelta(hours=30)}
    day = Timeline(crimes=quiet).at("08:00").record("C0").at("09:00").report("R1", **CRIME)
    day.at("+1 09:00").heartbeat("log").tick("crimes").says("missed R1")
    assert day.lane.reports["R1"].basis == "silence"
    day.at("+1 15:00").tick().says("source_silent source:crimes", "not_provable R1")
    day.verdict("R1", "not_provable")
    day.at("+1 16:00").heartbeat("crimes").says("source_back source:crimes", "missed R1")


def test_every_verdict_survives_its_stored_form() -> None:
    line = missed().lines["R1"]
    assert msgspec.json.decode(msgspec.json.encode(line), type=type(line)) == line
    assert line.verdict is Verdict.MISSED
