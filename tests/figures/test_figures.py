import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.words import Grade, TimeBound, Verdict
from service.figures.crimes import BEFORE_RECEIPT, DELAYS, Figures, First, Named
from service.figures.times import SPANS
from service.matching.judgement import Line
from tests.insight.lines import crime, line, many
from tests.timeline import MONDAY


def small() -> Figures:
    """Figures that keep little, so that a few lines overflow them."""
    return Figures(
        zone="Europe/London",
        misses=First(2),
        open=First(1),
        untold=First(2),
        unknown_codes=Named(3),
    )


def counted(lines: Sequence[Line]) -> Figures:
    figures = small()
    for each in lines:
        figures.add(each)
    return figures


@settings(max_examples=60, deadline=None)
@given(many(), st.data())
def test_parts_put_together_in_any_order_are_the_whole(
    lines: list[Line], data: st.DataObject
) -> None:
    parts = [small() for _ in range(3)]
    for each in data.draw(st.permutations(lines)):
        parts[data.draw(st.integers(0, 2))].add(each)
    together = small()
    for part in data.draw(st.permutations(parts)):
        together.merge(pickle.loads(pickle.dumps(part)))
    assert together == counted(lines)


@settings(max_examples=60, deadline=None)
@given(many())
def test_sums_are_equal(lines: list[Line]) -> None:
    figures = counted(lines)
    summary = figures.summary()
    assert summary["reports"] == len(lines)
    assert sum(summary["verdicts"].values()) + sum(summary["possible"].values()) == len(lines)
    crimes = dict(summary["crimes"])
    due, pending = crimes.pop("due"), crimes.pop("pending")
    assert due == sum(crimes.values())
    clear = [c for each in lines for c in each.crimes if c.grade is Grade.CLEAR]
    assert due + pending == len(clear) == figures.hours.total() == figures.reasons.total()
    assert figures.possible_crimes.total() == sum(len(each.crimes) for each in lines) - len(clear)
    assert figures.delays.total() == crimes["recorded"] + crimes["late"]
    assert figures.forces.total() == len(lines)
    assert len(figures.misses.kept) + figures.misses.left_out == figures.misses.total


def test_the_summary_has_every_word_and_counts_each_crime_once() -> None:
    figures = Figures()
    figures.add(line("R1", crime("recorded"), crime("missed")))
    figures.add(line("R2", crime("missed", grade=Grade.POSSIBLE)))
    figures.add(line("R3", verdict=Verdict.MISSED, grade=Grade.CLEAR, same_as="R1"))
    figures.add(line("R4"))
    figures.add(line("R5", crime("pending"), crime("recorded", grade=Grade.POSSIBLE)))
    summary = figures.summary()
    assert set(summary["verdicts"]) == set(summary["possible"]) == {word.value for word in Verdict}
    assert summary["reports"] == 5
    assert {word: n for word, n in summary["possible"].items() if n} == {"missed": 1}
    assert summary["crimes"] == {
        "due": 2,
        "recorded": 1,
        "late": 0,
        "missed": 1,
        "accounted": 0,
        "not_provable": 0,
        "pending": 1,
    }
    assert figures.same_incident == 1
    assert figures.possible_crimes.total() == 2


def test_misses_kept_are_those_of_high_harm_then_the_earliest_due() -> None:
    figures = small()
    for number, harm in enumerate((False, False, True)):
        due = MONDAY + timedelta(hours=24 + number)
        figures.add(line(f"R{number}", crime("missed", due_at=due, harm=harm)))
    assert [each.ref for each in figures.misses.lines] == ["R2", "R0"]
    assert figures.misses.left_out == 1


def test_memory_is_bounded_whatever_the_number_of_reports() -> None:
    figures = Figures()
    for number in range(3000):
        figures.add(line(f"R{number}", crime("missed"), crime("pending"), crime("not_provable")))
        figures.add(line(f"U{number}", unknown_codes=(f"opening:{number:04}",)))
    kept = (figures.misses, figures.open, figures.untold)
    assert [len(each.kept) for each in kept] == [500, 200, 200]
    assert [each.total for each in kept] == [3000, 3000, 3000]
    assert len(figures.unknown_codes.counts) == 200
    assert figures.unknown_codes.left_out == 2800


@pytest.mark.parametrize(
    ("hours", "span"),
    [
        (-0.01, "before"),
        (0, "0–1\nhour"),
        (1, "0–1\nhour"),
        (1.01, "1–2\nhours"),
        (24, "16–24\nhours"),
        (24.01, "1–2\ndays"),
        (168, "4–7\ndays"),
        (10_000, "over 4\nweeks"),
    ],
)
def test_spans_end_inclusively_as_the_deadline_does(hours: float, span: str) -> None:
    assert len(SPANS) == len(DELAYS) + 1
    figures = Figures()
    figures.add(line("R1", crime("recorded", hours)))
    ((index, _, _),) = figures.delays
    assert ("before" if index == BEFORE_RECEIPT else SPANS[index]) == span


def test_hours_and_days_are_those_of_the_zone_across_the_change_of_clocks() -> None:
    figures = Figures(zone="Europe/London")
    received = datetime(2024, 3, 31, 22, 30, tzinfo=UTC)  # 23:30 in London, Sunday
    for minutes in (29, 31):
        made = received + timedelta(minutes=minutes)
        figures.add(line(f"R{minutes}", crime("recorded", recorded_at=made), received_at=received))
    assert figures.hours == {(6 * 24 + 23, Verdict.RECORDED): 2}
    assert figures.same_day == 1


def test_bounds_are_kept_apart_from_exact_times() -> None:
    figures = Figures()
    figures.add(line("R1", crime("recorded_late", 30, timing=TimeBound.AT_LATEST)))
    assert figures.same_day == 0
    assert [bound for _, bound, _ in figures.delays] == [TimeBound.AT_LATEST]


def test_figures_of_another_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="Europe/London"):
        Figures().merge(Figures(zone="Europe/London"))
