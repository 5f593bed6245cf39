"""What a service with a board sees to now and then: what is usual at an hour is noted.

Any number of processes may do it over one ledger: an hour is noted once, whoever comes first.
"""

import asyncio
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from service.control_room.desk import Desk
from service.ledger import outputs
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
    """Note how each force's board stands, once an hour."""
    with desk.ledger.reading() as connection:
        forces = outputs.forces(connection)
    with desk.ledger.writing() as connection:
        for force in forces:
            note_hour(connection, force, now)
