"""Who is drawn for an audit, and the sheet that people fill in."""

import csv
from collections import Counter
from io import StringIO
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.words import Grade
from service.insight.audit import ASKED, COLUMNS, BadSheet, read_sheet, sheet
from service.insight.sampling import AT_LEAST, TooFew, allocate, draw, stratum
from service.matching.judgement import Line
from tests.insight.lines import crime, line, many

SIZES = Counter({"missed": 500, "none": 10_000, "recorded": 3_000, "rape": 3, "one": 1})


def lines(n: int) -> list[Line]:
    kinds = ("missed", "recorded")
    return [
        line(f"R{i:03}", *([crime(kinds[i % 2])] if i % 3 else []), received_at=line().received_at)
        for i in range(n)
    ]


def test_places_go_by_the_root_of_a_stratum_with_two_at_least() -> None:
    places = allocate(SIZES, 300)
    assert sum(places.values()) == 300
    assert places["one"] == 1
    assert places["rape"] >= AT_LEAST
    ratio = {name: places[name] / sqrt(SIZES[name]) for name in ("missed", "none", "recorded")}
    assert max(ratio.values()) / min(ratio.values()) < 1.06


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=1), st.integers(12, 99)
)
def test_every_place_is_given_and_none_twice(sizes: dict[str, int], n: int) -> None:
    places = allocate(Counter(sizes), n)
    assert sum(places.values()) == min(n, sum(sizes.values()))
    assert all(min(AT_LEAST, sizes[name]) <= k <= sizes[name] for name, k in places.items())


def test_a_sample_too_small_for_its_strata_says_what_would_do() -> None:
    with pytest.raises(TooFew, match="5 reports cannot hold 2 of each of 5 strata; give 9 or more"):
        allocate(SIZES, 5)


@settings(max_examples=25)
@given(many(), st.randoms())
def test_the_order_of_the_reports_draws_nobody_else(found: list[Line], chance: object) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert draw(found, 40, 7) == draw(shuffled, 40, 7)


def test_the_seed_decides_and_every_report_has_its_chance() -> None:
    drawn = [{p.ref for p in draw(lines(60), 12, seed).picked} for seed in range(60)]
    assert drawn[0] == {p.ref for p in draw(lines(60), 12, 0).picked}
    assert any(a != b for a, b in pairwise(drawn))
    assert len(set().union(*drawn)) == 60


def test_strata_tell_possible_further_and_harmful_apart() -> None:
    sexual = crime("missed", category="rape")
    possible = crime("missed", grade=Grade.POSSIBLE)
    assert stratum(line("A", crime("missed"), sexual)) == "missed/log/sexual"
    assert stratum(line("A", possible)) == "possible missed/log/violence"
    assert stratum(line("A", crime("recorded", category="theft"))) == "recorded/log/other"
    assert stratum(line("A", route="referral")) == "no_crime_indicated/referral/none"
    assert stratum(line("A", same_as="B")) == "further log/log/none"


# -- the sheet --------------------------------------------------------------------------------


def filled(n: int = 12, **answers: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(StringIO(sheet(draw(lines(40), n, 3)))))
    for row in rows:
        row.update({"crime_due": "yes", "crimes_due": "1", "recorded": "yes", "in_time": "yes"})
        row.update(answers)
    return rows


def written(rows: list[dict[str, str]], delimiter: str = ",") -> list[str]:
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().splitlines(keepends=True)


def test_the_sheet_asks_and_has_no_words_of_people() -> None:
    rows = list(csv.DictReader(StringIO(sheet(draw(lines(40), 12, 3)))))
    assert tuple(rows[0]) == COLUMNS
    assert all(row[name] == "" for row in rows for name in ASKED)
    assert {row["seed"] for row in rows} == {"3"}
    weights = sum(float(row["weight"]) for row in rows)
    assert weights == pytest.approx(40, abs=0.01)


def test_no_cell_is_a_formula() -> None:
    text = sheet(draw([line("=1+1", crime("missed"))], 5, 1))
    assert "'=1+1" in text


def test_a_sheet_filled_in_is_read_back_whatever_the_spreadsheet_did_to_it() -> None:
    rows = filled(recorded="0", in_time="")
    rows[0].update({"crime_due": "NO ", "crimes_due": "", "recorded": ""})
    rows[1].update({"crimes_due": "3", "recorded": "2", "in_time": "no"})
    for delimiter in ",;":
        seed, audited = read_sheet(written(rows, delimiter))
        assert seed == 3
        assert [(a.due, a.recorded, a.in_time) for a in audited[:3]] == [
            (0, 0, 0),
            (3, 2, 0),
            (1, 0, 0),
        ]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (dict.fromkeys(ASKED, ""), "not filled in"),
        ({"crime_due": "maybe"}, "crime_due is 'maybe'"),
        ({"crimes_due": ""}, "crimes_due is empty"),
        ({"crimes_due": "0"}, "crimes_due is 0"),
        ({"recorded": ""}, "recorded is empty"),
        ({"recorded": "2"}, "recorded is 2"),
        ({"recorded": "some"}, "recorded is 'some'"),
        ({"in_time": ""}, "in_time is empty"),
        ({"crime_due": "no"}, "crime_due is no, and crimes are counted beside it"),
    ],
)
def test_a_row_half_filled_is_told_by_its_line(answers: dict[str, str], told: str) -> None:
    rows = filled()
    rows[4].update(answers)
    with pytest.raises(BadSheet) as bad:
        read_sheet(written(rows))
    (slip,) = bad.value.slips
    assert (slip.line, slip.message) == (6, told)
    assert slip.remedy


def test_rows_taken_out_or_copied_bend_the_weights_and_are_told() -> None:
    with pytest.raises(BadSheet) as bad:
        read_sheet(written(filled()[1:]))
    assert "rows and states" in bad.value.slips[0].message
    rows = filled()
    with pytest.raises(BadSheet) as bad:
        read_sheet(written([*rows, rows[0]]))
    assert bad.value.slips[0].message == "the report of line 2 again"
    with pytest.raises(BadSheet, match="1 rows"):
        read_sheet(["a,b\n"])
