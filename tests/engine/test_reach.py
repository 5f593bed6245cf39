"""A turn that loads only what it reaches decides exactly what a fold over everything decides.

Asking the ledger for too little would be a lost or a false miss that no other test sees: here the same
generated history runs through SQLite turn by turn, and through one fold that holds the whole lane.
"""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from service.alerts.actors import Actor, ActorRole
from service.effects import (
    Answer,
    AnswerCommand,
    CommandGiven,
    HeartbeatSeen,
    Input,
    Lane,
    RaiseEvent,
    RecordSeen,
    ReportSeen,
    Sealed,
    Tick,
)
from service.engine import decide
from service.ingest.source import LEVELS
from service.ledger import outputs
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.engine.test_oracle import RULEBOOK, acts, arrive, histories
from tests.timeline import Timeline


def cut(inputs: Sequence[Input], sizes: Sequence[int]) -> list[list[Input]]:
    """Inputs in batches of these sizes, the rest in one."""
    batches, left = [], list(inputs)
    for size in sizes:
        if left:
            batches.append(left[:size])
            left = left[size:]
    return [*batches, left] if left else batches


def with_commands(inputs: Sequence[Input], chance: Random, name: str = "c") -> list[Input]:
    """The same with people acting in between, on reports and records that may or may not be known."""
    mixed = list(inputs)
    for n in range(chance.randrange(8)):
        place = chance.randrange(len(mixed))
        at = mixed[place].known_at
        asked = chance.choice(acts(at, f"C{chance.randrange(5)}"))
        given = CommandGiven(
            force="33",
            command_id=f"{name}{n}",
            actor=Actor(id="p-1", roles=(ActorRole.REGISTRAR,), forces=("33",), via="test"),
            known_at=at,
            asked=asked,
            ref=f"R{chance.randrange(5)}",
            text=Sealed("k", b"x", ("comment", "rationale")),
        )
        mixed.insert(place + 1, given)
    return mixed


ALIKE = {
    "R0": "LOG-2024-0123",
    "R1": "LOG-2024-0132",
    "R2": "LOG-2023-0123",
    "R3": "LOG-2024-123",
    "R4": "LOG-2024-0213",
}
"""References that are slips of one another."""

REPAIRING = Rulebook(
    RULEBOOK.pack, {name: replace(each, levels=LEVELS) for name, each in RULEBOOK.sources.items()}
)


def misspelt(inputs: Sequence[Input]) -> list[Input]:
    """The same inputs with references that are slips of one another, all from one place."""

    def named(refs: Sequence[str]) -> tuple[str, ...]:
        return tuple(ALIKE[ref] for ref in refs)

    found: list[Input] = []
    for each in inputs:
        if isinstance(each, ReportSeen):
            facts = each.facts
            same = named(facts.same_incident)
            each = replace(
                each, facts=replace(facts, ref=ALIKE[facts.ref], same_incident=same, area="B12")
            )
        elif isinstance(each, RecordSeen):
            refs = named(each.facts.incident_refs)
            each = replace(each, facts=replace(each.facts, incident_refs=refs, area="B12"))
        elif isinstance(each, CommandGiven):
            each = replace(each, ref=ALIKE[each.ref])
        found.append(each)
    return found


@pytest.mark.parametrize("slips", [False, True])
@settings(max_examples=120, deadline=None, suppress_health_check=[*HealthCheck])
@given(histories(), st.randoms(use_true_random=False), st.lists(st.integers(1, 6), max_size=20))
def test_what_is_loaded_is_enough(
    slips: bool, history: list[Input], chance: Random, sizes: list[int]
) -> None:
    inputs = arrive(history, chance)
    for place in sorted((chance.randrange(len(inputs)) for _ in range(3)), reverse=True):
        at = inputs[place].known_at
        name = chance.choice(["log", "crimes", "referrals"])
        inputs.insert(place + 1, HeartbeatSeen("33", name, at, at))
    inputs = with_commands(inputs, chance)
    inputs.append(Tick("33", inputs[-1].known_at))
    rulebook = RULEBOOK
    if slips:
        inputs, rulebook = misspelt(inputs), REPAIRING
    whole, effects = decide(Lane(force="33"), rulebook, inputs)
    said = [effect for effect in effects if isinstance(effect, RaiseEvent)]
    answers = {e.command_id: e.answered.answer for e in effects if isinstance(e, AnswerCommand)}

    ledger = open_ledger("sqlite://", durable=False)
    try:
        upgrade(ledger.engine)
        told: list[RaiseEvent] = []
        answered: dict[str, Answer] = {}
        for batch in cut(inputs, sizes):
            turned = turn(ledger, rulebook, Batch(inputs=tuple(batch)))
            told += turned.events
            answered |= turned.answers
            with ledger.reading() as connection:
                assert outputs.conservation(connection).holds
        assert told == said
        assert answered == answers
        with ledger.reading() as connection:
            for ref, state in whole.reports.items():
                held = outputs.report(connection, "33", ref)
                assert held is not None
                assert held[0] == state
            assert len(list(outputs.lines(connection))) == len(whole.reports)
    finally:
        ledger.close()


def test_what_falls_due_brings_its_incident_though_no_input_names_anything() -> None:
    """Two logs of one incident, only the second of which shows a crime; then nothing but heartbeats."""
    day = Timeline(rulebook=RULEBOOK)
    same = [{"ref": "R0", "relation": "same_incident"}]
    day.at("09:00").report("R0", opening_codes=["welfare"])
    day.at("09:10").report("R1", opening_codes=["crime"], linked_logs=same)
    day.at("+2 09:00").heartbeat()
    ledger = open_ledger("sqlite://", durable=False)
    try:
        upgrade(ledger.engine)
        told = [
            event.type for each in day.inputs for event in turn(ledger, RULEBOOK, one(each)).events
        ]
    finally:
        ledger.close()
    assert told == [event.type for event in day.events]
    assert told[-1] == "missed"


def one(each: Input) -> Batch:
    """A turn of one input."""
    return Batch(inputs=(each,))
