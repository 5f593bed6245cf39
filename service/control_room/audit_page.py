"""Audit: who did what, from the chain, and who looked at what, from the log that the law asks for."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from service.control_room.pages import Frame, framed, render
from service.control_room.rights import View, Viewer, require
from service.ledger import trail
from service.ledger.consulted import read_consulted

router = APIRouter(include_in_schema=False)

LOOKS = 100

Short = Annotated[str, Query(max_length=100)]


@router.get("/audit")
async def audit(
    request: Request,
    viewer: Annotated[Viewer, Depends(require(View.AUDIT))],
    show: Annotated[str, Query(pattern="^(acts|said|looks)$")] = "acts",
    actor: Short = "",
    ref: Short = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> HTMLResponse:
    """Acts of people, everything said, or who looked; the newest first."""

    def ask(connection: Connection, frame: Frame) -> dict[str, Any]:
        if show == "looks":
            forces = frozenset({frame.force, ""})
            looks = read_consulted(connection, forces=forces, ref=ref, actor_id=actor, limit=LOOKS)
            return {"rows": (), "looks": looks}
        acts = show == "acts"
        rows = trail.page(connection, frame.force, before, actor=actor, by_people=acts)
        return {"rows": rows, "looks": ()}

    frame, found = await framed(request, viewer, "audit", ask)
    return render(
        frame, "audit.html.j2", 200, show=show, actor=actor, ref=ref, page=trail.PAGE, **found
    )
