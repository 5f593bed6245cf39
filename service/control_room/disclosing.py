"""Giving a report to somebody outside: to whom and why, noted before it is given. [DPA 2018 s.62]"""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from service.control_room.consulting import consult
from service.control_room.problems import Problem
from service.control_room.report_page import needs_of, opened
from service.control_room.rights import View, Viewer, require
from service.ledger.consulted import Purpose

router = APIRouter(include_in_schema=False)

RECIPIENT = re.compile(r"(?=.*\d)[A-Za-z0-9._:/-]{2,64}")
"""A case or file number of whoever gets it; a digit among the signs, so that it is no name."""


@router.post("/disclose/{force}")
async def disclose(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.DISCLOSE))], force: str
) -> Response:
    """Note to whom a report is given and why; the sheet to give is then shown. Raises ``Problem``."""
    form = await request.form()
    ref = str(form.get("ref", ""))
    recipient = str(form.get("recipient", "")).strip()
    if not RECIPIENT.fullmatch(recipient):
        detail = "recipient: give their file or case number, with a digit in it; never a name"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_recipient", detail)
    try:
        purpose = Purpose(str(form.get("purpose", "")))
    except ValueError:
        detail = "purpose: choose one of the list"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_purpose", detail) from None
    sheet = await opened(request, viewer, force, ref)
    await consult(
        request,
        viewer,
        force,
        ref,
        needs_of(sheet.found),
        purpose=purpose,
        recipient=recipient,
        view=View.DISCLOSE,
    )
    there = f"{sheet.frame.report(ref, force)}?done=disclosed"
    return RedirectResponse(there, HTTPStatus.SEE_OTHER)
