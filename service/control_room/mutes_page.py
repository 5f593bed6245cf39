"""Mutes: which messages are kept back, until when and by whom; made and ended here."""

from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from service.alerts.actors import Action, acts_as
from service.alerts.mutes import Mute
from service.control_room.acting import BadField, Slip, give, slip, status_of, unread
from service.control_room.desk import desk_of
from service.control_room.pages import Frame, framed, render
from service.control_room.rights import View, Viewer, allowed, require
from service.ledger.acts import all_mutes
from service.ledger.worklist import areas

router = APIRouter(include_in_schema=False)

OVER_SHOWN = 50
"""Mutes that are over, the latest."""


@router.get("/mutes")
async def mutes(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.MUTES))]
) -> HTMLResponse:
    """Every mute of a force: those that run or will, and the latest that are over."""
    done = request.query_params.get("done", "")
    return await _shown(request, viewer, done=done if done in ("mute", "end_mute") else "")


@router.post("/act/mute/{force}")
async def mute(
    request: Request, viewer: Annotated[Viewer, Depends(require(Action.MUTE))], force: str
) -> Response:
    """Keep messages back for a time."""
    return await _act(request, viewer, Action.MUTE, force)


@router.post("/act/end_mute/{force}")
async def end_mute(
    request: Request, viewer: Annotated[Viewer, Depends(require(Action.END_MUTE))], force: str
) -> Response:
    """End a mute before its time."""
    return await _act(request, viewer, Action.END_MUTE, force)


async def _act(request: Request, viewer: Viewer, action: Action, force: str) -> Response:
    form = await request.form()
    try:
        answer = await give(desk_of(request), viewer, action, force, "", form)
    except BadField as bad:
        wrong = unread(action, bad, form)
        return await _shown(request, viewer, force, HTTPStatus.UNPROCESSABLE_ENTITY, wrong)
    if not answer.accepted:
        wrong = slip(action, answer, form)
        return await _shown(request, viewer, force, status_of(answer), wrong)
    return RedirectResponse(f"/mutes?force={force}&done={action.value}", HTTPStatus.SEE_OTHER)


async def _shown(
    request: Request,
    viewer: Viewer,
    force: str = "",
    status: int = 200,
    wrong: Slip | None = None,
    done: str = "",
) -> HTMLResponse:
    desk = desk_of(request)

    def ask(connection: Connection, frame: Frame) -> tuple[tuple[Mute, ...], tuple[str, ...]]:
        return all_mutes(connection, frame.force), areas(connection, frame.force)

    frame, (held, areas_) = await framed(request, viewer, "mutes", ask, force)
    over = [each for each in held if each.ended_at is not None or each.until <= frame.now]
    return render(
        frame,
        "mutes.html.j2",
        status,
        running=[each for each in held if each.ended_at is None and each.until > frame.now],
        over=over[-OVER_SHOWN:][::-1],
        may=acts_as(viewer.actor, Action.MUTE, referral=False) is not None,
        can_type=desk.keys is not None,
        categories=sorted(desk.rulebook.pack.written.categories),
        areas=areas_,
        typed=allowed(View.TYPED, viewer.roles),
        command_id=str(uuid4()),
        slip=wrong,
        done=done,
    )
