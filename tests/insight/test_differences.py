"""Two packs on one report: what differs, and the part of the pack that made it differ."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from schemas.words import Grade, Verdict
from service.insight.changes import Change, Changes, changes
from service.insight.diff_page import About, PackShown, as_json, render
from service.insight.differences import Difference, Differences, compare, pairs
from service.matching.judgement import CrimeLine, Line, LinkLine, RefusedLine
from service.rules.pack import Pack, parse_pack
from tests.insight.lines import crime, line, many
from tests.insight.reading import Page
from tests.timeline import MONDAY

PACK = """
name: mine
title: Mine
code_map_yes: theft
limits:
  - {id: limit, hours: 24, sourced: a}
categories:
  violence: {rank: 10, sourced: a}
  theft: {rank: 20, sourced: a}
codes:
  - {id: code.violence, category: violence, codes: [assault], sourced: a}
earlier_record_hours: 24
"""


def pack(change: Callable[[str], str] = lambda text: text) -> Pack:
    return parse_pack(change(PACK), "mine.yaml", lambda name: "")


def changed(*names: str) -> Changes:
    return Changes(tuple(Change(part=name, how="changed", fields=("x",)) for name in names))


def theft(verdict: str = "missed", **fields: Any) -> CrimeLine:
    known: dict[str, Any] = {
        "id": "theft:1",
        "category": "theft",
        "rules": ("code.theft", "limit"),
        "evidence": ("opening:theft",),
    }
    return crime(verdict, **{**known, **fields})


def causes(before: Line, after: Line, *names: str) -> tuple[str, ...]:
    found = compare(before, after, changed(*names))
    assert found is not None
    return found.causes


# -- between the packs ----------------------------------------------------------------------------


def test_parts_that_differ_are_named_by_what_they_are() -> None:
    def mend(text: str) -> str:
        text = text.replace("hours: 24,", "hours: 12,").replace("rank: 20", "rank: 5")
        text = text.replace("earlier_record_hours: 24\n", "conduct_gap_days: 30\n")
        return text.replace("id: code.violence", "id: code.hurt").replace("name: mine", "name: my")

    found = {each.part: (each.how, each.fields) for each in changes(pack(), pack(mend)).parts}
    assert found == {
        "categories:theft": ("changed", ("rank",)),
        "codes:code.hurt": ("added", ()),
        "codes:code.violence": ("removed", ()),
        "conduct_gap_days": ("changed", ()),
        "earlier_record_hours": ("removed", ()),
        "limits:limit": ("changed", ("hours",)),
    }


def test_rules_on_words_are_parts_of_their_own() -> None:
    first = "{id: text.hurt, category: violence, all: [[violence.hit]], sourced: a}"
    other = first.replace("violence.hit", "violence.kicked")
    text = "text:\n  inference: b\n  combinations:\n    - " + first + "\n"

    before, after = (
        pack(lambda plain: plain + text),
        pack(lambda plain: plain + text.replace(first, other)),
    )
    assert [each.part for each in changes(before, after).parts] == ["text:text.hurt"]
    shown = crime("missed", rules=("text.hurt",), evidence=("term:violence.kicked",))
    found = compare(line("R1"), line("R1", shown), changes(before, after))
    assert found is not None
    assert found.causes == ("text:text.hurt",)


def test_sources_and_urgency_decide_nothing() -> None:
    other = changes(pack(), pack(lambda text: text.replace("sourced: a}", "unsourced: b}")))
    assert other == Changes()
    urgent = changes(pack(), pack(lambda text: text.replace("rank: 20,", "rank: 20, harm: true,")))
    assert [each.part for each in urgent.parts] == ["categories:theft"]
    assert urgent.deciding == frozenset()


# -- one report -----------------------------------------------------------------------------------


def test_other_grounds_for_the_same_verdict_are_no_difference() -> None:
    before = line("R1", theft(rules=("code.theft",)))
    after = line("R1", theft(rules=("text",), evidence=("term:theft.took",)))
    assert compare(before, after, changed("codes:code.theft")) is None


@pytest.mark.parametrize(
    ("before", "after", "parts", "expected"),
    [
        # a rule that only one pack has shows the crime
        ((), (theft(),), ("codes:code.theft", "eras:e"), ("codes:code.theft",)),
        ((theft(),), (), ("codes:code.theft",), ("codes:code.theft",)),
        # the same rules, another lexicon
        (
            (),
            (theft(rules=("text",), evidence=("term:theft.took",)),),
            (),
            ("evidence:term:theft.took",),
        ),
        # surer by what was found
        (
            (theft(grade=Grade.POSSIBLE, rules=("text",), evidence=("term:theft.took",)),),
            (theft(rules=("code.theft", "text"), evidence=("opening:theft", "term:theft.took")),),
            ("codes:code.theft",),
            ("codes:code.theft",),
        ),
        # one crime is no longer counted because another outranks it
        (
            (theft(),),
            (crime("missed", rules=("code.violence",), evidence=("opening:assault",)),),
            ("categories:violence",),
            ("categories:violence",),
        ),
        # the deadline
        (
            (theft(due_at=MONDAY + timedelta(hours=12)),),
            (theft(),),
            ("limits:limit", "categories:theft"),
            ("limits:limit",),
        ),
        # a limit moves no verdict where the deadline stands
        ((), (theft(),), ("limits:limit",), ("evidence:opening:theft",)),
        # a decision that one pack accepts
        (
            (theft("accounted", reason="schools_protocol"),),
            (theft(),),
            ("decisions:schools_protocol", "timing"),
            ("decisions:schools_protocol",),
        ),
        # nothing can be named
        ((theft("recorded"),), (theft(),), (), ("packs",)),
        ((theft("recorded"),), (theft(),), ("timing",), ("timing",)),
    ],
)
def test_a_difference_is_put_down_to_the_nearest_part(
    before: tuple[CrimeLine, ...],
    after: tuple[CrimeLine, ...],
    parts: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    assert causes(line("R1", *before), line("R1", *after), *parts) == expected


def test_records_refused_and_cancelled_name_what_refused_them() -> None:
    early = line("R1", theft(), refused=(RefusedLine(record="C1", reason="too_early"),))
    assert causes(line("R1", theft("recorded")), early, "earlier_record_hours", "timing") == (
        "earlier_record_hours",
    )
    gone = LinkLine(record="C1", level="crime_ref", evidence="", cancelled="C2", lacks=("what",))
    assert causes(
        line("R1", theft("accounted", reason="cancelled_C2", record="C1")),
        line("R1", theft(), links=(gone,)),
        "cancellations:C2",
    ) == ("cancellations:C2",)


def test_a_report_without_crimes_differs_by_its_codes_or_by_what_is_not_due() -> None:
    unknown = line("R1", verdict=Verdict.UNKNOWN_CODE, unknown_codes=("opening:zz",))
    assert causes(unknown, line("R1")) == ("evidence:opening:zz",)
    carved = line("R1", carve_outs=("on-duty",))
    assert causes(line("R1"), carved, "carve_outs:on-duty") == ("carve_outs:on-duty",)


def test_a_report_on_one_side_only_is_a_difference() -> None:
    found = compare(None, line("R1", theft()), Changes())
    assert found is not None
    assert (found.before.verdict, found.after.verdict) == ("absent", "missed")
    with pytest.raises(ValueError, match="no report"):
        compare(None, None, Changes())


# -- all of them ----------------------------------------------------------------------------------


@settings(max_examples=30)
@given(many(), many())
def test_two_sorted_files_are_walked_as_one(before: list[Line], after: list[Line]) -> None:
    def key(each: Line) -> tuple[str, str]:
        return each.force, each.ref

    left, right = sorted(before, key=key), sorted(after, key=key)
    walked = list(pairs(left, right))
    assert [a for a, _ in walked if a] == left
    assert [b for _, b in walked if b] == right
    assert all(key(a) == key(b) for a, b in walked if a and b)
    keys = [key(a or b) for a, b in walked if a or b]  # type: ignore[arg-type]
    assert keys == sorted(set(keys))


@settings(max_examples=30)
@given(many())
def test_a_pack_against_itself_changes_nothing(lines: list[Line]) -> None:
    assert not any(compare(each, each, Changes()) for each in lines)


def counted() -> Differences:
    found = Differences()
    for n in range(9):
        old, new = line(f"R{n}", theft("recorded")), line(f"R{n}", theft())
        found.add(old, new, compare(old, new, changed("timing")))
    same = line("S", theft("recorded"))
    found.add(same, same, compare(same, same, Changes()))
    regraded = line("T", theft()), line("T", theft(grade=Grade.POSSIBLE))
    found.add(*regraded, compare(*regraded, Changes()))
    return found


def about(title: str = "A force") -> About:
    shown = PackShown("mine", title, "d" * 64)
    return About(
        title=title, zone="UTC", as_of=MONDAY, before=shown, after=shown, changed=changed("timing")
    )


def test_differences_are_counted_by_what_changed_and_why_with_a_few_examples() -> None:
    told = as_json(counted(), about())
    assert (told["reports"], told["differing"], told["other_verdict"]) == (11, 10, 9)
    assert (told["newly_missed"], told["no_longer_missed"]) == (9, 1)
    assert told["crimes"][0] == {
        "before": "recorded",
        "after": "missed",
        "category": "theft",
        "cause": "timing",
        "n": 9,
        "examples": ["R0", "R1", "R2", "R3", "R4"],
    }
    assert told["verdicts"][1] == {"before": "missed", "after": "possible missed", "n": 1}
    assert told["crimes_before"] == {"recorded": 10, "missed": 1}
    assert told["crimes_after"] == {"recorded": 1, "missed": 9}
    assert json.dumps(told, default=str)


def test_the_page_tells_the_same_and_is_whole() -> None:
    found = counted()
    page = Page(render(found, about()))
    assert "10 of 11 reports are judged differently" in page.by_id("headline").text
    first = page.section("kinds").rows()[0]
    assert first == ["Recorded in time", "No crime record found", "Theft", "timing", "9"]
    assert len(page.section("examples").rows()) == 6
    alike = Page(render(Differences(reports=3), about()))
    assert "All 3 reports are judged alike" in alike.by_id("headline").text


def test_what_comes_from_outside_stays_text() -> None:
    evil = "<b>x</b>\u202e"
    found = Differences()
    old, new = (
        line(evil, force=evil),
        line(evil, theft(category=evil, evidence=(evil,)), force=evil),
    )
    difference: Difference | None = compare(old, new, Changes())
    found.add(old, new, difference)
    html = render(found, about(evil))
    assert "<b>x" not in html
    assert "\u202e" not in html
