"""Instants as the ledger holds them: whole microseconds since the epoch, exact and sorted."""

from datetime import UTC, datetime, timedelta
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@overload
def micros(at: datetime) -> int: ...
@overload
def micros(at: None) -> None: ...
@overload
def micros(at: datetime | None) -> int | None: ...
def micros(at: datetime | None) -> int | None:
    """Microseconds from the epoch to an aware instant, negative before 1970; None stays None."""
    if at is None:
        return None
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@overload
def instant(held: int) -> datetime: ...
@overload
def instant(held: None) -> None: ...
@overload
def instant(held: int | None) -> datetime | None: ...
def instant(held: int | None) -> datetime | None:
    """The aware UTC instant that ``micros`` made; None stays None."""
    return None if held is None else EPOCH + timedelta(microseconds=held)
