"""What is the same for everybody: static files, and how somebody wants pages shown."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from service.control_room.pages import THEMES, framed, render
from service.control_room.plain_page import STATIC
from service.control_room.problems import not_found
from service.control_room.rights import Openly, View, Viewer, require
from service.control_room.sign_in import safe_path

router = APIRouter(include_in_schema=False)

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
YEAR_SECONDS = 31_536_000


@router.get("/static/{name}", dependencies=[Depends(Openly("style and modules hold no data"))])
async def static(name: str) -> Response:
    """A stylesheet, module or picture of the package; the same for everybody, and no data."""
    files = {file.name: file for file in STATIC.iterdir()}
    kind = KINDS.get(name[name.rfind(".") :])
    if name not in files or kind is None:
        raise not_found("file")
    headers = {"Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable"}
    return Response(files[name].read_bytes(), media_type=f"{kind}; charset=utf-8", headers=headers)


@router.get("/you")
async def you(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.OWN))]
) -> HTMLResponse:
    """Who somebody is here, and the way out."""
    frame, _ = await framed(request, viewer, "you", lambda connection, frame: None)
    return render(frame, "you.html.j2")


@router.get("/display")
async def display(
    viewer: Annotated[Viewer, Depends(require(View.OWN))],
    theme: str = "",
    utc: str = "",
    back: Annotated[str, Query(max_length=2000)] = "/board",
) -> RedirectResponse:
    """Remember light or night, local time or UTC, and go back."""
    answer = RedirectResponse(safe_path(back), HTTPStatus.SEE_OTHER)
    if theme in THEMES:
        answer.set_cookie("theme", theme, max_age=YEAR_SECONDS, httponly=True, samesite="lax")
    if utc in ("0", "1"):
        answer.set_cookie("utc", utc, max_age=YEAR_SECONDS, httponly=True, samesite="lax")
    return answer
