"""Thresholds: what they cost, and that they are chosen on what is known and nothing else."""

import pytest

from service.insight.calibration import TooFewLinks, calibrate
from service.insight.training import Untrainable, train
from service.matching.linkage_model import Model
from service.rules.pack import Pack
from tests.matching.generated import History, profiles


def test_a_dearer_hidden_miss_moves_the_thresholds_up(
    model: Model,
    history: History,
    pack: Pack,
) -> None:
    reports, records = profiles(pack, history, model.rarity)
    cheap = calibrate(model, reports, records, history.links, 0.1, withheld=0.25)
    dear = calibrate(model, reports, records, history.links, 1000, withheld=0.25)
    assert cheap.thresholds.probable < dear.thresholds.probable
    assert cheap.chosen.recall > dear.chosen.recall
    assert cheap.chosen.hidden >= dear.chosen.hidden
    assert dear.thresholds.possible < dear.thresholds.probable


def test_every_report_examined_is_linked_or_not(model: Model, history: History, pack: Pack) -> None:
    """Right, wrong, hidden and missed account for every report, at every threshold."""
    reports, records = profiles(pack, history, model.rarity)
    found = calibrate(model, reports, records, history.links, 10, withheld=0.25)
    for point in found.points:
        wrong = point.links - point.right - point.hidden
        assert wrong >= 0
        assert point.right + wrong + point.missed == point.reports
    assert found.chosen.f1 > 0.9
    assert found.looked.kept[1] <= found.looked.kept[16] <= found.looked.blocked


def test_nothing_known_chooses_nothing(model: Model, history: History, pack: Pack) -> None:
    reports, records = profiles(pack, history, model.rarity)
    with pytest.raises(TooFewLinks, match="references tie 0 reports"):
        calibrate(model, reports, records, {}, 10, withheld=0.25)


def test_the_same_history_gives_the_same_model(history: History, pack: Pack, model: Model) -> None:
    reports, records = (side[:400] for side in profiles(pack, history, model.rarity))
    assert train(reports, records, 0.001, 50_000) == train(reports, records, 0.001, 50_000)


def test_an_empty_side_teaches_nothing(history: History, pack: Pack, model: Model) -> None:
    reports, _ = profiles(pack, history, model.rarity)
    with pytest.raises(Untrainable, match="no records"):
        train(reports, [], 0.001)
