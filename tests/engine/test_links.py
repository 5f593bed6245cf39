"""Which record belongs to which report: reference levels in order, whatever arrives first."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from service.matching.levels import slips
from tests.timeline import MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"], "place": {"area": "B12"}}
LOG = "LEI-20240115-0412"


def levels(day: Timeline, ref: str) -> dict[str, str]:
    """Level by record."""
    return {link.record: link.level for link in day.lines[ref].links}


@pytest.mark.parametrize(
    ("written", "is_slip"),
    [
        ("LEI-20240115-412", True),
        ("LEI-20240115-00412", True),
        ("LEI-20230115-0412", True),
        ("LEI-20250115-0412", True),
        ("LEI-20240115-0421", True),
        ("LEI-20240115-4012", True),
        ("LEI-20240115-0412", False),
        ("LEI-20240116-0412", False),
        ("LEI-20240115-0413", False),
        ("LEI-20230115-412", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_one_slip_of_the_pen_and_no_more(written: str, is_slip: bool) -> None:
    assert (LOG in slips(written)) is is_slip


@pytest.mark.parametrize("record_first", [True, False])
def test_a_repaired_reference_links_where_time_and_place_agree(record_first: bool) -> None:
    day = Timeline().at("09:00")
    arrivals: list[Callable[[], Timeline]] = [
        lambda: day.report(LOG, **CRIME),
        lambda: day.record("C1", incident_refs=["LEI-20240115-0421"], place={"area": "B12"}),
    ]
    for arrive in reversed(arrivals) if record_first else arrivals:
        arrive()
    assert levels(day.verdict(LOG, "recorded"), LOG) == {"C1": "repaired_ref"}


@pytest.mark.parametrize(
    "other", [{"place": {"area": "B13"}}, {"reported_at": MONDAY - timedelta(days=9)}, {}]
)
def test_a_repaired_reference_needs_time_and_place(other: dict[str, Any]) -> None:
    day = Timeline().at("09:00").report(LOG, **CRIME)
    place = {"place": {"area": "B12"}} if "reported_at" in other else {}
    day.record("C1", incident_refs=["LEI-20240115-0421"], **{**place, **other})
    day.verdict(LOG, "pending")


@pytest.mark.parametrize("exact_first", [True, False])
def test_a_reference_that_names_a_known_report_is_never_repaired(exact_first: bool) -> None:
    day = Timeline().at("09:00")
    if exact_first:
        day.report("LEI-20240115-0421", **CRIME)
    day.report(LOG, **CRIME)
    day.record("C1", incident_refs=["LEI-20240115-0421"], place={"area": "B12"})
    if not exact_first:
        day.verdict(LOG, "recorded").report("LEI-20240115-0421", **CRIME)
    day.verdict(LOG, "pending").verdict("LEI-20240115-0421", "recorded")
    assert day.lane.records["C1"].linked_to == ("LEI-20240115-0421",)


def test_a_record_named_by_a_report_is_not_repaired_onto_another() -> None:
    day = Timeline().at("09:00").report(LOG, **CRIME)
    day.record("C1", incident_refs=["LEI-20240115-0421"], place={"area": "B12"})
    day.verdict(LOG, "recorded").report("R2", version=1, crime_refs=["C1"], **CRIME)
    day.verdict(LOG, "pending").verdict("R2", "recorded")
    received = day.now
    day.at("09:30").report("R2", version=2, received_at=received, **CRIME)
    day.verdict(LOG, "recorded").verdict("R2", "pending")


@pytest.mark.parametrize("read_before", [True, False])
def test_a_record_no_longer_named_by_a_report_is_repaired_onto_all_it_may_mean(
    read_before: bool,
) -> None:
    other = "LEI-20240115-421"
    day = Timeline().at("09:00")
    if read_before:
        day.report(other, **CRIME)
    day.report(LOG, version=1, crime_refs=["C1"], **CRIME)
    day.record("C1", incident_refs=["LEI-20240115-0421"], place={"area": "B12"})
    day.report(LOG, version=2, **CRIME)
    if not read_before:
        day.report(other, **CRIME)
    day.verdict(LOG, "recorded").verdict(other, "recorded")
    assert day.lane.records["C1"].linked_to == tuple(sorted((LOG, other)))


def test_the_strongest_level_names_the_link() -> None:
    day = Timeline().at("09:00").report("R1", crime_refs=["C1"], **CRIME)
    assert levels(day.record("C1", incident_refs=["R1"]), "R1") == {"C1": "crime_ref"}


def test_blank_references_never_match() -> None:
    day = Timeline().at("09:00").report("R1", crime_refs=["", " "], **CRIME)
    day.record("C1", incident_refs=["", "  "]).verdict("R1", "pending")
    assert day.lane.records["C1"].linked_to == ()


def test_levels_a_source_does_not_allow_are_not_used() -> None:
    day = Timeline(crimes={"levels": ("crime_ref",)}).at("09:00").report("R1", **CRIME)
    day.record("C1", incident_refs=["R1"]).verdict("R1", "pending")


def test_a_crime_without_an_incident_is_normal_and_alerts_nobody() -> None:
    day = Timeline().at("09:00").record("C1").says()
    assert day.lane.records["C1"].linked_to == ()


def test_one_record_may_name_two_reports_and_settles_each_once() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME).report("R2", **CRIME)
    day.record("C1", incident_refs=["R1", "R2"]).verdict("R1", "recorded").verdict("R2", "recorded")
    assert day.lane.records["C1"].linked_to == ("R1", "R2")


def test_a_record_first_seen_long_after_its_stated_time_is_flagged_backdated() -> None:
    day = Timeline().at("09:00").report("R1", **CRIME)
    day.at("+5 09:00").record("C1", incident_refs=["R1"], recorded_at=MONDAY + timedelta(hours=12))
    standing = day.verdict("R1", "recorded").lane.records["C1"].standing
    assert standing is not None
    assert standing.backdated
