"""What people have given to one incident through this service, as far as verdicts read it."""

from datetime import datetime

from msgspec import Struct

from service.rules.facts import ClosureFacts


class Decided(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A decision not to record, given here by a person."""

    closure: ClosureFacts
    crimes: tuple[str, ...]
    """Ids of the crimes it was given for: one that shows later is not among them."""
    by: str
    """Opaque id of whoever decided."""


class Given(Struct, frozen=True):
    """Of all logs of an incident."""

    decisions: tuple[Decided, ...] = ()
    appealed_at: datetime | None = None
    """A decision in a log from before this counts no longer."""
    delay_until: datetime | None = None
    """The registrar approved that recording may take until then: late it is all the same."""
    refused: frozenset[str] = frozenset()
    """Likely records that do not belong here, as somebody said."""


NOTHING_GIVEN = Given()
