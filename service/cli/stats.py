"""``recount stats``: what verdict lines say of recording, with intervals; samples to check them by hand."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from typer.core import TyperGroup

from service.cli.terminal import AsJson, complain, out, print_json, table
from service.hosts.files import NotGiven, check_readable
from service.insight.statistics import Chosen

SLIPS_SHOWN = 20
"""Rows of a sheet that cannot be used, named one by one."""

BY = ("month", "category", "force", "route")

Folders = Annotated[
    list[Path], typer.Argument(metavar="FOLDER…", help="Folders that `recount replay` made.")
]
Zone = Annotated[str, typer.Option(help="Time zone of days and months; default: the results' own.")]
RecordedCrimes = Annotated[
    int, typer.Option(min=0, help="Crimes recorded in a year, say, for U = R(1 - p) / p.")
]
RecordedRoutes = Annotated[str, typer.Option(help="Routes of --recorded: log, referral, direct.")]


class RatesByDefault(TyperGroup):
    """``recount stats FOLDER`` is ``recount stats rates FOLDER``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name in where none is given."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["rates", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=RatesByDefault, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Recording statistics: rates with intervals, timeliness, decisions; audits by hand.

    `recount stats FOLDER…` is short for `recount stats rates FOLDER…`.

    Example: recount stats out/umd --by month --html umd.html
    """


@app.command()
def rates(
    folders: Folders = [],  # noqa: B006 - read only
    ledger: Annotated[
        str, typer.Option(metavar="URL", help="Read a ledger instead of folders.")
    ] = "",
    by: Annotated[
        str, typer.Option(help="Table printed: month, category, force or route.")
    ] = "month",
    force: Annotated[str, typer.Option(help="Count this force alone.")] = "",
    period: Annotated[
        str, typer.Option(metavar="A..B", help="Days of receipt, both included.")
    ] = "",
    against: Annotated[
        Path | None, typer.Option(help="Compare with this folder.", show_default=False)
    ] = None,
    against_period: Annotated[
        str, typer.Option(metavar="C..D", help="Compare with these days.")
    ] = "",
    against_force: Annotated[str, typer.Option(help="Compare with this force.")] = "",
    recorded: RecordedCrimes = 0,
    recorded_routes: RecordedRoutes = "",
    zone: Zone = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rates of crimes recorded, by route, kind and month, each with n and its 95 % interval.

    Example: recount stats out/2018 --against out/2017 --recorded 66400 --recorded-routes log,direct
    """
    # The statistics library takes a second to load: no other command waits for it.
    from service.hosts.counting import Origin, count
    from service.insight.statement import as_json as plain
    from service.insight.statement import state
    from service.insight.stats_page import render

    if by not in BY:
        raise NotGiven(f"--by '{by}' is no axis; use one of {', '.join(BY)}")
    origin = Origin(folders=tuple(folders), ledger=ledger, zone=_zone(zone))
    counted, about = count(origin, _chosen(force, period))
    compared = None
    if against or against_period or against_force:
        other = Origin(folders=(against,), ledger="", zone=about.zone) if against else origin
        where = against_force or force, against_period or period
        name = " ".join(filter(None, [str(against or ""), against_force, against_period]))
        compared = name, count(other, _chosen(*where))[0]
    statement = state(counted, about, _recorded(recorded, recorded_routes), compared)
    if html:
        html.write_text(render(statement), encoding="utf-8")
    if as_json:
        told = plain(statement)
        print_json(told)
    else:
        _print(statement, by)


@app.command()
def sample(
    folders: Folders,
    n: Annotated[int, typer.Option("--n", min=1, help="Reports to draw.")],
    seed: Annotated[int, typer.Option(help="Number that fixes who is drawn; it is in the file.")],
    out_file: Annotated[
        Path, typer.Option("--out", metavar="FILE.csv", help="Sheet for the auditor.")
    ],
    force: Annotated[str, typer.Option(help="Draw from this force alone.")] = "",
    period: Annotated[
        str, typer.Option(metavar="A..B", help="Days of receipt, both included.")
    ] = "",
    zone: Zone = "",
    as_json: AsJson = False,
) -> None:
    """Draw a stratified random sample of reports for people to read.

    Strata are verdict by route by kind, those without a sign of a crime among them.

    Example: recount stats sample out/umd --n 400 --seed 7 --out audit.csv
    """
    from service.hosts.counting import chosen_lines
    from service.insight.audit import sheet
    from service.insight.sampling import ALLOCATION, TooFew, draw

    lines = chosen_lines(folders, _zone(zone), _chosen(force, period))
    try:
        drawn = draw(lines, n, seed)
    except TooFew as few:
        raise NotGiven(f"--n {few}") from None
    if not drawn.picked:
        raise NotGiven("no report is among the chosen, so none can be drawn")
    with out_file.open("w", encoding="utf-8", newline="") as file:
        file.write(sheet(drawn))
    if as_json:
        strata = {name: {"drawn": k, "of": of} for name, (k, of) in drawn.strata.items()}
        print_json({"seed": seed, "allocation": ALLOCATION, "strata": strata})
        return
    rows = table("stratum", "#drawn", "#of")
    for name, (k, of) in drawn.strata.items():
        rows.add_row(name, f"{k:,}", f"{of:,}")
    out.print(rows)
    out.print(f"{len(drawn.picked):,} reports in {out_file}, allocated {ALLOCATION}; seed {seed}")


