"""Tables of crimes: rows of what became of them, with the rate of each and its interval drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from schemas.words import Verdict
from service.alerts import words
from service.figures import charts
from service.figures.crimes import Figures
from service.figures.rate import Estimate, Rate, bounds, difference, rate


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


def charted(rows: Sequence[Tally]) -> Table:
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
            drawn.append(replace(row, chart=chart))
        else:
            drawn.append(row)
    return Table(tuple(drawn), start)


def routes(figures: Figures) -> Table:
    """A row for each route."""
    found = sorted({route for _, route, _, _ in figures.crimes})
    return charted([tally(words.route(r), r, figures.by_verdict(route=r)) for r in found])


def by_force(figures: Figures) -> Table:
    """A row for each force, where there are several."""
    if len(figures.forces) < 2:
        return Table((), 0)
    return charted([tally(f, f, figures.by_verdict(force=f)) for f in sorted(figures.forces)])


def categories(figures: Figures) -> Table:
    """A row for each kind of crime, the most without a record first."""
    found = {category for _, _, category, _ in figures.crimes}
    rows = [tally(words.category(c), c, figures.by_verdict(category=c)) for c in sorted(found)]
    return charted(sorted(rows, key=lambda row: (-row.missed, -row.due, row.word)))


def gap(routes: Table) -> tuple[Tally, Tally, Estimate] | None:
    """The first two routes compared, where both have a rate."""
    rated = [row for row in routes.rows if row.rate]
    if len(rated) < 2:
        return None
    one, two = rated[:2]
    assert one.rate is not None
    assert two.rate is not None
    return one, two, difference(one.rate, two.rate)


def reasons(figures: Figures, verdict: Verdict) -> list[tuple[str, int]]:
    """Reasons of one verdict with their counts, the most frequent first."""
    return ranked({reason: n for (of, reason), n in figures.reasons.items() if of is verdict})


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names with their counts, the most frequent first; equals by name, however they were added."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def parts(total: Tally) -> list[charts.Part]:
    """What became of the crimes due, in the order in which it is drawn."""
    return [
        charts.Part(words.VERDICTS[Verdict.RECORDED], total.recorded, "recorded"),
        charts.Part(words.VERDICTS[Verdict.RECORDED_LATE], total.late, "late"),
        charts.Part(words.VERDICTS[Verdict.MISSED], total.missed, "missed"),
        charts.Part(words.VERDICTS[Verdict.ACCOUNTED], total.accounted, "accounted"),
        charts.Part(words.VERDICTS[Verdict.NOT_PROVABLE], total.untold, "untold"),
    ]


def in_time(total: Tally) -> Rate | None:
    """The share recorded by the deadline, of recorded and missed."""
    of = total.recorded + total.late + total.missed
    return rate(total.recorded, of) if of else None


def band(total: Tally) -> tuple[float, float] | None:
    """Between which bounds the rate lies, where one cannot tell of some crimes."""
    if not total.untold:
        return None
    return bounds(total.recorded + total.late, total.missed, total.untold)
