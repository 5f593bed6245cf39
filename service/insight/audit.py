"""An audit by hand: the sheet that people fill in, read back, and what it says of force and system.

The sheet has no name and no text, only references, codes and numbers. What the system said stands to
the right of the auditor's columns: read the report first.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from io import StringIO
from typing import Any

from msgspec import Struct

from service.figures.rate import Estimate, Rate
from service.insight.sampling import ALLOCATION, Sample
from service.insight.statement import Lost, Recorded, lost
from service.insight.survey import Drawn, Share, share, total

GIVEN = ("seed", "force", "ref", "route", "received_at")
ASKED = ("crime_due", "crimes_due", "recorded", "in_time")
"""The auditor's: ``crime_due`` yes or no; how many; and of those ``recorded``, and ``in_time``, yes
(all), no (none) or how many."""
SYSTEM = (
    *("stratum", "stratum_drawn", "stratum_reports", "weight"),
    *("system_verdict", "system_grade", "system_crimes_due", "system_crimes_missed"),
)
COLUMNS = (*GIVEN, *ASKED, *SYSTEM)

MOST_CRIMES = 1000
"""Of one report; more is a slip of the hand."""


class Slip(Struct, frozen=True):
    """A row that cannot be used, and how to mend it."""

    line: int
    message: str
    remedy: str


class BadSheet(Exception):
    """Rows that cannot be used; none is left out in silence."""

    def __init__(self, slips: Sequence[Slip]) -> None:
        super().__init__(f"{len(slips)} rows cannot be used")
        self.slips = tuple(slips)


class Audited(Struct, frozen=True, kw_only=True):
    """One report as a person found it, beside what the system had said."""

    drawn: Drawn
    route: str
    due: int
    recorded: int
    in_time: int
    system_due: int
    system_missed: int

    @property
    def missing(self) -> int:
        """Crimes due and not recorded."""
        return self.due - self.recorded

    @property
    def upheld(self) -> int:
        """Of the crimes that the system says are missing, those that are."""
        return min(self.system_missed, self.missing)


class Findings(Struct, frozen=True, kw_only=True):
    """What an audit says, for all reports that the sample was drawn from."""

    seed: int
    allocation: str
    reports: int
    of: int
    """Reports that the sample was drawn from."""
    routes: tuple[str, ...]
    rate: Share | None
    """Crimes recorded, of crimes that should have been."""
    by_route: dict[str, Share | None]
    in_time: Share | None
    """Crimes recorded in time, of crimes recorded."""
    lost: Lost
    precision: Share | None
    """Crimes said to be missing that are, of those said to be; None: none was drawn."""
    expected: Share | None
    """Crimes expected that were due, of those expected."""
    found: Share | None
    """Crimes missing that the system says are missing, of all missing."""
    unseen: Estimate
    """Crimes missing that the system does not say are missing."""
    strata: dict[str, dict[str, int]]


# -- the sheet --------------------------------------------------------------------------------


def sheet(sample: Sample) -> str:
    """The sheet as CSV, a row a report; the auditor's columns are empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in sample.picked:
        line = each.line
        writer.writerow(
            (
                sample.seed,
                _safe(each.force),
                _safe(each.ref),
                line.route,
                f"{line.received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                *("" for _ in ASKED),
                each.drawn.stratum,
                each.drawn.drawn,
                each.drawn.of,
                f"{each.drawn.weight:.6g}",
                line.verdict,
                line.grade or "",
                each.crimes_due,
                each.crimes_missed,
            )
        )
    return text.getvalue()


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def read_sheet(lines: Iterable[str]) -> tuple[int, tuple[Audited, ...]]:
    """The seed and the rows of a sheet filled in. Raises ``BadSheet`` with every slip."""
    rows = list(lines)
    head = rows[0] if rows else ""
    reader = csv.DictReader(rows, delimiter=";" if head.count(";") > head.count(",") else ",")
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        remedy = "give the file that `recount stats sample` made, filled in"
        raise BadSheet([Slip(1, f"no column {', '.join(absent)}", remedy)])
    slips: list[Slip] = []
    audited: list[Audited] = []
    seen: dict[tuple[str, str], int] = {}
    seeds: set[str] = set()
    for row in reader:
        line = reader.line_num
        key = (row["force"] or "", row["ref"] or "")
        seeds.add(row["seed"] or "")
        try:
            if key in seen:
                raise _Wrong(f"the report of line {seen[key]} again", "remove one of the two")
            seen[key] = line
            audited.append(_row(row))
        except _Wrong as wrong:
            slips.append(Slip(line, wrong.message, wrong.remedy))
    if not slips:
        slips += _whole(audited, seeds)
    if slips:
        raise BadSheet(slips)
    return int(seeds.pop()), tuple(audited)


