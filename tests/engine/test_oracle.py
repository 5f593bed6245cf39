"""Generated histories: the engine agrees with the oracle at every step, whatever arrives how (G7)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from schemas.words import NotRecordedReason
from service.alerts.handling import Handling, HoldReason
from service.effects import (
    Acknowledge,
    ApproveHold,
    Asked,
    AskHold,
    Assign,
    ConfirmMatch,
    Count,
    Decide,
    HeartbeatSeen,
    Input,
    Intake,
    Lane,
    LinkRecord,
    RaiseEvent,
    RecordSeen,
    RefuseHold,
    RefuseMatch,
    Reopen,
    ReportSeen,
    ReportState,
    Tick,
    TrackReport,
    UnlinkRecord,
)
from service.engine import decide
from service.pointers import Rulebook
from tests import oracle
from tests.timeline import MONDAY, Timeline

LATE = timedelta(minutes=30)
SINCE = MONDAY - timedelta(days=1)
CHANGES: dict[str, Any] = {
    name: {"lateness": LATE, "levels": ("crime_ref", "incident_ref", "same_incident")}
    for name in ("log", "crimes", "referrals")
}
REPORTS = st.sampled_from([f"R{n}" for n in range(5)])
RECORDS = st.sampled_from([f"C{n}" for n in range(5)])
CODES = st.sampled_from([["crime"], ["crime"], ["welfare"], ["nobody knows"], []])
STEPS = st.sampled_from([0, 1, 30, 60, 24 * 60 - 1, 24 * 60, 24 * 60 + 1, 36 * 60])


def acts(now: datetime, record: str) -> list[Asked]:
    """One of each command about a report."""
    return [
        Acknowledge(),
        Assign("desk-1"),
        LinkRecord(record),
        UnlinkRecord(record),
        ConfirmMatch(record),
        RefuseMatch(record),
        Decide(reason=NotRecordedReason.BALANCE_NOT_MET, told_at=now),
        AskHold(reason=HoldReason.EXCEPTIONAL, until=now + timedelta(hours=5)),
        ApproveHold(),
        RefuseHold(),
        Reopen(),
    ]


def moved_only(before: ReportState, lane: Lane) -> Handling:
    """What was done about a report, had nobody but time and the rules moved it since."""
    now, then = lane.reports[before.facts.ref].handling, before.handling
    if then.acknowledged_at and not now.acknowledged_at:
        return replace(then, acknowledged_by="", acknowledged_at=None, version=then.version + 1)
    return then


class AgainstTheOracle(RuleBasedStateMachine):
    """Anything may arrive at any moment; after each arrival every verdict is the oracle's."""

    def __init__(self) -> None:
        super().__init__()
        self.day = Timeline(since=SINCE, **CHANGES)
        self.received: dict[str, Any] = {}
        self.recorded: dict[str, Any] = {}

    @rule(
        step=STEPS,
        ref=REPORTS,
        version=st.integers(0, 3),
        codes=CODES,
        crime=st.none() | RECORDS,
        same=st.none() | REPORTS,
        referral=st.booleans(),
    )
    def report(
        self,
        step: int,
        ref: str,
        version: int,
        codes: list[str],
        crime: str | None,
        same: str | None,
        referral: bool,
    ) -> None:
        """A version of a report arrives, in any order of versions."""
        self.wait(step)
        source = "referrals" if ref == "R4" or (referral and ref == "R3") else "log"
        self.day.report(
            ref,
            source=source,
            version=version,
            received_at=self.received.setdefault(ref, self.day.now),
            opening_codes=codes,
            crime_refs=[crime] if crime else [],
            linked_logs=[{"ref": same, "relation": "same_incident"}]
            if same and same != ref
            else [],
        )

    @rule(
        step=STEPS,
        ref=RECORDS,
        version=st.integers(0, 3),
        report=st.none() | REPORTS,
        live=st.booleans(),
        back=st.sampled_from([0, 1, 600]),
    )
    def record(
        self, step: int, ref: str, version: int, report: str | None, live: bool, back: int
    ) -> None:
        """A version of a record arrives, made up to ten hours before."""
        self.wait(step)
        made = self.recorded.setdefault(ref, self.day.now - timedelta(minutes=back))
        change: dict[str, Any] = (
            {} if live else {"status": "cancelled", "cancellation": {"code": "C4"}}
        )
        self.day.record(
            ref,
            version=version,
            recorded_at=made,
            updated_at=max(made, self.day.now - timedelta(minutes=back)),
            incident_refs=[report] if report else [],
            **change,
        )

    @rule(step=STEPS, name=st.sampled_from(["log", "crimes", "referrals"]))
    def heartbeat(self, step: int, name: str) -> None:
        """A source promises that nothing more is to come from before now."""
        self.wait(step)
        self.day.heartbeat(name)

    @rule(step=STEPS)
    def tick(self, step: int) -> None:
        """Time passes."""
        self.wait(step)
        self.day.tick()

    @precondition(lambda self: bool(self.day.lane.reports))
    @rule(step=STEPS, pick=st.integers(0, 4), what=st.integers(0, 10), seen=st.booleans())
    def act(self, step: int, pick: int, what: int, seen: bool) -> None:
        """A person does something about what is there; refused, it changes nothing."""
        self.wait(step)
        reports, records = sorted(self.day.lane.reports), sorted(self.day.lane.records) or ["C0"]
        ref = reports[pick % len(reports)]
        held = self.day.lane.reports[ref]
        expected = held.handling.version if seen else None
        asked = acts(self.day.now, records[pick % len(records)])[what]
        self.day.does(asked, ref=ref, typed=("comment", "rationale"), expected=expected)
        if self.day.answers[-1].refused:
            assert self.day.lane.reports[ref].handling == moved_only(held, self.day.lane)

    def wait(self, minutes: int) -> None:
        """Let time pass before the next arrival."""
        self.day.now += timedelta(minutes=minutes)

    @precondition(lambda self: bool(self.day.inputs))
    @invariant()
    def agrees(self) -> None:
        """Every verdict is the oracle's, and the claims are exactly the misses."""
        handled = {ref: state.handling for ref, state in self.day.lane.reports.items()}
        expected = oracle.verdicts(
            self.day.inputs,
            LATE,
            SINCE,
            {ref: handling.links for ref, handling in handled.items()},
            {ref for ref, handling in handled.items() if handling.decisions},
        )
        held = {ref: state.verdict.value for ref, state in self.day.lane.reports.items()}
        assert held == expected, self.day.story()
        for ref, state in self.day.lane.reports.items():
            claimed = state.alert.said is not None and state.alert.said.value == "missed"
            assert claimed == (state.verdict == "missed" and not state.same_as), (ref, state)


