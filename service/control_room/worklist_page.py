"""The worklist: queues with their filters in the address, and what changed since a shift began."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from msgspec.structs import replace
from sqlalchemy import Connection

from service.alerts import words
from service.alerts.queues import HarmGroup
from service.control_room.pages import Frame, framed, render
from service.control_room.problems import invalid_cursor
from service.control_room.rights import Viewer, require
from service.ledger import trail, worklist
from service.ledger.standing import standing
from service.ledger.worklist import BadCursor, Choice, Filters

router = APIRouter(include_in_schema=False)

QUEUES = {
    Choice.NOBODY: "Nobody's",
    Choice.MINE: "Mine",
    Choice.PAST_DUE: "Past due",
    Choice.CANNOT_TELL: "Cannot tell",
    Choice.HOLDS: "Holds to approve",
    Choice.POSSIBLE_MATCH: "Possible matches",
    Choice.POSSIBLE_CRIME: "Possible crimes",
    Choice.CANCELLATION: "Cancellations lacking proof",
    Choice.N100: "N100s",
    Choice.NOT_TOLD: "Victim not told",
    Choice.APPEALS: "Appeals",
    Choice.UNKNOWN_CODE: "Unknown codes",
    Choice.ALL: "All",
}

HANDOVER_MOST = timedelta(days=7)
