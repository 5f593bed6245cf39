"""What people have done about a report: the state that commands change, and how it is read.

Each person's command raises ``version``; whoever acts says which version he has seen, so that the
second of two is told and nothing is overwritten.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from service.rules.facts import CancellationFacts
from service.rules.given import NOTHING_GIVEN, Decided, Given


class HoldReason(StrEnum):
    """Why recording is to wait. The last three are named only so that they can be refused: recording
    does not wait for an investigation [HOCR p10]."""

    VICTIM_UNREACHABLE = "victim_unreachable"
    VICTIM_UNFIT = "victim_unfit"
    FORCE_UNCLEAR = "force_unclear"
    SYSTEM_DOWN = "system_down"
    EXCEPTIONAL = "exceptional"
    INTERVIEW = "interview"
    MEDICAL = "medical"
    APPOINTMENT = "appointment"


REFUSED_HOLDS = frozenset({HoldReason.INTERVIEW, HoldReason.MEDICAL, HoldReason.APPOINTMENT})
"""Recording never waits for these."""


class Hold(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A delay asked for and, once approved, running. It pauses escalation, never the clock."""

    reason: HoldReason
    until: datetime
    asked_by: str
    asked_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None


class Handling(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What people have done about one report."""

    version: int = 0
    """Rises with every command, and when an acknowledged alert comes back."""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    assigned_to: str = ""
    assigned_at: datetime | None = None
    asked: Hold | None = None
    """A hold that waits for the registrar."""
    hold: Hold | None = None
    """The hold approved last, running or over."""
    decisions: tuple[Decided, ...] = ()
    links: tuple[str, ...] = ()
    """Records linked by hand, or matches confirmed, sorted."""
    refused: tuple[str, ...] = ()
    """Likely records that do not belong here: never offered again; sorted."""
    appealed_at: datetime | None = None
    """A decision not to record from before this counts no longer."""

    @property
    def held_until(self) -> datetime | None:
        """Escalation pauses until then, where a hold was approved."""
        return self.hold.until if self.hold else None


UNTOUCHED = Handling()
"""Nobody has done anything."""


class CancellationView(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What people made of a record's cancellation."""

    accepted: CancellationFacts | None = None
    """The cancellation as somebody answerable accepted it, with what the feed had not brought."""
    queried_at: datetime | None = None
    """Doubted, or appealed against, and not accepted since."""


def given(handlings: Iterable[Handling]) -> Given:
    """What was done about any log of an incident."""
    touched = [each for each in handlings if each.version]
    if not touched:
        return NOTHING_GIVEN
    appeals = [each.appealed_at for each in touched if each.appealed_at]
    holds = [each.hold for each in touched if each.hold]
    return Given(
        decisions=tuple(one for each in touched for one in each.decisions),
        appealed_at=max(appeals, default=None),
        delay_until=max((hold.until for hold in holds), default=None),
        refused=frozenset(ref for each in touched for ref in each.refused),
    )
