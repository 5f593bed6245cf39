"""Which rules asked most, and how often they were right, on either database."""

from datetime import timedelta
from typing import Any

from service.alerts.queues import HarmGroup
from service.ledger.noisy import Right, misses_right, noisiest
from service.ledger.opening import Ledger
from service.ledger.standing import standing_longer, untold
from tests.delivery.told import Story
from tests.timeline import MONDAY

BURGLARY: dict[str, Any] = {"opening_codes": ["burglary"]}
HARASSMENT: dict[str, Any] = {"opening_codes": ["harassment"]}


def told(ledger: Ledger) -> Story:
    """Three burglaries and one harassment are missed; of one burglary a record comes late."""
    story = Story(ledger).at("08:00").heartbeat().at("09:00")
    for n in range(3):
        story.report(f"B{n}", received_at=story.now, **BURGLARY)
    story.report("H0", received_at=story.now, **HARASSMENT)
    story.passes("+1 10:00")
    story.record("C0", incident_refs=["B0"], offence_code="28")
    return story


def test_rules_are_counted_by_the_reports_they_raised(ledger: Ledger) -> None:
    story = told(ledger)
    with ledger.reading() as connection:
        rules = noisiest(connection, "33", MONDAY)
        most = noisiest(connection, "33", MONDAY, most=1)
        later = noisiest(connection, "33", story.now + timedelta(days=1))
        right = misses_right(connection, "33", MONDAY)
        none = misses_right(connection, "44", MONDAY)
    assert [(each.rule, each.right.alerts, each.right.crime) for each in rules] == [
        ("code.burglary", 3, 1),
        ("code.conduct", 1, 0),
    ]
    assert most == rules[:1]
    assert later == ()
    assert right == Right(alerts=4, crime=1, none=0)
    assert right.settled == 1
    assert none == Right()


def test_what_stands_longer_than_a_day_is_counted(ledger: Ledger) -> None:
    story = told(ledger)
    with ledger.reading() as connection:
        early = standing_longer(connection, "33", story.now, timedelta(hours=24))
        late = standing_longer(
            connection, "33", story.now + timedelta(hours=24), timedelta(hours=24)
        )
        cannot_tell = untold(connection, "33", HarmGroup)
    assert (early, late, cannot_tell) == (0, 3, 0)
