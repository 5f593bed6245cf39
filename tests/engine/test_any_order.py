"""What is judged too early is judged again: verdicts and claims do not depend on the order of reading.

Where nobody said from when on a record source answers, it does from the first time seen, and that may be
read late: topics are read beside each other, and an event may come later than another of its source.
"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from service.effects import HeartbeatSeen, Input, RecordSeen, RulesChanged, Tick
from service.ingest.source import Source, Topic
from service.ledger import outputs
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.engine.test_oracle import LATE, RULEBOOK, arrive, histories
from tests.engine.test_reach import ALIKE, REPAIRING, cut, misspelt
from tests.timeline import MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"]}
ALL = (*ALIKE, *ALIKE.values())
OTHER = Source(name="custody", topic=Topic.CRIME_RECORD)
"""A second system that holds crimes."""


def hours(n: float) -> Any:
    """A moment, in hours after Monday began."""
    return MONDAY + timedelta(hours=n)


def test_a_first_record_read_after_a_later_one_widens_what_is_covered() -> None:
    """Time has passed already (a tick, or a backlog): the report is past due when it is read."""
    day = Timeline(since=None, crimes={"lateness": timedelta(hours=1)}).at("+3 00:00")
    day.record("C2", recorded_at=hours(9.5)).report("R1", received_at=hours(9.2), **CRIME)
    day.heartbeat("log", "crimes").verdict("R1", "not_provable", "outside_coverage").says()
    day.record("C1", recorded_at=hours(9)).says("missed R1").verdict("R1", "missed")


def test_a_source_that_only_sent_heartbeats_covers_from_its_first_record_on() -> None:
    day = Timeline(since=None).at("+3 00:00").report("R1", received_at=hours(9), **CRIME)
    day.heartbeat("log", "crimes").verdict("R1", "not_provable", "outside_coverage")
    day.record("C1", recorded_at=hours(8)).says("missed R1")


def test_what_begins_where_it_is_stated_is_not_widened_by_what_is_read() -> None:
    day = Timeline(since=hours(9)).at("+3 00:00").report("R1", received_at=hours(8), **CRIME)
    day.record("C2").heartbeat("log", "crimes").record("C1", recorded_at=hours(1)).says()
    day.verdict("R1", "not_provable", "outside_coverage")


def with_two_systems(since: Any = None) -> Rulebook:
    """Two systems that hold crimes, neither saying from when on."""
    book = Timeline(since=since).rulebook
    return Rulebook(book.pack, {**book.sources, OTHER.name: OTHER})


def test_a_further_record_source_is_judged_alike_whenever_it_is_connected() -> None:
    """It could have held the crime: a miss said before anybody heard of it does not stand on less
    than one judged after."""
    first, last = Timeline(rulebook=with_two_systems()), Timeline(rulebook=with_two_systems())
    for day, early in ((first, True), (last, False)):
        day.at("+3 00:00").record("C1", recorded_at=hours(1))
        if early:
            day.record("K1", source="custody", recorded_at=hours(20))
        day.report("R1", received_at=hours(9), **CRIME).heartbeat("log", "crimes")
        if not early:
            day.says("missed R1").record("K1", source="custody", recorded_at=hours(20))
            day.says("not_provable R1")
        day.heartbeat("custody").verdict("R1", "not_provable", "outside_coverage")
        day.record("K0", source="custody", recorded_at=hours(2)).says("missed R1")
    assert first.lines == last.lines


# -- generated --------------------------------------------------------------------------------


def spread(inputs: Sequence[Input]) -> list[Input]:
    """Both systems hold something from before the first reports; some records come from the other."""
    early = Timeline(since=None)
    for n in range(4):
        early.at(MONDAY + timedelta(minutes=50 * n)).record(f"E{n}")
    return [
        replace(each, facts=replace(each.facts, source=OTHER.name))
        if isinstance(each, RecordSeen) and each.facts.ref in ("C1", "C3", "E1", "E3")
        else each
        for each in (*early.inputs, *inputs)
    ]


def told(
    inputs: Sequence[Input], sizes: Sequence[int], rulebook: Rulebook
) -> tuple[list[bytes], list[outputs.Claim]]:
    """Lines and claims after turns of these sizes, each loading only what it reaches; nothing held is
    stale: looking at all of it again changes no line."""
    ledger = open_ledger("sqlite://", durable=False)
    try:
        upgrade(ledger.engine)
        for batch in cut(inputs, sizes):
            turn(ledger, rulebook, Batch(inputs=tuple(batch)))
        with ledger.reading() as connection:
            held = list(outputs.lines(connection)), list(outputs.claims(connection))
        turn(ledger, rulebook, Batch(inputs=(RulesChanged("33", ALL, MONDAY),)))
        with ledger.reading() as connection:
            assert (list(outputs.lines(connection)), list(outputs.claims(connection))) == held
        return held
    finally:
        ledger.close()


@pytest.mark.parametrize("slips", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(histories(), st.randoms(use_true_random=False), st.lists(st.integers(1, 6), max_size=20))
def test_any_order_of_reading_gives_the_same_bytes(
    slips: bool, history: list[Input], chance: Random, sizes: list[int]
) -> None:
    """Wholly shuffled, far beyond any lateness: claims may be said and taken back on the way."""
    book = REPAIRING if slips else RULEBOOK
    sources = {name: replace(each, covers_from=None) for name, each in book.sources.items()}
    rulebook = Rulebook(book.pack, {**sources, "custody": replace(OTHER, lateness=LATE)})
    inputs = spread(arrive(history, Random(0)))
    if slips:
        inputs = misspelt(inputs)
    end = MONDAY + timedelta(days=60)
    last = [HeartbeatSeen("33", name, end, end) for name in ("log", "crimes", "custody")]
    inputs += last[: chance.randrange(1, 4)]
    tick = Tick("33", end)
    mixed = [*inputs, tick]
    chance.shuffle(mixed)
    assert told([*inputs, tick], [1000], rulebook) == told([*mixed, tick], sizes, rulebook)
