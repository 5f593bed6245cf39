"""Ledgers that older programs made are brought to this one's revision with everything in them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.ledger import copying, outputs
from service.ledger.chain import verify
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import mentions
from service.ledger.upgrading import LedgerTooNew, revision, upgrade, wanted_revision
from service.matching import judgement
from service.turn import Batch, turn
from tests.conftest import Fresh
from tests.kafka.feed import NOW, answer, apply_to
from tests.ledger.revisions import HERE, unpacked
from tests.timeline import Timeline

MADE = sorted(HERE.glob("*.db.gz"))


def still_whole(ledger: Ledger) -> None:
    """Counts, chains and lines hold, and turns go on."""
    assert revision(ledger.engine).held == wanted_revision()
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        forces = outputs.forces(connection)
        assert forces
        assert all(verify(connection, force).fault is None for force in forces)
        lines = [judgement.decode(line) for line in outputs.lines(connection)]
    assert len(lines) > 20
    before = answer(ledger)
    apply_to(ledger, (), NOW + timedelta(minutes=5))
    assert answer(ledger) == before


@pytest.mark.parametrize("file", MADE, ids=lambda path: path.name)
def test_an_old_ledger_is_upgraded_where_it_lies(file: Path, tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{unpacked(file, tmp_path)}")
    assert revision(ledger.engine).held == file.name.split(".")[0]
    upgrade(ledger.engine)
    upgrade(ledger.engine)
    still_whole(ledger)
    ledger.close()


@pytest.mark.parametrize("file", MADE, ids=lambda path: path.name)
def test_an_old_copy_is_restored_into_either_database(
    file: Path, database: Fresh, tmp_path: Path
) -> None:
    ledger = open_ledger(database())
    copying.restore(unpacked(file, tmp_path), ledger)
    still_whole(ledger)
    ledger.close()


def test_records_that_were_linked_by_a_slip_are_found_after_an_upgrade(
    ledgers: Callable[[], Ledger],
) -> None:
    """Until revision 0010 nothing led from such a report to its record."""
    ledger, log = ledgers(), "LEI-20240115-0412"
    said: dict[str, Any] = {"opening_codes": ["crime"], "place": {"area": "B12"}}
    day = Timeline().at("09:00").report(log, **said)
    day.record("C1", incident_refs=["LEI-20240115-0421"], place={"area": "B12"})
    day.at("11:00").report(log, version=2, **said).at("+2 00:00").heartbeat()
    first, rest = day.inputs[:2], day.inputs[2:]
    turn(ledger, day.rulebook, Batch(inputs=tuple(first)))
    with ledger.writing() as connection:
        gone = mentions.delete().where(mentions.c.kind == "record", mentions.c.key == f"log:{log}")
        assert connection.execute(gone).rowcount == 1
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0009'")
    upgrade(ledger.engine)
    for each in rest:
        turn(ledger, day.rulebook, Batch(inputs=(each,)))
    with ledger.reading() as connection:
        assert [judgement.decode(line).verdict for line in outputs.lines(connection)] == [
            "recorded"
        ]
        assert not list(outputs.claims(connection))


def test_a_ledger_of_a_newer_program_is_left_alone(
    ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    ledger = ledgers()
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerTooNew):
        upgrade(ledger.engine)
