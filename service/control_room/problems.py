"""Errors: problem documents (RFC 9457) for programs, pages for people; never a personal value.

Either says what is wrong, where, and what to do.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from service.alerts import words
from service.control_room.plain_page import plain_page
from service.ledger.active import NotActive
from service.log import log, trail

PROBLEM_JSON = "application/problem+json"

RETRY_AFTER_SECONDS = 5


class Problem(Exception):
    """A request that cannot be answered as asked."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        """``reason``: a word that programs can act on; ``detail``: what happened and the remedy;
        ``more``: where, as members of the document."""
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail
        self.headers = headers or {}
        self.more = more or {}

    def response(self) -> Response:
        """The problem as a document."""
        document = {
            "type": f"urn:recount:problem:{self.reason}",
            "title": self.status.phrase,
            "status": int(self.status),
            "reason": self.reason,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(document, self.status, self.headers, PROBLEM_JSON)

    def page(self) -> Response:
        """The problem for somebody at a browser."""
        title, advice = words.problem(self.reason, self.status.value)
        field = self.more.get("field")
        detail = f"{field}: {self.detail}" if field else self.detail
        body = Markup('<p>{}</p><p class="small">{}.</p><p><a href="/board">To the board</a></p>')
        plainly = words.sentence(detail.removesuffix("."))
        said = body.format(advice, plainly)
        return plain_page(title, said, self.status, headers=self.headers)


def busy(detail: str) -> Problem:
    """The same request may succeed a little later."""
    again = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, "busy", detail, headers=again)


def unavailable(detail: str) -> Problem:
    """Nothing is wrong with the request; something it needs is not there."""
    again = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=again)


def not_found(what: str) -> Problem:
    """There is no such thing, or it is not this caller's to see: the two look alike."""
    return Problem(HTTPStatus.NOT_FOUND, "not_found", f"there is no such {what}, or not for you")


def told(request: Request, problem: Problem) -> Response:
    """A problem as its asker reads: browsers get a page, but of the API."""
    of_people = not request.url.path.startswith("/v1/")
    wants_page = "text/html" in request.headers.get("accept", "")
    return problem.page() if of_people and wants_page else problem.response()


def answer_problems(app: FastAPI) -> None:
    """Let every error leave as a problem document, or as a page."""

    @app.exception_handler(Problem)
    async def ours(request: Request, problem: Problem) -> Response:
        return told(request, problem)

    @app.exception_handler(HTTPException)
    async def theirs(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        headers = dict(error.headers or {})
        return told(request, Problem(status, _word(status), str(error.detail), headers=headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        # The first step says whether it stood in the path, the query, a header or the body.
        field = ".".join(str(step) for step in first["loc"][1:])
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        found = Problem(status, "invalid_field", str(first["msg"]), more={"field": field})
        return told(request, found)

    @app.exception_handler(NotActive)
    async def not_active(request: Request, differs: NotActive) -> Response:
        return told(request, unavailable(str(differs)))

    @app.exception_handler(DBAPIError)
    async def database(request: Request, error: DBAPIError) -> Response:
        log().error("database_failed", error=type(error.orig).__name__, at=trail(error))
        return told(request, unavailable("the ledger cannot be reached; send the same again"))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        # Its words may hold what was sent: where it arose is enough to find it.
        log().error("request_failed", error=type(error).__name__, at=trail(error))
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return told(request, Problem(status, "failed", "this failed here; it has been logged"))


def _word(status: HTTPStatus) -> str:
    return status.phrase.lower().replace(" ", "_").replace("-", "_")
