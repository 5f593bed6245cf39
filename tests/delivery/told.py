"""Stories of who was told: the same timelines, put through real turns, with a planner beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, Self
from uuid import uuid4

from service.alerts.actors import Actor, ActorRole
from service.alerts.notice import Notice, NoticeClass
from service.alerts.routes import Routes
from service.alerts.routing_file import parse_routes
from service.delivery.numbers import number
from service.delivery.planning import plan_round
from service.effects import Answer, Asked, CommandGiven, HeartbeatSeen, Input, Sealed, Tick
from service.ledger.attention import audit
from service.ledger.notices import Choice, listed
from service.ledger.opening import Ledger
from service.turn import Batch, turn
from tests.timeline import MONDAY, Timeline

STEP = timedelta(minutes=30)


def default_routes() -> Routes:
    """Routes as they are shipped."""
    file = resources.files("service.alerts") / "default_routes.yaml"
    return parse_routes(file.read_text(encoding="utf-8"), "default_routes.yaml")


class Story(Timeline):
    """One force; what arrives goes through a turn, and feeds speak
    and a planner looks every half hour."""

    def __init__(self, ledger: Ledger, routes: Routes | None = None, **changes: Any) -> None:
        super().__init__("england_and_wales", code_map=None, **changes)
        self.ledger = ledger
        self.routes = routes or default_routes()
        self._awake = True
        self.stopped: tuple[str, ...] = ()
        """Feeds that do not speak."""
        self._seen: set[str] = set()
        self._planned_until: datetime | None = None

    def put(self, each: Input) -> Self:
        self._pass_until(self.now)
        self.apply(each)
        self.plan()
        return self

    def apply(self, *inputs: Input) -> None:
        """A turn, and no planner after it."""
        self.inputs += inputs
        self.events += turn(self.ledger, self.rulebook, Batch(inputs=inputs)).events

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Things arrive, and the planner does not look."""
        self._awake = False
        yield
        self._awake = True

    def passes(self, moment: str | datetime) -> Self:
        """Nothing arrives until then, save every feed's word that it has nothing."""
        self._pass_until(self.at(moment).now)
        self._feeds_speak(self.now)
        return self

    def _pass_until(self, until: datetime) -> None:
        at = self._planned_until
        while at is not None and (at := at - (at - MONDAY) % STEP + STEP) < until:
            self._feeds_speak(at)
        self._planned_until = until

    def _feeds_speak(self, at: datetime) -> None:
        speaking = [name for name in self.rulebook.sources if name not in self.stopped]
        beats = [HeartbeatSeen("33", name, at, at) for name in speaking]
        self.apply(*beats, Tick("33", at))
        self.plan(at)

    def plan(self, now: datetime | None = None) -> None:
        """The planner works until nothing is left to do."""
        if not self._awake:
            return
        now = now or self.now
        more = True
        while more:
            number(self.ledger)
            more = plan_round(self.ledger, self.routes, now).more
        with self.ledger.reading() as connection:
            found = audit(connection, now)
        assert (found.steps_overdue, found.digests_overdue, found.events_unheard) == (0, 0, 0)
        assert found.heartbeat_at == now

    def person_does(
        self, asked: Asked, role: ActorRole = ActorRole.REGISTRAR, ref: str = "R1"
    ) -> Answer:
        """Somebody gives a command now; the answer."""
        self._pass_until(self.now)
        given = CommandGiven(
            force="33",
            command_id=str(uuid4()),
            actor=Actor(id=f"person-{role}-1", roles=(role,), forces=("33",), via="api"),
            known_at=self.now,
            asked=asked,
            ref=ref,
            text=Sealed("k1", b"sealed", ("comment",)),
        )
        turned = turn(self.ledger, self.rulebook, Batch(inputs=(given,)))
        self.inputs.append(given)
        self.events += turned.events
        self.plan()
        return turned.answers[given.command_id]

    def notices(self) -> list[Notice]:
        """Every message planned, in order of time."""
        with self.ledger.reading() as connection:
            held = [each.notice for each in listed(connection, Choice())]
        return sorted(held, key=lambda n: (n.due_at, n.receiver, n.step))

    def new_notices(self) -> list[Notice]:
        """Those planned since last asked."""
        new = [each for each in self.notices() if each.notice_id not in self._seen]
        self._seen |= {each.notice_id for each in new}
        return new

    def tells(self, *expected: str, digests: bool = False) -> Self:
        """What people are told since last asked: ``+0 05:00 bureau interrupt R1 last_hours``; digests
        only where asked for."""
        said = [
            f"{_clock(n.due_at)} {n.receiver} {n.kind.value} {n.subject} {n.step}"
            for n in self.new_notices()
            if digests or n.kind is not NoticeClass.DIGEST
        ]
        assert said == list(expected), "\n".join(["told:", *said, self.story()])
        return self


def _clock(at: datetime) -> str:
    day = (at - MONDAY).days
    return f"+{day} {at:%H:%M}"
