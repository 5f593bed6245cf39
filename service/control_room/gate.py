"""Sessions of people: begun, found again, ended; and the log of who looked at what.

The browser holds 256 bits of chance in a cookie, the ledger its digest. A session ends by signing out,
by standing idle, and at the latest after its whole length. Signing in always begins a new one, so one
that somebody planted is worth nothing.
"""

import asyncio
import hmac
import math
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import TypeVar

import msgspec
from fastapi import Request, Response
from msgspec import Struct
from sqlalchemy import Connection

from service.alerts.actors import Actor
from service.control_room.paces import Pace
from service.control_room.problems import Problem
from service.control_room.viewers import Special, Viewer
from service.ledger.consulted import Consulted, Look, write_consulted
from service.ledger.opening import Ledger
from service.ledger.sessions import Held, find, keep, see, take
from service.settings import Settings

T = TypeVar("T")

SIGNED_IN, SIGNING_IN, LINK = "signed_in", "signing_in", "link"
"""Kinds of what the ledger keeps for a browser; one is never taken for another."""

SIGNING_IN_LASTS = timedelta(minutes=10)
LINK_LASTS = timedelta(minutes=10)

ONE_LOOK = timedelta(minutes=10)
"""Looks of one person at one report within so long are one: open pages renew themselves."""

NOTED_MAX = 20_000
"""Looks remembered for that; whoever is beyond is logged once more."""

CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf_token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Kept(Struct, frozen=True):
    """What a session stands for."""

    actor: Actor
    special: tuple[Special, ...] = ()


