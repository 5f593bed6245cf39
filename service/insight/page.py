"""The page to forward: one HTML file that needs nothing else, on screen or on A4.

``render`` takes figures and what they are about, and asks nothing of clock, network or disk beyond
its own template. References, codes and names of feeds come from outside: all of it is escaped, and
what would be invisible is made visible.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from schemas.words import TimeBound, Verdict
from service.alerts import words
from service.ingest.source import CutBy, Topic
from service.insight import charts
from service.insight.figures import Figures
from service.insight.listing import listed, waiting
from service.insight.rate import LEVEL, Rate, bounds, difference, rate, timeliness
from service.matching.watermark import SourceState

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

SPANS = (
    *("0–1\nhour", "1–2\nhours", "2–4\nhours", "4–8\nhours", "8–16\nhours", "16–24\nhours"),
    *("1–2\ndays", "2–4\ndays", "4–7\ndays", "1–2\nweeks", "2–4\nweeks", "over 4\nweeks"),
)
"""Names of the spans between ``figures.DELAYS``."""

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
    """Feeds that are not connected."""
    marking: str = ""
    """Protective marking, printed at head and foot."""
    demonstration: bool = False
    warnings: tuple[str, ...] = ()


class Tally(Struct, frozen=True, kw_only=True):
    """One row of a table of crimes: what became of them, and the rate."""

    label: str
    word: str
    due: int
    recorded: int
    late: int
    missed: int
    accounted: int
    untold: int
    pending: int
    rate: Rate | None
    """Recorded, late ones too, of recorded and missed."""
    chart: Markup = Markup()


def render(figures: Figures, about: About) -> str:
    """The whole page. Raises ``ValueError`` where figures are counted in another zone than shown."""
    if figures.zone != about.zone:
        raise ValueError(f"figures are counted in {figures.zone} and shown in {about.zone}")
    zone = ZoneInfo(about.zone)
    total = tally("All crimes", "all", figures.by_verdict())
    routes = _routes(figures)
    page: str = _template().render(
        about=about,
        figures=figures,
        zone=zone,
        words=words,
        level=LEVEL,
        total=total,
        rest=_rest(total),
        bar=_bar(total),
        patterns=charts.PATTERNS,
        in_time=_in_time(total),
        band=_band(total),
        routes=routes,
        gap=_gap(routes),
        by_force=_by_force(figures),
        categories=_categories(figures),
        harm=tally("High harm", "harm", figures.harm),
        possible=[(word, figures.possible[word]) for word in Verdict if figures.possible[word]],
        possible_crimes=figures.possible_crimes.total(),
        heat=_heat(figures),
        timeliness=_timeliness(figures),
        within=_within(figures),
        delays=_delays(figures, exact=True),
        bounded=_bounded(figures),
        accounted=_reasons(figures, Verdict.ACCOUNTED),
        untold=_reasons(figures, Verdict.NOT_PROVABLE),
        why_missed=_reasons(figures, Verdict.MISSED),
        refused=[
            (*words.closure(given), given, count)
            for given, count in figures.closures_refused.most_common()
        ],
        codes=sorted(figures.unknown_codes.counts.items(), key=lambda pair: (-pair[1], pair[0])),
        spans=_spans(figures, about, zone),
        misses=[listed(line, about.as_of) for line in figures.misses.lines],
        open=[waiting(line, Verdict.PENDING, about.as_of) for line in figures.open.lines],
        cannot_tell=[
            waiting(line, Verdict.NOT_PROVABLE, about.as_of) for line in figures.untold.lines
        ],
    )
    return page


# -- tables -----------------------------------------------------------------------------------


def tally(label: str, word: str, counts: Counter[Verdict]) -> Tally:
    """A row from crimes by verdict."""
    late, missed = counts[Verdict.RECORDED_LATE], counts[Verdict.MISSED]
    recorded = counts[Verdict.RECORDED]
    of = recorded + late + missed
    return Tally(
        label=label,
        word=word,
        due=counts.total() - counts[Verdict.PENDING],
        recorded=recorded,
        late=late,
        missed=missed,
        accounted=counts[Verdict.ACCOUNTED],
        untold=counts[Verdict.NOT_PROVABLE],
        pending=counts[Verdict.PENDING],
        rate=rate(recorded + late, of) if of else None,
    )


class Table(Struct, frozen=True):
    """Rows, and where the axis of their rates begins."""

    rows: tuple[Tally, ...]
    start: float


def _charted(rows: Sequence[Tally]) -> Table:
    """Rows with their rates drawn on one axis."""
    lows = [row.rate.low for row in rows if row.rate]
    start = int(min(lows, default=0) * 10) / 10
    drawn = []
    for row in rows:
        if row.rate:
            share = row.rate
            chart = charts.whisker(
                f"{row.label}: share recorded", share.share, share.low, share.high, start
            )
            drawn.append(Tally(**{**_fields(row), "chart": chart}))
        else:
            drawn.append(row)
    return Table(tuple(drawn), start)


def _fields(row: Tally) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _routes(figures: Figures) -> Table:
    found = sorted({route for _, route, _, _ in figures.crimes})
    return _charted([tally(words.route(r), r, figures.by_verdict(route=r)) for r in found])


def _by_force(figures: Figures) -> Table:
    if len(figures.forces) < 2:
        return Table((), 0)
    return _charted([tally(f, f, figures.by_verdict(force=f)) for f in sorted(figures.forces)])


def _categories(figures: Figures) -> Table:
    found = {category for _, _, category, _ in figures.crimes}
    rows = [tally(words.category(c), c, figures.by_verdict(category=c)) for c in sorted(found)]
    return _charted(sorted(rows, key=lambda row: (-row.missed, -row.due, row.word)))


def _gap(routes: Table) -> tuple[Tally, Tally, Any] | None:
    """The first two routes compared, where both have a rate."""
    rated = [row for row in routes.rows if row.rate]
    if len(rated) < 2:
        return None
    one, two = rated[:2]
    assert one.rate is not None
    assert two.rate is not None
    return one, two, difference(one.rate, two.rate)


def _reasons(figures: Figures, verdict: Verdict) -> list[tuple[str, int]]:
    found = [(reason, n) for (of, reason), n in figures.reasons.items() if of is verdict]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


# -- headline ---------------------------------------------------------------------------------


def _bar(total: Tally) -> Markup:
    return charts.stacked("What became of the crimes due", _parts(total))


def _parts(total: Tally) -> list[charts.Part]:
    return [
        charts.Part("Recorded in time", total.recorded, "recorded"),
        charts.Part("Recorded late", total.late, "late"),
        charts.Part("No crime record found", total.missed, "missed"),
        charts.Part("Accounted for", total.accounted, "accounted"),
        charts.Part("Cannot tell", total.untold, "untold"),
    ]


def _rest(total: Tally) -> list[tuple[charts.Part, Markup]]:
    """The parts of the bar with a swatch each."""
    return [(part, charts.swatch(part.shade)) for part in _parts(total)]


def _in_time(total: Tally) -> Rate | None:
    of = total.recorded + total.late + total.missed
    return rate(total.recorded, of) if of else None


def _band(total: Tally) -> tuple[float, float] | None:
    if not total.untold:
        return None
    return bounds(total.recorded + total.late, total.missed, total.untold)


# -- when, and how long -----------------------------------------------------------------------


def _heat(figures: Figures) -> Markup:
    """Crimes with no record found, of those recorded or missed, by hour and weekday of receipt."""
    cells = [[_cell(figures, [day * 24 + hour]) for hour in range(24)] for day in range(7)]
    for day, row in enumerate(cells):
        row.append(_cell(figures, range(day * 24, day * 24 + 24)))
    sums = [_cell(figures, range(hour, 168, 24)) for hour in range(24)]
    cells.append([*sums, _cell(figures, range(168))])
    return charts.heat(
        "No crime record found, by hour and weekday of receipt",
        [*DAYS, "All"],
        [*(f"{hour:02}" for hour in range(24)), "All"],
        cells,
    )


def _cell(figures: Figures, hours: Sequence[int]) -> charts.Cell:
    missed = sum(figures.hours[hour, Verdict.MISSED] for hour in hours)
    met = sum(
        figures.hours[hour, verdict]
        for hour in hours
        for verdict in (Verdict.RECORDED, Verdict.RECORDED_LATE)
    )
    return charts.Cell(missed, missed + met)


def _delay(figures: Figures, span: int, verdict: Verdict, exact: bool) -> int:
    bounds = [TimeBound.EXACT] if exact else [TimeBound.AT_LATEST, TimeBound.AT_EARLIEST]
    return sum(figures.delays[span, bound, verdict] for bound in bounds)


def _delays(figures: Figures, *, exact: bool) -> Markup:
    bins = []
    for span, label in enumerate(("before\nreceipt", *SPANS), start=-1):
        in_time = _delay(figures, span, Verdict.RECORDED, exact)
        late = _delay(figures, span, Verdict.RECORDED_LATE, exact)
        parts = (
            charts.Part("in time", in_time, "recorded"),
            charts.Part("late", late, "late"),
        )
        bins.append(charts.Bin(label, parts, apart=span == -1))
    title = "Time from receipt to record" if exact else "Time from receipt to record, as a bound"
    return charts.histogram(title, bins, 150 if exact else 90)


def _bounded(figures: Figures) -> dict[str, Any] | None:
    """Records with only a bound for their time: how many, how many late by it, and their chart."""
    counts: Counter[tuple[TimeBound, Verdict]] = Counter()
    for (_, bound, verdict), count in figures.delays.items():
        if bound is not TimeBound.EXACT:
            counts[bound, verdict] += count
    if not counts:
        return None
    return {
        "total": counts.total(),
        "late_at_latest": counts[TimeBound.AT_LATEST, Verdict.RECORDED_LATE],
        "chart": _delays(figures, exact=False),
    }


def _timeliness(figures: Figures) -> Any:
    exact = {
        verdict: sum(_delay(figures, span, verdict, True) for span in range(-1, len(SPANS)))
        for verdict in (Verdict.RECORDED, Verdict.RECORDED_LATE)
    }
    return timeliness(figures.same_day, exact[Verdict.RECORDED], sum(exact.values()))


def _within(figures: Figures) -> list[tuple[str, float]]:
    """The share of recorded crimes recorded within some spans of receipt."""
    counts = [
        _delay(figures, span, Verdict.RECORDED, True)
        + _delay(figures, span, Verdict.RECORDED_LATE, True)
        for span in range(-1, len(SPANS))
    ]
    total = sum(counts)
    ends = {1: "1 hour", 4: "8 hours", 6: "24 hours", 9: "7 days", 11: "4 weeks"}
    return [(name, sum(counts[: n + 1]) / total) for n, name in ends.items()] if total else []


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
    rows += [charts.Span(words.TOPICS[topic]) for topic in about.blind_spots]
    return charts.spans(
        "What each source covers",
        rows,
        figures.first_received.astimezone(zone),
        figures.last_received.astimezone(zone),
        about.as_of.astimezone(zone),
    )


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return at and at.astimezone(zone)


# -- the template -----------------------------------------------------------------------------


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("service.insight"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=lambda value: f"{value:,}",
        percent=percent,
        points=points,
        when=when,
        stamp=lambda at: at.isoformat(),
        lasted=lasted,
        sentence=words.sentence,
    )
    return environment.get_template("report.html.j2")


def shown(value: object) -> object:
    """Anything the template prints: markup as it is, text with nothing invisible in it."""
    return value if isinstance(value, Markup) else words.visible(str(value))


def percent(share: float) -> str:
    """A share to a tenth of a per cent; never rounded to none or all where it is not."""
    rounded = min(max(round(share * 100, 1), 0.1 if share > 0 else 0), 99.9 if share < 1 else 100)
    return f"{rounded:.1f} %" if rounded not in (0, 100) else f"{rounded:.0f} %"


def points(share: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{share * 100:+.1f}".replace("-", "−")


def when(at: datetime, zone: ZoneInfo) -> str:
    """An instant in the zone shown, with its offset from UTC."""
    local = at.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {offset[:3]}:{offset[3:5]}"


def lasted(span: timedelta) -> str:
    """How long, in the one unit that tells."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440:,} days"
