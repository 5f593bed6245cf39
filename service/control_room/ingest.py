"""``POST /v1/incidents`` and beside it: what sources send, durable when answered.

One JSON object, or many as NDJSON, plain or gzip. The token tells source and force; rows go through the
mapping of that source, as files and topics do. The same row sent again is counted as repeated.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import DBAPIError

from service.control_room.bodies import MANY, ONE, read_rows_of
from service.control_room.desk import Desk, ReadRows, Row, desk_of
from service.control_room.problems import Problem, busy, unavailable
from service.control_room.rights import Openly
from service.ingest.source import Topic
from service.ledger.tokens import Token, find_token
from service.log import log
from service.turn import Batch

READ, LEFT_OUT, DEAD = "read", "left_out", "dead"
"""Beside what became of inputs (``Intake``): rows sent, and those that the mapping leaves out."""

_bearer = HTTPBearer(auto_error=False, description="A token of one source of one force")


async def sender(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Token:
    """The token that came with the request. Raises ``Problem``."""
    if given is not None:
        written = given.credentials
        token = await desk_of(request).read(lambda connection: find_token(connection, written))
        if token is not None and token.revoked_at is None:
            return token
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "token",
        "send Authorization: Bearer TOKEN; make one with: recount tokens create",
        headers={"WWW-Authenticate": "Bearer"},
    )


Sender = Annotated[Token, Depends(sender)]


def make_ingest() -> APIRouter:
    """The four ways in."""
    router = APIRouter(
        tags=["ingest"], dependencies=[Depends(Openly("a source's own token opens it"))]
    )

    @router.post("/incidents", openapi_extra=_BODY, responses=_ANSWERS)
    async def incidents(request: Request, token: Sender) -> JSONResponse:
        """Incident logs, each as it now stands."""
        return await _take(request, token, Topic.INCIDENT_LOG)

    @router.post("/crimes", openapi_extra=_BODY, responses=_ANSWERS)
    async def crimes(request: Request, token: Sender) -> JSONResponse:
        """Crime records, each as it now stands."""
        return await _take(request, token, Topic.CRIME_RECORD)

    @router.post("/referrals", openapi_extra=_BODY, responses=_ANSWERS)
    async def referrals(request: Request, token: Sender) -> JSONResponse:
        """Referrals to public-protection teams, each as it now stands."""
        return await _take(request, token, Topic.REFERRAL)

    @router.post("/heartbeats", openapi_extra=_BODY, responses=_ANSWERS)
    async def heartbeats(request: Request, token: Sender) -> JSONResponse:
        """Promises that nothing from before a moment is still to come from the token's source."""
        return await _take(request, token, None)

    return router


async def _take(request: Request, token: Token, topic: Topic | None) -> JSONResponse:
    """Take a body in; ``topic``: None for heartbeats."""
    desk = desk_of(request)
    source = desk.rulebook.sources.get(token.source)
    if source is None:
        raise unavailable(f"this service does not read '{token.source}'; it was started without it")
    if topic is not None and source.topic is not topic:
        said = f"this token is for {token.source}, which brings {source.topic}, not {topic}"
        raise Problem(HTTPStatus.FORBIDDEN, "other_source", said)
    if desk.taking_in.locked():
        raise busy("others are being taken in; send the same again")
    async with desk.taking_in:
        most = desk.settings
        many, rows = await read_rows_of(request, most.ingest_body_max, most.ingest_row_max)
        read = desk.read_rows if topic is not None else desk.read_heartbeats
        return _answer(many, await _apply(desk, token, read, rows))


async def _apply(
    desk: Desk, token: Token, read: ReadRows, rows: Sequence[tuple[int, bytes]]
) -> list[dict[str, Any]]:
    """Turn after turn; what became of each row. Raises ``Problem`` where the ledger is gone."""
    told: list[dict[str, Any]] = []
    step = desk.settings.ingest_turn_max
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        found = await asyncio.to_thread(read, token.source, token.force, part, desk.clock())
        batch = Batch(
            inputs=tuple(row.input for row in found if row.input is not None),
            dead=tuple(row.letter for row in found if row.letter is not None),
        )
        try:
            turned = await desk.take(batch, token.force)
        except DBAPIError as error:
            log().error("ingest_failed", error=type(error.orig).__name__, force=token.force)
            raise unavailable(
                f"the ledger cannot be reached; lines before {part[0][0]} are applied. Send the same "
                "again: what is applied counts as repeated"
            ) from None
        results = iter(turned.results.get(token.force, ()))
        told += [_told(row, next(results) if row.input is not None else "") for row in found]
    return told


def _told(row: Row, result: str) -> dict[str, Any]:
    if row.refused is None:
        return {"line": row.line, "result": result or LEFT_OUT}
    refused = row.refused
    said = {
        "line": row.line,
        "result": DEAD,
        "reason": refused.reason,
        "field": refused.field,
        "value": refused.value,
        "remedy": refused.remedy,
    }
    return {name: held for name, held in said.items() if held not in ("", None)}


def _answer(many: bool, told: list[dict[str, Any]]) -> JSONResponse:
    counts = {READ: len(told)}
    for each in told:
        counts[each["result"]] = counts.get(each["result"], 0) + 1
    if counts.get(DEAD, 0) < len(told):
        return JSONResponse({**counts, "lines": told})
    first = told[0]
    detail = "no line could be read" if many else "this could not be read"
    raise Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        first["reason"],
        f"{detail}; it is kept as unreadable and counted",
        more={
            **{name: first[name] for name in ("line", "field", "value", "remedy") if name in first},
            **({"lines": told} if many else {}),
        },
    )


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            ONE: {"schema": {"type": "object"}},
            **{each: {"schema": {"type": "string"}} for each in sorted(MANY)},
        },
    }
}
_LINE = {
    "type": "object",
    "required": ["line", "result"],
    "properties": {
        "line": {"type": "integer"},
        "result": {"enum": ["applied", "repeated", "stale", "heartbeat", DEAD, LEFT_OUT]},
        **{name: {"type": "string"} for name in ("reason", "field", "value", "remedy")},
    },
}
_TAKEN = {
    "type": "object",
    "required": [READ, "lines"],
    "properties": {READ: {"type": "integer"}, "lines": {"type": "array", "items": _LINE}},
    "additionalProperties": {"type": "integer"},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Durable; what became of each line",
        "content": {"application/json": {"schema": _TAKEN}},
    }
}
