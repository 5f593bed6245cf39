"""Who was told of a report: messages of its own, and lists and digests that hold it; by receiver alone."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from service.alerts.identity import alert_identity
from service.ledger.escalations import listed as on_lists
from service.ledger.notices import Choice, listed
from service.ledger.reading import Reading

MESSAGES_SHOWN = 50


class Told(Struct, frozen=True, kw_only=True):
    """One way in which one receiver knows of a report."""

    receiver: str
    how: str
    """A message's class, or how it stands on a worklist."""
    step: str
    """Of the route; empty: none."""
    status: str
    """Of a message; empty: it is on a list."""
    at: datetime
    """When it was sent or told; else when it is due, or stands there since."""
    told: bool
    """Has it reached the receiver's server, or been in a digest?"""


def known_by(connection: Connection, found: Reading) -> tuple[Told, ...]:
    """Everybody who was told of a report, or of the one that answers for its incident; in order of time."""
    refs = [each for each in (found.entry.ref, found.line.same_as) if each]
    alerts = [str(alert_identity(found.entry.force, ref)) for ref in refs]
    messages = [
        Told(
            receiver=held.notice.receiver,
            how=held.notice.kind.value,
            step=held.notice.step,
            status=held.status.value,
            at=held.sent_at or held.notice.due_at,
            told=held.sent_at is not None,
        )
        for alert in alerts
        for held in listed(connection, Choice(alert_id=alert), MESSAGES_SHOWN)
    ]
    lists = [
        Told(
            receiver=each.receiver,
            how=each.how,
            step="",
            status="",
            at=each.told_at or each.since,
            told=each.told_at is not None,
        )
        for each in on_lists(connection, alerts).values()
    ]
    return tuple(sorted((*messages, *lists), key=lambda told: (told.at, told.receiver)))