class Gate:
    """Lets people in, and knows them again; shared by all requests of one application."""

    def __init__(self, settings: Settings, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        """``clock``: the time of the world, also where lanes live in a simulated one."""
        self.settings = settings
        self.ledger = ledger
        self.clock = clock
        self.idle = timedelta(seconds=settings.session_idle)
        self.lasts = timedelta(seconds=settings.session_lasts)
        self.secure = settings.reached_by_tls()
        self.cookie = "__Host-recount" if self.secure else "recount"
        """A browser takes a name with this prefix from this host alone, over TLS alone."""
        self._signing_in = Pace(settings.sign_ins_per_minute)
        self._asking = Pace(settings.requests_per_minute)
        self._noted: dict[tuple[object, ...], datetime] = {}

    # -- sessions -----------------------------------------------------------------------------

    async def viewer(self, request: Request) -> Viewer | None:
        """Whose session this request belongs to; None: nobody's. Raises ``Problem`` (429)."""
        token = request.cookies.get(self.cookie, "")
        found = await asyncio.to_thread(self._find, token) if token else None
        asker = f"session {_key(token)}" if found else f"address {address(request)}"
        self._pace(self._asking, asker)
        if found is None:
            return None
        kept = msgspec.json.decode(found.state, type=Kept)
        return Viewer(kept.actor, frozenset(kept.special), csrf_of(token))

    async def begin(self, request: Request, kept: Kept, response: Response) -> None:
        """Begin a session and hand it to the browser; one that it had ends."""
        before = request.cookies.get(self.cookie, "")
        token = await self.remember(
            SIGNED_IN, msgspec.json.encode(kept), self.lasts, kept.actor.id, instead_of=before
        )
        self.set_cookie(response, self.cookie, token)

    async def end(self, request: Request) -> None:
        """End the request's session, for whoever holds its cookie."""
        await self.once(SIGNED_IN, request.cookies.get(self.cookie, ""))

    def clear(self, response: Response) -> None:
        """Let the browser forget what it holds."""
        response.delete_cookie(self.cookie, secure=self.secure, httponly=True, samesite="lax")
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    async def make_link(self, kept: Kept) -> str:
        """What makes a session once, for whoever reads the terminal."""
        return await self.remember(LINK, msgspec.json.encode(kept), LINK_LASTS)

    async def remember(
        self, kind: str, state: bytes, lasts: timedelta, actor_id: str = "", instead_of: str = ""
    ) -> str:
        """Keep something for a browser; by what comes back it is found."""
        token, now = secrets.token_urlsafe(32), self.clock()
        held = Held(
            kind=kind,
            actor_id=actor_id,
            state=state.decode(),
            begun_at=now,
            seen_at=now,
            ends_at=now + lasts,
        )

        def write(connection: Connection) -> None:
            if instead_of:
                take(connection, _key(instead_of), kind)
            keep(connection, _key(token), held)

        await self._write(write)
        return token

    async def once(self, kind: str, token: str) -> str | None:
        """What was kept, which then is gone; None: nothing was, or too long ago."""
        if not token:
            return None
        found = await self._write(lambda c: take(c, _key(token), kind))
        return found.state if found is not None and self.clock() < found.ends_at else None

    def set_cookie(self, response: Response, name: str, token: str, path: str = "/") -> None:
        """Lax, since people come by links in messages; it goes with the browser's session."""
        response.set_cookie(
            name, token, path=path, secure=self.secure, httponly=True, samesite="lax"
        )

    def _find(self, token: str) -> Held | None:
        now, key = self.clock(), _key(token)
        with self.ledger.reading() as connection:
            found = find(connection, key, SIGNED_IN)
        if found is None or now >= found.ends_at or now >= found.seen_at + self.idle:
            return None
        if now >= found.seen_at + self.idle / 10:
            self._written(lambda connection: see(connection, key, now))
        return found

    # -- what requests must carry, and how often they may come ----------------------------------

    async def check_csrf(self, request: Request, viewer: Viewer) -> None:
        """Raises ``Problem`` where an unsafe request does not carry its session's own token."""
        given = request.headers.get(CSRF_HEADER, "")
        if not given and request.headers.get("content-type", "").startswith(_FORMS):
            field = (await request.form()).get(CSRF_FIELD, "")
            given = field if isinstance(field, str) else ""
        if not hmac.compare_digest(given.encode(), viewer.csrf.encode()):
            detail = f"send the session's token as {CSRF_HEADER}, or reload the page and try again"
            raise Problem(HTTPStatus.FORBIDDEN, "csrf", detail)

    def pace_sign_in(self, request: Request) -> None:
        """Raises ``Problem`` (429) where one address signs in too often."""
        self._pace(self._signing_in, address(request))

    def _pace(self, pace: Pace, asker: str) -> None:
        wait = pace.wait(asker, self.clock().timestamp())
        if wait:
            headers = {"Retry-After": str(math.ceil(wait))}
            detail = f"too many requests; come again in {math.ceil(wait)} s"
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too_often", detail, headers=headers)

    # -- who looked -----------------------------------------------------------------------------

    async def denied(self, viewer: Viewer, view: str, force: str = "", ref: str = "") -> None:
        """Log that somebody was refused."""
        await self.looked([self.look(viewer, view, force, ref, allowed=False)])

    def look(
        self, viewer: Viewer, view: str, force: str, ref: str, *, allowed: bool = True
    ) -> Consulted:
        """A look of this viewer, now."""
        return Consulted(
            at=self.clock(),
            force=force,
            ref=ref,
            view=view,
            actor_id=viewer.id,
            roles=tuple(role.value for role in viewer.actor.roles),
            via=viewer.actor.via,
            allowed=allowed,
        )

    async def looked(self, looks: Sequence[Consulted]) -> None:
        """Write looks to the log: durable once this returns."""
        await self._write(lambda c: write_consulted(c, looks))
        for look in looks:
            self._noted[_same(look)] = look.at
        while len(self._noted) > NOTED_MAX:
            del self._noted[next(iter(self._noted))]

    def noted_lately(self, look: Consulted) -> bool:
        """Was this person's same look written within ``ONE_LOOK``? Never so of a disclosure."""
        before = self._noted.get(_same(look))
        lately = before is not None and look.at - before < ONE_LOOK
        return lately and look.allowed and look.look is Look.CONSULTATION

    async def _write(self, change: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._written, change)

    def _written(self, change: Callable[[Connection], T]) -> T:
        with self.ledger.writing() as connection:
            return change(connection)


def csrf_of(token: str) -> str:
    """A session's token against forged requests: follows from what the browser alone holds."""
    return hmac.digest(token.encode(), b"csrf", "sha256").hex()


def address(request: Request) -> str:
    """Where a request comes from; of IPv6 the network, since one asker has all of it."""
    host = request.client.host if request.client else ""
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 else host


def gate_of(request: Request) -> Gate:
    """The gate of the application that serves this request."""
    gate: Gate = request.app.state.gate
    return gate


def _same(look: Consulted) -> tuple[object, ...]:
    """What makes two looks one where they follow each other."""
    who = (look.actor_id, look.roles, look.via, look.allowed)
    return (*who, look.view, look.force, look.ref, look.look, look.purpose)


def _key(token: str) -> str:
    return sha256(token.encode()).hexdigest()
