"""Recording statistics: what is counted, what is said of it, and what is withheld."""

from datetime import date, timedelta

import pytest

from schemas.words import TimeBound, Verdict
from service.ingest.source import Topic
from service.insight.statement import About, Recorded, Statement, as_json, state
from service.insight.statistics import Chosen, Statistics, group
from service.insight.stats_page import render
from service.matching.judgement import Line, LinkLine
from tests.insight.lines import crime, line
from tests.insight.reading import Page
from tests.timeline import MONDAY

ABOUT = About(title="A force", zone="Europe/London", blind=(Topic.REFERRAL,), unlinked=9)


def counted(*lines: Line, **fields: date | str) -> Statistics:
    made = Statistics(zone="Europe/London", chosen=Chosen(**fields))  # type: ignore[arg-type]
    for each in lines:
        made.add(each)
    return made


def told(*lines: Line, recorded: Recorded | None = None) -> Statement:
    return state(counted(*lines), ABOUT, recorded)


LINES = (
    line("R1", crime("recorded"), crime("missed", id="theft:1", category="theft")),
    line("R2", crime("recorded_late", 30), domestic=True),
    line("R3", crime("missed", category="rape")),
    line("R4", crime("recorded", 1), route="referral"),
    line("R5"),
)


def test_views_count_crimes_not_reports() -> None:
    views = {row.word: row for row in told(*LINES).views}
    assert (views["all"].due, views["all"].missed) == (5, 2)
    assert views["violence"].rate is not None
    assert (views["violence"].rate.hits, views["violence"].rate.of) == (3, 3)
    assert views["sexual"].missed == 1
    assert (views["domestic_abuse"].due, views["domestic_abuse"].late) == (1, 1)
    assert views["all"].rate is not None
    assert views["all"].rate.routes == ("log", "referral")


def test_rows_of_a_route_name_that_route_alone() -> None:
    rows = {row.word: row for row in told(*LINES).by["route"]}
    assert rows["referral"].rate is not None
    assert rows["referral"].rate.routes == ("referral",)


def test_crimes_lost_are_told_for_the_same_routes_and_else_withheld() -> None:
    log = LINES[:3]
    own = told(*log).lost
    assert own.estimate is not None
    assert own.estimate.value == pytest.approx(2)
    year = told(*log, recorded=Recorded(crimes=6_000, routes=("log",))).lost
    assert year.estimate is not None
    assert year.estimate.value == pytest.approx(6_000)
    other = told(*log, recorded=Recorded(crimes=6_000, routes=("direct", "log"))).lost
    assert other.estimate is None
    assert "of other routes it says nothing" in other.withheld
    assert told().lost.withheld


def test_months_and_days_are_those_of_the_zone_and_months_have_no_gap() -> None:
    summer = MONDAY.replace(month=7, day=31, hour=23, minute=30)
    later = MONDAY.replace(month=10, day=5)
    months = counted(
        line("R1", crime("recorded"), received_at=summer),
        line("R2", crime("recorded"), received_at=later),
    ).values("month")
    assert months == tuple(f"{MONDAY.year}-{month:02}" for month in (8, 9, 10))


def test_same_day_is_the_day_of_the_zone() -> None:
    evening = MONDAY + timedelta(hours=20)
    same = crime("recorded", recorded_at=MONDAY + timedelta(hours=23))
    after = crime("recorded", recorded_at=MONDAY + timedelta(hours=25))
    bound = crime("recorded", timing=TimeBound.AT_LATEST)
    late = crime("recorded_late", recorded_at=MONDAY + timedelta(hours=60))
    found = [
        line(f"R{n}", each, received_at=evening)
        for n, each in enumerate((same, after, bound, late))
    ]
    soon = told(*found).soon[0]
    assert soon.same_day is not None
    assert soon.in_time is not None
    assert (soon.same_day.hits, soon.in_time.hits, soon.in_time.of) == (1, 2, 3)
    assert (soon.late, soon.late_approved, soon.bounded) == (1, 0, 1)


def test_late_with_an_approved_delay_is_late_and_counted_apart() -> None:
    approved = crime("recorded_late", recorded_at=MONDAY + timedelta(hours=60), delay_approved=True)
    late = crime("recorded_late", recorded_at=MONDAY + timedelta(hours=60))
    soon = told(line("R1", approved), line("R2", late)).soon[0]
    assert soon.in_time is not None
    assert (soon.in_time.hits, soon.in_time.of) == (0, 2)
    assert (soon.late, soon.late_approved) == (2, 1)


