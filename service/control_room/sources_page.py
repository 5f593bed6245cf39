"""Sources: how far each is read, what it covers, when it stopped, and what alerts ask of people."""

import asyncio
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from msgspec import Struct
from sqlalchemy import Connection

from schemas.words import AlertType
from service.alerts import words
from service.control_room.desk import Desk, desk_of
from service.control_room.pages import Frame, framed, render
from service.control_room.rights import View, Viewer, require
from service.figures import charts
from service.figures.rate import Rate, rate
from service.ingest.source import Source
from service.ledger import trail
from service.ledger.attention import Acted, Spent, acted_in_time, interrupts_spent
from service.ledger.feeds import Feed
from service.ledger.noisy import Noisy, noisiest
from service.ledger.standing import standing_longer
from service.log import log
from service.outages import Outage, running
from service.settings import SettingsWrong

router = APIRouter(include_in_schema=False)

SHOWN_BACK = timedelta(days=14)
DAY = timedelta(hours=24)
WEEK = timedelta(days=7)

ALARMS = (AlertType.DUE_SOON, AlertType.MISSED, AlertType.PARTLY_RECORDED, AlertType.SOURCE_SILENT)
"""What may interrupt somebody."""


class Shown(Struct, frozen=True):
    """A source as the page shows it."""

    feed: Feed
    source: Source | None
    """None: this process's mappings declare no such source."""
    label: str
    outage: Outage | None
    """What is declared of it and runs now."""


class Load(Struct, frozen=True):
    """What was said in a span, by type."""

    counts: dict[str, int]
    hours: float
    spent: tuple[Spent, ...]
    """Of each receiver's attention."""
    acted: Acted
    """On warnings whose deadline fell in the last week."""
    standing: int
    """Past due for longer than a day, with nobody on them."""
    noisy: tuple[tuple[Noisy, Rate | None], ...]
    """Rules with most alerts in the last week, each with the share of those settled that were none."""

    @property
    def alarms_an_hour(self) -> float:
        """Of what may interrupt, for everybody together."""
        return sum(self.counts.get(type_, 0) for type_ in ALARMS) / self.hours


@router.get("/sources")
async def sources(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.SOURCES))]
) -> HTMLResponse:
    """Every source of a force."""
    desk = desk_of(request)

    def ask(connection: Connection, frame: Frame) -> Load:
        force, now = frame.force, frame.now
        spent = interrupts_spent(connection, now)
        return Load(
            counts=trail.changes(connection, force, now - DAY),
            hours=DAY / timedelta(hours=1),
            spent=tuple(each for each in spent if each.force == force),
            acted=acted_in_time(connection, force, now - WEEK, now),
            standing=standing_longer(connection, force, now, DAY),
            noisy=tuple(map(_wrong, noisiest(connection, force, now - WEEK))),
        )

    frame, load = await framed(request, viewer, "sources", ask)
    outages = await asyncio.to_thread(_outages, desk, frame)
    shown = tuple(_shown(desk, feed, outages) for feed in frame.feeds)
    return render(
        frame,
        "sources.html.j2",
        shown=shown,
        load=load,
        spans=_spans(frame, shown),
        patterns=charts.PATTERNS,
    )


def _wrong(noisy: Noisy) -> tuple[Noisy, Rate | None]:
    right = noisy.right
    return noisy, rate(right.none, right.settled) if right.settled else None


def _outages(desk: Desk, frame: Frame) -> dict[tuple[str, str], Outage]:
    try:
        return running(desk.settings.outages_file, frame.now)
    except SettingsWrong as error:
        log().warning("outages_unread", why=str(error))
        return {}


def _shown(desk: Desk, feed: Feed, outages: dict[tuple[str, str], Outage]) -> Shown:
    source = desk.rulebook.sources.get(feed.state.source)
    label = words.TOPICS[source.topic] if source else feed.state.source
    return Shown(feed, source, label, outages.get((feed.state.force, feed.state.source)))


def _spans(frame: Frame, shown: tuple[Shown, ...]) -> Markup:
    """What each covers, over the last days."""
    start = frame.now - SHOWN_BACK
    rows = []
    for each in shown:
        state = each.feed.state
        since = state.since or state.first_event
        rows.append(
            charts.Span(
                each.label,
                frame.local(max(since, start)) if since else None,
                frame.local(state.until or frame.now),
                frame.local(state.watermark) if state.watermark else None,
            )
        )
    rows += [charts.Span(words.TOPICS[topic]) for topic in frame.blind]
    now = frame.local(frame.now)
    return charts.spans("What each source covers", rows, frame.local(start), now, now)
