"""Signing in and out: at the identity provider, or by the link printed where none is configured."""

import hmac
import re
import secrets
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from msgspec import Struct

from service import metrics
from service.control_room.desk import desk_of
from service.control_room.gate import LINK, SIGNING_IN, SIGNING_IN_LASTS, Gate, Kept, gate_of
from service.control_room.grants import SignInRefused, granted
from service.control_room.oidc import Provider
from service.control_room.plain_page import plain_page
from service.control_room.rights import SIGN_IN, Openly, View, Viewer, require
from service.log import log

BACK, ENTER, SIGN_OUT, SIGNED_OUT = "/sign-in/back", "/enter", "/sign-out", "/signed-out"

_BY_LINK = Markup(
    "<p>This service runs for this machine alone. Open the link that it printed when it started; "
    "<code>recount run</code> prints a new one at each start.</p>"
)
_UNSAFE_PATH = re.compile(r"[\x00-\x20\\\x7f]")


class SigningIn(Struct, frozen=True):
    """What is kept between leaving for the provider and coming back, once."""

    state: str
    nonce: str
    verifier: str
    next: str


def make_provider(gate: Gate) -> Provider | None:
    """The provider that the settings name; None: people come by a printed link."""
    settings = gate.settings
    if not settings.oidc_issuer:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.client_secret(),
        f"{settings.public_url.rstrip('/')}{BACK}",
        settings.oidc_scopes,
        gate.clock,
    )


def make_sign_in() -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    openly = [Depends(Openly("nobody is signed in before signing in"))]
    router.add_api_route(SIGN_IN, leave, methods=["GET"], dependencies=openly, response_model=None)
    router.add_api_route(BACK, come_back, methods=["GET"], dependencies=openly, response_model=None)
    router.add_api_route(ENTER, enter, methods=["GET"], dependencies=openly, response_model=None)
    router.add_api_route(SIGNED_OUT, signed_out, methods=["GET"], dependencies=openly)
    router.add_api_route(SIGN_OUT, sign_out, methods=["POST"], response_model=None)
    return router


async def leave(request: Request, next: str = "/") -> Response:
    """To the provider, and back to where one wanted to be."""
    gate, provider = gate_of(request), _provider(request)
    gate.pace_sign_in(request)
    if provider is None:
        return plain_page("Sign in", _BY_LINK, HTTPStatus.UNAUTHORIZED)
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    kept = SigningIn(state, nonce, verifier, safe_path(next))
    try:
        url = await provider.authorize(kept.state, kept.nonce, kept.verifier)
    except SignInRefused as refused:
        return _refused(request, refused)
    answer = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    token = await gate.remember(SIGNING_IN, msgspec.json.encode(kept), SIGNING_IN_LASTS)
    gate.set_cookie(answer, _leaving(gate), token, path=SIGN_IN if not gate.secure else "/")
    return answer


async def come_back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """From the provider: whoever left with this browser, and nobody else, is signed in, once."""
    gate, provider = gate_of(request), _provider(request)
    gate.pace_sign_in(request)
    try:
        if provider is None:
            raise SignInRefused("no_provider", "this service has no identity provider")
        written = await gate.once(SIGNING_IN, request.cookies.get(_leaving(gate), ""))
        if written is None:
            raise SignInRefused("not_begun", "begin again: this took too long, or was done before")
        kept = msgspec.json.decode(written, type=SigningIn)
        if not hmac.compare_digest(kept.state.encode(), state.encode()):
            raise SignInRefused("state_differs", "begin again: this answer is to another question")
        if error or not code:
            raise SignInRefused("provider_refused", "the identity provider did not let you in")
        claims = await provider.exchange(code, kept.nonce, kept.verifier)
        who = granted(claims, gate.settings)
    except SignInRefused as refused:
        return _refused(request, refused)
    return await _let_in(request, gate, who, kept.next)


async def enter(request: Request, key: str = "") -> Response:
    """By the printed link, once."""
    gate = gate_of(request)
    gate.pace_sign_in(request)
    written = await gate.once(LINK, key)
    if written is None:
        message = "this link was used, or is too old; start the service again for a new one"
        return _refused(request, SignInRefused("link_spent", message))
    return await _let_in(request, gate, msgspec.json.decode(written, type=Kept), "/")


async def sign_out(
    request: Request, viewer: Annotated[Viewer, Depends(require(View.OWN))]
) -> Response:
    """End the session here, and at the provider where it offers that."""
    gate, provider = gate_of(request), _provider(request)
    await gate.end(request)  # first: the provider may take its time, and the browser may go away
    there = ""
    if provider is not None:
        there = await provider.sign_out_at(f"{gate.settings.public_url.rstrip('/')}{SIGNED_OUT}")
    # A page that leads on, since browsers let a form lead to this host alone (form-action).
    answer = _signed_out(there)
    gate.clear(answer)
    log().info("signed_out", via=viewer.actor.via)
    return answer


async def signed_out() -> HTMLResponse:
    """Where the provider sends people after signing out there."""
    return _signed_out("")


def safe_path(wanted: str) -> str:
    """A path of this service; anything that could lead elsewhere becomes the board."""
    if wanted.startswith("/") and not wanted.startswith("//") and not _UNSAFE_PATH.search(wanted):
        return wanted
    return "/"


def add_sign_in(app: FastAPI, gate: Gate) -> None:
    """Let people into an application by this gate."""
    app.state.gate = gate
    app.state.provider = make_provider(gate)
    app.include_router(make_sign_in())


async def _let_in(request: Request, gate: Gate, who: Kept, path: str) -> Response:
    answer = RedirectResponse(path, HTTPStatus.SEE_OTHER)
    await gate.begin(request, who, answer)
    answer.delete_cookie(
        _leaving(gate),
        path=SIGN_IN if not gate.secure else "/",
        secure=gate.secure,
        httponly=True,
        samesite="lax",
    )
    log().info("signed_in", via=who.actor.via, roles=[role.value for role in who.actor.roles])
    return answer


def _provider(request: Request) -> Provider | None:
    provider: Provider | None = request.app.state.provider
    return provider


def _leaving(gate: Gate) -> str:
    return f"{gate.cookie}-leaving"


def _refused(request: Request, refused: SignInRefused) -> HTMLResponse:
    desk_of(request).counted.counter(metrics.SIGN_IN_REFUSED).labels(refused.reason).inc()
    log().warning("sign_in_refused", reason=refused.reason)
    again = Markup('<p>{}</p><p><a href="{}">Sign in again</a></p>').format(str(refused), SIGN_IN)
    return plain_page("Not signed in", again, HTTPStatus.FORBIDDEN)


def _signed_out(there: str) -> HTMLResponse:
    body = Markup('<p><a href="{}">Sign in again</a></p>').format(SIGN_IN)
    head = ""
    if there:
        head = Markup('<meta http-equiv="refresh" content="0; url={}">').format(there)
        body = Markup('<p><a href="{}">Sign out at the identity provider too</a></p>').format(there)
    return plain_page("Signed out", body, head=head)
