"""The web application: made when asked for, over whatever ledger it is handed."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.types import ASGIApp

from service.control_room.commanding import COMPONENTS, make_commanding
from service.control_room.desk import Desk
from service.control_room.gate import Gate
from service.control_room.gathered import Gathered
from service.control_room.ingest import make_ingest
from service.control_room.problems import PROBLEM_JSON, answer_problems
from service.control_room.publishing import Publishing
from service.control_room.reading import describe, make_reading
from service.control_room.rights import deny_undeclared
from service.control_room.shield import Shield
from service.control_room.sign_in import add_sign_in
from service.control_room.stream import make_stream

API = "/v1"
"""Under this prefix names and meanings stay; whatever breaks them moves to the next."""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request, and what to do about it", "content": {PROBLEM_JSON: {}}},
    "5XX": {"description": "This service, for now", "content": {PROBLEM_JSON: {}}},
}


BODY_MAX = 64 * 1024
"""Bytes of what a person's browser sends, at most; what sources send has a setting of its own."""


class _Shielded(FastAPI):
    """Its answers all pass the shield, also those to errors that nobody foresaw."""

    def build_middleware_stack(self) -> ASGIApp:
        return Shield(super().build_middleware_stack(), tls=self.state.gate.secure)


def make_app(desk: Desk, gate: Gate, routers: Iterable[APIRouter] = ()) -> FastAPI:
    """The application over a desk, entered by a gate; ``routers`` (pages) are mounted as they are."""
    publishing = Publishing(desk)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        await publishing.begin()
        looking = asyncio.create_task(publishing.look_again_and_again())
        try:
            yield
        finally:
            desk.stopping.set()
            await looking

    app = _Shielded(
        title="Recount",
        version="1",
        summary="Which reported crimes were never recorded",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page loads from elsewhere
        redoc_url=None,
        lifespan=life,
        dependencies=[Depends(deny_undeclared)],
        max_body_size=BODY_MAX,
        responses=PROBLEMS,
    )
    app.state.desk, app.state.publishing, app.state.gate = desk, publishing, gate
    app.state.gathered = Gathered()
    answer_problems(app)
    app.include_router(
        make_ingest(),
        prefix=API,
        max_body_size=desk.settings.ingest_body_max,
    )
    for ours in (make_commanding(), make_reading(), make_stream()):
        app.include_router(ours, prefix=API)
    add_sign_in(app, gate)
    for router in routers:
        app.include_router(router)
    describe(app, COMPONENTS)
    return app
