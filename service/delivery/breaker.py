"""When to try again: one message after it failed, and a receiver after several did. Time is an argument."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

OPENS_AFTER = 5
"""Failures in a row after which a receiver is left alone."""

PAUSE, PAUSE_MAX = timedelta(seconds=15), timedelta(minutes=10)
"""How long it is left alone at first; twice as long after each probe that failed, up to the second."""

BACK_OFF, BACK_OFF_MAX = timedelta(seconds=10), timedelta(minutes=15)
"""How long a message waits after its first attempt; twice as long after each more, up to the second."""

AFTER_MAX = timedelta(hours=1)
"""A receiver's server may ask to be left alone for so long, and no longer."""


class Phase(StrEnum):
    """How a receiver is treated."""

    CLOSED = "closed"
    """As usual."""
    OPEN = "open"
    """Nothing is sent to it."""
    HALF_OPEN = "half_open"
    """One message may try whether it is back."""
    PROBING = "probing"
    """That one is under way."""


class Breaker(Struct, frozen=True):
    """What is known of one receiver; a new one is closed."""

    failures: int = 0
    """In a row."""
    open_until: datetime | None = None
    pause: timedelta = PAUSE
    """How long it will be left alone next."""
    probing: bool = False

    def phase(self, now: datetime) -> Phase:
        """How to treat it now."""
        if self.open_until is None:
            return Phase.CLOSED
        if self.probing:
            return Phase.PROBING
        return Phase.OPEN if now < self.open_until else Phase.HALF_OPEN

    def probed(self) -> "Breaker":
        """One message is on its way to try it."""
        return Breaker(self.failures, self.open_until, self.pause, probing=True)

    def after_answer(self) -> "Breaker":
        """Its server answered, whatever it said of the message."""
        return Breaker()

    def after_failure(self, now: datetime) -> "Breaker":
        """It could not be reached, or was not able to take anything."""
        failures = self.failures + 1
        if self.open_until is not None and not self.probing:
            # Sent before it opened: the pause stays as it is.
            return Breaker(failures, self.open_until, self.pause)
        if failures < OPENS_AFTER:
            return Breaker(failures)
        return Breaker(failures, now + self.pause, min(2 * self.pause, PAUSE_MAX))


def back_off(attempts: int, jitter: float, asked: timedelta | None = None) -> timedelta:
    """How long a message waits after so many attempts. ``jitter`` (from 0 up to 1) spreads those that
    failed together over the second half of the time; ``asked`` is what the receiver's server wants."""
    doublings = min(max(attempts, 1) - 1, 16)
    wait = min(BACK_OFF * (1 << doublings), BACK_OFF_MAX) * (0.5 + 0.5 * jitter)
    return max(wait, min(asked, AFTER_MAX)) if asked is not None else wait
