"""What a model file may hold, and that anything else is refused by name."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from service.matching.linkage_model import Model, ModelError, explain, parse_model
from service.matching.linkage_templates import RARE_COLUMNS
from service.rules.pack import Pack
from tests.matching.generated import History, generate, profiles


def _levels(model: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = next(c for c in model["splink"]["comparisons"] if c["output_column_name"] == name)
    levels: list[dict[str, Any]] = found["comparison_levels"]
    return levels


def _rename(model: dict[str, Any]) -> None:
    model["splink"]["comparisons"][0]["output_column_name"] = "surname"


def _other_sql(model: dict[str, Any]) -> None:
    _levels(model, "receipt")[2]["sql_condition"] = "abs(told_l - told_r) <= 3601"


def _fewer_levels(model: dict[str, Any]) -> None:
    del _levels(model, "place")[2]


def _other_order(model: dict[str, Any]) -> None:
    levels = _levels(model, "kind")
    levels[1], levels[2] = levels[2], levels[1]


def _no_m(model: dict[str, Any]) -> None:
    del _levels(model, "victims")[1]["m_probability"]


def _wrong_null(model: dict[str, Any]) -> None:
    _levels(model, "victims")[1]["is_null_level"] = True


def _frequency_of_people(model: dict[str, Any]) -> None:
    _levels(model, "officer")[1]["tf_adjustment_column"] = "officer"


def _certain(model: dict[str, Any]) -> None:
    model["splink"]["probability_two_random_records_match"] = 1.0


def _other_format(model: dict[str, Any]) -> None:
    model["format"] = 2


def _unknown_key(model: dict[str, Any]) -> None:
    model["treshold"] = 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_rename, "comparison 'surname' is no template's; templates are receipt"),
        (_other_sql, "comparison 'receipt' has SQL that is no template's: abs(told_l - told_r) <="),
        (_fewer_levels, "comparison 'place' has 6 levels, its template 7"),
        (_other_order, "comparison 'kind' has SQL that is no template's: list_has_any"),
        (_no_m, "comparison 'victims' has no m at level 'shared'"),
        (_wrong_null, "comparison 'victims' takes 'shared' for the null level"),
        (_frequency_of_people, "comparison 'officer' weighs frequencies at level 'same_officer'"),
        (_certain, "says that 1.0 of all pairs belong together"),
        (_other_format, "has format 2, this reads 1"),
        (_unknown_key, "unknown field `treshold`"),
    ],
)
def test_a_model_that_is_not_ours_is_refused_by_name(
    content: bytes, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    written = json.loads(content)
    change(written)
    with pytest.raises(ModelError) as refused:
        parse_model(json.dumps(written).encode(), "force.json")
    assert said in str(refused.value)
    assert str(refused.value).startswith("force.json:1: ")
    assert refused.value.remedy


def test_a_file_that_is_no_json_is_refused() -> None:
    with pytest.raises(ModelError, match="is no linkage model"):
        parse_model(b"\x00", "force.json")


def test_evidence_sums_to_the_weight(model: Model, pack: Pack, history: History) -> None:
    reports, records = profiles(pack, history, model.rarity)
    for report, record in zip(reports[:200], records[:200], strict=True):
        told = sum(found.weight + found.rarity for found in explain(model, report, record))
        assert abs(model.prior // 1000 + told - model.weigh(report, record)) <= 20


def test_training_finds_what_is_true(model: Model) -> None:
    """EM, blind to the links, comes near the shares that the generator used."""
    m = {
        (part.template.name, level.name): share
        for part in model.parts
        for level, share in zip(part.template.levels, part.m, strict=True)
    }
    assert 0.85 < m["victims", "shared"] < 0.99
    assert 0.75 < m["receipt", "within_10_minutes"] < 0.92
    assert 0.85 < m["kind", "same_kind"] < 0.97
    assert m["occurrence", "overlap"] > 0.95


def test_a_model_holds_no_person(content: bytes, model: Model) -> None:
    """Frequencies are frozen of areas, kinds and terms alone (G9)."""
    assert RARE_COLUMNS == ("area", "kind", "rare")
    assert b"k1:" not in content


def test_profiles_are_blind_to_references(pack: Pack) -> None:
    """The same history with and without references gives the same profiles."""
    with_references = generate(pack, reports=80, days=1, seed=5, referenced=1.0)
    assert any(record.incident_refs for record in with_references.records)
    reports, records = profiles(pack, with_references, {})
    named = {ref for each in with_references.records for ref in each.incident_refs}
    assert not any(ref in repr(each) for ref in named for each in records)
    assert len(reports) == len(with_references.reports)
