"""Simulated days through a ledger: what is held is what looking at all of it again would say.

Whatever a turn does not load it cannot judge by. Days of a force, a third of whose references are missing
or mistyped, say more of that than histories of five reports.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from random import Random

import pytest

from service.effects import Input, Lane, RulesChanged, Tick, TrackReport
from service.engine import decide
from service.hosts.feeding import simulated
from service.hosts.files import read_mapping
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from service.matching import judgement
from service.pointers import Rulebook
from service.simulation.generate import Settings
from service.turn import Batch, turn
from tests.kafka.feed import Answer, answer, inputs_of
from tests.timeline import shipped_pack

FEEDS = {feed.source.topic: feed for feed in read_mapping("native").feeds}
BOOK = Rulebook(
    shipped_pack("england_and_wales"), {feed.source.name: feed.source for feed in FEEDS.values()}
)


@cache
def days() -> tuple[Input, ...]:
    """What reaches one force in five days, as it arrives, and a tick long after."""
    told = list(simulated(Settings(days=5, references_missing=0.3), 1))
    inputs = inputs_of(BOOK.pack, [(FEEDS[fed.topic].side, fed.value) for fed in told])
    assert len(inputs) == len(told)
    return (*inputs, Tick("33", inputs[-1].known_at + timedelta(days=2)))


def held_after(sizes: Sequence[int]) -> tuple[Ledger, Answer]:
    """A ledger after turns of these sizes, drawn at random, and what it says."""
    ledger = open_ledger("sqlite://", durable=False)
    upgrade(ledger.engine)
    chance, left = Random(1), list(days())
    while left:
        size = chance.choice(sizes)
        turn(ledger, BOOK, Batch(inputs=tuple(left[:size])))
        del left[:size]
    return ledger, answer(ledger)


@pytest.fixture(scope="module")
def at_once() -> Answer:
    """What turns of a thousand say."""
    ledger, said = held_after([1000])
    ledger.close()
    return said


def test_small_and_large_turns_say_the_same(at_once: Answer) -> None:
    ledger, said = held_after([1, 2, 20, 100])
    ledger.close()
    assert said == at_once


def test_a_fold_that_sees_the_whole_lane_says_the_same(at_once: Answer) -> None:
    _, effects = decide(Lane(force="33"), BOOK, days())
    lines = {e.state.facts.ref: e.line for e in effects if isinstance(e, TrackReport)}
    assert tuple(lines[ref] for ref in sorted(lines)) == at_once.lines


@pytest.mark.parametrize("together", [1, 300])
def test_looking_again_changes_nothing(at_once: Answer, together: int) -> None:
    """... whether a report is looked at by itself or among others."""
    ledger, _ = held_after([1000])
    lines = [judgement.decode(line) for line in at_once.lines]
    levels = {link.level for line in lines for link in line.links}
    assert {"crime_ref", "incident_ref", "repaired_ref"} <= levels
    refs = [line.ref for line in lines]
    if together == 1:
        refs = [line.ref for line in lines if line.links or line.same_as][::3]
    for n in range(0, len(refs), together):
        some = tuple(refs[n : n + together])
        turn(ledger, BOOK, Batch(inputs=(RulesChanged("33", some, days()[-1].known_at),)))
    assert answer(ledger) == at_once
    ledger.close()
