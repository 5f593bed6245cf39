"""Random walks of one report through the engine, held to the table of stages at every step: what is legal
there happens by it, and what is not is refused and changes nothing."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from schemas.words import AlertType
from service.alerts.actors import Action
from service.alerts.lifecycle import TABLE, Cause, Passing, Stage, step
from tests.alerts.test_actors import ASKED, EXPECTED
from tests.timeline import MONDAY, Timeline

ACTIONS = sorted(set(Action) - {Action.MUTE, Action.END_MUTE})
ROLES = ("registrar", "supervisor", "call_handler", "auditor")
ENDS = MONDAY + timedelta(hours=58)
"""Holds in these walks end two hours later."""


def reached(stage: Stage, said: AlertType | None, causes: Iterable[Cause]) -> set[Stage]:
    """Where the table leads by these causes in order; time may pass between them."""
    found = _passed({stage}, said)
    for cause in causes:
        found = {step(each, cause, said) for each in found if (each, cause) in TABLE}
        said = cause if isinstance(cause, AlertType) else said
        found = _passed(found, said)
    return found


def _passed(stages: set[Stage], said: AlertType | None) -> set[Stage]:
    moves = (Passing.HOLD_OVER, Passing.MET)
    return stages | {
        step(each, move, said) for each in stages for move in moves if (each, move) in TABLE
    }


class Walk(RuleBasedStateMachine):
    """One report, from receipt on."""

    day: Timeline
    version: int

    @initialize()
    def received(self) -> None:
        self.day = Timeline("england_and_wales", code_map=None).at("09:00")
        self.day.report("R1", opening_codes=["assault"], reported_by="victim")
        self.day.record("C1", offence_code="028/03")
        self.version = 0

    @rule(hours=some.integers(1, 9))
    @precondition(lambda self: self.day.now < ENDS)
    def time_passes(self, hours: int) -> None:
        self.day.at(self.day.now + timedelta(hours=hours))
        self._moves(lambda: self.day.heartbeat("log", "crimes"))

    @rule(status=some.sampled_from(["recorded", "cancelled"]))
    def a_record_says(self, status: str) -> None:
        self.version += 1
        fields: dict[str, Any] = {"status": status, "recorded_at": MONDAY + timedelta(hours=10)}
        if status == "cancelled":
            fields["cancellation"] = {"code": "C4"}
        code: dict[str, Any] = {"offence_code": "008/06", "incident_refs": ["R1"]}
        self._moves(lambda: self.day.record("C2", version=self.version, **code, **fields))

    @rule(closed=some.booleans())
    def the_log_says(self, closed: bool) -> None:
        self.version += 1
        fields: dict[str, Any] = {"closed_at": self.day.now} if closed else {}
        received = MONDAY + timedelta(hours=9)
        code: dict[str, Any] = {"opening_codes": ["assault"], "reported_by": "victim"}
        self._moves(
            lambda: self.day.report(
                "R1", version=self.version, received_at=received, **code, **fields
            )
        )

    @rule(action=some.sampled_from(ACTIONS), role=some.sampled_from(ROLES))
    def somebody_acts(self, action: Action, role: str) -> None:
        before = self.day.lane.reports["R1"]
        typed = ("comment", "rationale", "what", "where_from", "verifiable")
        said = self._moves(
            lambda: self.day.does(ASKED[action], role=role, typed=typed),
            lambda: (action,) if self.day.answers[-1].accepted else (),
        )
        answer = self.day.answers[-1]
        legal = (before.alert.stage, action) in TABLE and role in EXPECTED[action]
        assert legal or not answer.accepted, self.day.story()
        if not answer.accepted:
            assert self.day.lane.reports["R1"] == before, self.day.story()
            assert not said

    def _moves(
        self, happens: Callable[[], object], acted: Callable[[], tuple[Cause, ...]] = tuple
    ) -> list[AlertType]:
        """Let something happen; what was said. The table must lead to where the alert then stands."""
        alert, told = self.day.lane.reports["R1"].alert, len(self.day.events)
        happens()
        said = [each.type for each in self.day.events[told:] if each.subject == "R1"]
        stands = self.day.lane.reports["R1"].alert.stage
        assert stands in reached(alert.stage, alert.said, [*acted(), *said]), self.day.story()
        return said


TestWalks = Walk.TestCase
TestWalks.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
