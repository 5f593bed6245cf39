import re
from datetime import timedelta
from typing import Any

import pytest
from jinja2 import UndefinedError

from schemas.words import Grade, TimeBound, Verdict
from service.figures.crimes import Figures, First
from service.figures.phrases import lasted, percent, points
from service.ingest.source import Topic
from service.insight.page import render
from service.insight.printed import template
from service.matching.judgement import Line, LinkLine, RefusedLine
from tests.insight.lines import about, crime, line
from tests.insight.reading import Page
from tests.timeline import MONDAY, Timeline

HOSTILE = "<script>alert(1)</script>"
BACKWARDS = "R\u202e\u200f\"'&9"


def figures(*lines: Line, **fields: Any) -> Figures:
    made = Figures(**fields)
    for each in lines:
        made.add(each)
    return made


def some() -> Figures:
    return figures(
        line("R1", crime("recorded")),
        line("R2", crime("recorded_late", 30, category="theft")),
        line("R3", crime("missed", reason="no_record", harm=True, rules=("code.violence",))),
        line("R4", crime("missed", reason="no_record"), route="referral"),
        line("R5", crime("accounted", reason="recorded_elsewhere")),
        line("R6", crime("not_provable", reason="crime_source_not_read")),
        line("R7", crime("pending", due_at=MONDAY + timedelta(days=4))),
        line("R8", crime("missed", grade=Grade.POSSIBLE)),
        line("R9", unknown_codes=(f"opening:{HOSTILE}",), verdict=Verdict.UNKNOWN_CODE),
        line("R10", verdict=Verdict.NO_CRIME_INDICATED, carve_outs=("on-duty-conduct",)),
    )


def read(made: Figures, **fields: Any) -> Page:
    return Page(render(made, about(**fields)))


def test_the_page_stands_alone() -> None:
    html = render(some(), about())
    told = Page(html)
    assert not {e.tag for e in told.everything()} & {"script", "link", "img", "iframe", "object"}
    for element in told.everything():
        assert not {"src", "href", "style", "srcset"} & set(element.attributes), element
        assert not [name for name in element.attributes if name.startswith("on")]
    assert set(re.findall(r"url\(([^)]*)\)", html)) == {"#hatch"}
    assert "@import" not in html
    assert "http" not in html


