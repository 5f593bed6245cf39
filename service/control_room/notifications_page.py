"""Notifications: what was sent to whom, what waits, what never arrived; by receiver, never by name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from service.alerts.notice import NoticeClass
from service.control_room.pages import Frame, framed, render
from service.control_room.publishing import needs_of
from service.control_room.rights import View, Viewer, require
from service.ledger.notices import Choice, Held, Standing, Status, listed, standings
from service.ledger.published import Group, groups_of

router = APIRouter(include_in_schema=False)

ROWS = 100


class Message(Struct, frozen=True):
    """One message, as somebody may see it."""

    held: Held
    of_report: bool
    shown: bool
    """May this viewer see of which report it is, and what it says?"""


@router.get("/notifications")
async def notifications(
    request: Request,
    viewer: Annotated[Viewer, Depends(require(View.NOTIFICATIONS))],
    receiver: Annotated[str, Query(max_length=100)] = "",
    status: Status | None = None,
) -> HTMLResponse:
    """Messages of a force, the newest due first."""

    def ask(
        connection: Connection, frame: Frame
    ) -> tuple[tuple[Standing, ...], tuple[Message, ...]]:
        choice = Choice(
            force=frame.force,
            receiver=receiver or None,
            statuses=frozenset({status} if status else ()),
        )
        held = tuple(listed(connection, choice, ROWS))
        groups = groups_of(connection, frame.force, {each.notice.subject for each in held})
        shown = tuple(_message(viewer, each, groups.get(each.notice.subject)) for each in held)
        return standings(connection), shown

    frame, (stands, rows) = await framed(request, viewer, "notifications", ask)
    return render(
        frame,
        "notifications.html.j2",
        stands=stands,
        rows=rows,
        receiver=receiver,
        chosen=status,
        most=ROWS,
    )


def _message(viewer: Viewer, held: Held, group: Group | None) -> Message:
    """A digest names many reports: it is for those who may see all of them."""
    if held.notice.kind is NoticeClass.DIGEST and group is None:
        return Message(held, False, viewer.protected)
    return Message(held, group is not None, viewer.may_read(held.notice.force, needs_of(group)))
