"""Rows sent over HTTP to inputs of a turn: decoded by the mapping of their source, as topics are.

What cannot be read becomes a dead letter whose place is its digest: the same row sent again is the
same dead letter.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct

from schemas.feeds import Heartbeat
from service.control_room.desk import Row
from service.hosts.arrivals import arrival_of, from_the_future
from service.hosts.files import NotGiven, model_in_use, read_mapping, read_pack, read_person_key
from service.ingest.decode import Contract, Decoder, Refused, RefusedReason
from service.ingest.mapping import Feed
from service.ledger.sealed import read_keys, seal_letter
from service.ledger.write import DeadLetter
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.settings import Settings

BY_FILE_ORDER = frozenset({"file_order", "first_row"})
"""Versions that only the place in a file tells: over HTTP there is none."""

_NO_HEARTBEAT = Refused(
    reason=RefusedReason.INVALID_FIELD,
    field="kind",
    remedy='send heartbeats here ("kind": "heartbeat"), and reports and records to their own paths',
)


class _Reads(Struct, frozen=True):
    """What reads one source."""

    feed: Feed
    rows: Decoder
    heartbeats: Decoder
    observer: Observer


class Incoming:
    """The mappings and the pack in use."""

    def __init__(
        self, settings: Settings, mappings: Sequence[str], only: frozenset[str] = frozenset()
    ) -> None:
        """``only``: these of their sources, as mapping/side; empty: every one. Raises ``Fault``,
        ``ColumnMissing`` and ``NotGiven`` for what the settings name."""
        self.pack = read_pack(settings.rules)
        key = read_person_key(settings.person_key_file) if settings.person_key_file else None
        native = {feed.contract: feed for feed in read_mapping("native").feeds}
        self._reads: dict[str, _Reads] = {}
        for name in mappings:
            for feed in read_mapping(name).feeds:
                if only and f"{name}/{feed.side}" not in only:
                    continue
                if feed.written.version in BY_FILE_ORDER:
                    raise NotGiven(
                        f"{name}/{feed.side}: its versions follow the order of a file, which rows "
                        "sent one by one have not; name a column under 'version'"
                    )
                self._reads[feed.source.name] = _Reads(
                    feed,
                    Decoder(feed, name, None, None, key),
                    Decoder(native[feed.contract], name, None),
                    Observer(self.pack, feed.source),
                )
        sources = {name: reads.feed.source for name, reads in self._reads.items()}
        model = model_in_use(settings.linkage, self.pack)
        self.rulebook = Rulebook(self.pack, sources, model)
        self.keys = read_keys(settings.text_key_file) if settings.text_key_file else None
        self._skew = timedelta(seconds=settings.clock_skew)

    def read_rows(
        self, source: str, force: str, rows: Sequence[tuple[int, bytes]], now: datetime
    ) -> list[Row]:
        """Numbered rows of a source of a force. Raises ``KeyError`` where it is not read here."""
        reads = self._reads[source]
        return [self._row(reads, force, n, row, reads.rows.decode(row), now) for n, row in rows]

    def read_heartbeats(
        self, source: str, force: str, rows: Sequence[tuple[int, bytes]], now: datetime
    ) -> list[Row]:
        """The same for rows that are heartbeats and nothing else."""
        reads = self._reads[source]
        found = []
        for n, row in rows:
            read = reads.heartbeats.decode(row)
            if not isinstance(read, Heartbeat | Refused):
                read = _NO_HEARTBEAT
            found.append(self._row(reads, force, n, row, read, now))
        return found

    def _row(
        self,
        reads: _Reads,
        force: str,
        line: int,
        row: bytes,
        read: Contract | Heartbeat | Refused | None,
        now: datetime,
    ) -> Row:
        if read is None:
            return Row(line=line)
        name = reads.feed.source.name
        if not isinstance(read, Refused):
            arrival = arrival_of(read, reads.observer, name)
            if read.force != force:
                read = _of_another_force()
            elif arrival.known_at > now + self._skew:
                read = from_the_future(read)
            else:
                return Row(line=line, input=arrival)
        return Row(line=line, refused=read, letter=self._dead_letter(name, force, row, read, now))

    def _dead_letter(
        self, source: str, force: str, row: bytes, refused: Refused, now: datetime
    ) -> DeadLetter:
        digest = blake2b(row, digest_size=16).digest()
        topic_id = f"http:{source}:{force}"
        position = int.from_bytes(digest[:8], "big") >> 1  # fits a signed number of eight bytes
        return DeadLetter(
            source=source,
            topic_id=topic_id,
            partition=0,
            position=position,
            digest=digest.hex(),
            reason=refused.reason,
            field=refused.field,
            force=force,
            known_at=now,
            raw_encrypted=seal_letter(self.keys, topic_id, 0, position, row) if self.keys else None,
        )


def _of_another_force() -> Refused:
    return Refused(
        reason=RefusedReason.WRONG_FORCE,
        field="force",
        remedy="send it with the token of its own force",
    )
