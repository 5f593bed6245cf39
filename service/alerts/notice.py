"""One message to one receiver, as it is planned: words and references only, never a name or free text."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct


class Channel(StrEnum):
    """How a receiver is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    CHAT = "chat"


class NoticeClass(StrEnum):
    """How much a message may disturb."""

    INTERRUPT = "interrupt"
    DIGEST = "digest"
    THREAD = "thread"


class Body(Struct, frozen=True, omit_defaults=True):
    """What is said."""

    title: str
    """The subject line; the same for all messages of one thread."""
    text: str
    html: str = ""
    """The same for e-mail that is read as a page; empty: plain text alone."""
    data: dict[str, Any] = {}
    """The same for programs: what a webhook carries."""


class Notice(Struct, frozen=True, kw_only=True):
    """One message to send.

    Messages of one receiver and alert go out in the order of ``n``, then ``due_at``; one with a higher
    ``n`` replaces those still unsent. What must not be replaced has an ``alert_id`` of its own.
    """

    force: str
    alert_id: str
    subject: str
    """Reference of the report, or name of the source."""
    n: int
    """Number of the event in its alert."""
    receiver: str
    channel: Channel
    address: str
    """E-mail: the mailbox. Webhook: the URL. Chat: empty, its URL is a secret of the receiver's."""
    step: str
    kind: NoticeClass
    thread: str
    """What mail programs group by; one for each report."""
    due_at: datetime
    body: Body

    @property
    def notice_id(self) -> str:
        """The key by which a receiver knows a repeat: the same wherever and whenever it is planned."""
        alert = UUID(self.alert_id)
        return str(uuid5(alert, f"{self.receiver}/{self.step}/{self.n}"))
