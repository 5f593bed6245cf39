"""Fresh ledgers on either database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from tests.conftest import Fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Empty databases of one kind; a test that asks for this runs on both."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"
    fresh: Fresh = request.getfixturevalue("postgres_databases")
    return fresh


@pytest.fixture
def ledgers(database: Fresh) -> Iterator[Callable[[], Ledger]]:
    """Empty ledgers with their tables."""
    opened: list[Ledger] = []

    def fresh() -> Ledger:
        opened.append(open_ledger(database()))
        upgrade(opened[-1].engine)
        return opened[-1]

    yield fresh
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(ledgers: Callable[[], Ledger]) -> Ledger:
    """One empty ledger with its tables."""
    return ledgers()