def test_every_chart_can_be_heard_and_every_section_has_its_heading() -> None:
    told = read(some())
    charts = [svg for svg in told.root.all("svg") if svg.attributes.get("aria-hidden") != "true"]
    assert len(charts) >= 6
    for chart in charts:
        assert chart.attributes["role"] == "img"
        assert chart.all("title")[0].text
        assert chart.all("desc")[0].text
    ids = [e.attributes["id"] for e in told.everything() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for section in told.root.all("section"):
        assert told.by_id(section.attributes["aria-labelledby"]).tag == "h2"
    for heading in told.root.all("th"):
        assert heading.attributes["scope"] in ("row", "col")


def test_figures_on_the_page_are_those_of_the_summary() -> None:
    made = some()
    crimes = made.summary()["crimes"]
    told = read(made)
    (shown,) = told.section("headline").all("dl")
    assert [int(value.text) for value in shown.all("dd")] == [
        crimes[word]
        for word in ("recorded", "late", "missed", "accounted", "not_provable", "pending")
    ]
    assert told.by_id("headline").text == "No crime record was found for 2 of 6 crimes due."
    for table in ("routes", "categories"):
        rows = told.by_id(table).rows()
        for column, word in enumerate(
            ("due", "recorded", "late", "missed", "accounted", "not_provable"), start=1
        ):
            assert sum(int(row[column]) for row in rows) == crimes[word], (table, word)


def test_rates_name_their_routes_and_have_intervals() -> None:
    told = read(some()).section("headline").text
    assert (
        "50.0 % recorded , in time or late: 2 of 4 crimes. 95 % interval 15.0 % to 85.0 %" in told
    )
    assert "Routes: Incident log, Referral to a protection team." in told
    assert (
        "Had none of the 1 that cannot be told been recorded, the first rate would be 40.0 %"
        in told
    )
    routes = read(some()).section("by-route").text
    assert "Referral to a protection team against incident log: −66.7 points" in routes
    assert "which chance alone may explain" in routes
    assert "1 of 4 rows of records belong to no report" in routes


def test_possible_crimes_stand_apart() -> None:
    told = read(some()).section("by-category").text
    assert "1 crime that a report hints at" in told
    assert "no crime record found 1" in told
    assert "R8" not in read(some()).section("misses").text


def test_each_miss_is_listed_with_its_evidence_and_why_nothing_settles_it() -> None:
    missed = line(
        "R3",
        crime(
            "missed",
            reason="record_withdrawn",
            evidence=("opening:assault", "term:violence.punched"),
            rules=("code.violence", "limit-72h"),
            classes=("8N", "8P", "104", "105A", "105B"),
            harm=True,
            unsourced=True,
        ),
        crime("recorded", category="theft"),
        verdict=Verdict.PARTLY_RECORDED,
        decision="refused:balance_not_met:rationale",
        links=(
            LinkLine(
                record="C7",
                level="incident_ref",
                evidence="R3",
                standing="cancelled_without_proof",
                lacks=("verifiable",),
            ),
        ),
        refused=(RefusedLine(record="C7", reason="cancelled_without_proof"),),
        sources=("crimes", "log"),
    )
    ((report, because, why),) = read(figures(missed)).by_id("each-miss").rows()
    assert report == (
        "R3 high harm Incident log, 2 days past due received Mon 15 Jan 2024 00:00 +00:00 "
        "due Tue 16 Jan 2024 00:00 +00:00"
    )
    assert because == (
        "Violence class 8N, 8P, 104, 105A, and 1 more opening code assault; words violence.punched "
        "rules: code.violence, limit-72h · rests on a rule without a source "
        "also: Theft: recorded in time (C1)"
    )
    assert why == (
        "Its record was taken away again C7 refused: cancelled without what the code demands; "
        "lacks how the new information can be verified (the record names the report) "
        "Closure not accepted: balance of probabilities not met; lacks a rationale "
        "read past the deadline: crimes, log"
    )


def test_lists_say_how_much_they_leave_out() -> None:
    many = [line(f"R{n}", crime("missed"), crime("pending")) for n in range(5)]
    told = read(figures(*many, misses=First(2), open=First(1)))
    assert "3 more are in verdicts.jsonl" in told.section("misses").text
    assert "4 more reports are in verdicts.jsonl" in told.section("open").text


def test_what_comes_from_outside_stays_text() -> None:
    hostile = line(
        BACKWARDS,
        crime(
            "missed",
            category=HOSTILE,
            evidence=(f"opening:{HOSTILE}",),
            rules=(HOSTILE,),
            classes=(HOSTILE,),
            reason=HOSTILE,
        ),
        crime("recorded", record=HOSTILE),
        force=HOSTILE,
        route=HOSTILE,
        decision=f"refused:{HOSTILE}:{HOSTILE}",
        refused=(RefusedLine(record=HOSTILE, reason=HOSTILE),),
        sources=(HOSTILE,),
        unknown_codes=(f"closing:{HOSTILE}",),
        carve_outs=(HOSTILE,),
    )
    settled = line("R2", crime("accounted", reason=HOSTILE), crime("not_provable", reason=HOSTILE))
    texts = {"title": HOSTILE, "pack": HOSTILE, "pack_title": BACKWARDS, "marking": HOSTILE}
    html = render(
        figures(hostile, settled),
        about(**texts, forces=(HOSTILE, BACKWARDS), warnings=(HOSTILE,), records={}, inputs={}),
    )
    told = Page(html)
    assert not told.root.all("script")
    assert html.count("<script") == 0
    assert "\u202e" not in html
    assert "\u200f" not in html
    assert "R<U+202E><U+200F>\"'&9" in told.by_id("each-miss").text
    html.encode("utf-8")


def test_what_is_not_connected_is_named_wherever_it_matters() -> None:
    told = read(some())
    blind = "Referrals to protection teams: not connected."
    assert blind in told.section("sources").text
    assert "never had an incident log cannot be seen" in told.section("limits").text
    two = read(some(), forces=("33", "34"), blind_spots=())
    assert "Crime system: not connected for 34 ." in two.section("sources").text


def test_sources_show_what_they_cover_and_how_far_they_are_read() -> None:
    rows = read(some()).section("sources").all("table")[0].rows()
    assert rows[1] == [
        "Crime system 33 · crimes",
        "Fri 5 Jan 2024 00:00 +00:00",
        "Wed 17 Jan 2024 00:00 +00:00",
        "by time of recording",
        "Wed 17 Jan 2024 00:00 +00:00 by what its file covers",
    ]


def test_times_are_shown_in_the_zone_with_their_offset() -> None:
    july = MONDAY.replace(month=7, hour=12)
    made = figures(line("R1", crime("missed"), received_at=july), zone="Europe/London")
    told = read(made, zone="Europe/London")
    assert "received Mon 15 Jul 2024 13:00 +01:00" in told.by_id("each-miss").text
    with pytest.raises(ValueError, match="counted in UTC"):
        render(figures(), about(zone="Europe/London"))


def test_bound_times_stand_apart_from_exact_ones() -> None:
    late = crime("recorded_late", 30, timing=TimeBound.AT_LATEST)
    told = read(figures(line("R1", crime("recorded", -2)), line("R2", late))).section("by-delay")
    exact, bound = told.all("svg")
    assert exact.all("desc")[0].text == "before receipt 1"
    assert bound.all("desc")[0].text == "1–2 days 1"
    assert "Of 1 crime only a bound of the recording time is known" in told.text


def test_marking_and_demonstration_stand_at_head_and_foot() -> None:
    html = render(some(), about(marking="OFFICIAL", demonstration=True))
    assert html.count("OFFICIAL") == html.count("DEMONSTRATION DATA") == 2
    assert "DEMONSTRATION" not in render(some(), about())


@pytest.mark.parametrize("lines", [(), (line("R1"),), (line("R1", crime("pending")),)])
def test_little_or_nothing_still_makes_a_page(lines: tuple[Line, ...]) -> None:
    told = read(figures(*lines), sources=(), inputs={}, records={})
    assert told.by_id("headline").text == "No crime was due."
    assert told.section("misses").text.endswith("None.")


def test_a_name_the_template_lacks_is_an_error() -> None:
    lacking = template("report.html.j2").environment.from_string("{{ absent }}")
    with pytest.raises(UndefinedError):
        lacking.render()


def test_the_same_reports_make_the_same_page_in_whatever_order_they_were_counted() -> None:
    lines = [
        line(f"R{n}", crime("missed", reason=why), decision=f"refused:{why}", unknown_codes=(why,))
        for n, why in enumerate(("no_record", "record_withdrawn", "not_notifiable"))
    ]
    assert render(figures(*lines), about()) == render(figures(*reversed(lines)), about())


def test_a_story_from_the_engine_reaches_the_page() -> None:
    day = Timeline().at("09:00").report("R1", opening_codes=["crime"])
    day.record("C1", version=1, incident_refs=["R1"])
    day.at("10:00").record(
        "C1", version=2, incident_refs=["R1"], status="cancelled", cancellation={"code": "C4"}
    )
    day.at("11:00").report(
        "R2", opening_codes=["crime"], closed_at=day.now, closure={"reason": "victim_declined"}
    )
    day.at("+2 00:00").heartbeat("log", "crimes")
    made = figures(*day.lines.values())
    first, second = read(made).by_id("each-miss").rows()
    assert "C1 refused: cancelled without what the code demands; lacks a decision" in first[2]
    assert "Closure not accepted: victim declined to pursue" in second[2]
    assert made.summary()["crimes"]["missed"] == 2


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert [percent(s) for s in (0, 0.0001, 0.5, 0.9999, 1)] == [
        *("0 %", "0.1 %", "50.0 %", "99.9 %", "100 %")
    ]
    assert points(-0.528) == "−52.8"
    assert points(0.01) == "+1.0"


def test_spans_are_told_in_the_unit_that_tells() -> None:
    told = [lasted(timedelta(minutes=m)) for m in (59, 60, 47 * 60, 48 * 60, 1440 * 3222)]
    assert told == ["59 min", "1 h", "47 h", "2 days", "3,222 days"]


def test_topics_in_blind_spots_are_drawn_hatched() -> None:
    told = read(some(), blind_spots=(Topic.REFERRAL,)).section("sources")
    assert told.all("desc")[0].text.endswith("Referrals to protection teams: not connected")