TestAgainstTheOracle = AgainstTheOracle.TestCase
TestAgainstTheOracle.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=[*HealthCheck]
)


# -- the same answer, whatever the order, the batching, the repeats (G7) ------------------------

RULEBOOK = Timeline(since=SINCE, **CHANGES).rulebook


@st.composite
def histories(draw: st.DrawFn) -> list[Input]:
    """Inputs with the moment each happened; arrival is drawn later."""
    day = Timeline(since=SINCE, **CHANGES)
    for _ in range(draw(st.integers(1, 14))):
        day.now += timedelta(minutes=draw(STEPS))
        ref, record = draw(REPORTS), draw(RECORDS)
        version = draw(st.integers(0, 3))
        if draw(st.booleans()):
            day.report(
                ref,
                version=version,
                received_at=MONDAY + timedelta(hours=int(ref[1:])),
                updated_at=day.now,
                opening_codes=draw(CODES),
                crime_refs=[record] if draw(st.booleans()) else [],
            )
        else:
            cancelled: dict[str, Any] = {"status": "cancelled", "cancellation": {"code": "C4"}}
            day.record(
                record,
                version=version,
                recorded_at=MONDAY + timedelta(hours=12 * int(record[1:])),
                updated_at=day.now,
                incident_refs=[ref] if draw(st.booleans()) else [],
                **(cancelled if draw(st.integers(0, 3)) == 0 else {}),
            )
    return day.inputs


