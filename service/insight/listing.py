"""One report as the page lists it: why crimes are expected, and why nothing was found to settle them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from schemas.words import Verdict
from service.alerts import words
from service.figures.crimes import clear
from service.matching.judgement import CrimeLine, Line

SHOWN = 12
"""Pieces of evidence, or refused records, printed in full; the rest is counted."""


CLASSES_SHOWN = 4
"""Offence classes printed of a kind of crime."""


class Owed(Struct, frozen=True, kw_only=True):
    """One crime that is owed."""

    category: str
    word: str
    classes: str
    because: str
    """Codes and term ids."""
    rules: str
    reason: str
    reason_word: str
    due_at: datetime
    unsourced: bool


class Refused(Struct, frozen=True, kw_only=True):
    """One record that belongs to the report and settles nothing."""

    record: str
    reason: str
    level: str
    lacks: tuple[str, ...]


class Listed(Struct, frozen=True, kw_only=True):
    """One report with crimes for which no record was found."""

    force: str
    ref: str
    route: str
    received_at: datetime
    harm: bool
    due_at: datetime
    overdue: timedelta
    owed: tuple[Owed, ...]
    met: tuple[str, ...]
    """Other crimes of the same report, and what became of them."""
    refused: tuple[Refused, ...]
    refused_more: int
    closure: tuple[str, tuple[str, ...]] | None
    """Reason of a closure that was not accepted, and what it lacked."""
    sources: tuple[str, ...]
    """Sources that had passed the deadline."""


class Waiting(Struct, frozen=True, kw_only=True):
    """One report that is still open, in a line."""

    force: str
    ref: str
    received_at: datetime
    due_at: datetime
    left: timedelta
    """From the as-of instant to the deadline; negative once past."""
    categories: str
    reason: str
    harm: bool


def listed(line: Line, as_of: datetime) -> Listed:
    """A report with a miss, for the list of misses."""
    owed = clear(line, Verdict.MISSED)
    due_at = min(crime.due_at for crime in owed)
    links = {link.record: link for link in line.links}
    refused = []
    for each in line.refused[:SHOWN]:
        link = links.get(each.record)
        refused.append(
            Refused(
                record=each.record,
                reason=words.reason(each.reason),
                level=words.level(link.level) if link else "",
                lacks=tuple(map(words.demand, link.lacks)) if link else (),
            )
        )
    return Listed(
        force=line.force,
        ref=line.ref,
        route=words.route(line.route),
        received_at=line.received_at,
        harm=any(crime.harm for crime in owed),
        due_at=due_at,
        overdue=as_of - due_at,
        owed=tuple(_owed(crime) for crime in owed),
        met=tuple(_met(crime) for crime in line.crimes if crime.verdict is not Verdict.MISSED),
        refused=tuple(refused),
        refused_more=len(line.refused) - len(refused),
        closure=words.closure(line.decision) if line.decision else None,
        sources=line.sources,
    )


def waiting(line: Line, verdict: Verdict, as_of: datetime) -> Waiting:
    """A report whose crimes are not yet due, or of which one cannot tell."""
    crimes = clear(line, verdict)
    due_at = min(crime.due_at for crime in crimes)
    reasons = sorted({words.reason(crime.reason) for crime in crimes if crime.reason})
    return Waiting(
        force=line.force,
        ref=line.ref,
        received_at=line.received_at,
        due_at=due_at,
        left=due_at - as_of,
        categories=", ".join(sorted({words.category(crime.category) for crime in crimes})),
        reason="; ".join(reasons),
        harm=any(crime.harm for crime in crimes),
    )


def _owed(crime: CrimeLine) -> Owed:
    return Owed(
        category=words.category(crime.category),
        word=crime.category,
        classes=_first(crime.classes, CLASSES_SHOWN),
        because=_first([words.evidence(item) for item in crime.evidence], SHOWN, "; "),
        rules=_first(crime.rules, SHOWN),
        reason=words.reason(crime.reason),
        reason_word=crime.reason,
        due_at=crime.due_at,
        unsourced=crime.unsourced,
    )


def _first(items: Sequence[str], shown: int, separator: str = ", ") -> str:
    """The first items, and how many more there are."""
    more = len(items) - shown
    told = [*items[:shown], f"and {more} more"] if more > 0 else items
    return separator.join(told)


def _met(crime: CrimeLine) -> str:
    said = f"{words.category(crime.category)}: {words.VERDICTS[crime.verdict].lower()}"
    return f"{said} ({crime.record})" if crime.record else said
