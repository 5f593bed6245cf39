"""What a ledger is decided by: pack, mappings, linkage model and routes, as digests.

One configuration is active at a time. Whoever was started with another neither decides nor tells: reports
judged by one pack today and by another tomorrow, because two processes were started differently, could be
defended to nobody. Another one is activated by a command, which shows first what it would change.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Connection, delete

from service.ledger.instants import micros
from service.ledger.statements import insert_once
from service.ledger.tables import active_digests
from service.pointers import Rulebook


class Kind(StrEnum):
    """What a configuration is made of. Of mappings any number is active, of anything else one."""

    PACK = "pack"
    MAPPING = "mapping"
    LINKAGE = "linkage"
    ROUTES = "routes"


class Part(Struct, frozen=True, order=True):
    """One part of a configuration."""

    kind: Kind
    name: str


Parts = Mapping[Part, str]
"""Digests by part."""

ALONE = "-"
"""Name of a part that has none of its own."""

NO_MODEL = "none"
"""In place of the digest where no linkage model is used."""


class NotActive(Exception):
    """A process was started with something else than what is active; the message names it."""

    def __init__(self, part: Part) -> None:
        named = f"{part.kind} '{part.name}'" if part.name != ALONE else str(part.kind)
        super().__init__(
            f"{named} here is not the one that is active; start with the active one, or activate "
            "this one: recount config activate"
        )
        self.part = part


def parts_of(rulebook: Rulebook) -> dict[Part, str]:
    """What decisions rest on. A mapping is named as its sources are: by what stands before the side."""
    model = rulebook.linkage
    return {
        Part(Kind.PACK, rulebook.pack.name): rulebook.pack.digest,
        Part(Kind.LINKAGE, ALONE): model.digest if model else NO_MODEL,
        **{
            Part(Kind.MAPPING, source.name.rpartition("/")[0]): source.digest
            for source in rulebook.sources.values()
            if source.digest
        },
    }


def parts_of_routes(digest: str) -> dict[Part, str]:
    """What telling people rests on."""
    return {Part(Kind.ROUTES, ALONE): digest}


def active(connection: Connection) -> dict[Part, str]:
    """What is active; nothing, before anybody decided by anything."""
    rows = connection.exec_driver_sql("SELECT kind, name, digest FROM active_digests").tuples()
    return {Part(Kind(kind), name): digest for kind, name, digest in rows}


def differing(mine: Parts, held: Parts) -> list[Part]:
    """Parts of mine that are not the active ones. A mapping never seen before is none of them: nothing
    was read by another."""
    found = []
    for part, digest in mine.items():
        if part.kind is Kind.MAPPING:
            differs = held.get(part, digest) != digest
        else:
            same_kind = {each: held[each] for each in held if each.kind is part.kind}
            differs = bool(same_kind) and same_kind != {part: digest}
        if differs:
            found.append(part)
    return sorted(found)


def check_active(connection: Connection, mine: Parts) -> dict[Part, str]:
    """What is active. Raises ``NotActive`` where that is something else than this."""
    held = active(connection)
    if differ := differing(mine, held):
        raise NotActive(differ[0])
    return held


def adopt(connection: Connection, mine: Parts, now: datetime) -> None:
    """At a start: what nobody has decided by so far becomes active. Raises ``NotActive`` where something
    else is."""
    held = check_active(connection, mine)
    _write(connection, {part: d for part, d in mine.items() if part not in held}, now)


def make_active(connection: Connection, mine: Parts, now: datetime) -> None:
    """From the commit on, whoever was started with something else stops."""
    for part in mine:
        same = active_digests.c.kind == part.kind
        named = active_digests.c.name == part.name
        gone = same & named if part.kind is Kind.MAPPING else same
        connection.execute(delete(active_digests).where(gone))
    _write(connection, mine, now)


def _write(connection: Connection, mine: Parts, now: datetime) -> None:
    rows = [(str(p.kind), p.name, digest, micros(now)) for p, digest in sorted(mine.items())]
    insert_once(connection, active_digests, rows)
