"""``recount run``: everything in one process over one SQLite file; the default.

Sources send over HTTP, turns run one at a time, the wall clock ticks, numbers are given, people are
told, the board is served. Whatever was answered is on disk: the process may be killed at any moment and
started again.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from service.alerts.actors import ActorRole
from service.control_room.app import make_app
from service.control_room.binding import check_binding
from service.control_room.desk import Desk
from service.control_room.gate import Gate
from service.control_room.page_routes import PAGES
from service.delivery.numbers import give_numbers
from service.delivery.topics import let_go
from service.effects import Tick
from service.hosts.agreeing import agree
from service.hosts.demonstration import SOURCE, Demonstration
from service.hosts.files import NotGiven
from service.hosts.health import served
from service.hosts.housekeeping import keep_house
from service.hosts.incoming import Incoming
from service.hosts.planning import Planning
from service.hosts.sending import Sending
from service.hosts.serving import LOOPBACK, Loop, bind, serve, with_link
from service.ledger import outputs
from service.ledger.active import parts_of
from service.ledger.opening import Ledger, open_ledger
from service.ledger.sealed import new_key
from service.ledger.settling import standstills
from service.ledger.upgrading import upgrade
from service.log import log
from service.metrics import Counted, Origin
from service.pointers import Rulebook
from service.settings import Settings
from service.turn import Batch, turn

PARTS = (Origin.TURNS, Origin.BOARD)
"""What a process with a board counts."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be run."""

    ledger: Path | None
    """The SQLite file; None (in a demonstration): one that is gone afterwards."""
    mappings: tuple[str, ...]
    port: int
    """0: any free one."""
    roles: tuple[ActorRole, ...] = ()
    """Whom the printed link lets in; none: every role."""
    speed: float | None = None
    """In a demonstration, how many times faster than real time; None: no demonstration."""


def run_embedded(settings: Settings, wanted: Wanted, tell: Callable[[str], None]) -> int:
    """Run until told to stop; the exit code. ``tell`` is given the URL once it answers.

    Raises what people can mend before anything is served.
    """
    check_binding(settings, LOOPBACK)
    mappings = (SOURCE,) if wanted.speed is not None else wanted.mappings
    bound = bind(LOOPBACK, wanted.port)
    with bound, served(settings, *PARTS) as health, TemporaryDirectory() as folder:
        file = wanted.ledger or Path(folder) / "recount.db"
        incoming = Incoming(with_keys(settings, file), mappings)
        ledger = open_ledger(f"sqlite:///{file}")
        try:
            upgrade(ledger.engine)
            _check_kind(ledger, wanted)
            planning = Planning(settings, ledger)
            agree(ledger, {**parts_of(incoming.rulebook), **planning.parts})
            if wanted.speed is None:
                settle(ledger, incoming.rulebook, timedelta(seconds=settings.settle_after))
            health.watch(ledger)
            desk = make_desk(settings, ledger, incoming, health.counted)
            loops: tuple[Loop, ...] = (
                lambda: tick_again_and_again(desk),
                lambda: keep_house(desk),
                lambda: in_a_thread(desk, planning.run),
                lambda: in_a_thread(desk, Sending(settings, ledger).run),
            )
            if wanted.speed is not None:
                demonstration = Demonstration(desk, incoming, wanted.speed)
                desk = demonstration.desk
                loops = (demonstration.play,)
            numbering, gate = desk, Gate(settings, ledger, wall_clock)
            return serve(
                make_app(desk, gate, PAGES),
                desk,
                (*loops, lambda: number_again_and_again(numbering)),
                bound,
                with_link(gate, wanted.roles, tell),
                health,
            )
        finally:
            ledger.close()


def with_keys(settings: Settings, ledger: Path) -> Settings:
    """Where no key file is set, one beside the ledger, for its owner alone to read; made at the first
    start."""
    if settings.text_key_file is not None:
        return settings
    file = ledger.with_name(f"{ledger.name}.keys")
    with suppress(FileExistsError), open(file, "x", opener=_private) as made:
        made.write(f"# seals what people type into {ledger.name}; keep a copy\n{new_key()}\n")
    return settings.model_copy(update={"text_key_file": file})


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def make_desk(settings: Settings, ledger: Ledger, incoming: Incoming, counted: Counted) -> Desk:
    """What requests work with, by the wall clock."""
    return Desk(
        settings=settings,
        ledger=ledger,
        rulebook=incoming.rulebook,
        read_rows=incoming.read_rows,
        read_heartbeats=incoming.read_heartbeats,
        clock=wall_clock,
        keys=incoming.keys,
        counted=counted,
        taking_in=asyncio.Semaphore(settings.ingest_at_once),
    )


def settle(ledger: Ledger, rulebook: Rulebook, after: timedelta) -> None:
    """What fell due while nothing ran is not told piece by piece."""
    with ledger.reading() as connection:
        stood_still = standstills(connection, wall_clock(), after)
    if stood_still:
        turn(ledger, rulebook, Batch(inputs=stood_still))
        log().info("settling", forces=[each.force for each in stood_still])


async def tick_again_and_again(desk: Desk) -> None:
    """Let time pass for every force."""
    while await desk.goes_on(desk.settings.tick_every):
        now = desk.clock()
        forces = await desk.read(outputs.forces)
        if not forces:
            continue
        try:
            await desk.turn(Batch(inputs=tuple(Tick(force, now) for force in forces)))
        except DBAPIError as error:  # a tick repeats itself: the next one says all that this would
            log().warning("tick_failed", error=type(error.orig).__name__)


async def in_a_thread(desk: Desk, run: Callable[[threading.Event], None]) -> None:
    """Let something run in a thread until the process is to end, or until it ends by itself."""
    told = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(run, told))
    ending = asyncio.ensure_future(desk.stopping.wait())
    await asyncio.wait((running, ending), return_when=asyncio.FIRST_COMPLETED)
    told.set()
    ending.cancel()
    await running


async def number_again_and_again(desk: Desk) -> None:
    """Give published numbers to what was said; no topic waits for it here."""
    while await desk.goes_on(desk.settings.relay_every, desk.said):
        try:
            if await asyncio.to_thread(_number, desk):
                desk.numbered.set()
        except DBAPIError as error:
            log().warning("numbers_failed", error=type(error.orig).__name__)


def _number(desk: Desk) -> int:
    with desk.ledger.writing() as connection:
        numbered = give_numbers(connection)
        let_go(connection)
        return numbered


def _check_kind(ledger: Ledger, wanted: Wanted) -> None:
    """Demonstration data and a force's own never share a ledger."""
    with ledger.reading() as connection:
        held = outputs.source_states(connection)
    simulated = {state.source.startswith(f"{SOURCE}/") for state in held}
    if wanted.speed is not None and False in simulated:
        raise NotGiven(
            f"{wanted.ledger} holds what a force sent; give --demo a --ledger of its own, or none"
        )
    if wanted.speed is None and True in simulated:
        raise NotGiven(
            f"{wanted.ledger} holds demonstration data; give --demo, or another --ledger"
        )


def wall_clock() -> datetime:
    """The time of the world."""
    return datetime.now(UTC)
