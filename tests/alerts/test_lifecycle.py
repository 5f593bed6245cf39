"""The table of stages: what is in it happens, whatever is not in it changes nothing."""

from pathlib import Path

import msgspec
import pytest

from schemas.words import AlertType
from service.alerts.actors import Action
from service.alerts.lifecycle import (
    HANDLED,
    TABLE,
    TOLD_STAGE,
    AlertState,
    Cause,
    IllegalTransition,
    Passing,
    Stage,
    draw,
    step,
)

CAUSES: list[Cause] = [*AlertType, *Action, *Passing]
OF_SOURCES = {
    AlertType.SOURCE_SILENT,
    AlertType.SOURCE_BACK,
    AlertType.INPUT_LOST,
    AlertType.VERSION_CONFLICT,
}
"""Said of sources or of versions: no alert's stage moves by them."""
PAIRS = [(stage, cause) for stage in Stage for cause in CAUSES]


def test_every_pair_either_is_in_the_table_or_is_refused() -> None:
    for stage, cause in PAIRS:
        if (stage, cause) in TABLE:
            assert step(stage, cause) in Stage
            continue
        with pytest.raises(IllegalTransition, match=f"{cause} at {stage}"):
            step(stage, cause)


def test_every_cause_moves_something_and_every_stage_is_left_and_reached() -> None:
    assert {cause for _, cause in TABLE} == set(CAUSES) - OF_SOURCES
    assert {stage for stage, _ in TABLE} == set(Stage)
    reached = {to for to in TABLE.values() if to}
    assert reached == set(Stage)


def test_words_of_causes_are_kept_apart() -> None:
    """Alerts and actions stand in one column of the chain."""
    assert len({cause.value for cause in CAUSES}) == len(CAUSES)


@pytest.mark.parametrize("said", [None, *sorted(TOLD_STAGE)])
def test_after_a_hold_it_stands_where_it_was_said_to_stand(said: AlertType | None) -> None:
    back = TOLD_STAGE[said] if said else Stage.QUIET
    assert step(Stage.HELD, Passing.HOLD_OVER, said) is back
    assert step(Stage.HELD, Action.REFUSE_HOLD, said) is back


@pytest.mark.parametrize("stage", sorted(HANDLED - {Stage.HELD}))
def test_what_is_in_hand_comes_back_when_the_miss_is_said(stage: Stage) -> None:
    assert step(stage, AlertType.MISSED) is Stage.MISSED
    assert step(Stage.HELD, AlertType.MISSED) is Stage.HELD


def test_the_readme_shows_the_table() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{draw()}```" in readme


@pytest.mark.parametrize("said", sorted(TOLD_STAGE))
def test_an_alert_from_before_there_were_stages_stands_where_it_was_said_to(
    said: AlertType,
) -> None:
    old = b'{"count":1,"said":"' + said.value.encode() + b'"}'
    assert msgspec.json.decode(old, type=AlertState).stage is TOLD_STAGE[said]
    assert msgspec.json.decode(b"{}", type=AlertState).stage is Stage.QUIET
