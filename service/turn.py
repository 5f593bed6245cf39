"""One turn: load, decide, commit. Everything that changes the ledger's verdicts goes through here.

All in one transaction: positions move by compare-and-set, the lanes touched are locked in order, what
the inputs touch and what is due is loaded, the engine decides, and state, chain, outbox and counters
are written. Only after it returns may a broker forget. A batch with no input but a ``Tick`` is a tick.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.effects import Answer, Effect, Input, Intake, RaiseEvent, RecordSeen, ReportSeen
from service.engine import decide
from service.ledger.active import check_active, parts_of
from service.ledger.acts import load_acts
from service.ledger.letters import Place, take_back
from service.ledger.load import load, lock, look_at
from service.ledger.opening import Ledger, contended
from service.ledger.positions import Advance, advance
from service.ledger.write import DeadLetter, Writing
from service.pointers import Rulebook

ATTEMPTS = 4
"""A turn that loses a deadlock or waits too long for a lock is run again, this often in all."""


class Batch(Struct, frozen=True, kw_only=True):
    """What a host read, with how far its positions move by it."""

    inputs: tuple[Input, ...] = ()
    """In the order read; of any number of forces."""
    dead: tuple[DeadLetter, ...] = ()
    revived: tuple[Place, ...] = ()
    """Dead letters whose inputs these are: from then on they are no longer dead."""
    advances: tuple[Advance, ...] = ()
    """Empty where nothing is positioned: ticks, commands, files."""


class Turned(Struct, frozen=True, kw_only=True):
    """What a turn did."""

    events: tuple[RaiseEvent, ...] = ()
    """What was said, by force, in order."""
    answers: dict[str, Answer] = {}
    """What became of commands, by command id."""
    counts: dict[Intake, int]
    """What became of the inputs."""
    results: dict[str, list[Intake]]
    """The same by force, one for each report, record and heartbeat of the batch, in its order."""
    attempts: int
    """How often it was run; more than one where another turn held its locks."""


def turn(ledger: Ledger, rulebook: Rulebook, batch: Batch) -> Turned:
    """Apply one batch, whole or not at all.

    Raises ``NotActive`` where the rulebook is not the one the ledger is decided by, ``LetterGone`` where
    a dead letter is no longer held, ``PositionsBehind`` or ``PositionsAhead`` (service.ledger.positions)
    where the ledger does not stand where the batch begins, and the database's own error where it fails
    for another reason than a lost race for locks.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return _run(ledger, rulebook, batch, attempt)
        except DBAPIError as error:
            if not contended(error):
                raise
            ledger.end_stopped()
    return _run(ledger, rulebook, batch, ATTEMPTS)


def _run(ledger: Ledger, rulebook: Rulebook, batch: Batch, attempt: int) -> Turned:
    by_force = _by_force(batch.inputs)
    with ledger.writing() as connection:
        advance(connection, batch.advances)
        held = lock(connection, by_force)
        check_active(connection, parts_of(rulebook))  # under the locks: an activation waits for us
        load_acts(connection, held, by_force)
        load(connection, held, rulebook, by_force)
        writing = Writing(rulebook)
        for force, lane in held.items():
            after, effects = decide(lane.lane, rulebook, by_force[force])
            writing.add_lane(lane, after, by_force[force], effects)
        writing.add_dead(batch.dead)
        writing.forget_dead(take_back(connection, batch.revived))
        writing.write(connection)
    answers = {each.command_id: each.answered.answer for each in writing.answers}
    return Turned(
        events=tuple(writing.events),
        answers=answers,
        counts=writing.counts,
        results=writing.results,
        attempts=attempt,
    )


def consider(
    connection: Connection, rulebook: Rulebook, inputs: Sequence[Input]
) -> dict[str, Sequence[Effect]]:
    """What a turn would do, by force; nothing is locked or written, in a transaction that reads."""
    by_force = _by_force(inputs)
    held = look_at(connection, by_force)
    load_acts(connection, held, by_force)
    load(connection, held, rulebook, by_force)
    return {f: decide(each.lane, rulebook, by_force[f])[1] for f, each in held.items()}


def _by_force(inputs: Sequence[Input]) -> dict[str, list[Input]]:
    """Inputs by force, in the order read: lanes never read each other."""
    by_force: dict[str, list[Input]] = {}
    for each in inputs:
        force = each.facts.force if isinstance(each, ReportSeen | RecordSeen) else each.force
        by_force.setdefault(force, []).append(each)
    return by_force
