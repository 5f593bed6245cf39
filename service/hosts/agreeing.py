"""A process and what is active: at its start, and while it runs."""

import threading
from datetime import UTC, datetime
from functools import partial

from service.hosts.health import Health
from service.ledger.active import NotActive, Parts, adopt
from service.ledger.opening import Ledger
from service.log import log

LOOKED_EVERY = 2.0
"""Seconds between two looks whether what a process was started with is active by now."""


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
            ended.wait(LOOKED_EVERY)
        else:
            health.reasons = tuple
            return True
    return False
