"""A web server beside loops that go on until told to stop: what ``run`` and ``serve`` have in common."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from msgspec.structs import replace
from sqlalchemy.exc import DBAPIError

from service import metrics
from service.alerts.actors import EVERY_FORCE, Actor, ActorRole
from service.control_room.desk import Desk
from service.control_room.gate import Gate, Kept
from service.control_room.publishing import Publishing
from service.control_room.sign_in import ENTER
from service.control_room.viewers import Special
from service.hosts.files import NotGiven
from service.hosts.health import Health
from service.hosts.seldom import look_for_cycles_seldom
from service.ledger.active import NotActive, check_active, parts_of
from service.log import log, trail
from service.metrics import family
from service.settings import Settings

LOOPBACK = "127.0.0.1"

AGREED_EVERY = 5.0
"""Seconds between two looks whether what the process was started with is still active."""

EVERYBODY = Kept(
    Actor(id="local", roles=tuple(ActorRole), forces=(EVERY_FORCE,), via="page"), tuple(Special)
)
"""Whoever sits at this machine, where no identity provider tells people apart."""

Loop = Callable[[], Awaitable[None]]
"""Goes on until ``desk.stopping`` is set, then finishes what it is at and returns."""

EXIT_DONE, EXIT_STOPPED = 0, 1


class _Server(uvicorn.Server):
    """Leaves signals to us, and says when it answers."""

    def __init__(self, config: uvicorn.Config, answering: Callable[[], None]) -> None:
        super().__init__(config)
        self._answering = answering

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._answering()


def bind(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0: any free one. Raises ``NotGiven`` where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms for every answer on a kept connection.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise NotGiven(f"{host}:{port}: {error.strerror}; give another --port") from None
    return bound


def serve(
    app: FastAPI,
    desk: Desk,
    loops: Sequence[Loop],
    bound: socket.socket,
    tell: Callable[[str], None],
    health: Health,
) -> int:
    """Serve until told to stop, or until a loop cannot go on; the exit code. ``tell`` is given the
    URL once it answers."""
    look_for_cycles_seldom()
    host, port = bound.getsockname()[:2]
    scheme = "https" if desk.settings.tls_certificate else "http"
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    publishing: Publishing = app.state.publishing
    health.gauges = lambda: (family(metrics.VIEWERS, [((), len(publishing.viewers))]),)
    health.reasons = lambda: ("stopping",) if desk.stopping.is_set() else ()

    def answering() -> None:
        health.started.set()
        tell(url)

    return asyncio.run(_serve(app, desk, loops, bound, answering))


def with_link(
    gate: Gate, roles: Sequence[ActorRole], tell: Callable[[str], None]
) -> Callable[[str], None]:
    """Tells an address by which one is let in once, in these roles (none given: all); with an identity
    provider the mere address."""
    if gate.settings.oidc_issuer:
        return tell
    actor = replace(EVERYBODY.actor, roles=tuple(roles) or EVERYBODY.actor.roles)
    key = asyncio.run(gate.make_link(replace(EVERYBODY, actor=actor)))
    return lambda url: tell(f"{url}{ENTER}?key={key}")


async def _serve(
    app: FastAPI,
    desk: Desk,
    loops: Sequence[Loop],
    bound: socket.socket,
    answering: Callable[[], None],
) -> int:
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, desk.stopping.set)
    server = _Server(configured(app, desk.settings), answering)
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(server.serve([bound]))]
    tasks += [asyncio.create_task(_one(loop)) for loop in loops]
    told = asyncio.create_task(desk.stopping.wait())
    await asyncio.wait([told, *tasks], return_when=asyncio.FIRST_COMPLETED)
    why = next((e for task in tasks if task.done() and (e := task.exception())), None)
    stopped_itself = not desk.stopping.is_set()
    desk.stopping.set()
    server.should_exit = True
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    why = why or next((each for each in ended if isinstance(each, BaseException)), None)
    if why is not None:
        # The words of others may hold what was read: where it arose is enough to find it.
        told_why = {"reason": str(why)} if isinstance(why, NotActive) else {"at": trail(why)}
        log().error("stopped", error=type(why).__name__, **told_why)
        return EXIT_STOPPED
    log().info("stopped")
    return EXIT_STOPPED if stopped_itself else EXIT_DONE


async def keep_agreed(desk: Desk) -> None:
    """Raises ``NotActive`` once something else than what this process was started with is active."""
    mine = parts_of(desk.rulebook)
    while await desk.goes_on(AGREED_EVERY):
        try:
            await desk.read(lambda connection: check_active(connection, mine))
        except DBAPIError as error:  # readiness says so
            log().warning("ledger_unread", error=type(error.orig).__name__)


async def _one(loop: Loop) -> None:
    await loop()


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How the application is served: quietly, by TLS where it has a certificate, trusting one proxy."""
    return uvicorn.Config(
        app,
        log_config=None,  # the service's own log is set up already
        access_log=False,  # paths hold references
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=int(settings.stop_within),
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        proxy_headers=settings.proxy_terminates_tls,
        forwarded_allow_ips=settings.proxy_addresses,
    )
