"""What a service with a board sees to now and then: what is usual is noted, old looks are erased.

Any number of processes may do it over one ledger: each thing is done once, whoever comes first.
"""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from service.control_room.desk import Desk
from service.ledger import outputs
from service.ledger.consulted import erase_looks
from service.ledger.usual import note_hour
from service.log import log

EVERY = 60.0
"""Seconds between two looks: what is noted is of an hour."""


async def keep_house(desk: Desk) -> None:
    """See to it until the process is to end."""
    while await desk.goes_on(EVERY):
        try:
            await asyncio.to_thread(see_to, desk, desk.clock())
        except DBAPIError as error:
            log().warning("housekeeping_failed", error=type(error.orig).__name__)


def see_to(desk: Desk, now: datetime) -> None:
    """Note how each force's board stands, once an hour, and erase looks that were kept long enough."""
    with desk.ledger.reading() as connection:
        forces = outputs.forces(connection)
    with desk.ledger.writing() as connection:
        noted = [note_hour(connection, force, now) for force in forces]
        if any(noted):
            erase_looks(connection, now - timedelta(days=desk.settings.looks_kept_days))
