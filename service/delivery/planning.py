"""From what was said and from time passing to messages: who is to be told what, each once.

One planner works at a time; a round is one transaction. It hears numbered events beyond its cursor, then
looks at the escalations whose time has come, then makes the digests that are due. While more events wait
than a round takes, nobody is told anything: what comes and goes within a backlog disturbs no one. A
message planned twice is one (its id follows from alert, receiver, step and number).
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from schemas.words import AlertType
from service.alerts import messages, words
from service.alerts.actors import Action
from service.alerts.escalation import (
    FLOOD_IN,
    NOTICED,
    SETTLED_QUIETLY,
    Asked,
    Progress,
    Said,
    Tell,
    admit,
    changes,
    hear,
    look,
)
from service.alerts.identity import alert_identity
from service.alerts.lifecycle import OPEN
from service.alerts.notice import Body, Notice, NoticeClass
from service.alerts.routes import Frozen, Routed, Routes, StepKind, Told
from service.alerts.shifts import next_digest, next_start
from service.delivery.numbers import alone
from service.effects import RaiseEvent
from service.ledger.attention import Keeping, pauses
from service.ledger.escalations import (
    PLANNER_CURSOR,
    DigestDue,
    Escalating,
    Listed,
    Published,
    Reported,
    asked_before,
    bring_digests_forward,
    cursor,
    digests_due,
    escalating,
    for_digest,
    freeze,
    frozen,
    keep,
    keep_asked,
    keep_listed,
    listed,
    mark_digested,
    move_cursor,
    put_off_quiet,
    reported,
    said_after,
    to_look_at,
    wake,
)
from service.ledger.instants import micros
from service.ledger.notices import plan
from service.ledger.opening import Ledger

PLANNER = 0x5265_0003
"""Advisory lock: one plans at a time."""

PLANNED_AT_ONCE = 500
"""Events heard, and escalations looked at, in one round, at most."""

BACK = "back:"
"""Cursors that say when a feed of a force last came back begin so."""

CATCHES_UP_IN = timedelta(hours=12)
"""Misses from before a feed came back are its backlog for so long afterwards."""

SETTLES_IN = timedelta(minutes=30)
"""What is settled quietly is told when nothing more of it has come for so long."""

SOURCE = "source:"
"""Subjects that are feeds begin so."""

FREES = frozenset({AlertType.SOURCE_BACK.value, Action.END_MUTE.value})
"""After these, what was kept back may be told."""

RAISES = OPEN | {AlertType.SOURCE_SILENT, AlertType.INPUT_LOST, AlertType.VERSION_CONFLICT}
"""Events that begin an escalation; all others answer one."""


class Planned(Struct, frozen=True):
    """What one round did."""

    heard: int
    looked_at: int
    messages: int
    digests: int
    more: bool
    """Is there more to do at once?"""


def plan_round(
    ledger: Ledger, routes: Routes, now: datetime, limit: int = PLANNED_AT_ONCE
) -> Planned:
    """One round, whole or not at all."""
    with ledger.writing() as connection:
        alone(connection, PLANNER)
        return _Round(connection, routes, now).run(limit)


class _Round:
    """One round. Gathers what is to be written, and writes each row once."""

    def __init__(self, connection: Connection, routes: Routes, now: datetime) -> None:
        self._connection, self._routes, self._now = connection, routes, now
        self._frozen: dict[str, Frozen] = {}
        self._new: dict[str, Frozen] = {}
        self._reports: dict[tuple[str, str], Reported] = {}
        self._lists: dict[tuple[str, str], Listed] = {}
        self._notices: list[Notice] = []
        self._asked: dict[tuple[str, str], list[Asked]] = {}
        self._asking: list[tuple[str, str, datetime, str, str, bool]] = []
        self._floods: set[tuple[str, str]] = set()
        self._quiet: set[str] = set()
        self._back: dict[str, datetime | None] = {}

    def run(self, limit: int) -> Planned:
        position, _ = cursor(self._connection, PLANNER_CURSOR)
        new = said_after(self._connection, position, limit)
        self._hear(new)
        behind = len(new) == limit
        looked = 0 if behind else self._look(limit)
        more = behind or looked == limit
        self._write()
        digests = 0 if more else self._digests()
        told = plan(self._connection, self._notices, self._now)
        last = new[-1].number if new else position
        move_cursor(self._connection, PLANNER_CURSOR, last, self._now)
        return Planned(len(new), looked, told, digests, more)

    # -- hearing ----------------------------------------------------------------------------------

    def _hear(self, new: list[Published]) -> None:
        if not new:
            return
        held = escalating(self._connection, [each.alert_id for each in new])
        self._load(held.values(), [(e.event.force, e.event.subject) for e in new if e.event])
        forces = {each.event.force for each in new if each.event}
        keeping = Keeping(self._connection, forces, self._now)
        touched: dict[str, Escalating] = {}
        for each in new:
            before = touched.get(each.alert_id) or held.get(each.alert_id)
            if each.event is not None:
                after = self._after(before, each.event, keeping)
            else:  # a person acted: what it pauses or frees is looked at
                after = before and replace(before, next_at=self._now)
            if after is not None:
                touched[each.alert_id] = after
        freeze(self._connection, self._new)
        keep(self._connection, touched.values())
        wake(self._connection, (each.force for each in new if each.type in FREES), self._now)

    def _after(
        self, before: Escalating | None, event: RaiseEvent, keeping: Keeping
    ) -> Escalating | None:
        if event.type is AlertType.SOURCE_BACK:
            self._back[event.force] = event.at
            move_cursor(self._connection, f"{BACK}{event.force}", event.n, event.at)
        if before is None:
            if event.type not in RAISES:
                return None
            before = self._raised(event)
        said = Said(
            type=event.type,
            n=event.n,
            at=event.at,
            due_at=event.due_at,
            harm=event.harm,
            grade=event.grade,
            quiet=event.quiet or self._left_by_a_standstill(event),
        )
        progress = hear(before.progress, said)
        next_at = self._now if progress.open else None
        after = replace(before, progress=progress, next_at=next_at)
        if changes(before.progress, said):
            self._changed(after, event, keeping)
        return after

    def _left_by_a_standstill(self, event: RaiseEvent) -> bool:
        """Did it fall due while a feed stood still that has just come back?"""
        if event.force not in self._back:
            _, self._back[event.force] = cursor(self._connection, f"{BACK}{event.force}")
        back = self._back[event.force]
        if back is None or event.due_at is None:
            return False
        return event.due_at < back <= event.at < back + CATCHES_UP_IN

    def _raised(self, event: RaiseEvent) -> Escalating:
        """Who is told of it is settled now, and stays so."""
        report = self._reports.get((event.force, event.subject))
        of_feed = event.subject.startswith(SOURCE)
        referral = report is not None and report.facts.referral
        route = self._routes.freeze(
            Routed(
                force=event.force,
                alert=event.type,
                area=report.facts.area if report else "",
                category=event.category,
                harm=event.harm,
                grade=event.grade,
                report="source" if of_feed else "referral" if referral else "log",
            )
        )
        digest = route.digest
        self._frozen[digest] = self._new[digest] = route
        return Escalating(
            alert_id=event.alert_id,
            force=event.force,
            subject=event.subject,
            route=digest,
            progress=Progress(),
            next_at=None,
        )

    def _changed(self, alert: Escalating, event: RaiseEvent, keeping: Keeping) -> None:
        """Tell everyone who was told, and nobody else (G4): aloud where it had been told aloud."""
        route, ended = self._frozen[alert.route], not alert.progress.open
        report = self._reports.get((alert.force, alert.subject))
        muted_until = keeping.muted_until(alert, report)
        for key, line in list(self._lists.items()):
            if line.alert_id != alert.alert_id:
                continue
            receiver = route.receivers[line.receiver]
            line = replace(line, ended=ended, due_at=alert.progress.due_at or line.due_at)
            if line.interrupted and muted_until is None:
                body = self._body(alert, route, event)
                self._notice(alert, receiver, "changed", NoticeClass.THREAD, body)
                line = replace(line, digest_at=None if ended else line.digest_at)
            elif line.told_at is not None:
                at = next_digest(receiver.shifts, muted_until or self._now)
                line = replace(line, how="digest", changed=True, digest_at=at)
            elif ended:
                line = replace(line, digest_at=None)
            self._lists[key] = line

    # -- looking ----------------------------------------------------------------------------------

    def _look(self, limit: int) -> int:
        self._write()
        due = to_look_at(self._connection, self._now, limit)
        self._load(due)
        keeping = Keeping(self._connection, {each.force for each in due}, self._now)
        after = []
        for each in due:
            route = self._frozen[each.route]
            report = self._reports.get((each.force, each.subject))
            back = keeping.back(each, report)
            seen = look(route, each.progress, pauses(report, route), self._now, back)
            for tell in seen.tells:
                self._tell(each, route, tell)
            next_at = seen.next_at
            if next_at is not None:
                next_at = min(next_at, keeping.muted_until(each, report) or next_at)
            after.append(replace(each, progress=seen.progress, next_at=next_at))
        keep(self._connection, after)
        return len(due)

    def _tell(self, alert: Escalating, route: Frozen, tell: Tell) -> None:
        receiver = route.receivers[tell.receiver]
        line = self._line(alert, tell.receiver)
        if tell.why == SETTLED_QUIETLY:
            self._quiet.add(alert.force)
            told = line.told_at is not None
            at = self._now + SETTLES_IN
            line = replace(line, how="quiet", digest_at=at, changed=told)
        elif tell.kind is StepKind.INTERRUPT and self._given(alert, receiver, tell):
            body = self._body(alert, route, None)
            self._notice(alert, receiver, tell.step, NoticeClass.INTERRUPT, body)
            at = next_start(receiver.shifts, self._now)
            line = replace(
                line,
                how="interrupt",
                interrupted=True,
                told_at=self._now,
                digest_at=at,
                changed=False,
            )
        elif tell.kind is not StepKind.WORKLIST:
            at = self._digest_at(alert.force, receiver)
            if line.digest_at is None or line.digest_at > at:
                once = alert.progress.type in NOTICED
                line = replace(line, how="noticed" if once else "digest", digest_at=at)
            line = replace(line, changed=line.told_at is not None)
        self._lists[alert.alert_id, tell.receiver] = line

    def _line(self, alert: Escalating, receiver: str) -> Listed:
        held = self._lists.get((alert.alert_id, receiver))
        progress = alert.progress
        if held is not None:
            return replace(held, due_at=progress.due_at, ended=False)
        return Listed(
            alert_id=alert.alert_id,
            receiver=receiver,
            force=alert.force,
            subject=alert.subject,
            category=self._category(alert),
            how="worklist",
            since=self._now,
            due_at=progress.due_at,
        )

    def _category(self, alert: Escalating) -> str:
        report = self._reports.get((alert.force, alert.subject))
        return report.line.crimes[0].category if report and report.line.crimes else ""

    def _given(self, alert: Escalating, receiver: Told, tell: Tell) -> bool:
        """May this interrupt be given? Asked for it was, either way."""
        key = (alert.force, receiver.name)
        if key not in self._asked:
            self._asked |= asked_before(self._connection, [key], self._now)
        said = admit(receiver, self._asked[key], self._now)
        self._asked[key].append(Asked(self._now, said.given))
        self._asking.append((*key, self._now, alert.alert_id, tell.step, said.given))
        if said.flood:
            self._floods.add(key)
        return said.given

    def _digest_at(self, force: str, receiver: Told) -> datetime:
        regular = next_digest(receiver.shifts, self._now)
        flooded = (force, receiver.name) in self._floods
        return min(regular, _flood_ends(self._now)) if flooded else regular

    # -- digests ----------------------------------------------------------------------------------

    def _digests(self) -> int:
        return sum(self._digest(due) for due in digests_due(self._connection, self._now))

    def _digest(self, due: DigestDue) -> bool:
        parts = for_digest(self._connection, due, self._now, messages.SHOWN)
        shown = [line for _, nearest in parts.values() for line in nearest]
        held = escalating(self._connection, [line.alert_id for line in shown])
        self._load(held.values(), lists=False)
        receiver = self._receiver(due, held.values())
        groups = []
        for part, (counts, nearest) in parts.items():
            title = words.DIGEST["quiet" if due.quiet and part == "new" else part]
            matters = [self._matter(held[line.alert_id], None) for line in nearest]
            groups.append(messages.Group(title=title, counts=counts, nearest=tuple(matters)))
        again = None if due.quiet else next_start(receiver.shifts, self._now)
        mark_digested(self._connection, due, self._now, again)
        if not shown:
            return False
        zone = self._routes.written.zone
        title = f"{receiver.role}: worklist" + (", settled at one time" if due.quiet else "")
        body = messages.digest(title, groups, self._now, zone)
        name = f"digest:{receiver.name}:{micros(due.at)}:{'quiet' if due.quiet else 'shift'}"
        self._notices.append(
            Notice(
                force=due.force,
                alert_id=str(alert_identity(due.force, name)),
                subject="digest",
                n=0,
                receiver=receiver.name,
                channel=receiver.channel,
                address=receiver.address,
                step="digest",
                kind=NoticeClass.DIGEST,
                thread=f"{due.force}/digest/{receiver.name}",
                due_at=self._now,
                body=body,
            )
        )
        return True

    def _receiver(self, due: DigestDue, held: Iterable[Escalating]) -> Told:
        """As routes name them today; as they were frozen, where they name them no more."""
        if due.receiver in self._routes.written.receivers:
            return self._routes.receiver(due.receiver, due.force)
        named = (self._frozen[each.route].receivers for each in held)
        return next(each[due.receiver] for each in named if due.receiver in each)

    # -- words ------------------------------------------------------------------------------------

    def _body(self, alert: Escalating, route: Frozen, event: RaiseEvent | None) -> Body:
        progress = alert.progress
        if alert.subject.startswith(SOURCE):
            assert progress.type is not None
            assert progress.at is not None
            name = alert.subject.removeprefix(SOURCE)
            return messages.about_source(name, progress.type, progress.at, route.zone)
        matter = self._matter(alert, event)
        return messages.about_report(matter, self._now, route.zone)

    def _matter(self, alert: Escalating, event: RaiseEvent | None) -> messages.Matter:
        route, progress = self._frozen[alert.route], alert.progress
        report = self._reports.get((alert.force, alert.subject))
        assert progress.type is not None
        link = route.link.replace("{force}", alert.force).replace("{ref}", alert.subject)
        reason = event.detail.get("reason", "") if event is not None else ""
        if alert.subject.startswith(SOURCE):
            return messages.Matter(
                ref=alert.subject, type=progress.type, reason=reason, reference_only=False
            )
        if report is None:
            return messages.Matter(
                ref=alert.subject, type=progress.type, due_at=progress.due_at, link=link
            )
        crimes = report.line.crimes
        kinds = {crime.category for crime in crimes}
        grave = not kinds or not kinds.isdisjoint(route.reference_only)
        return messages.Matter(
            ref=alert.subject,
            type=progress.type,
            reason=reason,
            category=crimes[0].category if crimes else "",
            area=report.facts.area,
            signs=tuple([sign.id for sign in report.line.signs]),
            indicators=tuple(dict.fromkeys(e for crime in crimes for e in crime.evidence)),
            reference_only=grave or report.facts.child_victim or report.facts.referral,
            due_at=progress.due_at,
            link=link,
        )

    def _notice(
        self, alert: Escalating, receiver: Told, step: str, kind: NoticeClass, body: Body
    ) -> None:
        self._notices.append(
            Notice(
                force=alert.force,
                alert_id=alert.alert_id,
                subject=alert.subject,
                n=alert.progress.n,
                receiver=receiver.name,
                channel=receiver.channel,
                address=receiver.address,
                step=step,
                kind=kind,
                thread=alert.alert_id,
                due_at=self._now,
                body=body,
            )
        )

    # -- rows -------------------------------------------------------------------------------------

    def _load(
        self,
        held: Collection[Escalating],
        named: Iterable[tuple[str, str]] = (),
        *,
        lists: bool = True,
    ) -> None:
        subjects = {*named, *((each.force, each.subject) for each in held)}
        self._reports |= reported(self._connection, subjects - self._reports.keys())
        wanted = {each.route for each in held} - self._frozen.keys()
        self._frozen |= frozen(self._connection, wanted)
        if lists:
            self._lists |= listed(self._connection, [each.alert_id for each in held])

    def _write(self) -> None:
        keep_listed(self._connection, self._lists.values())
        self._lists.clear()
        keep_asked(self._connection, self._asking)
        self._asking.clear()
        for force, name in sorted(self._floods):
            since, at = self._now - FLOOD_IN, _flood_ends(self._now)
            bring_digests_forward(self._connection, force, name, since, at)
        self._floods.clear()
        for force in sorted(self._quiet):
            put_off_quiet(self._connection, force, self._now + SETTLES_IN)
        self._quiet.clear()


def _flood_ends(now: datetime) -> datetime:
    """End of the ten minutes that a moment lies in: one digest for all of a flood."""
    minutes = int(FLOOD_IN / timedelta(minutes=1))
    start = now.replace(minute=now.minute // minutes * minutes, second=0, microsecond=0)
    return start + FLOOD_IN
