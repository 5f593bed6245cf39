"""Reading a file of routes: everything that is wrong with it, with line and remedy."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from zoneinfo import ZoneInfo

from service.alerts.notice import Channel
from service.alerts.routes import Match, Rank, Route, Routes, Step, StepKind, When, Written
from service.alerts.shifts import DAYS, Shifts, round_the_clock
from service.ingest.lined import Fault, Table, convert, faults_in, line_of, load

INTERRUPT_BEFORE = 4.0
"""Hours before the deadline at which an interrupt may stand; the other places are the moment when a miss
is said, and a source that stopped."""

Path = Sequence[str | int]
Wrong = tuple[Path, str, str]
"""Where, what, and what to do about it."""


def parse_routes(text: str, origin: str) -> Routes:
    """A file of routes, compiled. Raises ``Fault`` for the first thing that is wrong."""
    fault = next(faults_of(text, origin), None)
    if fault is not None:
        raise fault
    written = convert(load(text, origin), origin, Written)
    return Routes(written, sha256(text.encode()).hexdigest())


def faults_of(text: str, origin: str) -> Iterator[Fault]:
    """Everything that is wrong with a file of routes."""
    try:
        table = load(text, origin)
    except Fault as fault:
        yield fault
        return
    faults = list(faults_in(table, origin, Written))
    yield from faults
    if not faults:
        written = convert(table, origin, Written)
        yield from (_fault(table, origin, *wrong) for wrong in _unsound(written))


def _fault(table: Table, origin: str, path: Path, message: str, remedy: str) -> Fault:
    return Fault(origin, line_of(table, path), message, remedy)


def _unsound(written: Written) -> Iterator[Wrong]:
    for name, pattern in written.shifts.items():
        yield from _wrong_shifts(("shifts", name), pattern)
    yield from _wrong_receivers(written)
    for name, steps in written.escalations.items():
        yield from _wrong_steps(name, steps)
    if not written.route.escalation:
        message = "the root has no escalation"
        yield ("route",), message, "name one of escalations: what nothing else fits is told by it"
    if written.route.match != Match():
        yield ("route", "match"), "the root must take everything", "match in a route below it"
    yield from _wrong_route(written, written.route, ("route",), "", {})


def _wrong_shifts(path: Path, pattern: Shifts) -> Iterator[Wrong]:
    for n, begins in enumerate(pattern.starts):
        if len(begins) != 5 or not _is_time(begins):
            yield (*path, "starts", n), f"'{begins}' is no time of day", "write it as '07:00'"
    if not pattern.starts:
        yield (*path, "starts"), "no shift ever begins", "write when: ['07:00']"
    if not 0 < pattern.hours <= 24:
        yield (*path, "hours"), "a shift lasts up to 24 hours", "write its length in hours"
    for n, day in enumerate(pattern.days):
        if day not in DAYS:
            yield (*path, "days", n), f"'{day}' is no day", f"write one of {', '.join(DAYS)}"
    if not pattern.days:
        yield (*path, "days"), "no shift ever begins", "write its days, or leave it out for all"
    try:
        ZoneInfo(pattern.zone)
    except (KeyError, ValueError, OSError):
        yield (
            (*path, "zone"),
            f"'{pattern.zone}' is no time zone",
            "use a name such as Europe/London",
        )


def _is_time(text: str) -> bool:
    hours, colon, minutes = text.partition(":")
    digits = colon == ":" and hours.isdecimal() and minutes.isdecimal()
    return digits and int(hours) < 24 and int(minutes) < 60


def _wrong_receivers(written: Written) -> Iterator[Wrong]:
    for name, receiver in written.receivers.items():
        path = ("receivers", name)
        if receiver.shifts not in written.shifts:
            yield (*path, "shifts"), *_unknown("pattern of shifts", receiver.shifts, written.shifts)
        wants = {Channel.EMAIL: "@", Channel.WEBHOOK: "://"}.get(receiver.channel, "")
        if wants and wants not in receiver.address:
            message = f"receiver '{name}' is told by {receiver.channel} and has no address for it"
            yield (*path, "address"), message, f"write one with '{wants}' in it"
        if receiver.channel is Channel.CHAT and receiver.address:
            message = "the address of a chat is a secret and does not belong in this file"
            yield (
                (*path, "address"),
                message,
                "leave it out here and set it where messages are sent",
            )
    desk = written.receivers.get(written.desk)
    if desk is None:
        yield ("desk",), *_unknown("receiver", written.desk, written.receivers)
        return
    pattern = written.shifts.get(desk.shifts)
    if pattern and not any(_wrong_shifts((), pattern)) and not round_the_clock(pattern):
        message = f"the desk '{written.desk}' is not there round the clock"
        yield (
            ("desk",),
            message,
            "name a receiver whose shifts leave no gap, bank holidays included",
        )
    if desk.digest_only or desk.rank is not Rank.STAFF:
        yield (
            ("desk",),
            "the desk must be one that may be interrupted",
            "name a receiver of rank staff",
        )


def _wrong_steps(name: str, steps: Sequence[Step]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for n, step in enumerate(steps):
        path = ("escalations", name, n)
        if step.step in seen:
            yield (*path, "step"), f"step '{step.step}' is there twice", "give each its own name"
        seen.add(step.step)
        if step.hours < 0:
            yield (*path, "hours"), "hours must not be negative", "'when' says before or after"
        if step.when is When.BEFORE_DEADLINE and not step.hours:
            yield path, "a step before the deadline needs hours", "write how many hours before"
        if step.kind is StepKind.INTERRUPT and not _may_interrupt(step):
            yield (
                (*path, "kind"),
                "an interrupt stands only 4 hours before the deadline, when a miss is said, or when a "
                "source stopped",
                "write digest, or move the step",
            )
        if not step.tell:
            yield (*path, "tell"), "nobody is told", "name the parts to tell, or leave the step out"


def _may_interrupt(step: Step) -> bool:
    if step.when is When.BEFORE_DEADLINE:
        return step.hours == INTERRUPT_BEFORE
    return step.when in (When.MISSED, When.STOPPED) and step.hours == 0


def _wrong_route(
    written: Written, node: Route, path: Path, above: str, parts: Mapping[str, str]
) -> Iterator[Wrong]:
    for part, receiver in node.parts.items():
        if receiver not in written.receivers:
            yield (*path, "parts", part), *_unknown("receiver", receiver, written.receivers)
    escalation, parts = node.escalation or above, {**parts, **node.parts}
    if escalation and escalation not in written.escalations:
        yield (*path, "escalation"), *_unknown("escalation", escalation, written.escalations)
    elif not node.routes or _may_answer(node):
        for step in written.escalations.get(escalation, ()):
            for part in step.tell:
                if part not in parts:
                    message = (
                        f"route '{node.name}' escalates by '{escalation}', whose step '{step.step}' "
                        f"tells '{part}', and nobody plays that part"
                    )
                    yield (*path, "name"), message, "name a receiver for it under parts"
    closed = ""
    for n, branch in enumerate(node.routes):
        here = (*path, "routes", n)
        if closed:
            message = (
                f"route '{branch.name}' is never reached: '{closed}' before it takes everything"
            )
            yield (*here, "name"), message, "put it first, or let that one continue"
        if branch.match == Match() and not branch.continue_:
            closed = closed or branch.name
        yield from _wrong_route(written, branch, here, escalation, parts)


def _may_answer(node: Route) -> bool:
    """Can an alert find no branch below? Not where one of them takes everything."""
    return all(branch.match != Match() for branch in node.routes)


def _unknown(what: str, name: str, known: Collection[str]) -> tuple[str, str]:
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known))}"
    return f"there is no {what} '{name}'", remedy
