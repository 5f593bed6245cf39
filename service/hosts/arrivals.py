"""Files to inputs, in the order in which they became known: one stream a feed, merged by time.

A feed whose rows are not in order of arrival is sorted on disk, as facts: by then text has been read and
let go. Memory holds one batch a file, whatever the size of the files.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.crimes import CrimeRecord
from schemas.feeds import Heartbeat
from schemas.words import TimeBound
from service.effects import HeartbeatSeen, RecordSeen, ReportSeen
from service.hosts.files import BadRow, InputBroken, open_rows
from service.ingest.coverage import Seen, cut_time
from service.ingest.decode import Contract, Decoder, Refused, RefusedReason
from service.ingest.fields import Row
from service.ingest.mapping import Feed
from service.ingest.people import PersonKey
from service.ledger.instants import EPOCH
from service.rules.observe import Observer
from service.rules.pack import Pack

SORTED_AT_ONCE = 20_000
"""Inputs held in memory while an unordered feed is sorted."""

Arrival = ReportSeen | RecordSeen | HeartbeatSeen
by_arrival = attrgetter("known_at")


class Place(Struct, frozen=True):
    """Where an input stands."""

    source: str
    path: Path
    line: int
    digest: str
    """Digest of the row as read."""


class Selection(Struct, frozen=True):
    """What is read of the files: forces, and how late."""

    is_mine: Callable[[str | None], bool] | None
    """Is a force (None: it cannot be told) read here? Absent: all are."""
    not_after: datetime
    """A version made after this moment is refused: its time is wrong."""
    known_by: datetime | None
    """The as-of instant: what became known later is not read. None: everything is."""
    person_key: PersonKey | None = None


class Arrivals:
    """Everything one feed brings. Iterate once; then ``seen`` and ``broken`` say how it ended."""

    def __init__(
        self,
        feed: Feed,
        paths: Sequence[Path],
        pack: Pack,
        selection: Selection,
        refuse: Callable[[Place, Refused], None],
    ) -> None:
        self.feed = feed
        self.seen: dict[str, Seen] = {}
        """By force: first and last time seen, and how far the files say they are complete."""
        self.broken: list[InputBroken] = []
        """Files that ended early; what came before is read."""
        self._paths = paths
        self._selection = selection
        self._refuse = refuse
        self._observer = Observer(pack, feed.source)

    def __iter__(self) -> Iterator[Arrival]:
        streams = [self._file(path, n << 32) for n, path in enumerate(self._paths)]
        if self.feed.ordered:
            yield from merge(*streams, key=by_arrival)
        else:
            yield from sorted_on_disk(each for stream in streams for each in stream)

    def _file(self, path: Path, first: int) -> Iterator[Arrival]:
        """Rows of one file; numbered from ``first``, so that file order goes on over several."""
        opened = open_rows(path, self.feed)
        selection = self._selection
        decoder = Decoder(
            self.feed, path.name, opened.header, selection.not_after, selection.person_key
        )
        known_by, is_mine, force_of = selection.known_by, selection.is_mine, decoder.force_of
        try:
            for number, (line, row) in enumerate(opened.rows, start=first):
                if is_mine and not is_mine(None if isinstance(row, BadRow) else force_of(row)):
                    continue
                read = self._decode(decoder, row, number)
                if read is None:
                    continue
                if isinstance(read, Refused):
                    place = Place(self.feed.source.name, path, line, _digest(row))
                    self._refuse(place, read)
                    continue
                arrival = arrival_of(read, self._observer, self.feed.source.name)
                if known_by is not None and arrival.known_at > known_by:
                    continue
                if not isinstance(read, Heartbeat):
                    self._see(read, decoder, row)
                yield arrival
        except InputBroken as broken:
            self.broken.append(broken)

    def _decode(
        self, decoder: Decoder, row: bytes | Row | BadRow, number: int
    ) -> Contract | Heartbeat | Refused | None:
        if isinstance(row, BadRow):
            return Refused(reason=row.reason, remedy=row.remedy)
        return decoder.decode(row, number)

    def seen_of(self, force: str) -> Seen:
        """What was seen of one force."""
        return self.seen.get(force, _NOTHING)

    def _see(self, read: Contract, decoder: Decoder, row: bytes | Row | BadRow) -> None:
        if self.feed.written.native:  # says how far it reaches by heartbeats
            self.seen.setdefault(read.force, _NOTHING)
            return
        newest = None
        if self.feed.complete_to is not None and not isinstance(row, BadRow):
            newest = decoder.complete_to(row)
        self.seen[read.force] = self.seen_of(read.force).at(cut_time(self.feed, read), newest)


def arrival_of(read: Contract | Heartbeat, observer: Observer, source: str) -> Arrival:
    """What was read as an input: when it was known, and when it happened."""
    if isinstance(read, Heartbeat):
        return HeartbeatSeen(read.force, source, read.until, read.known_at or read.until)
    if isinstance(read, CrimeRecord):
        record = observer.record(read)
        exact = read.recorded_bound is TimeBound.EXACT or read.updated_at is not None
        at = record.updated_at
        return RecordSeen(record, read.known_at or at, at if exact else None)
    report = observer.report(read)
    return ReportSeen(report, read.known_at or report.updated_at, report.updated_at)


def from_the_future(read: Contract | Heartbeat) -> Refused:
    """The refusal of what became known after now."""
    return Refused(
        reason=RefusedReason.IN_THE_FUTURE,
        field="known_at" if read.known_at else "updated_at",
        remedy="mend the clock of its source; it would make time pass for the whole force",
        force=read.force,
    )


def proving_nothing(arrival: Arrival) -> Arrival:
    """The same, moving no watermark: what lies in one partition says nothing of how far the others,
    where more of the same force lies, were read."""
    if isinstance(arrival, HeartbeatSeen):
        return replace(arrival, until=EPOCH)
    return replace(arrival, scattered=True)


_NOTHING = Seen()


def _digest(row: bytes | Row | BadRow) -> str:
    raw = row if isinstance(row, bytes) else msgspec.json.encode(row)
    return blake2b(raw, digest_size=16).hexdigest()


# -- sorting ------------------------------------------------------------------------------------


def sorted_on_disk(arrivals: Iterable[Arrival]) -> Iterator[Arrival]:
    """Arrivals by when they became known, those of one moment in the order given; in runs on disk
    where there are more than fit."""
    rest = iter(arrivals)
    runs: list[IO[bytes]] = []
    while held := list(islice(rest, SORTED_AT_ONCE)):
        held.sort(key=by_arrival)
        if not runs and len(held) < SORTED_AT_ONCE:
            yield from held
            return
        runs.append(_written(held))
    yield from merge(*map(_read, runs), key=by_arrival)


_encode = msgspec.msgpack.Encoder().encode
_decode_arrival = msgspec.msgpack.Decoder(Arrival).decode


def _written(held: Iterable[Arrival]) -> IO[bytes]:
    run = TemporaryFile()  # noqa: SIM115 - closed, and so removed, by whoever reads it
    for each in held:
        packed = _encode(each)
        run.write(len(packed).to_bytes(4, "big"))
        run.write(packed)
    return run


def _read(run: IO[bytes]) -> Iterator[Arrival]:
    with run:
        run.seek(0)
        while size := run.read(4):
            yield _decode_arrival(run.read(int.from_bytes(size, "big")))