class _Wrong(Exception):
    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def _row(row: Mapping[str, Any]) -> Audited:
    asked = {name: (row[name] or "").strip().lower() for name in ASKED}
    if not any(asked.values()):
        raise _Wrong("not filled in", "read the report and fill in crime_due")
    due = recorded = in_time = 0
    if asked["crime_due"] == "yes":
        due = _whole_number(asked["crimes_due"], "crimes_due", 1, MOST_CRIMES)
        recorded = _how_many(asked["recorded"], "recorded", due)
        in_time = _how_many(asked["in_time"] or ("no" if not recorded else ""), "in_time", recorded)
    elif asked["crime_due"] != "no":
        raise _Wrong(f"crime_due is '{asked['crime_due']}'", "write yes or no")
    elif any(asked[name] not in ("", "0", "no") for name in ASKED[1:]):
        message = "crime_due is no, and crimes are counted beside it"
        raise _Wrong(message, "write yes, or empty the other columns")
    stratum = row["stratum"] or ""
    drawn = _whole_number(row["stratum_drawn"], "stratum_drawn", 1, None)
    return Audited(
        drawn=Drawn(
            stratum, drawn, _whole_number(row["stratum_reports"], "stratum_reports", drawn, None)
        ),
        route=row["route"] or "",
        due=due,
        recorded=recorded,
        in_time=in_time,
        system_due=_whole_number(row["system_crimes_due"], "system_crimes_due", 0, None),
        system_missed=_whole_number(row["system_crimes_missed"], "system_crimes_missed", 0, None),
    )


def _how_many(text: str, column: str, most: int) -> int:
    """``yes`` is all, ``no`` none."""
    if text in ("yes", "no"):
        return most if text == "yes" else 0
    return _whole_number(text, column, 0, most)


def _whole_number(text: str | None, column: str, least: int, most: int | None) -> int:
    said = (text or "").strip()
    until = f" to {most}" if most is not None else " or more"
    remedy = f"write a number, {least}{until}"
    if not said:
        raise _Wrong(f"{column} is empty", remedy)
    if not (said.isascii() and said.isdigit() and len(said) <= 12):
        raise _Wrong(f"{column} is '{said[:20]}'", remedy)
    if int(said) < least or (most is not None and int(said) > most):
        raise _Wrong(f"{column} is {int(said)}", remedy)
    return int(said)


def _whole(audited: Sequence[Audited], seeds: set[str]) -> Iterator[Slip]:
    """Slips of the sheet as a whole: rows taken out would bend the weights."""
    if len(seeds) != 1 or not next(iter(seeds)).lstrip("-").isdigit():
        yield Slip(1, "rows of one sample have one seed", "give one sample, as it was drawn")
    counts = Counter(each.drawn.stratum for each in audited)
    sizes = {each.drawn.stratum: set[Drawn]() for each in audited}
    for each in audited:
        sizes[each.drawn.stratum].add(each.drawn)
    for stratum, count in sorted(counts.items()):
        stated = min(sizes[stratum], key=lambda d: (d.drawn, d.of))
        if len(sizes[stratum]) > 1 or stated.drawn != count:
            message = f"stratum {stratum} has {count} rows and states {stated.drawn}"
            yield Slip(1, message, "put back the rows as they were drawn")


# -- what it says -----------------------------------------------------------------------------


def findings(seed: int, audited: Sequence[Audited], recorded: Recorded | None = None) -> Findings:
    """Estimates for all reports that the sample was drawn from."""
    drawn = [each.drawn for each in audited]
    routes = tuple(sorted({each.route for each in audited}))
    whole = _rate(audited, drawn, None)
    return Findings(
        seed=seed,
        allocation=ALLOCATION,
        reports=len(audited),
        of=sum({each.stratum: each.of for each in drawn}.values()),
        routes=routes,
        rate=whole,
        by_route={route: _rate(audited, drawn, route) for route in routes},
        in_time=share(drawn, lambda i: audited[i].in_time, lambda i: audited[i].recorded),
        lost=lost(_measured(whole, routes), recorded),
        precision=share(drawn, lambda i: audited[i].upheld, lambda i: audited[i].system_missed),
        expected=share(
            drawn,
            lambda i: min(audited[i].system_due, audited[i].due),
            lambda i: audited[i].system_due,
        ),
        found=share(drawn, lambda i: audited[i].upheld, lambda i: audited[i].missing),
        unseen=total(drawn, lambda i: audited[i].missing - audited[i].upheld),
        strata=_strata(audited),
    )


def _rate(audited: Sequence[Audited], drawn: Sequence[Drawn], route: str | None) -> Share | None:
    """Of one route or all; the other routes' reports count as holding nothing, so that the interval
    knows that how many fell to the route is chance too."""

    def within(i: int, value: int) -> int:
        return value if route in (None, audited[i].route) else 0

    return share(
        drawn,
        lambda i: within(i, audited[i].recorded),
        lambda i: within(i, audited[i].due),
    )


def _measured(found: Share | None, routes: tuple[str, ...]) -> Rate | None:
    if found is None:
        return None
    return Rate(
        hits=round(found.hits),
        of=round(found.of),
        share=found.share,
        low=found.low,
        high=found.high,
        routes=routes,
    )


def _strata(audited: Sequence[Audited]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for each in sorted(audited, key=lambda a: a.drawn.stratum):
        row = rows.setdefault(
            each.drawn.stratum,
            {"drawn": each.drawn.drawn, "of": each.drawn.of, "due": 0, "recorded": 0},
        )
        row["due"] += each.due
        row["recorded"] += each.recorded
    return rows
