"""Notifications: what was sent to whom, what waits, what never arrived; by receiver, never by name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from service.control_room.pages import Frame, framed, render
from service.control_room.rights import View, Viewer, require
from service.ledger.notices import Choice, Held, Standing, Status, listed, standings

router = APIRouter(include_in_schema=False)

ROWS = 100

STATUSES = {
    Status.WAITING: "waiting",
    Status.CLAIMED: "being sent",
    Status.SENT: "sent",
    Status.REPLACED: "replaced by a newer one",
    Status.REFUSED: "refused by the receiver",
    Status.EXPIRED: "tried in vain",
    Status.FAILED: "could not be made",
}


@router.get("/notifications")
async def notifications(
    request: Request,
    viewer: Annotated[Viewer, Depends(require(View.NOTIFICATIONS))],
    receiver: Annotated[str, Query(max_length=100)] = "",
    status: Status | None = None,
) -> HTMLResponse:
    """Messages of a force, the newest due first."""

    def ask(connection: Connection, frame: Frame) -> tuple[tuple[Standing, ...], tuple[Held, ...]]:
        choice = Choice(
            force=frame.force,
            receiver=receiver or None,
            statuses=frozenset({status} if status else ()),
        )
        return standings(connection), tuple(listed(connection, choice, ROWS))

    frame, (stands, rows) = await framed(request, viewer, "notifications", ask)
    return render(
        frame,
        "notifications.html.j2",
        stands=stands,
        rows=rows,
        receiver=receiver,
        chosen=status,
        statuses=STATUSES,
        most=ROWS,
    )
