"""What every test may use, and the rule that nothing is skipped in silence."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url

from service.hosts.real_parts import a_kafka, a_postgres

Fresh = Callable[[], str]
"""Makes an empty database; its URL."""

SHARED_DATA = Path(
    os.environ.get("RECOUNT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)
"""Real data to run against; never part of the project."""

ABSENT = "shared data is not here"

settings.register_profile("recount", print_blob=True, derandomize=True)
settings.load_profile("recount")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; the test is skipped, and listed, where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{ABSENT}: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL: ``DATABASE_URL`` where set, else one started from its package."""
    with a_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A real Kafka: ``KAFKA_BOOTSTRAP`` where set, else one started from packages."""
    with a_kafka() as bootstrap:
        yield bootstrap


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what did not run on this machine, and why."""
    reasons = _skipped(terminalreporter)
    if not reasons:
        return
    terminalreporter.section("did not run here")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} x {reason}")
    if _refused(reasons):
        terminalreporter.line("RECOUNT_COMPLETE=1: only absent shared data may be skipped")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under ``RECOUNT_COMPLETE=1`` a skip for any other reason is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and exitstatus == 0 and _refused(_skipped(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter) -> Counter[str]:
    reports = reporter.stats.get("skipped", [])
    return Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in reports
        if isinstance(report.longrepr, tuple)
    )


def _refused(reasons: Counter[str]) -> bool:
    complete = os.environ.get("RECOUNT_COMPLETE") == "1"
    return complete and any(not reason.startswith(ABSENT) for reason in reasons)
