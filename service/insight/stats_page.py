"""The statistics as a page: one HTML file that needs nothing else, in the style of the report."""

from zoneinfo import ZoneInfo

from service.alerts import words
from service.figures import charts, tables
from service.figures.rate import LEVEL
from service.figures.tables import Tally
from service.insight.printed import template
from service.insight.statement import Statement

ROWS_SHOWN = 60
"""Rows of one table; JSON has them all."""

MONTHS_SHOWN = 24
"""Months in the table beneath the series, the latest; the series has them all."""


def render(statement: Statement) -> str:
    """The whole page."""
    months = statement.by["month"]
    forces = statement.by["force"]
    total = statement.views[0]
    page: str = template("stats.html.j2").render(
        told=statement,
        about=statement.about,
        zone=ZoneInfo(statement.about.zone),
        words=words,
        level=LEVEL,
        total=total,
        patterns=charts.PATTERNS,
        parts=[(part, charts.swatch(part.shade)) for part in tables.parts(total)],
        bar=charts.stacked("What became of the crimes due", tables.parts(total)),
        views=tables.charted(statement.views),
        routes=tables.charted(statement.by["route"]),
        categories=tables.charted(statement.by["category"][:ROWS_SHOWN]),
        forces=tables.charted(forces[:ROWS_SHOWN]) if len(forces) > 1 else None,
        months=tables.charted(months[-MONTHS_SHOWN:]),
        months_left_out=max(len(months) - MONTHS_SHOWN, 0),
        series=charts.series(
            "Share recorded, by month of receipt", _points(months), _start(months)
        ),
    )
    return page


def _points(months: tuple[Tally, ...]) -> list[charts.Point]:
    return [
        charts.Point(row.label, row.rate.share, row.rate.low, row.rate.high)
        if row.rate
        else charts.Point(row.label)
        for row in months
    ]


def _start(months: tuple[Tally, ...]) -> float:
    return int(min((row.rate.low for row in months if row.rate), default=0) * 10) / 10
