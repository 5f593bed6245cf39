"""What programs read: reports in queues, one report with its history, what was said, boards and sources.

Every answer that lists what may change carries the published number from which a live stream goes on.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from msgspec import Struct
from sqlalchemy import Connection

from service.alerts.handling import Handling
from service.alerts.queues import HarmGroup
from service.control_room.consulting import consult
from service.control_room.desk import desk_of
from service.control_room.problems import Problem, not_found
from service.control_room.publishing import needs_of
from service.control_room.rights import View, require
from service.control_room.viewers import Viewer, needed
from service.ledger import feeds, published, trail, worklist
from service.ledger.published import Group
from service.ledger.reading import Reading, reading
from service.ledger.standing import Entry, Standing, standing
from service.ledger.worklist import BadCursor, Choice, Filters
from service.matching.judgement import Line
from service.matching.watermark import SourceState

LIMIT_MAX = 200

JSON = "application/json"


class Reports(Struct, frozen=True):
    """Part of a queue of reports."""

    number: int
    """Published number as of which this was read, or a later one."""
    entries: tuple[Entry, ...]
    after: str
    """Cursor of the next page; empty: there is none."""


class ReportRead(Struct, frozen=True, kw_only=True):
    """One report: crimes expected, links, nearest records refused, and what was said and done."""

    number: int
    entry: Entry
    handling: Handling
    """What people have done about it."""
    line: Line
    """Crimes expected with their verdicts, links with level and evidence, records refused."""
    head: Line | None
    """The line that answers for the incident, where another log does."""
    events: tuple[dict[str, Any], ...]
    earlier: tuple[Entry, ...]
    """Earlier reports of the same people."""
    earlier_more: int


class Events(Struct, frozen=True):
    """Part of what was said and done in a force, the newest first."""

    number: int
    events: tuple[dict[str, Any], ...]
    before: int | None
    """Cursor of the next page; null: there is none."""


class SourceRead(Struct, frozen=True, kw_only=True):
    """One source: how far it is read, what it covers, and what became of what it brought."""

    source: str
    topic: str
    connected: bool
    """False: declared, and nothing ever came."""
    state: SourceState | None
    believable_silence: timedelta | None
    counts: dict[str, int]


class Sources(Struct, frozen=True):
    """Every source of a force."""

    number: int
    as_of: datetime | None
    sources: tuple[SourceRead, ...]


class Board(Struct, frozen=True):
    """How a force stands."""

    number: int
    now: datetime
    demonstration: bool
    standing: Standing


ANSWERS = (Reports, ReportRead, Events, Sources, Board)

Reader = Annotated[Viewer, Depends(require(View.API))]
Force = Annotated[str, Query(min_length=1, max_length=64)]


def make_reading() -> APIRouter:
    """Reading, by program."""
    router = APIRouter(tags=["read"])

    @router.get("/reports", responses=answers(Reports))
    async def reports(request: Request, viewer: Reader, wanted: Wanted) -> Response:
        """Reports of one queue, the nearest deadline first; filters may be combined."""
        filters = msgspec.structs.replace(wanted.filters, me=viewer.id, restricted=viewer.protected)

        def find(connection: Connection) -> Reports:
            number = published.newest(connection)
            page = worklist.page(connection, filters, wanted.after, wanted.limit)
            return Reports(number, page.entries, page.after)

        try:
            return answer(await desk_of(request).read(find))
        except BadCursor as bad:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            raise Problem(status, "cursor", str(bad), more={"field": "after"}) from None

    @router.get("/reports/{force}/{ref:path}", responses=answers(ReportRead))
    async def report(
        request: Request,
        viewer: Reader,
        force: str,
        ref: str,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One report. ``ETag`` names what was read, for ``If-Match`` of an action."""

        def find(connection: Connection) -> tuple[int, Reading | None]:
            return published.newest(connection), reading(connection, force, ref)

        number, found = await desk_of(request).read(find)
        if found is None:
            raise not_found("report")
        await consult(request, viewer, force, ref, _needs(found), view=View.API)
        tag = etag(found)
        if if_none_match == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
        return answer(_read(number, found), {"ETag": tag})

    @router.get("/alerts", responses=answers(Events))
    async def alerts(
        request: Request,
        viewer: Reader,
        force: Force,
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        type_: Annotated[list[str], Query(alias="type", max_length=40)] = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 50,
    ) -> Response:
        """What was said and done in a force, the newest first; before a number, and of some types."""

        def find(connection: Connection) -> Events:
            number = published.newest(connection)
            found = trail.page(connection, force, before, types=type_, limit=limit)
            refs = {each.told("subject") or each.told("ref") for each in found}
            groups = published.groups_of(connection, force, refs)
            told = tuple(_said(each) for each in found if _may(viewer, force, each, groups))
            return Events(number, told, found[-1].seq if len(found) == limit else None)

        return answer(await desk_of(request).read(find))

    _add_state(router)
    return router


