"""The web application: made when asked for, over whatever ledger it is handed."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from service.control_room.desk import Desk
from service.control_room.ingest import make_ingest
from service.control_room.problems import PROBLEM_JSON, answer_problems

API = "/v1"
"""Under this prefix names and meanings stay; whatever breaks them moves to the next."""

PROBLEMS = {
    "4XX": {"description": "The request, and what to do about it", "content": {PROBLEM_JSON: {}}},
    "5XX": {"description": "This service, for now", "content": {PROBLEM_JSON: {}}},
}


def make_app(desk: Desk, routers: Iterable[APIRouter] = ()) -> FastAPI:
    """The application over a desk; ``routers`` are mounted as they are (pages, sign-in)."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield

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
    app.state.desk = desk
    answer_problems(app)
    app.include_router(make_ingest(), prefix=API)
    for router in routers:
        app.include_router(router)
    return app
