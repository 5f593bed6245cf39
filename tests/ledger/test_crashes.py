"""A turn that dies at any point leaves nothing behind, and run again comes to the same end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event

from service.ledger import outputs
from service.ledger.chain import verify
from service.ledger.opening import Ledger, open_ledger
from service.ledger.positions import PositionsBehind
from service.ledger.upgrading import upgrade
from service.turn import Batch, turn
from tests.ledger.dump import dump
from tests.ledger.story import batches, rulebook

Fresh = Callable[[], Ledger]
RULES = rulebook()


class Crash(Exception):
    """The process is gone, as far as the transaction is concerned."""


@contextmanager
def dying(ledger: Ledger, at_step: int) -> Iterator[list[int]]:
    """Die before step ``at_step`` (a statement, or the commit); the steps that were begun."""
    begun = [0]

    def step(*_: object) -> None:
        begun[0] += 1
        if begun[0] == at_step:
            raise Crash

    hooks = ("before_cursor_execute", "commit")
    for hook in hooks:
        event.listen(ledger.engine, hook, step)
    try:
        yield begun
    finally:
        for hook in hooks:
            event.remove(ledger.engine, hook, step)


def sound(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        for force in outputs.forces(connection):
            assert verify(connection, force).fault is None


def test_killed_before_any_statement_and_run_again_it_ends_the_same(ledgers: Fresh) -> None:
    told = list(batches())
    unbroken = ledgers()
    ends = []
    for batch in told:
        turn(unbroken, RULES, batch)
        ends.append(dump(unbroken))
    broken = ledgers()
    for batch, end in zip(told, ends, strict=True):
        before = dump(broken)
        for step in count(1):
            with dying(broken, step) as begun:
                try:
                    turn(broken, RULES, batch)
                except Crash:
                    assert dump(broken) == before, f"step {step} left something behind"
                    continue
            assert begun[0] == step - 1
            break
        assert step > 5
        assert dump(broken) == end
        sound(broken)


def test_each_kill_alone_and_the_rest_of_the_story_ends_the_same(ledgers: Fresh) -> None:
    """Unlike above, the run goes on from a connection that has just failed, in every place."""
    survives(ledgers, list(batches()), kills=12)


def survives(ledgers: Fresh, told: list[Batch], kills: int) -> None:
    """Killed once, at any of so many places, and run again, a story ends as it does unbroken."""
    unbroken = ledgers()
    with dying(unbroken, 0) as begun:
        for batch in told:
            turn(unbroken, RULES, batch)
    end = dump(unbroken)
    random = Random(3)
    for step in random.sample(range(1, begun[0] + 1), kills):
        broken = ledgers()
        with dying(broken, step):
            for batch in told:
                try:
                    turn(broken, RULES, batch)
                except Crash:
                    turn(broken, RULES, batch)
        assert dump(broken) == end
        sound(broken)


def test_killed_after_commit_the_batch_is_not_applied_again(ledger: Ledger) -> None:
    for batch in batches():
        turn(ledger, RULES, batch)  # and nobody is told that it was
        before = dump(ledger)
        with pytest.raises(PositionsBehind):
            turn(ledger, RULES, batch)
        assert dump(ledger) == before


@pytest.mark.parametrize("seed", range(3))
def test_a_process_killed_again_and_again_ends_the_same(tmp_path: Path, seed: int) -> None:
    whole, killed = tmp_path / "whole.db", tmp_path / "killed.db"
    end, result = _run(whole, None), 1
    assert end == 0
    random = Random(seed)
    for _ in range(6):
        result = _run(killed, random.randrange(1, 200))
        if result == 0:
            break
    if result != 0:
        assert _run(killed, None) == 0
    ledgers = [open_ledger(f"sqlite:///{path}") for path in (whole, killed)]
    assert dump(ledgers[0]) == dump(ledgers[1])
    sound(ledgers[1])
    for ledger in ledgers:
        ledger.close()


def _run(path: Path, steps: int | None) -> int:
    """Run this file as a process of its own; kill it -9 after so many steps. Its exit code."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(path)], stdout=subprocess.PIPE, cwd=_root()
    ) as process:
        assert process.stdout is not None
        for begun, _ in enumerate(process.stdout, 1):
            if begun == steps:
                process.kill()
    return process.returncode


def _root() -> Path:
    return Path(__file__).parents[2]


def victim(path: str) -> None:
    """Tell the story into a file from wherever it stands, saying so before every step."""

    def step(*_: object) -> None:
        sys.stdout.write("\n")
        sys.stdout.flush()

    ledger = open_ledger(f"sqlite:///{path}")
    upgrade(ledger.engine)
    for hook in ("before_cursor_execute", "commit"):
        event.listen(ledger.engine, hook, step)
    for batch in _in_pieces():
        try:
            turn(ledger, RULES, batch)
        except PositionsBehind:
            continue


def _in_pieces() -> Iterator[Batch]:
    """One input a turn."""
    yield from batches([[each] for batch in batches() for each in batch.inputs])


if __name__ == "__main__":
    victim(sys.argv[1])
