"""What people typed, read back through the seal by those with the right; each reading is logged."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from service.alerts.actors import Action
from service.control_room.desk import Desk, desk_of
from service.control_room.gate import gate_of
from service.control_room.pages import Frame, framed, render
from service.control_room.problems import not_found
from service.control_room.report_page import opened
from service.control_room.rights import View, Viewer, require
from service.ledger.acts import all_mutes
from service.ledger.consulted import Purpose
from service.ledger.reading import Reading
from service.ledger.sealed import NotOpened, open_text

router = APIRouter(include_in_schema=False)


class Typed(Struct, frozen=True, kw_only=True):
    """What one person typed at one moment."""

    at: datetime
    action: str
    actor: str
    texts: dict[str, str]
    """By field; empty: nothing can be shown."""
    why_not: str
    """Why there is none."""


@router.get("/typed/{force}/{ref:path}")
async def typed(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.TYPED))], force: str, ref: str
) -> HTMLResponse:
    """Comments, rationales and evidence, as they were typed."""
    sheet = await opened(request, viewer, force, ref, View.TYPED)
    desk = desk_of(request)
    texts = await desk.read(lambda connection: texts_of(connection, desk, sheet.found))
    return render(sheet.frame, "typed.html.j2", ref=ref, texts=texts)


@router.get("/muted/{force}/{mute}")
async def typed_for_a_mute(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.TYPED))], force: str, mute: str
) -> HTMLResponse:
    """Why messages are kept back, as it was typed."""
    desk, gate = desk_of(request), gate_of(request)
    look = replace(gate.look(viewer, View.TYPED, force, f"mute:{mute}"), purpose=Purpose.ASSURANCE)

    def ask(connection: Connection, frame: Frame) -> tuple[Typed, ...]:
        held = next((each for each in all_mutes(connection, force) if each.id == mute), None)
        if held is None:
            raise not_found("mute")
        return (_typed(connection, desk, force, held.seq, Action.MUTE, held.since, held.author),)

    frame, texts = await framed(request, viewer, "mutes", ask, force)
    if not gate.noted_lately(look):
        await gate.looked([look])
    return render(frame, "typed.html.j2", ref="", texts=texts)


def texts_of(connection: Connection, desk: Desk, found: Reading) -> tuple[Typed, ...]:
    """Everything typed about a report, in order."""
    rows = (row for row in found.happened if row.typed)
    force = found.entry.force
    return tuple(
        _typed(connection, desk, force, row.seq, row.type, row.at, row.actor) for row in rows
    )


def _typed(
    connection: Connection,
    desk: Desk,
    force: str,
    seq: int,
    action: str,
    at: datetime,
    actor: str,
) -> Typed:
    texts, why_not = None, "no key is set to open it with"
    if desk.keys is not None:
        try:
            texts, why_not = open_text(connection, desk.keys, force, seq), "it was erased"
        except NotOpened as error:
            why_not = str(error)
    return Typed(at=at, action=action, actor=actor, texts=texts or {}, why_not=why_not)
