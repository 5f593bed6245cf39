"""What a feed says about itself: heartbeats, on any input topic."""

from typing import Literal

from schemas.fields import Contract, Instant, Name


class Heartbeat(Contract):
    """A promise: nothing more that happened before ``until`` will come from this source."""

    schema_version: Literal[1] = 1
    """Version of this contract."""
    kind: Literal["heartbeat"] = "heartbeat"
    """Names the contract; a heartbeat is told from other rows by it, so it must be written."""
    force: Name
    """The force whose feed it is."""
    until: Instant
    """No event before this moment is still to come."""
    known_at: Instant | None = None
    """When the heartbeat was sent; absent: ``until``."""
