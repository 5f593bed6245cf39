"""``recount replay``: files through the engine under a virtual clock, one process's share of the forces.

The clock is the data's own: it stands where the newest input became known, and stops at the as-of
instant. The ledger is a temporary file; what leaves are the lines, claims and events it holds at the end.
"""

import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from service.alerts.identity import alert_identity
from service.effects import CoverageStated, Input, InputLost, Tick
from service.figures.crimes import Figures
from service.hosts.arrivals import Arrivals, Place, Selection, by_arrival
from service.hosts.files import model_in_use, read_mapping, read_pack, read_person_key
from service.hosts.seldom import look_for_cycles_seldom
from service.ingest.coverage import stated
from service.ingest.decode import Refused
from service.ledger import outputs
from service.ledger.opening import Ledger, open_ledger
from service.ledger.outputs import RecordCounts
from service.ledger.upgrading import drop_indexes_for_lists, upgrade
from service.ledger.write import DeadLetter
from service.matching.judgement import decode as read_line
from service.matching.watermark import SourceState
from service.pointers import Rulebook
from service.turn import Batch, turn

INPUTS_A_TURN = 25_000
"""Larger turns cost less an input, as versions of one report meet in one turn; about 75 MB."""


class Request(Struct, frozen=True, kw_only=True):
    """What is to be replayed."""

    mapping: str
    """Name of a shipped mapping, or path."""
    pack: str
    files: dict[str, tuple[Path, ...]]
    """By side: ``incidents``, ``records``, ``referrals``."""
    as_of: datetime | None
    """Where the clock stops; None: where the data ends."""
    not_after: datetime
    """The wall clock when the command was given: times after it are wrong."""
    person_key_file: Path | None = None
    streamed: bool = False
    """Do the files hold stretches of topics? Their ends say nothing of what a source covers."""
    linkage: Path | None = None
    """A linkage model; None: references alone link."""


class Share(Struct, frozen=True, kw_only=True):
    """What one process made of its forces; the large parts lie in its folder, a file a force."""

    folder: Path
    forces: tuple[str, ...]
    as_of: datetime | None
    figures: Figures
    inputs: dict[str, dict[str, int]]
    """By source: read, and what became of them."""
    records: RecordCounts
    alerts: dict[str, int]
    sources: tuple[SourceState, ...]
    broken: tuple[str, ...]
    """Files that could not be read to their end, each with what to do."""
    peak_memory_mb: float

    def file(self, kind: str, force: str) -> Path:
        """Where the lines of one kind of one force lie."""
        return self.folder / f"{kind}-{self.forces.index(force)}"


KINDS = ("verdicts", "claims", "alerts")
"""Outputs written force by force."""

IsMine = Callable[[str | None], bool]
AgreeOnEnd = Callable[[datetime | None], datetime | None]
"""Told when this share's data ends; answers when everybody's does."""


def run_share(
    request: Request,
    folder: Path,
    is_mine: IsMine | None,
    agree_on_end: AgreeOnEnd,
    tell: Callable[[int], None],
) -> Share:
    """Replay my forces (None: all) into a fresh ledger in ``folder``; ``tell`` counts inputs.

    Raises ``Fault``, ``NotGiven`` and ``ColumnMissing`` for what people gave.
    """
    look_for_cycles_seldom()
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", durable=False)
    try:
        with (folder / "dead_letters").open("wb") as dead:
            run = _Run(request, ledger, is_mine, dead)
            run.read_all(tell)
            as_of = request.as_of or agree_on_end(run.last_known)
            run.conclude(as_of)
        return _share(ledger, folder, as_of, run)
    finally:
        ledger.close()


