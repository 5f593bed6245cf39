"""Fresh ledgers on either database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url

from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade

Fresh = Callable[[], str]
"""Makes an empty database; its URL."""


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> Iterator[Fresh]:
    """Empty places in PostgreSQL (schemas, which are quick to make), dropped at the end."""
    made: list[str] = []
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    admin = create_engine(url)

    def fresh() -> str:
        made.append(f"recount_{uuid4().hex}")
        with admin.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {made[-1]}")
        here = url.update_query_dict({"options": f"-csearch_path={made[-1]}"})
        return here.render_as_string(hide_password=False)

    yield fresh
    for name in made:
        with admin.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    admin.dispose()


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