@app.command("from-audit")
def from_audit(
    sheet: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Sheet, filled in.")],
    recorded: RecordedCrimes = 0,
    recorded_routes: RecordedRoutes = "",
    as_json: AsJson = False,
) -> None:
    """Read an audit back: the recording rate, this system's precision, and what it cannot see.

    In the sheet write crime_due yes or no; how many in crimes_due; and in recorded and in_time yes
    (all), no (none) or how many.

    Example: recount stats from-audit audit.csv --json
    """
    from service.insight.audit import BadSheet, findings, read_sheet

    check_readable(sheet)
    try:
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            seed, audited = read_sheet(file)
    except UnicodeDecodeError:
        raise NotGiven(f"{sheet} is not UTF-8; save it as CSV UTF-8") from None
    except BadSheet as bad:
        for slip in bad.slips[:SLIPS_SHOWN]:
            complain(f"{sheet}: line {slip.line}: {slip.message}; {slip.remedy}")
        if len(bad.slips) > SLIPS_SHOWN:
            complain(f"{sheet}: and {len(bad.slips) - SLIPS_SHOWN:,} more rows")
        raise typer.Exit(1) from None
    found = findings(seed, audited, _recorded(recorded, recorded_routes))
    if as_json:
        print_json(found)
    else:
        _print_audit(found)


def _print_audit(found: Any) -> None:
    out.print(
        f"{found.reports:,} of {found.of:,} reports read, seed {found.seed}; estimates for all of them"
    )
    rows = table("", "#share and interval", "#crimes read")
    shares = {
        "recorded, of crimes due": found.rate,
        **{f"  by route {route}": each for route, each in found.by_route.items()},
        "in time, of recorded": found.in_time,
        "precision: missing, of those said to be": found.precision,
        "precision: due, of those expected": found.expected,
        "recall: said to be missing, of missing": found.found,
    }
    for name, each in shares.items():
        rows.add_row(name, _interval(each), f"{each.sampled:,}" if each else "0")
    out.print(rows)
    unseen = found.unseen
    out.print(
        f"missing and not seen by this system: {unseen.value:,.0f} "
        f"({unseen.low:,.0f} to {unseen.high:,.0f})"
    )
    _print_lost(found.lost)


def _interval(share: Any) -> str:
    from service.figures.phrases import percent

    if share is None:
        return "-"
    return f"{percent(share.share)} ({percent(share.low)} to {percent(share.high)})"


def _print_lost(lost: Any) -> None:
    if not lost.estimate:
        out.print(f"not recorded: withheld, because {lost.withheld}")
        return
    low, high = f"{lost.estimate.low:,.0f}", f"{lost.estimate.high:,.0f}"
    told = f"{lost.estimate.value:,.0f} ({low} to {high})"
    out.print(f"not recorded, beside {lost.recorded:,} recorded: {told}")


def _print(statement: Any, by: str) -> None:
    from service.figures.phrases import points

    rows = table("", "#due", "#in time", "#late", "#missed", "#accounted", "#cannot tell", "#rate")
    for row in (*statement.views, *statement.by[by]):
        counts = (row.due, row.recorded, row.late, row.missed, row.accounted, row.untold)
        rows.add_row(row.label, *(f"{n:,}" for n in counts), _interval(row.rate))
    out.print(rows)
    out.print(f"routes: {', '.join(statement.routes) or 'none'}; rates are of crimes, not reports")
    _print_lost(statement.lost)
    for soon in statement.soon[:1]:
        out.print(f"same day {_interval(soon.same_day)}; by the deadline {_interval(soon.in_time)}")
    for each in statement.compared:
        gap = each.difference
        chance = "; chance alone may explain it" if each.by_chance else ""
        out.print(
            f"{each.label} against {statement.against}: {points(gap.value)} points "
            f"({points(gap.low)} to {points(gap.high)}){chance}"
        )
    for note in statement.notes:
        out.print(f"- {note}")


# -- what was typed ---------------------------------------------------------------------------


def _recorded(crimes: int, named: str) -> Any:
    from service.insight.statement import ROUTES, Recorded

    routes = tuple(sorted({route.strip() for route in named.split(",") if route.strip()}))
    if not crimes and not routes:
        return None
    if not crimes or not routes or not set(routes) <= set(ROUTES):
        raise NotGiven(f"--recorded N goes with --recorded-routes, of {', '.join(ROUTES)}")
    return Recorded(crimes=crimes, routes=routes)


def _zone(name: str) -> str:
    try:
        return name and ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        raise NotGiven(f"--zone '{name}' is no time zone; write Europe/London") from None


def _chosen(force: str, period: str) -> Chosen:
    if not period:
        return Chosen(force=force)
    since, dots, until = period.partition("..")
    if not dots or not (since or until):
        raise NotGiven(
            f"period '{period}' is none; write 2018-04-01..2018-06-30, or 2018-04..2018-06"
        )
    first, last = since and _day(since, last=False), until and _day(until, last=True)
    if first and last and first > last:
        raise NotGiven(f"period '{period}' ends before it begins")
    return Chosen(force=force, since=first or None, until=last or None)


def _day(text: str, *, last: bool) -> date:
    """A day, or the first or last of a month."""
    try:
        if len(text) > 7:
            return date.fromisoformat(text)
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise NotGiven(f"'{text}' is no day; write 2018-04-01, or 2018-04 for the month") from None
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1) if last else first
