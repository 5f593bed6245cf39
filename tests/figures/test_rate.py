"""The formulas against what inspectors published; figures and their source in the text of each case."""

from math import inf

import pytest
from scipy.stats import binom

from service.figures.rate import (
    bounds,
    difference,
    margin,
    rate,
    sample_behind,
    timeliness,
    unrecorded,
)

AUDITED = [
    ("Leicestershire 2017, all", 0.758, 0.0194, 1870),
    ("Leicestershire 2017, violence", 0.658, 0.0325, 820),
    ("Kent 2017, all", 0.836, 0.0185, 1540),
    ("Kent 2017, violence", 0.792, 0.0326, 595),
    ("Derbyshire 2018, all", 0.653, 0.0216, 1870),
    ("Derbyshire 2018, violence", 0.566, 0.033, 870),
]
"""Inspectorate's crime data integrity reports: rate, its ±, and about how many crimes that takes."""


@pytest.mark.parametrize(("audit", "share", "plus_minus", "about"), AUDITED)
def test_a_published_margin_tells_the_sample(
    audit: str, share: float, plus_minus: float, about: int
) -> None:
    sample = sample_behind(share, plus_minus)
    assert sample == pytest.approx(about, rel=0.01), audit
    assert margin(share, sample) == pytest.approx(plus_minus)


@pytest.mark.parametrize(("audit", "share", "plus_minus", "about"), AUDITED)
def test_wilson_and_the_published_margin_agree_at_the_size_of_an_audit(
    audit: str, share: float, plus_minus: float, about: int
) -> None:
    sample = round(sample_behind(share, plus_minus))
    measured = rate(round(share * sample), sample)
    assert (measured.high - measured.low) / 2 == pytest.approx(plus_minus, abs=0.0001), audit


@pytest.mark.parametrize(
    ("audit", "share", "recorded", "lost"),
    [
        ("Leicestershire 2017: 21,200 a year", 0.758, 66_400, 21_200),
        ("Kent 2017: 24,300", 0.836, 123_870, 24_300),
        ("Derbyshire 2018: 30,300", 0.653, 57_020, 30_300),
    ],
)
def test_crimes_lost_follow_from_those_recorded(
    audit: str, share: float, recorded: int, lost: int
) -> None:
    measured = rate(round(share * 100_000), 100_000, ("log", "direct"))
    estimate = unrecorded(recorded, ("direct", "log"), measured)
    assert estimate is not None
    assert estimate.value == pytest.approx(lost, rel=0.001), audit


def test_the_interval_of_crimes_lost_is_that_of_the_rate_turned_round() -> None:
    """Leicestershire 2017: 75.8 % ± 1.94 of about 1,870 is 19,100 to 23,600 crimes a year."""
    estimate = unrecorded(66_400, ("log",), rate(1417, 1870, ("log",)))
    assert estimate is not None
    assert estimate.low < 21_200 < estimate.high
    assert estimate.low == pytest.approx(19_100, abs=150)
    assert estimate.high == pytest.approx(23_600, abs=150)
    nothing = unrecorded(10, (), rate(0, 20))
    assert nothing is not None
    assert nothing.value == nothing.high == inf


def test_rates_of_other_routes_say_nothing_of_crimes_lost() -> None:
    assert unrecorded(66_400, ("log", "direct"), rate(758, 1000, ("log",))) is None


def test_two_inspections_of_leicestershire_differ_beyond_chance() -> None:
    """75.8 % of about 1,870 in 2017 and 84.1 % of 1,662 in 2018."""
    gap = difference(rate(1417, 1870), rate(1398, 1662))
    assert gap.value == pytest.approx(0.083, abs=0.001)
    assert 0.055 < gap.low < gap.high < 0.112
    same = difference(rate(40, 50), rate(41, 50))
    assert same.low < 0 < same.high


def test_newcombe_interval_is_the_published_example() -> None:
    """Statistics in Medicine 17 (1998) 873-890, example (a): 56/70 and 48/80."""
    gap = difference(rate(48, 80), rate(56, 70))
    assert (round(gap.low, 4), round(gap.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize("share", [0.758, 0.841, 0.948])
def test_the_interval_holds_its_level(share: float) -> None:
    sample, chances = 300, 0.0
    for hits, chance in enumerate(binom.pmf(range(301), sample, share)):
        measured = rate(hits, sample)
        chances += float(chance) if measured.low <= share <= measured.high else 0
    assert chances == pytest.approx(0.95, abs=0.015)


def test_the_interval_stays_inside_and_never_vanishes() -> None:
    everything, nothing = rate(20, 20), rate(0, 20)
    assert everything.low < everything.high == 1
    assert nothing.low == 0 < nothing.high
    for hits, of in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no share"):
            rate(hits, of)


def test_what_cannot_be_told_widens_the_rate_to_bounds() -> None:
    assert bounds(80, 10, 10) == (0.8, 0.9)
    assert bounds(80, 20, 0) == (0.8, 0.8)
    with pytest.raises(ValueError, match="no rate"):
        bounds(0, 0, 0)


def test_timeliness_is_of_recorded_crimes() -> None:
    """Leicestershire 2018: 93.7 % within 24 h."""
    found = timeliness(700, 937, 1000)
    assert found is not None
    assert found.in_time.share == 0.937
    assert found.same_day.share == 0.7
    assert timeliness(0, 0, 0) is None
