"""A process and what is active: at its start, and while it runs."""

import threading
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.hosts.files import NotGiven
from service.hosts.health import Health
from service.ledger import outputs
from service.ledger.active import NotActive, Parts, adopt
from service.ledger.opening import Ledger
from service.log import log
from service.pointers import Rulebook

LOOKED_EVERY = 2.0
"""Seconds between two looks whether what a process was started with is active by now."""


def check_known(connection: Connection, rulebook: Rulebook) -> None:
    """Raises ``NotGiven`` where the ledger holds what a source brought that is not in the rulebook."""
    strange = {each.source for each in outputs.source_states(connection)} - set(rulebook.sources)
    if strange:
        raise NotGiven(
            f"the ledger was fed by {', '.join(sorted(strange))}, which is not among the sources "
            "here; give them with --source, or set RECOUNT_TOPICS"
        )


def agree(ledger: Ledger, mine: Parts) -> None:
    """What nobody has decided by so far becomes active with this start. Raises ``NotActive``."""
    with ledger.writing() as connection:
        adopt(connection, mine, datetime.now(UTC))


def agree_in_time(ledger: Ledger, mine: Parts, ended: threading.Event, health: Health) -> bool:
    """The same, waiting until it is active, alive and not ready; False where told to end before."""
    said = ""
    while not ended.is_set():
        try:
            agree(ledger, mine)
        except NotActive as differs:
            reason = str(differs)
            if reason != said:
                log().warning("not_active", reason=reason)
            said, health.reasons = reason, partial(tuple, [reason])
            health.started.set()
        except DBAPIError as error:  # readiness says so by itself
            log().warning("ledger_unread", error=type(error.orig).__name__)
        else:
            health.reasons = tuple
            return True
        ended.wait(LOOKED_EVERY)
    return False
