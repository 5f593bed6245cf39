"""Statistics of one force: crimes recorded of those due, with n and interval, and what is in none of it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from schemas.words import Verdict
from service.control_room.pages import Frame, framed, render
from service.control_room.rights import View, Viewer, require
from service.figures import charts, tables, times
from service.figures.crimes import Figures
from service.figures.rate import LEVEL, rate
from service.ledger import outputs
from service.ledger.noisy import Right, misses_right
from service.matching.judgement import decode

router = APIRouter(include_in_schema=False)

SPANS = {1: "24 hours", 7: "7 days", 28: "28 days", 91: "13 weeks"}
"""Days back from now, by receipt."""


class Counted(Struct, frozen=True):
    """Figures over reports received since a time."""

    since: datetime
    figures: Figures
    right: Right
    """Misses said in this time, by what became of them."""


@router.get("/statistics")
async def statistics(
    request: Request,
    viewer: Annotated[Viewer, Depends(require(View.STATISTICS))],
    days: Annotated[int, Query(ge=1, le=91)] = 7,
) -> HTMLResponse:
    """Counts of crimes, not of reports and never of people."""
    span = min(SPANS, key=lambda each: abs(each - days))

    def ask(connection: Connection, frame: Frame) -> Counted:
        since = frame.now - timedelta(days=span)
        figures = Figures(str(frame.zone))
        for line in outputs.lines(connection, frame.force, since):
            figures.add(decode(line))
        return Counted(since, figures, misses_right(connection, frame.force, since))

    frame, counted = await framed(request, viewer, "statistics", ask)
    figures = counted.figures
    total = tables.tally("All crimes", "all", figures.by_verdict())
    parts = tables.parts(total)
    return render(
        frame,
        "statistics.html.j2",
        counted=counted,
        figures=figures,
        right=counted.right,
        precision=rate(counted.right.crime, counted.right.settled)
        if counted.right.settled
        else None,
        span=span,
        spans=SPANS,
        level=LEVEL,
        total=total,
        in_time=tables.in_time(total),
        bar=charts.stacked("What became of the crimes due", parts),
        legend=[(part, charts.swatch(part.shade)) for part in parts],
        patterns=charts.PATTERNS,
        harm=tables.tally("High harm", "harm", figures.harm),
        routes=tables.routes(figures),
        categories=tables.categories(figures),
        heat=times.heat(figures),
        timely=times.timely(figures),
        accounted=tables.reasons(figures, Verdict.ACCOUNTED),
        untold=tables.reasons(figures, Verdict.NOT_PROVABLE),
    )
