"""Who is told of what: a tree of routes, read from a file, first match wins.

An alert goes down the tree: the first branch that fits takes it, and the next are asked only where that
one says ``continue``; where no branch fits, the node itself answers. What a branch does not say it has
from the node above. The answer, with everybody's addresses and shifts, is frozen on the alert when it is
raised, so a file changed at noon changes nothing for the alerts of the morning.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256

import msgspec
from msgspec import Struct, field

from schemas.words import AlertType, Grade
from service.alerts.notice import Channel
from service.alerts.shifts import Shifts


class Rank(StrEnum):
    """How much of the day may be spent on interrupts; the figures are in ``escalation``."""

    STAFF = "staff"
    INSPECTOR = "inspector"
    CHIEF = "chief"


class StepKind(StrEnum):
    """How a step tells."""

    INTERRUPT = "interrupt"
    """A message at once; what may not interrupt is told by digest."""
    DIGEST = "digest"
    """The worklist at once, and the next digest."""
    WORKLIST = "worklist"
    """The worklist at once, without a sound, and no message."""


class When(StrEnum):
    """What a step counts from."""

    CLOSED = "closed_without_reason"
    BEFORE_DEADLINE = "before_deadline"
    MISSED = "missed"
    STOPPED = "source_stopped"
    NOTICED = "noticed"
    """Anything else that is said: a code nobody knows, lost input, two contents under one version."""


class Receiver(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who can be told: a role at a place of work, never a person."""

    role: str
    """What people read: ``Crime bureau``."""
    channel: Channel
    address: str = ""
    """E-mail: the mailbox. Webhook: the URL. Chat: empty, its URL is a secret. ``{force}`` stands for
    the code of the alert's force."""
    shifts: str
    """Name of a pattern of shifts."""
    rank: Rank = Rank.STAFF
    digest_only: bool = False
    """Never interrupted; as chief officers are."""


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step of an escalation."""

    step: str
    """Its name, once in an escalation."""
    when: When
    hours: float = 0
    """Before the deadline, or after what it counts from."""
    kind: StepKind
    tell: tuple[str, ...]
    """Parts (``supervisor``, ``bureau``); each route says which receiver plays which."""


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """What a route is for; every list that is given must hold the alert's word."""

    force: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    harm: bool | None = None
    grade: tuple[Grade, ...] = ()
    report: tuple[str, ...] = ()
    """``log``, ``referral``; ``source`` for what is said of a feed."""
    alert: tuple[AlertType, ...] = ()

    def fits(self, alert: "Routed") -> bool:
        """Is it for this alert?"""
        lists = (
            (self.force, alert.force),
            (self.area, alert.area),
            (self.category, alert.category),
            (self.grade, alert.grade),
            (self.report, alert.report),
            (self.alert, alert.alert),
        )
        harm = self.harm is None or self.harm == alert.harm
        return harm and all(not wanted or held in wanted for wanted, held in lists)


class Route(Struct, frozen=True, forbid_unknown_fields=True, rename={"continue_": "continue"}):
    """One node of the tree as written."""

    name: str
    match: Match = Match()
    continue_: bool = False
    """Are the routes after this one asked as well?"""
    escalation: str = ""
    """Empty: as the node above."""
    parts: dict[str, str] = field(default_factory=dict)
    """Receivers by part; those not named are the node's above."""
    routes: tuple["Route", ...] = ()


class Written(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of routes as written."""

    name: str
    title: str
    link: str = ""
    """Address of a report's page, with ``{force}`` and ``{ref}``."""
    reference_only: tuple[str, ...] = ()
    """Categories of which messages give reference, time left and link only."""
    desk: str
    """Receiver who is there round the clock; takes steps that fall off everybody's shift."""
    shifts: dict[str, Shifts]
    receivers: dict[str, Receiver]
    escalations: dict[str, tuple[Step, ...]]
    route: Route
    """Root of the tree: what nothing else fits."""


class Routed(Struct, frozen=True, kw_only=True):
    """What of an alert the tree looks at."""

    force: str
    alert: AlertType
    area: str = ""
    category: str = ""
    harm: bool = False
    grade: Grade | None = None
    report: str = "log"


class Told(Struct, frozen=True, kw_only=True):
    """A receiver as frozen: with the pattern of shifts itself, and the address filled in."""

    name: str
    role: str
    channel: Channel
    address: str
    shifts: Shifts
    rank: Rank = Rank.STAFF
    digest_only: bool = False


class Frozen(Struct, frozen=True, kw_only=True):
    """What the tree answered for one alert, whole: nothing in it changes when the file does."""

    file: str
    """Digest of the file it came from."""
    paths: tuple[str, ...]
    """Why: the way down the tree, for each route taken."""
    link: str
    reference_only: tuple[str, ...]
    desk: str
    receivers: dict[str, Told]
    steps: tuple[Step, ...]
    """``tell`` names receivers."""

    @property
    def digest(self) -> str:
        """What it is known by."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class Routes(Struct, frozen=True, eq=False):
    """A file of routes that is sound. Compared by identity."""

    written: Written
    digest: str
    """SHA-256 of the file."""

    def freeze(self, alert: Routed) -> Frozen:
        """Who is told of this alert, when and why. Two alerts that take the same way are answered by
        the same value."""
        written = self.written
        taken = list(self._taken(written.route, alert, (), "", {}))
        steps: list[Step] = []
        for path, escalation, parts in taken:
            for step in written.escalations[escalation]:
                tell = tuple(dict.fromkeys(parts[part] for part in step.tell if part in parts))
                name = step.step if len(taken) == 1 else f"{path[-1]}.{step.step}"
                steps.append(msgspec.structs.replace(step, step=name, tell=tell))
        names = sorted({written.desk, *(name for step in steps for name in step.tell)})
        return Frozen(
            file=self.digest,
            paths=tuple(" > ".join(path) for path, _, _ in taken),
            link=written.link,
            reference_only=written.reference_only,
            desk=written.desk,
            receivers={name: self.receiver(name, alert.force) for name in names},
            steps=tuple(steps),
        )

    def receiver(self, name: str, force: str) -> Told:
        """One receiver as messages of a force find it."""
        held = self.written.receivers[name]
        return Told(
            name=name,
            role=held.role,
            channel=held.channel,
            address=held.address.replace("{force}", force),
            shifts=self.written.shifts[held.shifts],
            rank=held.rank,
            digest_only=held.digest_only or held.rank is Rank.CHIEF,
        )

    def _taken(
        self,
        node: Route,
        alert: Routed,
        above: tuple[str, ...],
        escalation: str,
        parts: Mapping[str, str],
    ) -> Iterator[tuple[tuple[str, ...], str, Mapping[str, str]]]:
        path = (*above, node.name)
        escalation, parts = node.escalation or escalation, {**parts, **node.parts}
        found = False
        for branch in node.routes:
            if branch.match.fits(alert):
                found = True
                yield from self._taken(branch, alert, path, escalation, parts)
                if not branch.continue_:
                    break
        if not found:
            yield path, escalation, parts
