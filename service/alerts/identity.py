"""Who an alert and an event are: the same everywhere and for ever, so that saying it twice is once."""

from functools import lru_cache
from hashlib import sha1
from uuid import UUID, uuid5

NAMESPACE = UUID("6b1f0a52-5d8e-5c0b-9a43-2f7f0f2f7a11")
"""Root of alert identities: the same report has the same alert id everywhere and for ever."""


@lru_cache(maxsize=8192)
def alert_identity(force: str, subject: str) -> UUID:
    """The alert of one report (or source) of one force."""
    return uuid5(NAMESPACE, f"{force}/{subject}")


def event_identity(alert: UUID, n: int) -> str:
    """Event ``n`` of an alert: ``uuid5(alert, n)``, made without the detour over objects."""
    made = bytearray(sha1(alert.bytes + b"%d" % n, usedforsecurity=False).digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    text = made.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
