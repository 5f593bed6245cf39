"""The web application: made when asked for, over whatever ledger it is handed."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from service.control_room.desk import Desk
from service.control_room.ingest import make_ingest
from service.control_room.problems import PROBLEM_JSON, answer_problems
from service.control_room.publishing import Publishing
from service.control_room.reading import describe, make_reading
from service.control_room.stream import make_stream

API = "/v1"
"""Under this prefix names and meanings stay; whatever breaks them moves to the next."""

PROBLEMS = {
    "4XX": {"description": "The request, and what to do about it", "content": {PROBLEM_JSON: {}}},
    "5XX": {"description": "This service, for now", "content": {PROBLEM_JSON: {}}},
}


def make_app(desk: Desk, gate: Any, routers: Iterable[APIRouter] = ()) -> FastAPI:
    """The application over a desk. ``gate`` tells who asks; ``routers`` are mounted as they are
    (pages, sign-in)."""

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

    app = FastAPI(
        title="Recount",
        version="1",
        summary="Which reported crimes were never recorded",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page loads from elsewhere
        redoc_url=None,
        lifespan=life,
        responses=PROBLEMS,  # type: ignore[arg-type]
    )
    app.state.desk, app.state.publishing, app.state.gate = desk, publishing, gate
    answer_problems(app)
    for ours in (make_ingest(), make_reading(), make_stream()):
        app.include_router(ours, prefix=API)
    for router in routers:
        app.include_router(router)
    describe(app)
    return app
