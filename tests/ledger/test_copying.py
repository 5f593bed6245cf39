"""Copies: whole, of one moment, from either database into either; never over anything."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from service.ledger import copying, outputs
from service.ledger.chain import verify
from service.ledger.opening import Ledger, LedgerUnusable, open_ledger
from service.ledger.tables import metadata
from tests.kafka.feed import FORCES, NOW, Event, answer, apply_to, events


def rows(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    """Everything in it."""
    with ledger.reading() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(select(table)).all()), key=repr
            )
            for table in metadata.sorted_tables
        }


def test_a_copy_holds_everything_and_is_restored_into_either_database(
    ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    origin = ledgers()
    apply_to(origin, events(300), NOW)
    held, file = rows(origin), tmp_path / "copy.db"
    copied = copying.back_up(origin, file)
    assert copied.rows == {name: len(each) for name, each in held.items()}
    assert not list(tmp_path.glob("*.part"))
    for fresh in (ledgers(), open_ledger(f"sqlite:///{tmp_path / 'restored.db'}")):
        copying.restore(file, fresh)
        assert rows(fresh) == held
        assert answer(fresh) == answer(origin)
        apply_to(fresh, (), NOW + timedelta(minutes=5))  # it goes on where it stood
        fresh.close()


def test_nothing_is_written_over(ledgers: Callable[[], Ledger], tmp_path: Path) -> None:
    origin = ledgers()
    apply_to(origin, events(60), NOW)
    file = tmp_path / "copy.db"
    copying.back_up(origin, file)
    with pytest.raises(LedgerUnusable, match="there already"):
        copying.back_up(origin, file)
    with pytest.raises(LedgerUnusable, match="not empty"):
        copying.restore(file, origin)


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be looked at"])
def test_what_is_no_copy_is_refused(
    content: bytes, ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(LedgerUnusable, match="no copy"):
        copying.restore(file, ledgers())


def test_a_copy_is_of_one_moment_while_turns_go_on(
    ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    origin = ledgers()
    told = events(400)
    apply_to(origin, told[:200], NOW)
    going_on = threading.Thread(target=apply_one_by_one, args=(origin, told[200:]))
    going_on.start()
    files = [tmp_path / f"copy-{n}.db" for n in range(3)]
    for file in files:
        copying.back_up(origin, file)
    going_on.join()
    for file in files:
        copy = open_ledger(f"sqlite:///{file}")
        with copy.reading() as connection:
            assert outputs.conservation(connection).holds
            assert all(verify(connection, force).fault is None for force in FORCES)
        copy.close()


def apply_one_by_one(ledger: Ledger, told: Sequence[Event]) -> None:
    """In many small turns."""
    for start in range(0, len(told), 50):
        apply_to(ledger, told[start : start + 50], NOW)