def _add_state(router: APIRouter) -> None:
    """How sources and a whole force stand."""

    @router.get("/sources", responses=answers(Sources))
    async def sources(
        request: Request, viewer: Annotated[Viewer, Depends(require(View.SOURCES))], force: Force
    ) -> Response:
        """How far every source of a force is read, and what is not connected."""
        desk = desk_of(request)

        def find(connection: Connection) -> Sources:
            known = {each.state.source: each for each in feeds.feeds(connection, force)}
            names = [
                name
                for name, source in desk.rulebook.sources.items()
                if not source.forces or force in source.forces
            ]
            shown = []
            for name in sorted({*known, *names}):
                declared, held = desk.rulebook.sources.get(name), known.get(name)
                shown.append(
                    SourceRead(
                        source=name,
                        topic=str(declared.topic) if declared else "",
                        connected=held is not None,
                        state=held.state if held else None,
                        believable_silence=declared.believable_silence if declared else None,
                        counts=held.counts if held else {},
                    )
                )
            _, now = published.stand(connection).get(force, (0, None))
            return Sources(published.newest(connection), now, tuple(shown))

        return answer(await desk.read(find))

    @router.get("/board", responses=answers(Board))
    async def board(
        request: Request,
        viewer: Annotated[Viewer, Depends(require(View.BOARD))],
        force: Force,
        since_hours: Annotated[int, Query(ge=1, le=168)] = 12,
    ) -> Response:
        """How a force stands: what is past due and what falls due, by harm; what to do next."""
        desk = desk_of(request)
        now = desk.clock()
        since = now - timedelta(hours=since_hours)

        def find(connection: Connection) -> Board:
            number = published.newest(connection)
            held = standing(connection, force, now, since, restricted=viewer.protected)
            return Board(number, now, desk.demonstration, held)

        return answer(await desk.read(find))


class ReportsWanted(Struct, frozen=True):
    """Which reports, and from where on."""

    filters: Filters
    after: str
    limit: int


def wanted_reports(
    force: Force,
    queue: Choice = Choice.ALL,
    group: HarmGroup | None = None,
    category: Annotated[str, Query(max_length=64)] = "",
    area: Annotated[str, Query(max_length=64)] = "",
    ref: Annotated[str, Query(max_length=64, description="Beginning of a reference")] = "",
    after: Annotated[str, Query(max_length=120)] = "",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 50,
) -> ReportsWanted:
    """Filters of a list of reports."""
    filters = Filters(force=force, choice=queue, group=group, category=category, area=area, ref=ref)
    return ReportsWanted(filters, after, limit)


Wanted = Annotated[ReportsWanted, Depends(wanted_reports)]


def etag(found: Reading) -> str:
    """Names what was read of a report; before the dot, the version of what people have done about it."""
    held = msgspec.json.encode((found.line, found.head, found.entry, found.happened))
    mark = blake2b(held, digest_size=8).hexdigest()
    return f'"{found.state.handling.version}.{mark}"'


def _needs(found: Reading) -> frozenset[Any]:
    group = found.entry.group
    return needed(referral=found.line.route == "referral", group=str(group) if group else None)


def _read(number: int, found: Reading) -> ReportRead:
    return ReportRead(
        number=number,
        entry=found.entry,
        handling=found.state.handling,
        line=found.line,
        head=found.head,
        events=tuple(map(_said, found.happened)),
        earlier=found.earlier,
        earlier_more=found.earlier_more,
    )


def _said(each: trail.Happened) -> dict[str, Any]:
    payload = each.payload or {}
    shown = {name: payload[name] for name in published.SHOWN if payload.get(name) not in (None, "")}
    by = {"actor": each.actor} if each.actor else {}
    return {"seq": each.seq, "type": each.type, "at": each.at, **by, **shown}


def _may(viewer: Viewer, force: str, each: trail.Happened, groups: dict[str, Group]) -> bool:
    group = groups.get(each.told("subject") or each.told("ref"))
    return viewer.may_read(force, needs_of(group))


# -- answers and their description ----------------------------------------------------------------


def answer(held: Struct, headers: dict[str, str] | None = None) -> Response:
    """A struct as JSON."""
    return Response(msgspec.json.encode(held), headers=headers, media_type=JSON)


def answers(kind: type[Struct]) -> dict[int | str, dict[str, Any]]:
    """What a route answers with, for its description."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {200: {"description": kind.__doc__ or "", "content": {JSON: {"schema": schema}}}}


def describe(app: FastAPI, further: Iterable[type[Struct]] = ()) -> None:
    """Let the application's OpenAPI document hold what the answers are made of."""
    plain = app.openapi
    _, components = msgspec.json.schema_components(
        (*ANSWERS, *further), ref_template="#/components/schemas/{name}"
    )

    def openapi() -> dict[str, Any]:
        document = plain()
        document.setdefault("components", {}).setdefault("schemas", {}).update(components)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
