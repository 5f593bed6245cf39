from datetime import timedelta

import pytest

from service.figures.charts import (
    RAMP,
    Bin,
    Cell,
    Part,
    Span,
    heat,
    histogram,
    shade,
    spans,
    stacked,
    swatch,
    whisker,
)
from tests.insight.reading import Page
from tests.timeline import MONDAY

PARTS = (Part("in time", 3, "recorded"), Part("late", 1, "late"), Part("none", 0, "missed"))


def test_a_bar_is_divided_by_its_parts() -> None:
    assert stacked("Crimes", PARTS, 20) == (
        '<svg viewBox="0 0 720 20" role="img" aria-label="Crimes"><title>Crimes</title>'
        "<desc>in time 3; late 1; none 0</desc>"
        '<rect x="0" y="0" width="540" height="20" fill="#c5ccd3" stroke="#1c2126" '
        'stroke-width="0.6"><title>in time: 3</title></rect>'
        '<rect x="540" y="0" width="180" height="20" fill="#7f8b96" stroke="#1c2126" '
        'stroke-width="0.6"><title>late: 1</title></rect></svg>'
    )


def test_a_whisker_has_its_dot_and_ends_where_the_axis_puts_them() -> None:
    svg = whisker("Theft", 0.75, 0.5, 1, start=0.5)
    root = Page(svg).root
    assert root.all("desc")[0].text == "75.0%, interval 50.0% to 100.0%"
    (dot,) = root.all("circle")
    assert dot.attributes["cx"] == "90"
    ends = [line.attributes["x1"] for line in root.all("line")[-2:]]
    assert ends == ["4", "176"]


def test_columns_are_as_high_as_their_counts_with_totals_above() -> None:
    svg = histogram("Time", [Bin("before\nreceipt", PARTS, apart=True), Bin("1 h", PARTS[:1])], 100)
    root = Page(svg).root
    bars = root.all("rect")
    assert [bar.attributes["height"] for bar in bars] == ["75", "25", "75"]
    assert [bar.attributes["y"] for bar in bars] == ["43", "18", "43"]
    assert float(bars[2].attributes["x"]) - float(bars[0].attributes["x"]) == 353 + 14
    assert [text.text for text in root.all("text")] == ["4", "before", "receipt", "3", "1 h"]
    assert root.all("desc")[0].text == "before receipt 4; 1 h 3"


@pytest.mark.parametrize(
    ("value", "of", "step"),
    [(0, 0, 0), (0, 9, 0), (1, 20, 1), (1, 10, 2), (1, 4, 3), (1, 2, 4), (2, 3, 5)],
)
def test_shades_follow_the_share(value: int, of: int, step: int) -> None:
    assert shade(value, of) == step


def test_a_heat_map_leaves_small_cells_unshaded_and_names_the_highest() -> None:
    cells = [[Cell(4, 4), Cell(3, 6), Cell(7, 10)], [Cell(4, 4), Cell(3, 6), Cell(7, 10)]]
    root = Page(heat("When", ["Mon", "All"], ["00", "01", "All"], cells)).root
    fills = [cell.attributes["fill"] for cell in root.all("rect")]
    assert fills == ["#fff", RAMP[4], RAMP[5]] * 2
    assert root.all("desc")[0].text == "7 of 10 in all; highest Mon 01: 3 of 6"


def test_spans_show_what_is_covered_how_far_it_is_read_and_what_is_not_connected() -> None:
    last = MONDAY + timedelta(days=10)
    rows = [
        Span("Crimes", MONDAY, last, MONDAY + timedelta(days=5)),
        Span("Growing", MONDAY + timedelta(days=5), None, last),
        Span("Referrals"),
    ]
    root = Page(spans("Sources", rows, MONDAY, last, last)).root
    ground, *bars, blind = root.all("rect")
    assert ground.attributes["width"] == "526"
    places = [(bar.attributes["x"], bar.attributes["width"]) for bar in bars]
    assert places == [("190", "263"), ("453", "263"), ("453", "263"), ("716", "0")]
    hatched = [bar.attributes["fill"] == "url(#hatch)" for bar in (*bars, blind)]
    assert hatched == [False, True, False, True, True]
    assert root.all("line")[0].attributes["x1"] == "453"
    assert root.all("desc")[0].text.endswith("Referrals: not connected")


def test_nothing_to_draw_is_drawn_as_nothing() -> None:
    assert not Page(stacked("None", ())).root.all("rect")
    assert not Page(histogram("None", [Bin("1 h", ())])).root.all("rect")
    assert Page(spans("Sources", [], MONDAY, MONDAY, MONDAY)).root.all("svg")


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\"'><img src=x>", "a\u202egpj", "&amp;", "x\x00y"]
)
def test_text_from_outside_stays_text(text: str) -> None:
    drawn = (
        stacked(text, [Part(text, 1, "late")]),
        whisker(text, 0.5, 0.4, 0.6),
        histogram(text, [Bin(text, (Part(text, 1, "late"),))]),
        heat(text, [text, text], [text], [[Cell(1, 9)]] * 2),
        spans(text, [Span(text)], MONDAY, MONDAY, MONDAY),
        swatch("late"),
    )
    for svg in drawn:
        tags = {element.tag for element in Page(svg).everything()}
        assert tags <= {"", "svg", "title", "desc", "rect", "line", "text", "circle"}
        assert "\u202e" not in svg
        assert "\x00" not in svg
