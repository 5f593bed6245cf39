"""When reports came in, and how long it took to record their crimes."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from schemas.words import TimeBound, Verdict
from service.alerts import words
from service.figures import charts
from service.figures.crimes import Figures
from service.figures.rate import Timeliness, timeliness

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

SPANS = (
    *("0–1\nhour", "1–2\nhours", "2–4\nhours", "4–8\nhours", "8–16\nhours", "16–24\nhours"),
    *("1–2\ndays", "2–4\ndays", "4–7\ndays", "1–2\nweeks", "2–4\nweeks", "over 4\nweeks"),
)
"""Names of the spans between ``figures.DELAYS``."""


class Bounded(Struct, frozen=True, kw_only=True):
    """Crimes whose recording time is only a bound."""

    total: int
    late_at_latest: int
    """Late by a latest time alone; they may have been in time."""
    chart: Markup


def heat(figures: Figures) -> Markup:
    """Crimes with no record found, of those recorded or missed, by hour and weekday of receipt."""
    cells = [[_cell(figures, [day * 24 + hour]) for hour in range(24)] for day in range(7)]
    for day, row in enumerate(cells):
        row.append(_cell(figures, range(day * 24, day * 24 + 24)))
    sums = [_cell(figures, range(hour, 168, 24)) for hour in range(24)]
    cells.append([*sums, _cell(figures, range(168))])
    return charts.heat(
        f"{words.VERDICTS[Verdict.MISSED]}, by hour and weekday of receipt",
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


def delays(figures: Figures, *, exact: bool) -> Markup:
    """Recorded crimes by time from receipt to record: exact times, or those known as a bound."""
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


def bounded(figures: Figures) -> Bounded | None:
    """Crimes whose recording time is only a bound; None where there are none."""
    counts: Counter[tuple[TimeBound, Verdict]] = Counter()
    for (_, bound, verdict), count in figures.delays.items():
        if bound is not TimeBound.EXACT:
            counts[bound, verdict] += count
    if not counts:
        return None
    return Bounded(
        total=counts.total(),
        late_at_latest=counts[TimeBound.AT_LATEST, Verdict.RECORDED_LATE],
        chart=delays(figures, exact=False),
    )


def timely(figures: Figures) -> Timeliness | None:
    """How soon crimes with an exact recording time were recorded."""
    exact = {
        verdict: sum(_delay(figures, span, verdict, True) for span in range(-1, len(SPANS)))
        for verdict in (Verdict.RECORDED, Verdict.RECORDED_LATE)
    }
    return timeliness(figures.same_day, exact[Verdict.RECORDED], sum(exact.values()))


def within(figures: Figures) -> list[tuple[str, float]]:
    """The share of recorded crimes recorded within some spans of receipt."""
    counts = [
        _delay(figures, span, Verdict.RECORDED, True)
        + _delay(figures, span, Verdict.RECORDED_LATE, True)
        for span in range(-1, len(SPANS))
    ]
    total = sum(counts)
    ends = {1: "1 hour", 4: "8 hours", 6: "24 hours", 9: "7 days", 11: "4 weeks"}
    return [(name, sum(counts[: n + 1]) / total) for n, name in ends.items()] if total else []
