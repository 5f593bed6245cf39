"""The page to forward: one HTML file that needs nothing else, on screen or on A4.

``render`` takes figures and what they are about, and asks nothing of clock, network or disk beyond
its own template. References, codes and names of feeds come from outside: all of it is escaped, and
what would be invisible is made visible.
"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup
from msgspec import Struct

from schemas.words import Verdict
from service.alerts import words
from service.figures import charts, tables, times
from service.figures.crimes import Figures
from service.figures.rate import LEVEL
from service.ingest.source import CutBy, Topic
from service.insight.listing import listed, waiting
from service.insight.printed import template
from service.matching.watermark import SourceState

SPANS_DRAWN = 40
"""Sources drawn over time; the table beneath has them all."""


class SourceShown(Struct, frozen=True, kw_only=True):
    """A source as the page shows it."""

    state: SourceState
    topic: Topic
    cut_by: CutBy
    declared: bool
    """Does its mapping say how far it reaches? If not: first to last time seen."""


class About(Struct, frozen=True, kw_only=True):
    """What the figures are about."""

    title: str
    as_of: datetime
    zone: str
    """Time zone in which times are shown; the figures are counted in the same."""
    forces: tuple[str, ...]
    pack: str
    pack_title: str
    pack_digest: str
    sources: tuple[SourceShown, ...] = ()
    inputs: Mapping[str, int] = {}
    """As in ``summary.json``."""
    records: Mapping[str, int] = {}
    """As in ``summary.json``."""
    blind_spots: tuple[Topic, ...] = ()
    """Feeds that are not connected for any force. Those that only some forces lack follow from
    ``sources``."""
    marking: str = ""
    """Protective marking, printed at head and foot."""
    demonstration: bool = False
    warnings: tuple[str, ...] = ()


def render(figures: Figures, about: About) -> str:
    """The whole page. Raises ``ValueError`` where figures are counted in another zone than shown."""
    if figures.zone != about.zone:
        raise ValueError(f"figures are counted in {figures.zone} and shown in {about.zone}")
    zone = ZoneInfo(about.zone)
    total = tables.tally("All crimes", "all", figures.by_verdict())
    parts = tables.parts(total)
    routes = tables.routes(figures)
    page: str = template("report.html.j2").render(
        about=about,
        figures=figures,
        zone=zone,
        words=words,
        level=LEVEL,
        total=total,
        bar=charts.stacked("What became of the crimes due", parts),
        legend=[(part, charts.swatch(part.shade)) for part in parts],
        patterns=charts.PATTERNS,
        in_time=tables.in_time(total),
        band=tables.band(total),
        routes=routes,
        gap=tables.gap(routes),
        by_force=tables.by_force(figures),
        categories=tables.categories(figures),
        harm=tables.tally("High harm", "harm", figures.harm),
        by_verdict=[(word, figures.verdicts[word]) for word in Verdict if figures.verdicts[word]],
        possible=[(word, figures.possible[word]) for word in Verdict if figures.possible[word]],
        possible_crimes=figures.possible_crimes.total(),
        heat=times.heat(figures),
        timeliness=times.timely(figures),
        within=times.within(figures),
        delays=times.delays(figures, exact=True),
        bounded=times.bounded(figures),
        accounted=tables.reasons(figures, Verdict.ACCOUNTED),
        untold=tables.reasons(figures, Verdict.NOT_PROVABLE),
        why_missed=tables.reasons(figures, Verdict.MISSED),
        refused=[
            (*words.closure(given), given, count)
            for given, count in tables.ranked(figures.closures_refused)
        ],
        codes=tables.ranked(figures.unknown_codes.counts),
        spans=_spans(figures, about, zone),
        blind=_blind(about),
        misses=[listed(line, about.as_of) for line in figures.misses.lines],
        open=[waiting(line, Verdict.PENDING, about.as_of) for line in figures.open.lines],
        cannot_tell=[
            waiting(line, Verdict.NOT_PROVABLE, about.as_of) for line in figures.untold.lines
        ],
    )
    return page


# -- sources ----------------------------------------------------------------------------------


def _spans(figures: Figures, about: About, zone: ZoneInfo) -> Markup | None:
    if figures.first_received is None or figures.last_received is None:
        return None
    several = len({shown.state.force for shown in about.sources}) > 1
    rows = []
    for shown in about.sources[:SPANS_DRAWN]:
        state = shown.state
        label = words.TOPICS[shown.topic]
        rows.append(
            charts.Span(
                f"{label} ({state.force})" if several else label,
                _local(state.since or state.first_event, zone),
                _local(state.until, zone),
                _local(state.watermark, zone),
            )
        )
    for topic, forces in _blind(about):
        label = words.TOPICS[topic]
        of = f" ({forces[0]}{', …' if len(forces) > 1 else ''})" if forces else ""
        rows.append(charts.Span(label + of))
    return charts.spans(
        "What each source covers",
        rows,
        figures.first_received.astimezone(zone),
        figures.last_received.astimezone(zone),
        about.as_of.astimezone(zone),
    )


def _blind(about: About) -> list[tuple[Topic, tuple[str, ...]]]:
    """Feeds not connected, and for which forces; none named: for all."""
    blind: list[tuple[Topic, tuple[str, ...]]] = []
    for topic in Topic:
        has = {shown.state.force for shown in about.sources if shown.topic is topic}
        lacks = tuple(force for force in about.forces if force not in has)
        if topic in about.blind_spots or not has:
            blind.append((topic, ()))
        elif lacks:
            blind.append((topic, lacks))
    return blind


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return at and at.astimezone(zone)
