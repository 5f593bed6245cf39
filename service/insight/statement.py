"""A statement of recording statistics: from counts to rates with their intervals, and what to mind.

One value, printed on a terminal, as JSON or as a page. What cannot be said is withheld with the
reason in words, never replaced by a number.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from schemas.words import NotRecordedReason, Verdict
from service.alerts import words
from service.figures.rate import Estimate, Rate, difference, rate, timeliness, unrecorded
from service.figures.tables import Tally, tally
from service.ingest.source import Topic
from service.insight.statistics import BOUND, LATE, NEXT_DAY, SAME_DAY, Chosen, Statistics

DIRECT = "direct"
"""The route of crimes recorded straight from the public, without a report that was read."""

ROUTES = ("log", "referral", DIRECT)

AXES = ("month", "force", "route", "category")

VIEWS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "all": ("All crimes", {}),
    "violence": ("Violence", {"group": "violence"}),
    "sexual": ("Sexual offences", {"group": "sexual"}),
    "domestic_abuse": ("Domestic abuse", {"domestic": True}),
}
"""What is always shown: word, title, and which cells."""

NO_APPROVALS = (
    "Whether the registrar approved a delay is in no feed: late crimes with and without an approved "
    "delay cannot be told apart, and every one is counted late."
)

NO_OPENINGS = (
    "From receipt to opening: a folder of results does not say when logs were opened; give the ledger "
    "(--ledger) instead."
)


class Recorded(Struct, frozen=True, kw_only=True):
    """How many crimes were recorded, counted elsewhere (by the force over a year, say)."""

    crimes: int
    routes: tuple[str, ...]


class About(Struct, frozen=True, kw_only=True):
    """What the statistics are about, beyond the lines themselves."""

    title: str
    zone: str
    as_of: datetime | None = None
    blind: tuple[Topic, ...] = ()
    """Feeds that are not connected."""
    unlinked: int | None = None
    """Rows of records that belong to no report; None: not known."""
    packs: tuple[str, ...] = ()
    """Digests of the rules."""
    opened: bool = False
    """Is it known when logs were opened?"""


class Lost(Struct, frozen=True, kw_only=True):
    """Crimes not recorded beside those recorded: U = R(1 - p) / p."""

    recorded: int
    routes: tuple[str, ...]
    estimate: Estimate | None
    withheld: str = ""
    """Why there is no estimate."""


class Soon(Struct, frozen=True, kw_only=True):
    """How soon crimes were recorded; those whose recording time is a bound stand apart."""

    label: str
    word: str
    same_day: Rate | None
    in_time: Rate | None
    late: int
    bounded: int


class Decided(Struct, frozen=True, kw_only=True):
    """Decisions not to record with one reason (reports, not crimes)."""

    reason: str
    accepted: int
    refused: int
    told: Rate


class Cancelled(Struct, frozen=True, kw_only=True):
    """Cancelled records with one code."""

    code: str
    records: int
    as_demanded: int
    lacks: dict[str, int]


class Opened(Struct, frozen=True, kw_only=True):
    """From receipt to opening, of reports of one route that came in one way."""

    route: str
    via: str
    reports: int
    median_minutes: int
    ninetieth_minutes: int
    within_hour: Rate
    unknown: int
    """Reports without a time of opening."""


class Compared(Struct, frozen=True, kw_only=True):
    """One rate here and there, and this less that."""

    label: str
    word: str
    here: Rate
    there: Rate
    difference: Estimate

    @property
    def by_chance(self) -> bool:
        """May chance alone explain it?"""
        return self.difference.low <= 0 <= self.difference.high


class Statement(Struct, frozen=True, kw_only=True):
    """Everything that is said of one choice of reports."""

    about: About
    chosen: Chosen
    first_received: datetime | None
    last_received: datetime | None
    reports: int
    possible: int
    unknown: int
    routes: tuple[str, ...]
    views: tuple[Tally, ...]
    by: dict[str, tuple[Tally, ...]]
    """By axis: a row for each month, force, route, category."""
    lost: Lost
    soon: tuple[Soon, ...]
    decided: tuple[Decided, ...]
    cancelled: tuple[Cancelled, ...]
    opened: tuple[Opened, ...]
    against: str = ""
    compared: tuple[Compared, ...] = ()
    notes: tuple[str, ...] = ()
    """What these figures cannot say, each in a sentence."""


def state(
    counted: Statistics,
    about: About,
    recorded: Recorded | None = None,
    against: tuple[str, Statistics] | None = None,
) -> Statement:
    """The statement on these counts; ``against`` names and holds what they are compared with."""
    routes = counted.values("route")
    views = tuple(_views(counted))
    return Statement(
        about=about,
        chosen=counted.chosen,
        first_received=counted.first_received,
        last_received=counted.last_received,
        reports=counted.reports,
        possible=counted.possible,
        unknown=counted.unknown,
        routes=routes,
        views=views,
        by={axis: tuple(_rows(counted, axis)) for axis in AXES},
        lost=lost(views[0].rate, recorded),
        soon=tuple(_soon(counted, routes)),
        decided=tuple(_decided(counted)),
        cancelled=tuple(_cancelled(counted)),
        opened=tuple(_opened(counted)),
        against=against[0] if against else "",
        compared=tuple(_compare(counted, against[1])) if against else (),
        notes=_notes(counted, about),
    )


def lost(measured: Rate | None, recorded: Recorded | None) -> Lost:
    """U with the interval of p; without R from elsewhere, R is what p itself counted as recorded."""
    if measured is None:
        given = recorded or Recorded(crimes=0, routes=())
        why = "no crime was recorded or missed, so there is no rate"
        return Lost(recorded=given.crimes, routes=given.routes, estimate=None, withheld=why)
    given = recorded or Recorded(crimes=measured.hits, routes=measured.routes)
    estimate = unrecorded(given.crimes, given.routes, measured)
    why = ""
    if estimate is None:
        why = (
            f"the recorded crimes are of {_named(given.routes)}, the rate is of "
            f"{_named(measured.routes)}: of other routes it says nothing"
        )
    elif not measured.hits:
        estimate, why = None, "nothing was recorded, so the formula has no answer"
    return Lost(recorded=given.crimes, routes=given.routes, estimate=estimate, withheld=why)


def as_json(statement: Statement) -> dict[str, Any]:
    """The statement as JSON values: the words of the data, no charts."""

    def plain(value: Any) -> Any:
        if isinstance(value, Tally):
            fields = {k: plain(v) for k, v in msgspec.structs.asdict(value).items() if k != "chart"}
            fields["not_provable"] = fields.pop("untold")
            return fields
        if isinstance(value, Struct):
            return {k: plain(v) for k, v in msgspec.structs.asdict(value).items()}
        if isinstance(value, Mapping):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, tuple):
            return [plain(each) for each in value]
        return value

    told: dict[str, Any] = plain(statement)
    return told


# -- rows -------------------------------------------------------------------------------------


def _row(counted: Statistics, label: str, word: str, where: Mapping[str, object]) -> Tally:
    row = tally(label, word, counted.by_verdict(**where))
    if row.rate is None:
        return row
    routes = {str(where["route"])} if "route" in where else {*counted.values("route")}
    named = msgspec.structs.replace(row.rate, routes=tuple(sorted(routes)))
    return msgspec.structs.replace(row, rate=named)


def _views(counted: Statistics) -> list[Tally]:
    return [_row(counted, title, word, where) for word, (title, where) in VIEWS.items()]


def _rows(counted: Statistics, axis: str) -> list[Tally]:
    label = {"route": words.route, "category": words.category}.get(axis, str)
    return [_row(counted, label(each), each, {axis: each}) for each in counted.values(axis)]


def _soon(counted: Statistics, routes: Sequence[str]) -> list[Soon]:
    wanted: list[tuple[str, str, Mapping[str, object]]] = [
        *((title, word, where) for word, (title, where) in VIEWS.items()),
        *((words.route(route), route, {"route": route}) for route in routes),
    ]
    rows = []
    for label, word, where in wanted:
        when = counted.by_when(**where)
        exact = when[SAME_DAY] + when[NEXT_DAY] + when[LATE]
        in_time = when[SAME_DAY] + when[NEXT_DAY]
        shares = timeliness(when[SAME_DAY], in_time, exact)
        rows.append(
            Soon(
                label=label,
                word=word,
                same_day=shares.same_day if shares else None,
                in_time=shares.in_time if shares else None,
                late=when[LATE],
                bounded=when[BOUND],
            )
        )
    return rows


def _decided(counted: Statistics) -> list[Decided]:
    rows = []
    for reason in map(str, NotRecordedReason):
        found = {k[1:]: n for k, n in counted.decisions.items() if k[0] == reason}
        if found:
            accepted = sum(n for (accepted, _), n in found.items() if accepted)
            total = sum(found.values())
            told = rate(sum(n for (_, told), n in found.items() if told), total)
            rows.append(
                Decided(reason=reason, accepted=accepted, refused=total - accepted, told=told)
            )
    return rows


def _cancelled(counted: Statistics) -> list[Cancelled]:
    rows = []
    for code in sorted({code for code, _ in counted.cancellations}):
        found = {lacks: n for (of, lacks), n in counted.cancellations.items() if of == code}
        lacking: dict[str, int] = {}
        for lacks, n in found.items():
            for lack in lacks:
                lacking[lack] = lacking.get(lack, 0) + n
        ranked = dict(sorted(lacking.items(), key=lambda pair: (-pair[1], pair[0])))
        rows.append(
            Cancelled(
                code=code, records=sum(found.values()), as_demanded=found.get((), 0), lacks=ranked
            )
        )
    return rows


def _opened(counted: Statistics) -> list[Opened]:
    keys = {(wait.route, wait.via) for wait in counted.waits}
    rows = []
    for route, via in sorted(keys):
        waits = sorted((w.minutes, n) for w, n in counted.waits.items() if w[:2] == (route, via))
        total = sum(n for _, n in waits)
        rows.append(
            Opened(
                route=route,
                via=via,
                reports=total,
                median_minutes=_quantile(waits, total, 0.5),
                ninetieth_minutes=_quantile(waits, total, 0.9),
                within_hour=rate(sum(n for minutes, n in waits if minutes < 60), total),
                unknown=counted.unopened[route, via],
            )
        )
    return rows


def _quantile(waits: Sequence[tuple[int, int]], total: int, share: float) -> int:
    """The shortest wait that at least this share of the reports did not exceed."""
    reached = 0
    for minutes, n in waits:
        reached += n
        if reached >= share * total:
            return minutes
    raise ValueError("no waits, no quantile")


def _compare(here: Statistics, there: Statistics) -> list[Compared]:
    pairs = list(zip(_views(here), _views(there), strict=True))
    both = sorted({*here.values("route")} & {*there.values("route")})
    if len({*here.values("route")} | {*there.values("route")}) > 1:
        for route in both:
            where = {"route": route}
            pairs.append(
                (
                    _row(here, words.route(route), route, where),
                    _row(there, words.route(route), route, where),
                )
            )
    return [
        Compared(
            label=mine.label,
            word=mine.word,
            here=mine.rate,
            there=other.rate,
            difference=difference(other.rate, mine.rate),
        )
        for mine, other in pairs
        if mine.rate and other.rate
    ]


# -- what to mind -----------------------------------------------------------------------------


def _named(routes: Sequence[str]) -> str:
    named = [words.route(route).lower() for route in routes]
    return " and ".join(named) if named else "no route"


def _notes(counted: Statistics, about: About) -> tuple[str, ...]:
    notes = [words.BLIND[topic] for topic in about.blind]
    if about.unlinked:
        notes.append(
            f"{about.unlinked:,} rows of records belong to no report that was read (recorded straight "
            "from the public, or from outside these reports): how many crimes of that route should "
            "have been recorded shows in no feed, so it is in no rate and has no estimate of its own."
        )
    if not counted.by_verdict(domestic=True):
        notes.append(
            "No report with a crime is marked as domestic abuse: either there was none, or these "
            "feeds or rules do not carry the mark."
        )
    notes.append(NO_APPROVALS)
    if not about.opened:
        notes.append(NO_OPENINGS)
    elif counted.unopened:
        unopened = counted.unopened.total()
        notes.append(f"When {unopened:,} reports were opened is not said by their source.")
    untold = counted.by_verdict()[Verdict.NOT_PROVABLE]
    if untold:
        notes.append(f"Of {untold:,} crimes one cannot tell: they are in no rate.")
    notes.append(
        "How many of the crimes counted a person would uphold, and how many leave no trace in what "
        "was read, is told by an audit by hand alone (stats sample)."
    )
    return tuple(notes)
