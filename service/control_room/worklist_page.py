"""The worklist: queues with their filters in the address, and what changed since a shift began."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from schemas.words import AlertType
from service.alerts.actors import Action, acts_as
from service.alerts.queues import RESTRICTED, HarmGroup
from service.control_room.pages import Frame, framed, render
from service.control_room.problems import Problem
from service.control_room.rights import View, Viewer, require
from service.ledger import trail, worklist
from service.ledger.standing import standing
from service.ledger.trail import Happened
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
"""Further back it is no handover; the audit page has it."""

HANDOVER = (
    (
        "Come to be owed",
        (AlertType.DUE_SOON, AlertType.CLOSED_WITHOUT_REASON, AlertType.LOG_REOPENED),
    ),
    (
        "Not recorded",
        (AlertType.MISSED, AlertType.PARTLY_RECORDED, AlertType.RECORD_WITHDRAWN),
    ),
    (
        "Settled",
        (AlertType.RECORDED, AlertType.RECORDED_LATE, AlertType.ACCOUNTED),
    ),
    (
        "Cannot see",
        (
            AlertType.NOT_PROVABLE,
            AlertType.SOURCE_SILENT,
            AlertType.SOURCE_BACK,
            AlertType.INPUT_LOST,
            AlertType.UNKNOWN_CODE,
        ),
    ),
    ("By people", tuple(Action)),
)
"""What is told at a handover, by what it means to whoever takes over."""

Asks = Annotated[Viewer, Depends(require(View.WORKLIST))]
Short = Annotated[str, Query(max_length=100)]


@router.get("/worklist")
async def queues(
    request: Request,
    viewer: Asks,
    choice: Choice = Choice.NOBODY,
    group: HarmGroup | None = None,
    category: Short = "",
    area: Short = "",
    ref: Short = "",
    after: Annotated[str, Query(max_length=300)] = "",
) -> HTMLResponse:
    """One queue, a page of it."""

    def ask(
        connection: Connection, frame: Frame
    ) -> tuple[
        Filters, worklist.Page, dict[Choice, int], tuple[str, ...], dict[str, tuple[str, ...]]
    ]:
        filters = Filters(
            force=frame.force,
            choice=choice,
            me=viewer.id,
            group=group,
            category=category,
            area=area,
            ref=ref,
            restricted=viewer.protected,
        )
        try:
            found = worklist.page(connection, filters, after)
        except BadCursor as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_cursor", str(error)) from None
        counts = worklist.counts(connection, filters)
        signs = worklist.signs(connection, frame.force, [each.ref for each in found.entries])
        return filters, found, counts, worklist.areas(connection, frame.force), signs

    frame, (filters, found, counts, areas, signs) = await framed(request, viewer, "worklist", ask)
    may = acts_as(viewer.actor, Action.ACKNOWLEDGE, referral=True) is not None
    return render(
        frame,
        "worklist.html.j2",
        filters=filters,
        found=found,
        counts=counts,
        areas=areas,
        signs=signs,
        queues=QUEUES,
        groups=tuple(HarmGroup),
        most=worklist.COUNTED_TO,
        possible_shown=worklist.POSSIBLE_SHOWN,
        may_acknowledge=may,
        done=_count(request, "done"),
        of=_count(request, "of"),
    )


@router.get("/handover")
async def handover(request: Request, viewer: Asks, since: str = "") -> HTMLResponse:
    """What changed since a time: the beginning of the shift, unless another is asked for."""

    def ask(connection: Connection, frame: Frame) -> dict[str, Any]:
        begun = _since(since, frame)
        rows = [r for r in trail.page(connection, frame.force, limit=200) if r.at >= begun]
        return {
            "since": begun,
            "counts": trail.changes(connection, frame.force, begun),
            "stands": standing(
                connection, frame.force, frame.now, begun, restricted=viewer.protected
            ),
            "latest": rows if viewer.protected else _open(connection, frame.force, rows),
        }

    frame, found = await framed(request, viewer, "handover", ask)
    return render(frame, "handover.html.j2", told=HANDOVER, **found)


def _open(connection: Connection, force: str, rows: list[Happened]) -> list[Happened]:
    """What is about no report that asks for a right of its own."""
    subjects = [row.told("subject") for row in rows]
    known = worklist.entries(connection, force, subjects)
    held = {each.ref for each in known if each.group in RESTRICTED}
    return [row for row, subject in zip(rows, subjects, strict=True) if subject not in held]


def _count(request: Request, name: str) -> int:
    written = request.query_params.get(name, "")
    return int(written) if written.isdecimal() and len(written) < 5 else 0


def _since(written: str, frame: Frame) -> datetime:
    """The time asked for, local where it has no offset. Raises ``Problem``."""
    if not written:
        return frame.shift_start()
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        detail = "since: not a time; write it as 2024-01-31T19:00"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_time", detail) from None
    aware = at if at.tzinfo else at.replace(tzinfo=frame.zone)
    return max(aware.astimezone(UTC), frame.now - HANDOVER_MOST)