def test_decisions_are_counted_by_reason_with_the_share_told() -> None:
    accepted = crime("accounted", reason="schools_protocol")
    by_record = crime("accounted", reason="reported_rape_n100", record="N1")
    found = told(
        line("R1", accepted, accepted, told=True),
        line("R2", crime("missed"), decision="refused:schools_protocol:rationale"),
        line("R3", crime("missed"), decision="refused:victim_declined:accepted_reason", told=True),
        line("R4", crime("missed"), decision="refused:no_reason"),
        line("R5", by_record),
    ).decided
    rows = {row.reason: row for row in found}
    assert set(rows) == {"schools_protocol", "victim_declined"}
    school = rows["schools_protocol"]
    assert (school.accepted, school.refused, school.told.hits, school.told.of) == (1, 1, 1, 2)
    assert rows["victim_declined"].told.hits == 1


def test_cancellations_are_counted_by_code_with_what_they_lack() -> None:
    def cancelled(code: str, *lacks: str) -> LinkLine:
        return LinkLine(
            record="C", level="crime_ref", evidence="", standing="x", cancelled=code, lacks=lacks
        )

    (c2, c4) = told(
        line("R1", links=(cancelled("C2"), cancelled("C2", "what", "verifiable"))),
        line("R2", links=(cancelled("C2", "what"), cancelled("C4", "independent"))),
    ).cancelled
    assert (c2.code, c2.records, c2.as_demanded) == ("C2", 3, 1)
    assert list(c2.lacks.items()) == [("what", 2), ("verifiable", 1)]
    assert (c4.records, c4.as_demanded) == (1, 0)


def test_from_receipt_to_opening_by_way_in() -> None:
    made = counted(*LINES)
    for minutes in (0, 10, 20, 90, 10_000_000):
        opened = MONDAY + timedelta(minutes=minutes)
        made.add_wait("33", "log", "online", MONDAY, opened)
    made.add_wait("33", "log", "online", MONDAY, None)
    made.add_wait("33", "log", "online", MONDAY, MONDAY - timedelta(hours=1))
    (row,) = state(made, ABOUT).opened
    assert (row.reports, row.unknown, row.median_minutes, row.within_hour.hits) == (6, 1, 10, 4)


def test_a_choice_of_force_and_days_leaves_the_rest_out() -> None:
    days = [MONDAY.date() + timedelta(days=n) for n in range(4)]
    found = [
        line(f"R{n}", crime("recorded"), received_at=MONDAY + timedelta(days=n)) for n in range(4)
    ]
    made = counted(*found, line("X", force="34"), force="33", since=days[1], until=days[2])
    assert (made.reports, made.left_out) == (2, 3)


def test_two_choices_are_compared_with_the_interval_of_the_difference() -> None:
    here = [line(f"A{n}", crime("recorded" if n < 95 else "missed")) for n in range(100)]
    there = [line(f"B{n}", crime("recorded" if n < 70 else "missed")) for n in range(100)]
    statement = state(counted(*here), ABOUT, against=("before", counted(*there)))
    rows = {row.word: row for row in statement.compared}
    assert set(rows) == {"all", "violence"}
    assert rows["all"].difference.value == pytest.approx(0.25)
    assert 0.1 < rows["all"].difference.low < 0.25 < rows["all"].difference.high
    assert not rows["all"].by_chance
    same = state(counted(*here), ABOUT, against=("itself", counted(*here)))
    assert all(row.by_chance for row in same.compared)


def test_what_cannot_be_said_is_said_to_be_so() -> None:
    untold = line("R9", crime("not_provable"))
    notes = " ".join(told(*LINES[2:], untold).notes)
    for word in ("protection team", "9 rows of records", "domestic abuse", "approved", "--ledger"):
        assert word in notes
    assert "Of 1 crimes one cannot tell" in notes


def test_json_has_the_words_of_the_data_and_no_charts() -> None:
    answer = as_json(told(*LINES))
    assert answer["views"][0]["not_provable"] == 0
    assert "chart" not in answer["views"][0]
    assert answer["by"]["month"][0]["word"] == f"{MONDAY:%Y-%m}"
    assert answer["about"]["blind"] == ["public-protection-referral"]


@pytest.mark.parametrize("lines", [(), LINES[4:], LINES])
def test_the_page_is_whole_and_equals_the_statement(lines: tuple[Line, ...]) -> None:
    statement = told(*lines)
    page = Page(render(statement))
    first = page.by_id("views").rows()[0]
    assert first[1] == str(statement.views[0].due)
    assert page.section("limits").text.count("approved") == 2


def test_what_comes_from_outside_stays_text() -> None:
    evil = "<b>x</b>\u202e"
    about = About(title=evil, zone="UTC", packs=(evil,))
    made = Statistics(zone="UTC")
    made.add(line("R1", crime("missed", category=evil), force=evil))
    made.add(line("R2", crime("missed"), force="33"))
    html = render(state(made, about))
    assert "<b>x" not in html
    assert "\u202e" not in html


def test_groups_are_those_of_the_offence_list() -> None:
    assert [group(c) for c in ("homicide", "rape", "theft", "mine")] == [
        "violence",
        "sexual",
        "other",
        "other",
    ]
    assert Verdict.MISSED in counted(*LINES).by_verdict(group="sexual")
