"""Who may see and do what: the one place in which rights of routes are decided, denying by default.

Every route depends on ``require``, which gives the viewer by whom it filters what it shows, or is
marked ``Openly`` with the reason. ``deny_undeclared`` stands before all of them: a route that says
neither answers 403 to everybody.
"""

from collections.abc import Iterator
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlencode

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from service.alerts.actors import MAY, Action, ActorRole, for_force
from service.control_room.problems import Problem
from service.control_room.viewers import Special, Viewer, needed

__all__ = ["Special", "View", "Viewer", "needed", "require"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SIGN_IN = "/sign-in"


class View(StrEnum):
    """What somebody can be let into: a closed set."""

    BOARD = "board"
    WORKLIST = "worklist"
    REPORT = "report"
    SOURCES = "sources"
    NOTIFICATIONS = "notifications"
    MUTES = "mutes"
    TYPED = "typed"
    """What people typed about a report, or for a mute."""
    DISCLOSE = "disclose"
    """Giving a report to somebody outside."""
    AUDIT = "audit"
    STATISTICS = "statistics"
    STREAM = "stream"
    API = "api"
    """Reading reports and alerts by program."""
    METRICS = "metrics"
    TOKENS = "tokens"
    SETTINGS = "settings"
    OWN = "own"
    """One's own session: signing out, help."""


_DESK = frozenset(
    {
        ActorRole.CALL_HANDLER,
        ActorRole.SUPERVISOR,
        ActorRole.DECISION_MAKER,
        ActorRole.DUTY_INSPECTOR,
        ActorRole.PUBLIC_PROTECTION,
        ActorRole.REGISTRAR,
    }
)
_READERS = _DESK | {ActorRole.AUDITOR}
_LEADERS = _READERS - {ActorRole.CALL_HANDLER}
_ASSURANCE = frozenset({ActorRole.REGISTRAR, ActorRole.AUDITOR})
_UPKEEP = frozenset({ActorRole.OPS, ActorRole.ADMIN, ActorRole.AUDITOR})

SEES: dict[View, frozenset[ActorRole]] = {
    View.BOARD: _READERS,
    View.WORKLIST: _READERS,
    View.REPORT: _READERS,
    View.SOURCES: frozenset(ActorRole),
    View.NOTIFICATIONS: _LEADERS | {ActorRole.OPS},
    View.MUTES: _LEADERS | {ActorRole.OPS},
    View.TYPED: _LEADERS,
    View.DISCLOSE: _DESK - {ActorRole.CALL_HANDLER},
    View.AUDIT: _ASSURANCE,
    View.STATISTICS: _LEADERS,
    View.STREAM: _READERS,
    View.API: _READERS,
    View.METRICS: _UPKEEP,
    View.TOKENS: frozenset({ActorRole.ADMIN}),
    View.SETTINGS: frozenset({ActorRole.ADMIN}),
    View.OWN: frozenset(ActorRole),
}
"""The table of roles and views; what a role may do about a report is ``actors.MAY``."""


def allowed(right: View | Action, roles: frozenset[ActorRole]) -> bool:
    """Does any of the roles have the right?"""
    return bool(roles & (SEES[right] if isinstance(right, View) else MAY[right]))


class Required:
    """A dependency: the viewer, where they are signed in and have the right for every force asked."""

    def __init__(self, right: View | Action) -> None:
        self.right = right

    async def __call__(self, request: Request) -> Viewer:
        """Raises ``Problem``: 401 or a way to sign in, 403, in that order."""
        viewer = await who(request)
        if request.method not in SAFE_METHODS:
            await request.app.state.gate.check_csrf(request, viewer)
        asked = forces_asked(request)
        others = sorted(force for force in asked if not for_force(viewer.actor, force))
        ref = str(request.path_params.get("ref", ""))
        if not allowed(self.right, viewer.roles):
            why = "not a right of your role"
            await deny(request, viewer, self.right, why, min(asked, default=""), ref)
        if others:
            await deny(request, viewer, self.right, "not a force of yours", others[0], ref)
        return viewer


class Openly:
    """A mark on a route that needs no session, with the reason why."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        """Lets everybody through."""


def require(right: View | Action) -> Required:
    """What a route depends on; it gives the viewer."""
    return Required(right)


async def who(request: Request) -> Viewer:
    """The viewer of this request's session. A live stream asks again as it goes on: sessions end.

    Raises ``Problem`` where nobody is signed in.
    """
    gate = getattr(request.app.state, "gate", None)
    viewer: Viewer | None = await gate.viewer(request) if gate is not None else None
    if viewer is None:
        raise _sign_in_first(request)
    return viewer


async def deny(
    request: Request,
    viewer: Viewer,
    right: View | Action,
    why: str,
    force: str = "",
    ref: str = "",
) -> NoReturn:
    """Log that somebody was refused, and refuse."""
    await request.app.state.gate.denied(viewer, right.value, force, ref)
    detail = f"{right.value}: {why}; ask your administrator"
    raise Problem(HTTPStatus.FORBIDDEN, "forbidden", detail)


def forces_asked(request: Request) -> frozenset[str]:
    """Forces that a path or a query names; a body's are checked where it is read."""
    named = [*request.query_params.getlist("force"), str(request.path_params.get("force", ""))]
    return frozenset(named) - {""}


def declared(route: Any) -> Required | Openly | None:
    """What a route asks for; None: it does not say, and lets nobody in."""
    if not isinstance(route, APIRoute):
        return None
    calls = list(_calls(route.dependant))
    marks = [call for call in calls if isinstance(call, Required | Openly)]
    return next((mark for mark in marks if isinstance(mark, Required)), marks[0] if marks else None)


async def deny_undeclared(request: Request) -> None:
    """Stands before every route: one that asks for no right lets nobody in."""
    if declared(request.scope.get("route")) is None:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "nobody has a right to this")


def _calls(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


class _Redirected(Problem):
    """A page asked for by somebody who is not signed in."""

    def response(self) -> Response:
        """The way to sign in, and back."""
        return RedirectResponse(self.headers["Location"], HTTPStatus.SEE_OTHER)

    def page(self) -> Response:
        """The same."""
        return self.response()


def _sign_in_first(request: Request) -> Problem:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return _Redirected(
            HTTPStatus.SEE_OTHER,
            "sign_in",
            "sign in first",
            headers={"Location": f"{SIGN_IN}?{urlencode({'next': back})}"},
        )
    detail = f"sign in first, at {SIGN_IN}"
    return Problem(HTTPStatus.UNAUTHORIZED, "not_signed_in", detail)
