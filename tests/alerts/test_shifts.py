"""Shift patterns, by the clock on the wall."""

from datetime import UTC, datetime, timedelta

import pytest

from service.alerts.shifts import (
    DAYS,
    LAST_WORD,
    Shifts,
    last_word,
    next_digest,
    next_start,
    on_shift,
    round_the_clock,
)

CLOCK = Shifts(starts=("07:00", "19:00"), hours=12)
OFFICE = Shifts(starts=("08:00",), hours=9, days=DAYS[:5], bank_holidays=False)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("2026-12-24T16:59", True),  # Thursday
        ("2026-12-24T17:00", False),
        ("2026-12-25T10:00", False),  # Christmas Day
        ("2026-12-28T10:00", False),  # in lieu of Boxing Day, a Saturday
        ("2026-12-29T10:00", True),
        ("2026-04-03T10:00", False),  # Good Friday
        ("2026-07-01T07:30", True),  # half past eight in summer
    ],
)
def test_offices_are_closed_on_bank_holidays(moment: str, there: bool) -> None:
    assert (on_shift(OFFICE, at(moment)) is not None) is there


def test_the_nights_on_which_clocks_change_leave_no_gap() -> None:
    for day in ("2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"):
        for hour in range(24):
            assert on_shift(CLOCK, at(f"{day}T{hour:02}:30")) is not None
    short, long = on_shift(CLOCK, at("2026-03-29T00:30")), on_shift(CLOCK, at("2026-10-25T00:30"))
    assert short is not None
    assert long is not None
    assert (short.end - short.start, long.end - long.start) == (
        timedelta(hours=11),
        timedelta(hours=13),
    )


def test_digests_come_at_the_start_and_four_hours_before_the_end() -> None:
    moment, found = at("2026-12-01T06:00"), []
    for _ in range(4):
        moment = next_digest(CLOCK, moment)
        found.append(f"{moment:%H:%M}")
    assert found == ["07:00", "15:00", "19:00", "03:00"]
    assert next_start(OFFICE, at("2026-12-24T08:00")) == at("2026-12-29T08:00")


def test_what_is_brought_forward_comes_before_people_go_home() -> None:
    assert last_word(OFFICE, at("2026-12-28T05:00")) == at("2026-12-24T17:00") - LAST_WORD


def test_round_the_clock_is_without_a_gap() -> None:
    assert round_the_clock(CLOCK)
    assert round_the_clock(Shifts(starts=("06:00", "14:00", "21:00"), hours=9))
    assert not round_the_clock(Shifts(starts=("07:00", "19:00"), hours=11))
    assert not round_the_clock(Shifts(starts=("07:00",), hours=24, bank_holidays=False))
    assert not round_the_clock(Shifts(starts=("07:00",), hours=24, days=DAYS[:6]))
