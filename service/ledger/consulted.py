"""Who looked at what, and to whom it was disclosed: kept for the law, read on the Audit page.

[DPA 2018 s.62] Such a log shows when, who, to whom and why, and serves checks of lawfulness,
self-monitoring, the integrity of the data and criminal proceedings alone.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from msgspec import Struct
from sqlalchemy import Connection, insert, select, tuple_

from service.ledger.instants import instant, micros
from service.ledger.tables import consultations


class Look(StrEnum):
    """What the law tells apart."""

    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"


class Purpose(StrEnum):
    """Why somebody looked: a closed list, since free text would hold names."""

    RECORDING = "recording"
    """To see that the crime is recorded, or why not."""
    SAFEGUARDING = "safeguarding"
    """To protect somebody."""
    ASSURANCE = "assurance"
    """To check how others recorded."""
    AUDIT = "audit"
    """To check lawfulness, and who looked."""
    COMPLAINT = "complaint"
    """A complaint or an appeal by the victim."""
    REQUEST = "request"
    """Somebody asked for what is held about them."""


class Consulted(Struct, frozen=True, kw_only=True):
    """One look, or one that was refused."""

    at: datetime
    force: str = ""
    ref: str = ""
    """Empty: no single report."""
    look: Look = Look.CONSULTATION
    view: str
    actor_id: str
    roles: tuple[str, ...]
    via: str
    allowed: bool = True
    purpose: Purpose | None = None
    """None where it was refused."""
    recipient: str = ""
    """Of a disclosure, an opaque id."""
    id: str = ""
    """Given when it is written."""


def write_consulted(connection: Connection, looks: Sequence[Consulted]) -> None:
    """Log looks; before what they show is shown."""
    rows = [
        {
            "id": str(uuid4()),
            "at": micros(look.at),
            "force": look.force,
            "ref": look.ref,
            "kind": look.look.value,
            "view": look.view,
            "actor_id": look.actor_id,
            "roles": " ".join(look.roles),
            "via": look.via,
            "allowed": int(look.allowed),
            "purpose": look.purpose.value if look.purpose else "",
            "recipient": look.recipient,
        }
        for look in looks
    ]
    connection.execute(insert(consultations), rows)


def read_consulted(
    connection: Connection,
    *,
    forces: frozenset[str] | None,
    ref: str = "",
    actor_id: str = "",
    before: Consulted | None = None,
    limit: int = 100,
) -> list[Consulted]:
    """Looks, the newest first: of these forces (None: all), of one report, by one person.

    ``before``: the last one of the page before.
    """
    of = select(consultations).order_by(consultations.c.at.desc(), consultations.c.id.desc())
    if forces is not None:
        of = of.where(consultations.c.force.in_(sorted(forces)))
    if ref:
        of = of.where(consultations.c.ref == ref)
    if actor_id:
        of = of.where(consultations.c.actor_id == actor_id)
    if before is not None:
        here = tuple_(consultations.c.at, consultations.c.id)
        of = of.where(here < tuple_(micros(before.at), before.id))  # type: ignore[arg-type]
    return [
        Consulted(
            at=instant(row.at),
            force=row.force,
            ref=row.ref,
            look=Look(row.kind),
            view=row.view,
            actor_id=row.actor_id,
            roles=tuple(row.roles.split()),
            via=row.via,
            allowed=bool(row.allowed),
            purpose=Purpose(row.purpose) if row.purpose else None,
            recipient=row.recipient,
            id=row.id,
        )
        for row in connection.execute(of.limit(limit))
    ]
