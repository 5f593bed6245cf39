"""Ledgers that older programs made are brought to this one's revision with everything in them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from service.ledger import copying, outputs
from service.ledger.chain import verify
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import LedgerTooNew, revision, upgrade, wanted_revision
from service.matching import judgement
from tests.conftest import Fresh
from tests.kafka.feed import NOW, answer, apply_to
from tests.ledger.revisions import HERE, unpacked

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


def test_a_ledger_of_a_newer_program_is_left_alone(
    ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    ledger = ledgers()
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerTooNew):
        upgrade(ledger.engine)
