"""A ledger as commands and processes open it: there, answering, and of this program's revision."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from service.hosts.stopped import WorkerStopped
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import revision

WITHIN = 10.0
"""Seconds in which a database must take a connection, where no setting says otherwise."""


@contextmanager
def current_ledger(url: str, within: float = WITHIN) -> Iterator[Ledger]:
    """A ledger to work with, closed at the end. Raises as ``open_current``."""
    ledger = open_current(url, within)
    try:
        yield ledger
    finally:
        ledger.close()


def open_current(url: str, within: float = WITHIN) -> Ledger:
    """The ledger, at the revision that this program works with. Raises ``LedgerUnusable`` where it is
    not there, and ``WorkerStopped`` where it does not answer or is of another revision."""
    ledger = open_ledger(_impatient(url, within), create=False)
    try:
        at = revision(ledger.engine)
    except DBAPIError as error:
        ledger.close()
        why = type(error.orig).__name__
        remedy = "check DATABASE_URL and that it runs"
        raise WorkerStopped(f"the database does not answer ({why}); {remedy}") from None
    if not at.current:
        ledger.close()
        raise WorkerStopped(
            f"the ledger is at revision {at.held or 'none'}, this program works with {at.wanted}; "
            "run: recount db upgrade"
        )
    return ledger


def _impatient(url: str, seconds: float) -> str:
    """The same database, with a limit on how long a connection may take."""
    try:
        target = make_url(url)
    except ArgumentError:
        return url  # refused, without being repeated, where it is opened
    if target.get_backend_name() != "postgresql" or "connect_timeout" in target.query:
        return url
    limited = target.update_query_dict({"connect_timeout": str(max(2, int(seconds)))})
    return limited.render_as_string(hide_password=False)