class _Run:
    """One pass over the files, turn by turn."""

    def __init__(
        self, request: Request, ledger: Ledger, is_mine: IsMine | None, dead: BinaryIO
    ) -> None:
        mapping, pack = read_mapping(request.mapping), read_pack(request.pack)
        self._rulebook = Rulebook(
            pack,
            {feed.source.name: feed.source for feed in mapping.feeds},
            model_in_use(request.linkage, pack),
        )
        self._ledger = ledger
        self.zone = mapping.zone
        self._is_mine = is_mine
        self._streamed = request.streamed
        self._dead_file = dead
        self._dead: list[DeadLetter] = []
        self.last_known: datetime | None = None
        not_after = max(request.not_after, request.as_of or request.not_after)
        key = read_person_key(request.person_key_file) if request.person_key_file else None
        selection = Selection(is_mine, not_after, request.as_of, key)
        self.feeds = [
            Arrivals(feed, request.files[feed.files], pack, selection, self._refuse)
            for feed in mapping.feeds
            if request.files.get(feed.files)
        ]
        upgrade(ledger.engine)
        drop_indexes_for_lists(ledger.engine)

    def read_all(self, tell: Callable[[int], None]) -> None:
        """Every input of every feed, in order of arrival, in turns."""
        arrivals: Iterator[Input] = merge(*self.feeds, key=by_arrival)
        while inputs := tuple(islice(arrivals, INPUTS_A_TURN)):
            self._turn(inputs)
            self.last_known = inputs[-1].known_at
            tell(len(inputs))
        self._turn(())

    def conclude(self, as_of: datetime | None) -> None:
        """Say what the files cover now that they are read, and bring every lane to the end."""
        if as_of is None:
            return
        forces = {force for feed in self.feeds for force in feed.seen}
        ends: list[Input] = []
        for feed in self.feeds:
            declared = {*filter(self._is_mine or bool, feed.feed.source.forces)}
            for force in sorted({*feed.seen, *declared}):
                ends += self._end(feed, force, as_of)
            forces |= declared
        ends += [Tick(force, as_of) for force in sorted(forces)]
        self._turn(tuple(ends))

    def _end(self, feed: Arrivals, force: str, as_of: datetime) -> Iterator[Input]:
        name = feed.feed.source.name
        if feed.broken:
            # Cut off: rows in order prove what came before; in any other order, nothing at all.
            if not feed.feed.ordered:
                yield InputLost(force, name, None, as_of)
        elif not (feed.feed.written.native or self._streamed):
            since, until = stated(feed.feed, feed.seen_of(force))
            yield CoverageStated(force, name, since, until, as_of)

    def _turn(self, inputs: tuple[Input, ...]) -> None:
        dead, self._dead = tuple(self._dead), []
        if inputs or dead:
            turn(self._ledger, self._rulebook, Batch(inputs=inputs, dead=dead))

    def _refuse(self, place: Place, refused: Refused) -> None:
        """Set an input aside: by its place into the ledger, with its remedy into the file."""
        self._dead.append(
            DeadLetter(
                source=place.source,
                topic_id=f"{place.source}:{place.path}",
                partition=0,
                position=place.line,
                digest=place.digest,
                reason=refused.reason,
                field=refused.field,
                force=refused.force,
            )
        )
        said = {
            "source": place.source,
            "file": str(place.path),
            "line": place.line,
            "reason": refused.reason,
            "field": refused.field,
            "value": refused.value,
            "remedy": refused.remedy,
            "digest": place.digest,
        }
        self._dead_file.write(msgspec.json.encode({k: v for k, v in said.items() if v != ""}))
        self._dead_file.write(b"\n")
        if len(self._dead) >= INPUTS_A_TURN:
            self._turn(())


def _share(ledger: Ledger, folder: Path, as_of: datetime | None, run: _Run) -> Share:
    figures, alerts = Figures(run.zone), Counter[str]()
    with ledger.reading() as connection, ExitStack() as stack:
        forces = outputs.forces(connection)
        for n, force in enumerate(forces):
            verdicts, claims, said = (
                stack.enter_context((folder / f"{kind}-{n}").open("wb")) for kind in KINDS
            )
            for line in outputs.lines(connection, force):
                verdicts.write(line + b"\n")
                figures.add(read_line(line))
            for claim in outputs.claims(connection, force):
                written = {"alert_id": str(alert_identity(force, claim.ref)), **_fields(claim)}
                claims.write(_canonical(written) + b"\n")
            for event in outputs.events(connection, force):
                alerts[event.type] += 1
                said.write((event.payload or b"{}") + b"\n")
        return Share(
            folder=folder,
            forces=forces,
            as_of=as_of,
            figures=figures,
            inputs=outputs.taken_in(connection),
            records=outputs.record_counts(connection),
            alerts=dict(alerts),
            sources=outputs.source_states(connection),
            broken=tuple(str(broken) for feed in run.feeds for broken in feed.broken),
            peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )


_canonical = msgspec.json.Encoder(order="sorted").encode
_fields = msgspec.structs.asdict
