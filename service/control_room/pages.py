"""What every page has: who looks, at which force, in which time zone, and how the page is sent.

Pages work without JavaScript; static modules only keep them live. Nothing is inline and nothing comes
from elsewhere, as the policy that every answer carries demands (``shield``).
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from sqlalchemy import Connection

from service.alerts import words
from service.alerts.queues import HIGH_HARM, RESTRICTED
from service.control_room.desk import Desk, desk_of
from service.control_room.plain_page import version
from service.control_room.problems import not_found
from service.control_room.rights import Viewer
from service.figures import phrases
from service.ingest.source import Topic
from service.ledger import outputs
from service.ledger.feeds import Feed, feeds
from service.settings import Settings

T = TypeVar("T")

NAVIGATION = (
    ("board", "Board"),
    ("worklist", "Worklist"),
    ("sources", "Sources"),
    ("notifications", "Notifications"),
    ("mutes", "Mutes"),
    ("audit", "Audit"),
    ("statistics", "Statistics"),
)

THEMES = ("auto", "light", "night")


class Frame(Struct, frozen=True, kw_only=True):
    """What a page is framed by."""

    page: str
    """First part of its path."""
    settings: Settings
    demonstration: bool
    viewer: Viewer
    now: datetime
    zone: ZoneInfo
    utc: bool
    theme: str
    force: str
    forces: tuple[str, ...]
    feeds: tuple[Feed, ...]
    blind: tuple[Topic, ...]
    """Kinds of feed that are not connected: what cannot be seen is said on every page."""
    labels: dict[str, str]
    """What sources are called, by name."""
    here: str
    """Path and query of this page."""

    def label(self, source: str) -> str:
        """What a source is called: its kind, and its name where there are several of a kind."""
        return self.labels.get(source, source)

    @property
    def title(self) -> str:
        """The force, as pages head it."""
        return self.settings.force_names.get(self.force, f"Force {self.force}")

    def link(self, page: str, **query: object) -> str:
        """The address of a page for this force."""
        given = {"force": self.force, **{k: v for k, v in query.items() if v not in ("", None)}}
        return f"/{page}?{urlencode(given)}"

    def report(self, ref: str, force: str = "") -> str:
        """The address of one report's page."""
        return f"/reports/{quote(force or self.force, safe='')}/{quote(ref, safe='')}"

    def outside(self, kind: Literal["log", "referral", "record"], ref: str) -> str:
        """The address in the force's own systems; empty where no template is set."""
        template = self.settings.deep_links.get(kind, "")
        return template.replace("{ref}", quote(ref, safe="")) if template else ""

    def local(self, at: datetime) -> datetime:
        """An instant in the zone shown."""
        return at.astimezone(self.zone)

    def when(self, at: datetime) -> str:
        """Weekday, day and time to the minute; the year where it is another one."""
        local, now = self.local(at), self.local(self.now)
        year = f" {local.year}" if local.year != now.year else ""
        zone = " UTC" if self.utc else ""
        if local.date() == now.date():
            return f"today {local:%H:%M}{zone}"
        return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}{zone}"

    def clock(self, at: datetime) -> str:
        """Weekday and time to the second."""
        return f"{self.local(at):%a %H:%M:%S}{' UTC' if self.utc else ''}"

    def left(self, deadline: datetime) -> str:
        """How long there is, or how long ago it was."""
        span = deadline - self.now
        return f"due in {long(span)}" if span >= timedelta() else f"past by {long(-span)}"

    def share_left(self, deadline: datetime) -> int:
        """What is left of a day, in hundredths."""
        return max(0, min(100, round((deadline - self.now) / timedelta(hours=24) * 100)))

    def shift_start(self) -> datetime:
        """When the shift under way began."""
        local = self.local(self.now)
        starts = [time.fromisoformat(each) for each in self.settings.shift_starts]
        days = (local.date(), local.date() - timedelta(days=1))
        begun = [
            datetime.combine(day, start, local.tzinfo)
            for day in days
            for start in starts
            if datetime.combine(day, start, local.tzinfo) <= local
        ]
        return max(begun).astimezone(UTC)


def long(span: timedelta) -> str:
    """Hours and minutes; days from two on."""
    minutes = int(span.total_seconds() // 60)
    if minutes >= 48 * 60:
        return phrases.lasted(span)
    return f"{minutes // 60} h {minutes % 60:02}"


async def framed(
    request: Request,
    viewer: Viewer,
    page: str,
    query: Callable[[Connection, "Frame"], T],
    force: str = "",
) -> tuple[Frame, T]:
    """The frame of a page, and what it asks of the ledger, all of one moment.

    Raises ``Problem`` where the force is not there or not for this viewer.
    """
    desk = desk_of(request)

    def ask(connection: Connection) -> tuple[Frame, T]:
        frame = _frame(request, desk, viewer, page, force, connection)
        return frame, query(connection, frame)

    return await desk.read(ask)


def _frame(
    request: Request,
    desk: Desk,
    viewer: Viewer,
    page: str,
    force: str,
    connection: Connection,
) -> Frame:
    known = [f for f in outputs.forces(connection) if viewer.sees(f, protected=False)]
    wanted = force or request.query_params.get("force", "")
    if wanted and wanted not in known:
        raise not_found("force")
    chosen = wanted or (known[0] if known else "")
    utc, theme = shown_as(request)
    held = feeds(connection, chosen) if chosen else ()
    topics = {desk.rulebook.sources[f.state.source].topic for f in held if _declared(desk, f)}
    query = f"?{request.url.query}" if request.url.query else ""
    return Frame(
        page=page,
        settings=desk.settings,
        demonstration=desk.demonstration,
        viewer=viewer,
        now=desk.clock(),
        zone=ZoneInfo("UTC" if utc else desk.settings.zone),
        utc=utc,
        theme=theme,
        force=chosen,
        forces=tuple(known),
        feeds=held,
        blind=tuple(topic for topic in Topic if topic not in topics),
        labels=_labels(desk, held),
        here=request.url.path + query,
    )


def shown_as(request: Request) -> tuple[bool, str]:
    """Whether this browser wants times in UTC, and which theme."""
    theme = request.cookies.get("theme", "auto")
    return request.cookies.get("utc") == "1", theme if theme in THEMES else "auto"


def _labels(desk: Desk, held: tuple[Feed, ...]) -> dict[str, str]:
    kinds = {
        feed.state.source: words.TOPICS[desk.rulebook.sources[feed.state.source].topic]
        for feed in held
        if _declared(desk, feed)
    }
    several = {kind for kind, n in Counter(kinds.values()).items() if n > 1}
    return {name: f"{kind} ({name})" if kind in several else kind for name, kind in kinds.items()}


def _declared(desk: Desk, feed: Feed) -> bool:
    return feed.state.source in desk.rulebook.sources


def render(frame: Frame, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """One page."""
    text = (
        environment().get_template(template).render(frame=frame, navigation=NAVIGATION, **context)
    )
    return HTMLResponse(text, status)


@cache
def environment() -> Environment:
    """The templates of this room, escaped, with nothing invisible in what they print."""
    made = Environment(
        loader=PackageLoader("service.control_room"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=phrases.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=lambda value: f"{value:,}",
        percent=phrases.percent,
        counted=phrases.counted,
        lasted=phrases.lasted,
        sentence=words.sentence,
        stamp=lambda at: at.isoformat(),
    )
    made.globals.update(HIGH_HARM=HIGH_HARM, RESTRICTED=RESTRICTED, version=version(), words=words)
    return made
