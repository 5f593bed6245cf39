"""How far each source of one force is read, and what became of what it brought."""

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from service.effects import Intake
from service.ledger.tables import intake, sources
from service.ledger.write import READ
from service.matching.watermark import SourceState


class Feed(Struct, frozen=True):
    """One source."""

    state: SourceState
    counts: dict[str, int]
    """Inputs read, and what became of them (``Intake``)."""


def feeds(connection: Connection, force: str) -> tuple[Feed, ...]:
    """Every source that was ever heard of for a force, in order of name."""
    counted: dict[str, dict[str, int]] = {}
    query = select(intake.c.source, intake.c.result, intake.c.n).where(intake.c.force == force)
    for source, result, n in connection.execute(query):
        named = counted.setdefault(source, dict.fromkeys((READ, *map(str, Intake)), 0))
        named[result] = named.get(result, 0) + n
    held = select(sources.c.state).where(sources.c.force == force).order_by(sources.c.source)
    read = msgspec.json.Decoder(SourceState).decode
    states = [read(state) for state in connection.scalars(held)]
    return tuple(Feed(state, counted.get(state.source, {})) for state in states)
