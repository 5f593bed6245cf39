"""``GET /v1/stream``: everything said, live, by published numbers, as server-sent events.

A ``snapshot`` tells the number from which everything follows; each ``frame`` carries what was said since
the one before, under the number it reaches. After a cut, ``Last-Event-ID`` goes on exactly there, also on
another server; what is too old to be told gets a ``resync``: read again, and go on from its number. Whoever
watches the board (``show``) is sent it whole, as a ``page``, after frames that tell of its force, and now
and then as time passes.
"""

import time
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request
from msgspec import Struct
from sqlalchemy import Connection
from sse_starlette import EventSourceResponse, ServerSentEvent

from service.control_room.board_page import pushed
from service.control_room.desk import Desk, desk_of
from service.control_room.problems import Problem, unavailable
from service.control_room.publishing import Kept, Publishing
from service.control_room.rights import View, allowed, require, who
from service.control_room.viewers import Viewer
from service.ledger import published
from service.ledger.standing import group_rows

FRAME_EVERY = 0.25
"""Seconds between two frames to one viewer, at least."""

QUIET = 3.0
"""Seconds after which a page is sent again where time has only passed."""

KEEP_ALIVE = 15
"""Seconds without anything after which a line is sent, so that nobody on the way hangs up."""

TAKEN_WITHIN = 20.0
"""Seconds in which a viewer must take what is sent to it, else it is let go."""

ASK_AGAIN = 30.0
"""Seconds after which a stream asks again whether its viewer may look: sessions end."""

HIGHEST = 2**63 - 1

_streams = count()


def make_stream() -> APIRouter:
    """The live stream."""
    router = APIRouter(tags=["stream"])

    @router.get(
        "/stream",
        response_class=EventSourceResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream(
        request: Request,
        viewer: Annotated[Viewer, Depends(require(View.STREAM))],
        after: Annotated[int | None, Query(ge=0, le=HIGHEST)] = None,
        last_event_id: Annotated[str | None, Header(max_length=20)] = None,
        show: Annotated[Literal["", "/board", "/wall"], Query()] = "",
        force: Annotated[str, Query(max_length=64)] = "",
    ) -> EventSourceResponse:
        """What is said from now on, or from a number on (``after``, or ``Last-Event-ID``); with it, where
        one watches a page, that page of a force."""
        desk, publishing = desk_of(request), publishing_of(request)
        if len(publishing.viewers) >= desk.settings.viewers_max:
            raise unavailable("as many live streams as this service carries are open; try again")
        given = last_event_id or ""
        told = int(given) if given.isascii() and given.isdecimal() else after
        watching = Watching(show, force) if show and allowed(View.BOARD, viewer.roles) else None
        frames = _frames(request, desk, publishing, viewer, told, watching)
        return EventSourceResponse(frames, ping=KEEP_ALIVE, send_timeout=TAKEN_WITHIN, sep="\n")

    return router


def publishing_of(request: Request) -> Publishing:
    """What the streams of this application read."""
    publishing: Publishing = request.app.state.publishing
    return publishing


class Watching(Struct, frozen=True):
    """The page of a force that somebody has open."""

    path: str
    force: str

    def told_of(self, found: Sequence[Kept]) -> bool:
        """Was something said of this force?"""
        return any(each.force == self.force for each in found)


async def _frames(
    request: Request,
    desk: Desk,
    publishing: Publishing,
    viewer: Viewer,
    told: int | None,
    watching: Watching | None,
) -> AsyncIterator[ServerSentEvent]:
    mine = next(_streams)
    publishing.viewers.add(mine)
    versions: dict[str, int] = {}
    asked = shown = time.monotonic()
    try:
        if told is None:
            told = publishing.newest
            yield await _snapshot(desk, viewer, told)
        while True:
            found = await publishing.after(told)
            if found is None:
                told = publishing.newest
                yield _event("resync", told, b'{"number":%d}' % told)
            elif found or _turned(publishing, viewer, versions):
                told = found[-1].number if found else told
                yield _frame(publishing, viewer, versions, told, found)
                if watching and (watching.told_of(found) or time.monotonic() - shown > QUIET):
                    shown = time.monotonic()
                    page = await pushed(request, viewer, watching.path, watching.force)
                    yield _event("page", told, page)
            if not await desk.goes_on(FRAME_EVERY):
                return
            if time.monotonic() - asked > ASK_AGAIN:
                asked, viewer = time.monotonic(), await who(request)
    except Problem:  # whose session ended is asked to sign in when it comes again
        return
    finally:
        publishing.viewers.discard(mine)


async def _snapshot(desk: Desk, viewer: Viewer, number: int) -> ServerSentEvent:
    """How every force of the viewer's stands; the number is older than what is read, never newer."""
    now = desk.clock()

    def find(connection: Connection) -> dict[str, object]:
        stood = published.stand(connection)
        forces = [force for force in sorted(stood) if viewer.sees(force, protected=False)]
        return {
            "number": number,
            "now": now,
            "demonstration": desk.demonstration,
            "as_of": {force: stood[force][1] for force in forces},
            "boards": {force: group_rows(connection, force, now) for force in forces},
        }

    return _event("snapshot", number, msgspec.json.encode(await desk.read(find)))


def _turned(publishing: Publishing, viewer: Viewer, versions: dict[str, int]) -> bool:
    """Has anything changed in the viewer's forces, said or not?"""
    return any(
        versions.get(force) != lane.version
        for force, lane in publishing.lanes.items()
        if viewer.sees(force, protected=False)
    )


def _frame(
    publishing: Publishing,
    viewer: Viewer,
    versions: dict[str, int],
    number: int,
    found: list[Kept],
) -> ServerSentEvent:
    moved = {
        force: lane.now
        for force, lane in publishing.lanes.items()
        if versions.get(force) != lane.version and viewer.sees(force, protected=False)
    }
    versions.update({force: publishing.lanes[force].version for force in moved})
    events = [e.encoded for e in found if viewer.may_read(e.force, e.needs)]
    data = b'{"number":%d,"as_of":%s,"events":[%s]}' % (
        number,
        msgspec.json.encode(moved),
        b",".join(events),
    )
    return _event("frame", number, data)


def _event(name: str, number: int, data: bytes) -> ServerSentEvent:
    return ServerSentEvent(data=data.decode(), event=name, id=str(number), sep="\n")