def arrive(history: Sequence[Input], chance: Random) -> list[Input]:
    """The same history, each input late by up to the lateness allowed, some of them twice."""
    late: list[Input] = []
    for each in history:
        assert isinstance(each, ReportSeen | RecordSeen)
        assert each.event_at is not None
        for _ in range(chance.choice([1, 1, 1, 2])):
            known = each.event_at + LATE * chance.random()
            late.append(replace(each, known_at=known))
    late.sort(key=lambda each: each.known_at)
    end = max(each.known_at for each in late) + timedelta(days=chance.choice([0, 0, 0]))
    return [*late, *(HeartbeatSeen("33", name, end, end) for name in ("log", "crimes"))]


def outcome(
    inputs: Sequence[Input], batches: Sequence[int], rulebook: Rulebook = RULEBOOK
) -> tuple[dict[str, bytes], set[Any]]:
    """Canonical lines by report and the claims standing, after folding in batches."""
    lane, lines, left = Lane(force="33"), {}, list(inputs)
    sizes = [*batches, len(left)]
    while left:
        size = max(1, sizes.pop(0))
        batch, left = left[:size], left[size:]
        lane, effects = decide(lane, rulebook, batch)
        for effect in effects:
            if isinstance(effect, TrackReport):
                lines[effect.state.facts.ref] = effect.line
    claims = {
        (ref, state.alert.said, state.alert.due_at)
        for ref, state in lane.reports.items()
        if state.alert.said in ("missed", "partly_recorded")
    }
    return lines, claims


@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
@given(histories(), st.randoms(use_true_random=False), st.lists(st.integers(1, 9), max_size=20))
def test_the_same_history_gives_the_same_bytes(
    history: list[Input], chance: Random, batches: list[int]
) -> None:
    end = MONDAY + timedelta(days=60)
    last: list[Input] = [HeartbeatSeen("33", name, end, end) for name in ("log", "crimes")]
    one = outcome([*arrive(history, Random(0)), *last], [1] * 99)
    other = outcome([*arrive(history, chance), *last], batches)
    assert one == other


@settings(max_examples=100, deadline=None, suppress_health_check=[*HealthCheck])
@given(histories(), st.integers(0, 14))
def test_a_fold_may_be_cut_anywhere(history: list[Input], cut: int) -> None:
    """``decide(s, [a, b]) == decide(decide(s, [a]), [b])``, events and counts included."""
    inputs = arrive(history, Random(1))
    whole, effects = decide(Lane(force="33"), RULEBOOK, inputs)
    part, first = decide(Lane(force="33"), RULEBOOK, inputs[:cut])
    parts, second = decide(part, RULEBOOK, inputs[cut:])
    assert parts == whole

    def said(effects: Sequence[object]) -> list[object]:
        return [each for each in effects if isinstance(each, RaiseEvent | Count)]

    assert said(effects) == said([*first, *second])


@settings(max_examples=50, deadline=None, suppress_health_check=[*HealthCheck])
@given(histories())
def test_every_input_is_counted_once(history: list[Input]) -> None:
    """read = applied + repeated + stale + heartbeat (G6)."""
    inputs = [*arrive(history, Random(2)), Tick("33", MONDAY + timedelta(days=90))]
    _, effects = decide(Lane(force="33"), RULEBOOK, inputs)
    counted = [each.result for each in effects if isinstance(each, Count)]
    assert len(counted) == len(inputs) - 1
    assert counted.count(Intake.HEARTBEAT) == 2
