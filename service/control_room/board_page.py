"""The board: how a force stands, what to do next, what falls due; and the same for a wall."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy import Connection

from service.alerts.queues import HIGH_HARM, HarmGroup
from service.control_room.gathered import gathered_of
from service.control_room.pages import Frame, framed, render, shown_as
from service.control_room.rights import View, Viewer, require
from service.ledger.standing import Hour, Standing, standing
from service.ledger.usual import Usual, usual

router = APIRouter(include_in_schema=False)

WALL_ROWS = 7
"""Rows that can be read at three metres, feeds included."""

Asks = Annotated[Viewer, Depends(require(View.BOARD))]


@router.get("/")
async def root(viewer: Asks) -> RedirectResponse:
    """The board is what people come for."""
    return RedirectResponse("/board")


@router.get("/board")
async def board(request: Request, viewer: Asks) -> Response:
    """How a force stands now."""
    return await _gathered(request, viewer, _board)


@router.get("/wall")
async def wall(request: Request, viewer: Asks) -> Response:
    """The board at three metres: figures, deadlines and feeds; no people and no terms."""
    return await _gathered(request, viewer, _wall)


async def _gathered(
    request: Request,
    viewer: Viewer,
    make: Callable[[Request, Viewer], Awaitable[HTMLResponse]],
) -> Response:
    """A page on which nothing is of one person: hundreds watch it, and it is made once for all of those
    who may see the same and ask at the same time."""
    alike = (viewer.forces, viewer.protected, *shown_as(request))
    key = (make.__name__, str(request.url.query), alike)

    async def find() -> bytes:
        return bytes((await make(request, viewer)).body)

    return HTMLResponse(await gathered_of(request).answer(key, find))


PUSHED = ("/board", "/wall")
"""Pages that streams carry whole, made once for all who watch them."""

PUSHED_EVERY = 0.25
"""Seconds between two of them, at least."""


async def pushed(request: Request, viewer: Viewer, path: str, force: str) -> bytes:
    """A page of ``PUSHED`` as it stands now, in one line. Raises ``Problem``."""
    make = _board if path == PUSHED[0] else _wall
    alike = (viewer.forces, viewer.protected, *shown_as(request))

    async def find() -> bytes:
        return bytes((await make(request, viewer, force)).body).replace(b"\n", b" ")

    key = ("pushed", make.__name__, force, alike)
    return await gathered_of(request).answer(key, find, PUSHED_EVERY)


async def _board(request: Request, viewer: Viewer, force: str = "") -> HTMLResponse:
    frame, (stands, range_) = await framed(request, viewer, "board", _ask, force)
    return render(
        frame,
        "board.html.j2",
        stands=stands,
        usual=range_,
        falls_due=histogram(stands.falls_due, frame),
    )


async def _wall(request: Request, viewer: Viewer, force: str = "") -> HTMLResponse:
    frame, (stands, _) = await framed(request, viewer, "wall", _ask, force)
    feeds = len(frame.feeds) + len(frame.blind)
    alone = any(row.past_alone for row in stands.rows if row.group in HIGH_HARM)
    rows = max(WALL_ROWS - feeds, 1)
    return render(frame, "wall.html.j2", stands=stands, alone=alone, rows=rows)


def _ask(
    connection: Connection, frame: Frame
) -> tuple[Standing, dict[HarmGroup, dict[str, Usual]]]:
    stands = standing(
        connection,
        frame.force,
        frame.now,
        frame.shift_start(),
        restricted=frame.viewer.protected,
    )
    return stands, usual(connection, frame.force, frame.now)


def histogram(hours: Sequence[Hour], frame: Frame) -> Markup:
    """What falls due hour by hour, high harm at the foot; coloured by the page's own style."""
    wide, tall, top, edge = 22, 80, 16, 8
    most = max((each.high + each.other for each in hours), default=0) or 1
    drawn = []
    for each in hours:
        x, y = edge + each.ahead * wide, float(top + tall)
        for kind, count in (("high", each.high), ("other", each.other)):
            high = tall * count / most
            y -= high
            if count:
                drawn.append(_rect(kind, x, y, wide - 3, high))
        total = each.high + each.other
        if total:
            drawn.append(_text(x + (wide - 3) / 2, y - 3, str(total)))
        if each.ahead % 4 == 0:
            at = frame.local(frame.now).hour + each.ahead
            drawn.append(_text(x + (wide - 3) / 2, top + tall + 13, f"{at % 24:02}h"))
    total = sum(each.high + each.other for each in hours)
    soon = sum(each.high + each.other for each in hours[:4])
    title = f"{total} fall due within 24 hours, {soon} of them within 4"
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><line x1="0" y1="{}" '
        'x2="{}" y2="{}"/>{}</svg>'
    ).format(
        2 * edge + wide * len(hours),
        top + tall + 18,
        title,
        top + tall,
        2 * edge + wide * len(hours),
        top + tall,
        Markup("").join(drawn),
    )


def _rect(kind: str, x: float, y: float, wide: float, tall: float) -> Markup:
    return Markup('<rect class="{}" x="{:g}" y="{:.1f}" width="{:g}" height="{:.1f}"/>').format(
        kind, x, y, wide, tall
    )


def _text(x: float, y: float, text: str) -> Markup:
    return Markup('<text x="{:g}" y="{:.1f}" text-anchor="middle">{}</text>').format(x, y, text)
