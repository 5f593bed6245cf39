"""Records that no reference ties: who takes which is the oracle's answer, whatever came when (G7)."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.effects import (
    ConfirmMatch,
    Count,
    HeartbeatSeen,
    Input,
    InputLost,
    Lane,
    RaiseEvent,
    RefuseMatch,
    Tick,
)
from service.engine import decide
from service.ledger import outputs
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.engine import likely
from tests.engine.test_oracle import CHANGES, LATE, SINCE, STEPS, arrive, outcome
from tests.engine.test_reach import cut, with_commands
from tests.timeline import MONDAY, Timeline, shipped_pack, sources

RULEBOOK = Rulebook(shipped_pack("umd"), sources(since=SINCE, **CHANGES), likely.model())
REPORTS = st.sampled_from([f"R{n}" for n in range(6)])
RECORDS = st.sampled_from([f"C{n}" for n in range(6)])
AREAS = st.sampled_from(["a", "a", "b", None])
PEOPLE = st.sampled_from([[], ["k1:v"], ["k1:w"]])
ANYHOW = [*HealthCheck]


@st.composite
def histories(draw: st.DrawFn) -> list[Input]:
    """Reports and records with people and places, few references, some of them wrong."""
    day = Timeline(rulebook=RULEBOOK)
    for _ in range(draw(st.integers(1, 16))):
        day.now += timedelta(minutes=draw(STEPS))
        version, people = draw(st.integers(0, 2)), draw(PEOPLE)
        place = {"area": draw(AREAS)}
        if draw(st.booleans()):
            _report(day, draw, version, people, place)
        else:
            _record(day, draw, version, people, place)
    return day.inputs


def _report(day: Timeline, draw: st.DrawFn, version: int, people: list[str], place: Any) -> None:
    ref = draw(REPORTS)
    same = draw(st.sampled_from([None, None, None, "R0", "R1"]))
    crime = draw(st.sampled_from([None, None, None, "C0", "C1"]))
    day.report(
        ref,
        version=version,
        received_at=MONDAY + timedelta(minutes=20 * int(ref[1:])),
        updated_at=day.now,
        opening_codes=[draw(st.sampled_from(["crime", "crime", "crime", "welfare"]))],
        people=[{"role": "victim", "key": person} for person in people],
        place=place,
        crime_refs=[crime] if crime else [],
        linked_logs=[{"ref": same, "relation": "same_incident"}] if same not in (None, ref) else [],
    )


def _record(day: Timeline, draw: st.DrawFn, version: int, people: list[str], place: Any) -> None:
    ref = draw(RECORDS)
    made = MONDAY + timedelta(hours=7 * int(ref[1:]))
    told = MONDAY + timedelta(minutes=draw(st.sampled_from([0, 20, 25, 60, 300, 4000])))
    named = draw(st.sampled_from([None, None, None, "R0", "R2", "nobody"]))
    gone: dict[str, Any] = {"status": "cancelled", "cancellation": {"code": "C4"}}
    day.record(
        ref,
        version=version,
        recorded_at=made,
        reported_at=told if draw(st.booleans()) else None,
        updated_at=day.now,
        victims=people,
        place=place,
        incident_refs=[named] if named else [],
        **(gone if draw(st.integers(0, 4)) == 0 else {}),
    )


def beaten(inputs: list[Input], chance: Random) -> list[Input]:
    """With heartbeats between, so that deadlines pass provably while things still arrive."""
    for place in sorted((chance.randrange(len(inputs)) for _ in range(4)), reverse=True):
        at = inputs[place].known_at
        for name in chance.sample(["log", "crimes", "referrals"], 2):
            inputs.insert(place + 1, HeartbeatSeen("33", name, at, at))
    return inputs


def truth(lane: Lane) -> dict[str, tuple[str, str]]:
    """Verdict and record taken, by report, as the engine holds them."""
    heads = {ref: state.same_as or ref for ref, state in lane.reports.items()}
    return {
        ref: (state.verdict.value, "".join(lane.reports[heads[ref]].takes))
        for ref, state in lane.reports.items()
    }


@settings(max_examples=250, deadline=None, suppress_health_check=ANYHOW)
@given(histories(), st.randoms(use_true_random=False))
def test_who_takes_which_is_the_oracles_answer(history: list[Input], chance: Random) -> None:
    lane = Lane(force="33")
    seen: list[Input] = []
    inputs = beaten(arrive(history, chance), chance)
    for each in [*inputs, Tick("33", MONDAY + timedelta(days=70))]:
        seen.append(each)
        lane, _ = decide(lane, RULEBOOK, [each])
        expected = likely.verdicts(seen, RULEBOOK, LATE, SINCE)
        assert truth(lane) == expected
        taken = {ref: s.taken_by for ref, s in lane.records.items() if s.taken_by}
        assert taken == {
            record: ref for ref, state in lane.reports.items() for record in state.takes
        }


@settings(max_examples=200, deadline=None, suppress_health_check=ANYHOW)
@given(histories(), st.randoms(use_true_random=False), st.lists(st.integers(1, 9), max_size=20))
def test_the_same_history_gives_the_same_bytes(
    history: list[Input], chance: Random, batches: list[int]
) -> None:
    end = MONDAY + timedelta(days=60)
    last: list[Input] = [HeartbeatSeen("33", name, end, end) for name in ("log", "crimes")]
    one = outcome([*arrive(history, Random(0)), *last], [1] * 99, RULEBOOK)
    other = outcome([*arrive(history, chance), *last], batches, RULEBOOK)
    assert one == other


@settings(max_examples=100, deadline=None, suppress_health_check=ANYHOW)
@given(histories(), st.integers(0, 16))
def test_a_fold_may_be_cut_anywhere(history: list[Input], cut_at: int) -> None:
    inputs = arrive(history, Random(1))
    whole, effects = decide(Lane(force="33"), RULEBOOK, inputs)
    part, first = decide(Lane(force="33"), RULEBOOK, inputs[:cut_at])
    parts, second = decide(part, RULEBOOK, inputs[cut_at:])
    assert parts == whole

    def said(effects: Sequence[object]) -> list[object]:
        return [each for each in effects if isinstance(each, RaiseEvent | Count)]

    assert said(effects) == said([*first, *second])


def crowded(chance: Random, inputs: int = 36) -> list[Input]:
    """Many reports and records of few places and people; halfway everything becomes provably due, and
    then versions, references, cancellations and late arrivals go on, one after another."""
    day = Timeline(rulebook=RULEBOOK)
    for number in range(inputs):
        if number == inputs // 2:
            day.now = max(day.now, MONDAY + timedelta(hours=30))
        day.now += timedelta(minutes=chance.choice([0, 1, 30]))
        people = chance.choice([[], ["k1:u"], ["k1:v"], ["k1:w"]])
        place = {"area": chance.choice(["a", "b", "c", None, None])}
        if chance.random() < 0.5:
            _some_report(day, chance, people, place)
        else:
            _some_record(day, chance, chance.choice([people, ["k1:u", "k1:w"]]), place)
        if number >= inputs // 2 - 1 and chance.random() < 0.5:
            day.heartbeat(*chance.sample(["log", "crimes", "referrals"], 2))
        if number == inputs // 2:
            day.heartbeat()
    return day.inputs


def _some_report(day: Timeline, chance: Random, people: list[str], place: Any) -> None:
    number = chance.randrange(7)
    day.report(
        f"R{number}",
        version=chance.randrange(4),
        received_at=MONDAY + timedelta(minutes=20 * number),
        updated_at=day.now,
        opening_codes=[chance.choice(["crime"] * 5 + ["welfare"])],
        people=[{"role": "victim", "key": person} for person in people],
        place=place,
        crime_refs=chance.choice([[], [], [], [], [f"C{chance.randrange(6)}"]]),
        linked_logs=chance.choice(
            [[], [], [], [], [{"ref": f"R{(number + 1) % 7}", "relation": "same_incident"}]]
        ),
    )


def _some_record(day: Timeline, chance: Random, people: list[str], place: Any) -> None:
    number = chance.randrange(7)
    gone: dict[str, Any] = {"status": "cancelled", "cancellation": {"code": "C4"}}
    told = MONDAY + timedelta(minutes=chance.choice([0, 20, 25, 60, 90, 4000]))
    day.record(
        f"C{number}",
        version=chance.randrange(4),
        recorded_at=MONDAY + timedelta(hours=6 * number),
        reported_at=chance.choice([told, told, None]),
        updated_at=day.now,
        victims=people,
        place=place,
        incident_refs=chance.choice([[], [], [], [], [f"R{chance.randrange(8)}"], ["nobody"]]),
        **(gone if chance.random() < 0.15 else {}),
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_crowd_gives_the_same_bytes_in_any_order(seed: int) -> None:
    """Late by up to the lateness, twice, in any batches: canonical lines and claims are the same."""
    chance = Random(seed)
    history = [each for each in crowded(chance) if not isinstance(each, HeartbeatSeen)]
    end = MONDAY + timedelta(days=60)
    last: list[Input] = [HeartbeatSeen("33", name, end, end) for name in ("log", "crimes")]
    one = outcome([*arrive(history, Random(0)), *last], [], RULEBOOK)
    inputs = beaten(arrive(history, chance), chance)
    other = outcome([*inputs, *last], [chance.choice([1, 1, 3]) for _ in inputs], RULEBOOK)
    assert one == other


@pytest.mark.parametrize("seed", range(120))
def test_what_is_loaded_is_enough(seed: int) -> None:
    """Turn by turn through the ledger, each loading only what it reaches, every verdict is the oracle's
    and everything said is what a fold over the whole lane says."""
    chance = Random(seed)
    inputs = crowded(chance)
    end = inputs[-1].known_at
    inputs.append(Tick("33", end))
    lost = [InputLost("33", "log", None, end)] if seed % 3 == 0 else []
    lane, said = Lane(force="33"), []
    ledger = open_ledger("sqlite://", durable=False)
    try:
        upgrade(ledger.engine)
        told: list[RaiseEvent] = []
        seen: list[Input] = []
        for batch in cut([*inputs, *lost], [chance.choice([1, 1, 1, 2, 5]) for _ in inputs]):
            told += turn(ledger, RULEBOOK, Batch(inputs=tuple(batch))).events
            lane, effects = decide(lane, RULEBOOK, batch)
            said += [effect for effect in effects if isinstance(effect, RaiseEvent)]
            seen += batch
            assert told == said
            if not isinstance(batch[-1], InputLost):
                assert truth(lane) == likely.verdicts(seen, RULEBOOK, LATE, SINCE)
        with ledger.reading() as connection:
            assert outputs.conservation(connection).holds
            for ref, state in lane.reports.items():
                held = outputs.report(connection, "33", ref)
                assert held is not None
                assert held[0] == state
    finally:
        ledger.close()


# -- told as stories ----------------------------------------------------------------------------


def day() -> Timeline:
    return Timeline(rulebook=RULEBOOK)


def crime(ref: str, at: str, story: Timeline, victim: str = "k1:v") -> Timeline:
    """A report of a crime in area a."""
    people = [{"role": "victim", "key": victim}]
    return story.at(at).report(ref, opening_codes=["crime"], people=people, place={"area": "a"})


def test_a_likely_record_settles_only_when_the_report_is_provably_due() -> None:
    story = crime("R1", "09:00", day())
    story.at("11:00").record(
        "C1", reported_at=story.now - timedelta(hours=2), victims=["k1:v"], place={"area": "a"}
    )
    story.verdict("R1", "pending")
    story.at("+1 10:00").heartbeat("crimes").verdict("R1", "not_provable")
    story.heartbeat("log").verdict("R1", "recorded")
    link = story.lines["R1"].links[0]
    assert (link.record, link.level, link.evidence) == ("C1", "probable", "8000000")
    assert story.lines["R1"].digests.linkage == RULEBOOK.linkage.digest  # type: ignore[union-attr]


def test_lost_input_takes_the_proof_away_and_gives_the_record_back() -> None:
    story = crime("R1", "09:00", day())
    told = story.now
    story.at("11:00").record("C1", reported_at=told, victims=["k1:v"], place={"area": "a"})
    story.at("+1 10:00").heartbeat().verdict("R1", "recorded")
    assert story.lane.records["C1"].taken_by == "R1"
    story.loses("log").verdict("R1", "not_provable")
    assert story.lane.records["C1"].taken_by == ""


def test_a_reference_that_comes_late_takes_the_record_back_aloud() -> None:
    story = crime("R1", "09:00", day())
    told = story.now
    story.at("11:00").record("C1", reported_at=told, victims=["k1:v"], place={"area": "a"})
    story.at("+1 10:00").heartbeat().verdict("R1", "recorded")
    story.says("due_soon R1", "recorded R1")
    story.at("+1 11:00").record(
        "C1",
        version=1,
        recorded_at=told + timedelta(hours=2),
        reported_at=told,
        victims=["k1:v"],
        place={"area": "a"},
        incident_refs=["R2"],
    )
    story.verdict("R1", "recorded")
    crime("R2", "+1 12:00", story)
    story.verdict("R1", "missed").says("record_withdrawn R1", "missed R1")


def test_whoever_is_due_first_takes_and_a_miss_names_the_best_it_was_refused() -> None:
    story = crime("R1", "09:00", day())
    told = story.now
    crime("R2", "09:05", story)
    story.at("11:00").record("C1", reported_at=told, victims=["k1:v"], place={"area": "a"})
    story.at("11:00").record("C2", reported_at=told, place={"area": "a"})
    story.at("+1 10:00").heartbeat().verdict("R1", "recorded").verdict("R2", "missed")
    refused = [(each.record, each.reason, each.weight) for each in story.lines["R2"].refused]
    assert refused == [
        ("C1", "taken_by_an_earlier_report", 8_000_000),
        ("C2", "only_possible", 0),
    ]


def test_a_record_cancelled_is_given_back_and_the_next_in_order_is_asked() -> None:
    story = crime("R1", "09:00", day())
    told = story.now
    crime("R2", "09:05", story)
    for ref, people in (("C1", ["k1:v"]), ("C2", ["k1:v"])):
        story.at("11:00").record(ref, reported_at=told, victims=people, place={"area": "a"})
    story.at("+1 10:00").heartbeat().verdict("R1", "recorded").verdict("R2", "recorded")
    story.says("due_soon R1", "due_soon R2", "recorded R1", "recorded R2")
    story.at("+1 11:00").record(
        "C1",
        version=1,
        recorded_at=told + timedelta(hours=2),
        reported_at=told,
        victims=["k1:v"],
        place={"area": "a"},
        status="cancelled",
        cancellation={"code": "C4"},
    )
    assert story.lines["R1"].crimes[0].record == "C2"
    story.verdict("R1", "recorded").verdict("R2", "missed").says("record_withdrawn R2", "missed R2")


def test_a_record_taken_away_brings_the_report_that_had_it() -> None:
    """Two victims of one record, a report of each: nothing else brings the two reports together."""
    story = crime("R2", "09:10", day(), victim="k1:w")
    story.at("11:00").record(
        "C1", reported_at=MONDAY + timedelta(hours=9), victims=["k1:v", "k1:w"]
    )
    story.at("+1 10:00").heartbeat().verdict("R2", "recorded")
    people = [{"role": "victim", "key": "k1:v"}]
    story.at("+1 10:10").report(
        "R1", received_at=MONDAY + timedelta(hours=9), opening_codes=["crime"], people=people
    )
    story.verdict("R1", "recorded").verdict("R2", "missed")
    ledger = open_ledger("sqlite://", durable=False)
    try:
        upgrade(ledger.engine)
        told: list[RaiseEvent] = []
        for each in story.inputs:
            told += turn(ledger, RULEBOOK, Batch(inputs=(each,))).events
    finally:
        ledger.close()
    assert told == story.events


# -- with people --------------------------------------------------------------------------------


def test_a_match_refused_is_never_offered_again_and_the_next_report_takes_it() -> None:
    story = crime("R1", "09:00", day())
    told = story.now
    crime("R2", "09:05", story)
    story.at("11:00").record("C1", reported_at=told, victims=["k1:v"], place={"area": "a"})
    story.at("+1 10:00").heartbeat().verdict("R1", "recorded").verdict("R2", "missed")
    story.does(RefuseMatch("C1"), role="supervisor").answered()
    story.verdict("R1", "missed").verdict("R2", "recorded")
    assert "C1" not in {each.record for each in story.lines["R1"].refused}
    story.does(RefuseMatch("C1"), ref="R2").verdict("R2", "missed").verdict("R1", "missed")
    story.does(ConfirmMatch("C1"), ref="R2").answered().verdict("R2", "recorded")
    assert story.lane.records["C1"].linked_to == ("R2",)
    story.verdict("R1", "missed")


def test_a_possible_match_confirmed_settles_by_hand() -> None:
    story = crime("R1", "09:00", day())
    story.at("11:00").record("C1", reported_at=story.now - timedelta(hours=2), place={"area": "a"})
    story.at("+1 10:00").heartbeat().verdict("R1", "missed")
    assert [each.reason for each in story.lines["R1"].refused] == ["only_possible"]
    story.does(ConfirmMatch("C1")).answered().verdict("R1", "recorded")
    assert story.lines["R1"].links[0].level == "by_hand"


@pytest.mark.parametrize("seed", range(60))
def test_what_is_loaded_is_enough_for_what_people_do(seed: int) -> None:
    chance = Random(seed)
    inputs = with_commands(with_commands(crowded(chance), chance), chance, "d")
    inputs.append(Tick("33", inputs[-1].known_at))
    lane, said = Lane(force="33"), []
    ledger = open_ledger("sqlite://", durable=False)
    try:
        upgrade(ledger.engine)
        told: list[RaiseEvent] = []
        for batch in cut(inputs, [chance.choice([1, 1, 1, 2, 5]) for _ in inputs]):
            told += turn(ledger, RULEBOOK, Batch(inputs=tuple(batch))).events
            lane, effects = decide(lane, RULEBOOK, batch)
            said += [effect for effect in effects if isinstance(effect, RaiseEvent)]
            assert told == said
        with ledger.reading() as connection:
            for ref, state in lane.reports.items():
                held = outputs.report(connection, "33", ref)
                assert held is not None
                assert held[0] == state
    finally:
        ledger.close()
