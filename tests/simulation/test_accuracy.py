"""Verdicts beside the truth of a week: the bounds that `make truth` is held to, on a small run."""

import pytest

from benchmarks.truth import run
from benchmarks.truth_score import Score
from service.simulation.generate import Settings

SEED = 7


@pytest.fixture(scope="module", params=[("2017", 4), ("2025", 8)], ids=["75.8 %", "94.8 %"])
def week(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Score:
    """Some days at one recording rate, every reference present."""
    setting, days = request.param
    settings = Settings(days=days, setting=setting, references_missing=0.0)
    return run(settings, SEED, tmp_path_factory.mktemp(setting))


def test_what_leaves_a_trace_is_found_and_little_else_is_said(week: Score) -> None:
    traced = week.traced()
    assert traced["clear"] >= 0.90 * traced.total() > 0
    precision = 0.97 if traced.total() > 150 else 0.90
    assert week.said["true"] >= precision * week.said.total()
    assert week.no_crime["clear"] <= 0.005 * week.no_crime.total()


def test_what_leaves_none_is_not_claimed(week: Score) -> None:
    hidden = [answers for cause, answers in week.found.items() if cause.endswith("(no trace)")]
    assert sum(answers["clear"] for answers in hidden) <= 0.1 * sum(a.total() for a in hidden)


def test_references_link_and_misses_say_what_they_look_like(week: Score) -> None:
    wrong = week.links["wrong"] + week.links["unfound"]
    assert 2 * week.links["right"] >= 0.99 * (2 * week.links["right"] + wrong)
    assert week.signs["none of them"].total() <= 0.15 * week.said.total()
    assert week.told["Crime bureau"].total() > 0
