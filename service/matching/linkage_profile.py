"""What is compared when no reference ties a report to a record: both sides as rows of one shape.

Times are whole seconds since 1970, places whole hundred-thousandths of a degree, so that SQL and
Python compute the same to the last bit. Nothing here is a reference: whoever trains or scores by a
profile is blind to them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import cos, radians

from msgspec import Struct

from service.ingest.source import Source
from service.rules.expect import expect
from service.rules.facts import RecordFacts, ReportFacts, Term
from service.rules.pack import Pack
from service.rules.settle import classes

NONE: frozenset[str] = frozenset()


class Profile(Struct, frozen=True, kw_only=True, gc=False):
    """One report or one record, as far as linkage compares it. None or an empty set: not known."""

    ref: str
    """Whose profile it is; never compared."""
    told: int | None = None
    """When it was reported: a report's receipt, a record's reported time."""
    made: int | None = None
    """A report's receipt; a record's own time, only where it has no reported time."""
    since: int | None = None
    """Earliest moment of commission."""
    until: int | None = None
    """Latest moment of commission."""
    area: str | None = None
    north: int | None = None
    """Latitude, in 1e-5 degrees."""
    east: int | None = None
    """Longitude, in 1e-5 degrees."""
    scale: int | None = None
    """Thousand times the cosine of the latitude: how much shorter a degree east is than one north."""
    kind: str | None = None
    """Category of the pack: the first crime a report shows, the gravest that holds a record's class."""
    classes: frozenset[str] = NONE
    """Offence classes: all that would be a crime the report shows; those of the record's code."""
    rank: int | None = None
    """Seriousness of the gravest, lower is graver."""
    victims: frozenset[str] = NONE
    suspects: frozenset[str] = NONE
    officer: str | None = None
    terms: frozenset[str] = NONE
    """Lexicon ids affirmed in the account of either side."""
    rare: str | None = None
    """The term seen least often when the model was trained."""


def of_report(
    facts: ReportFacts, pack: Pack, sources: Mapping[str, Source], rarity: Mapping[str, int]
) -> Profile:
    """A report's profile; ``rarity`` is how often each term was seen at training."""
    crimes = [c for c in expect(pack, sources, [facts]).crimes if c.classes]
    since, until = _span(facts.occurred_from, facts.occurred_to)
    north, east, scale = _place(facts.latitude, facts.longitude)
    terms = _terms(facts.terms)
    received = _seconds(facts.received_at)
    return Profile(
        ref=facts.ref,
        told=received,
        made=received,
        since=since,
        until=until,
        area=facts.area or None,
        north=north,
        east=east,
        scale=scale,
        kind=crimes[0].category if crimes else None,
        classes=frozenset([name for crime in crimes for name in crime.classes]),
        rank=min([crime.rank for crime in crimes], default=None),
        victims=frozenset(facts.victims),
        suspects=frozenset(facts.suspects),
        officer=facts.officer or None,
        terms=terms,
        rare=_rarest(terms, rarity),
    )


def of_record(facts: RecordFacts, pack: Pack, rarity: Mapping[str, int]) -> Profile:
    """A record's profile."""
    held = classes(pack, facts.code)
    kinds = [kind for name in held if (kind := _kinds(pack).get(name))]
    gravest = min(kinds, default=None)
    since, until = _span(facts.committed_from, facts.committed_to)
    north, east, scale = _place(facts.latitude, facts.longitude)
    terms = _terms(facts.terms)
    return Profile(
        ref=facts.ref,
        told=_seconds(facts.reported_at) if facts.reported_at else None,
        made=None if facts.reported_at else _seconds(facts.recorded_at),
        since=since,
        until=until,
        area=facts.area or None,
        north=north,
        east=east,
        scale=scale,
        kind=gravest[1] if gravest else None,
        classes=frozenset(held),
        rank=gravest[0] if gravest else None,
        victims=frozenset(facts.victims),
        suspects=frozenset(facts.suspects),
        officer=facts.officer or None,
        terms=terms,
        rare=_rarest(terms, rarity),
    )


def counted(terms: Sequence[Term]) -> frozenset[str]:
    """The terms of one account that count towards rarity and comparison."""
    return _terms(terms)


@lru_cache(maxsize=8)
def _kinds(pack: Pack) -> dict[str, tuple[int, str]]:
    """Rank and category by offence class, the gravest category that holds it."""
    found: dict[str, tuple[int, str]] = {}
    for name, category in pack.written.categories.items():
        for each in category.classes:
            found[each] = min((category.rank, name), found.get(each, (category.rank, name)))
    return found


def _seconds(at: datetime) -> int:
    return int(at.timestamp() // 1)


def _span(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    """Both ends; where only one is known it is both."""
    start, end = since or until, until or since
    if start is None or end is None:
        return None, None
    return _seconds(min(start, end)), _seconds(max(start, end))


def _place(
    latitude: float | None, longitude: float | None
) -> tuple[int | None, int | None, int | None]:
    if latitude is None or longitude is None:
        return None, None, None
    scale = round(1000 * cos(radians(latitude)))
    return round(latitude * 100_000), round(longitude * 100_000), scale


def _terms(terms: Sequence[Term]) -> frozenset[str]:
    return frozenset([term.id for term in terms if term.assertion == "affirmed"])


def _rarest(terms: Collection[str], rarity: Mapping[str, int]) -> str | None:
    return min(terms, key=lambda term: (rarity.get(term, 0), term), default=None)
