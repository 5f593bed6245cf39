"""Dead letters put through decoding and a turn again, once the mapping or the contract can read them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from service.hosts.arrivals import Arrival, arrival_of, proving_nothing
from service.hosts.files import NotGiven, named_feed, read_mapping, read_pack, read_person_key
from service.ingest.decode import Decoder, Refused, RefusedReason
from service.ledger.letters import Letter, LetterGone, Place, letter_at, still_dead
from service.ledger.opening import Ledger
from service.ledger.sealed import Keys, open_letter
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.settings import Settings
from service.turn import Batch, turn


class Outcome(StrEnum):
    """What became of a letter."""

    LEFT_OUT = "left_out"
    STILL_DEAD = "still_dead"
    GONE = "gone"
    NO_VALUE = "no_value"


class Replayed(Struct, frozen=True):
    """One letter put through again."""

    place: Place
    became: str
    """What its input became (applied, repeated, stale, heartbeat), or an ``Outcome``."""
    reason: str = ""
    field: str = ""


class Replay:
    """The mappings and the pack by which letters are read again."""

    def __init__(self, settings: Settings, mappings: Sequence[str]) -> None:
        """``mappings``: beside those of the topics. Raises ``Fault`` and ``NotGiven``."""
        pack = read_pack(settings.rules)
        key = read_person_key(settings.person_key_file) if settings.person_key_file else None
        feeds = [named_feed(named, f"topic {topic}: ") for topic, named in settings.topics.items()]
        feeds += [feed for name in mappings for feed in read_mapping(name).feeds]
        sources = {feed.source.name: feed.source for feed in feeds}
        self._rulebook = Rulebook(pack, sources)
        self._decoders = {
            feed.source.name: Decoder(feed, feed.source.name, None, None, key) for feed in feeds
        }
        self._observers = {name: Observer(pack, source) for name, source in sources.items()}
        self._skew = timedelta(seconds=settings.clock_skew)

    def replay(
        self, ledger: Ledger, keys: Keys, letters: Iterable[Letter], now: datetime
    ) -> list[Replayed]:
        """Each letter in a turn of its own. Raises ``NotOpened``, and ``NotGiven`` for a source that
        no mapping here has."""
        return [self._one(ledger, keys, letter, now) for letter in letters]

    def _one(self, ledger: Ledger, keys: Keys, letter: Letter, now: datetime) -> Replayed:
        place = letter.place
        if letter.source not in self._decoders:
            known = ", ".join(sorted(self._decoders))
            raise NotGiven(
                f"{place} is of '{letter.source}'; give its --mapping; read here: {known}"
            )
        with ledger.reading() as connection:
            _, sealed = letter_at(connection, place)
        if sealed is None:
            return Replayed(place, Outcome.NO_VALUE)
        raw = open_letter(keys, place.topic_id, place.partition, place.position, sealed)
        read = self._read(letter, raw, now)
        if isinstance(read, Refused):
            with ledger.writing() as connection:
                still_dead(connection, place, read.reason, read.field)
            return Replayed(place, Outcome.STILL_DEAD, read.reason, read.field)
        inputs = (proving_nothing(read),) if read is not None else ()
        try:
            turned = turn(ledger, self._rulebook, Batch(inputs=inputs, revived=(place,)))
        except LetterGone:
            return Replayed(place, Outcome.GONE)
        became = [str(result) for result, n in turned.counts.items() if n]
        return Replayed(place, became[0] if became else Outcome.LEFT_OUT)

    def _read(self, letter: Letter, raw: bytes, now: datetime) -> Arrival | Refused | None:
        """What it brings, or why it must still not be applied; None: its mapping leaves it out."""
        read = self._decoders[letter.source].decode(raw, letter.place.position)
        if read is None or isinstance(read, Refused):
            return read
        arrival = arrival_of(read, self._observers[letter.source], letter.source)
        if arrival.known_at > now + self._skew:
            return Refused(reason=RefusedReason.IN_THE_FUTURE, field="known_at", force=read.force)
        if letter.place.topic_id.startswith("http:") and read.force != letter.force:
            # A token is for one force: what it brought of another stays refused.
            return Refused(reason=RefusedReason(letter.reason), field="force", force=letter.force)
        return arrival
