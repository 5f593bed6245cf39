"""One turn, on either database: whole or not at all, once, and everything counted."""

from collections.abc import Callable

import pytest

from schemas.words import AlertType, Verdict
from service.effects import Intake
from service.ledger import outputs
from service.ledger.opening import Ledger
from service.ledger.positions import Advance, PositionsAhead, PositionsBehind
from service.turn import Batch, turn
from tests.ledger.dump import dump
from tests.ledger.story import TOPIC, at, batches, days, heartbeat, record, report, rulebook, tick

RULES = rulebook()


def told(ledger: Ledger, whole: bool = True) -> None:
    """Apply the story."""
    for batch in batches():
        turn(ledger, RULES, batch)


def test_the_story_is_told(ledger: Ledger) -> None:
    said = [event for batch in batches() for event in turn(ledger, RULES, batch).events]
    assert {event.type for event in said} >= {
        AlertType.MISSED,
        AlertType.RECORDED_LATE,
        AlertType.UNKNOWN_CODE,
        AlertType.VERSION_CONFLICT,
        AlertType.SOURCE_SILENT,
    }
    with ledger.reading() as connection:
        held = [event.payload for event in outputs.events(connection)]
        assert len(held) == len(said)
        assert list(outputs.forces(connection)) == sorted({e.force for e in said} | {"33"})
