"""Dead letters: listed by their place, given back to a turn, or discarded for a stated reason.

A letter that is read after all is no longer dead: its turn counts it anew, and what was counted of it as
dead is taken away in the same transaction, so that nothing is counted twice and nothing is lost (G6).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select, update

from service.ledger.instants import instant
from service.ledger.tables import dead_letters

HELD = ("waiting", "kept")
"""Statuses of letters that may be given back or discarded; ``waiting`` is not relayed yet."""


class DiscardReason(StrEnum):
    """Why an input that cannot be read may be forgotten: a closed list, so that it can be counted."""

    SENT_AGAIN = "sent_again"
    TEST_DATA = "test_data"
    NOT_OURS = "not_ours"
    BEYOND_REPAIR = "beyond_repair"


class Place(Struct, frozen=True):
    """Where a letter lay."""

    topic_id: str
    partition: int
    position: int

    def __str__(self) -> str:
        return f"{self.topic_id}/{self.partition}/{self.position}"


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter without its value."""

    place: Place
    force: str
    """Empty where it cannot be told."""
    source: str
    known_at: datetime | None
    reason: str
    field: str
    digest: str
    attempts: int
    status: str
    discarded_for: str | None
    sealed: bool
    """Is it kept as it came?"""


class LetterGone(Exception):
    """It is not there, or was replayed or discarded before; nothing was changed."""


def listed(
    connection: Connection, *, status: str = "", source: str = "", force: str = "", limit: int = 100
) -> list[Letter]:
    """Letters by place; each condition only where it is given."""
    wanted = _only(status=status, source=source, force=force)
    return _found(connection, select(dead_letters).where(*wanted).limit(limit))


def held_letters(connection: Connection, source: str = "", force: str = "") -> list[Letter]:
    """Every letter that may be given back and is kept as it came."""
    held = dead_letters.c
    kept = (held.status.in_(HELD), held.raw_encrypted.is_not(None))
    wanted = _only(source=source, force=force)
    return _found(connection, select(dead_letters).where(*kept, *wanted))


def letter_at(connection: Connection, place: Place) -> tuple[Letter, bytes | None]:
    """One letter, and its sealed value where that is kept. Raises ``LetterGone``."""
    row = connection.execute(select(dead_letters).where(_is(place))).one_or_none()
    if row is None:
        raise LetterGone(f"there is no dead letter at {place}; see: recount dead-letters list")
    return _letter(row), None if row.raw_encrypted is None else bytes(row.raw_encrypted)


def take_back(connection: Connection, places: Sequence[Place]) -> list[Letter]:
    """Mark letters as replayed in the transaction that applies them. Raises ``LetterGone``."""
    taken = []
    for place in sorted(places, key=str):
        query = select(dead_letters).where(_is(place), dead_letters.c.status.in_(HELD))
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise LetterGone(f"{place} was replayed or discarded before")
        again = {"status": "replayed", "attempts": row.attempts + 1}
        connection.execute(update(dead_letters).where(_is(place)).values(**again))
        taken.append(_letter(row))
    return taken


def still_dead(connection: Connection, place: Place, reason: str, field: str) -> None:
    """It was tried again and could not be read, perhaps for another reason."""
    change = update(dead_letters).where(_is(place), dead_letters.c.status.in_(HELD))
    tried = dead_letters.c.attempts + 1
    connection.execute(change.values(attempts=tried, reason=reason, field=field))


def discard(connection: Connection, place: Place, reason: DiscardReason) -> None:
    """Give a letter up; its row stays, its value goes. Raises ``LetterGone``."""
    change = update(dead_letters).where(_is(place), dead_letters.c.status.in_(HELD))
    given = {"status": "discarded", "discarded_for": reason.value, "raw_encrypted": None}
    if connection.execute(change.values(**given)).rowcount != 1:
        raise LetterGone(f"{place} is not there, or was replayed or discarded before")


def _only(**wanted: str) -> list[ColumnElement[bool]]:
    """Each column as it is wanted; an empty word wants nothing."""
    return [dead_letters.c[name] == word for name, word in wanted.items() if word]


def _found(connection: Connection, query: Select[Any]) -> list[Letter]:
    return [_letter(row) for row in connection.execute(query.order_by(*dead_letters.primary_key))]


def _letter(row: Row[tuple[object, ...]]) -> Letter:
    held = row._mapping
    return Letter(
        place=Place(held["topic_id"], held["partition"], held["position"]),
        force=held["force"],
        source=held["source"],
        known_at=instant(held["known_at"]),
        reason=held["reason"],
        field=held["field"],
        digest=held["digest"],
        attempts=held["attempts"],
        status=held["status"],
        discarded_for=held["discarded_for"],
        sealed=held["raw_encrypted"] is not None,
    )


def _is(place: Place) -> ColumnElement[bool]:
    return and_(
        dead_letters.c.topic_id == place.topic_id,
        dead_letters.c.partition == place.partition,
        dead_letters.c.position == place.position,
    )
