"""Audits drawn again and again from a known force: the true rate lies where the interval says."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from scipy.stats import binom, binomtest

from schemas.words import Verdict
from service.figures.rate import margin
from service.insight.audit import Audited, findings
from service.insight.sampling import Sample, draw
from service.insight.survey import Drawn, Share, share, total
from service.matching.judgement import Line
from tests.insight.lines import crime, line
from tests.timeline import MONDAY

AUDITS = 100
FORCES = 10
REPORTS = 1_000


def force(recording: float, seed: int) -> tuple[list[Line], dict[str, tuple[int, int]]]:
    """Reports as the system judged them, and the truth on each: crimes due, and recorded.

    The system is wrong in both directions: it misses crimes that left no trace, and expects some
    that were none.
    """
    chance = Random(seed)
    lines, truth = [], {}
    for n in range(REPORTS):
        ref = f"R{n}"
        received = MONDAY + timedelta(minutes=n)
        due = chance.choices((0, 1, 2), (60, 34, 6))[0]
        recorded = sum(chance.random() < recording for _ in range(due))
        truth[ref] = due, recorded
        seen = due if chance.random() < 0.85 else 0
        wrongly = not due and chance.random() < 0.03
        verdicts = ["recorded"] * min(recorded, seen) + ["missed"] * max(seen - recorded, 0)
        verdicts += ["missed"] * wrongly
        made: list[Any] = [
            crime(word, id=f"c{k}", category=("violence", "theft")[n % 2])
            for k, word in enumerate(verdicts)
        ]
        lines.append(line(ref, *made, received_at=received))
    return lines, truth


def audited(sample: Sample, truth: dict[str, tuple[int, int]]) -> Iterator[Audited]:
    for each in sample.picked:
        due, recorded = truth[each.ref]
        yield Audited(
            drawn=each.drawn,
            route="log",
            due=due,
            recorded=recorded,
            in_time=recorded,
            system_due=each.crimes_due,
            system_missed=each.crimes_missed,
        )


def rate_of(sheet: tuple[Audited, ...]) -> Share | None:
    """The recording rate that a sheet comes to."""
    drawn = [each.drawn for each in sheet]
    return share(drawn, lambda i: sheet[i].recorded, lambda i: sheet[i].due)


@pytest.mark.parametrize("drawn", [100, 250, 500])
@pytest.mark.parametrize("recording", [0.758, 0.841, 0.948])
def test_the_true_rate_lies_in_its_interval_in_about_95_of_100_audits(
    recording: float, drawn: int
) -> None:
    """Audits of ten forces each: what one force hides in its blind spot must not decide."""
    caught, wide = 0, 0.0
    for n in range(FORCES):
        lines, truth = force(recording, seed=1000 + n)
        true_rate = sum(r for _, r in truth.values()) / sum(d for d, _ in truth.values())
        for seed in range(AUDITS // FORCES):
            sheet = tuple(audited(draw(lines, drawn, seed), truth))
            found = rate_of(sheet)
            assert found is not None
            caught += found.low <= true_rate <= found.high
            wide += (found.high - found.low) / AUDITS
    assert caught >= binom.ppf(0.001, AUDITS, 0.95), f"{caught} of {AUDITS}"
    plain = 2 * margin(recording, 0.46 * drawn)
    assert wide < 1.3 * plain, "surer for what it knows of the strata, or hardly less sure"


def test_estimates_of_precision_and_of_what_is_unseen_are_right_on_average() -> None:
    lines, truth = force(0.758, seed=1)
    every = list(audited(draw(lines, REPORTS, 0), truth))
    missing, upheld = sum(a.missing for a in every), sum(a.upheld for a in every)
    said = sum(a.system_missed for a in every)
    drawn = [findings(seed, tuple(audited(draw(lines, 300, seed), truth))) for seed in range(60)]
    precision = [f.precision.share for f in drawn if f.precision]
    assert sum(precision) / len(precision) == pytest.approx(upheld / said, abs=0.02)
    unseen = [f.unseen.value for f in drawn]
    assert sum(unseen) / len(unseen) == pytest.approx(missing - upheld, rel=0.1)
    inside = sum(f.unseen.low <= missing - upheld <= f.unseen.high for f in drawn)
    assert inside >= binom.ppf(0.001, 60, 0.95)


def test_a_sample_of_one_stratum_is_the_binomial_one() -> None:
    """With one crime a report, and few of very many, nothing but the lost degree of freedom differs."""
    hits = [1] * 150 + [0] * 50
    drawn = [Drawn("all", 200, 10_000_000)] * 200
    found = share(drawn, lambda i: hits[i], lambda i: 1)
    plain = binomtest(150, 200).proportion_ci(method="exact")
    assert found is not None
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.002)
    assert found.share == 0.75
    assert found.hits == pytest.approx(7_500_000)


def test_what_was_read_in_full_is_known() -> None:
    drawn = [Drawn("a", 2, 2), Drawn("a", 2, 2), Drawn("b", 1, 1)]
    found = share(drawn, lambda i: (1, 0, 1)[i], lambda i: 1)
    assert found is not None
    assert found.low == found.share == found.high == pytest.approx(2 / 3)
    known = total(drawn, lambda i: 1)
    assert known.low == known.value == known.high == 3


def test_all_or_none_in_the_sample_is_not_all_or_none_in_the_force() -> None:
    drawn = [Drawn("a", 30, 1000)] * 30
    every = share(drawn, lambda i: 1, lambda i: 1)
    none = share(drawn, lambda i: 0, lambda i: 1)
    assert every is not None
    assert none is not None
    assert every.low < 0.95
    assert every.high == 1
    assert none.low == 0
    assert none.high > 0.05
    assert share(drawn, lambda i: 0, lambda i: 0) is None


def test_verdict_words_of_the_made_force_are_those_of_the_system() -> None:
    lines, _ = force(0.758, seed=3)
    assert {each.verdict for each in lines} <= {
        Verdict.RECORDED,
        Verdict.MISSED,
        Verdict.NO_CRIME_INDICATED,
    }
