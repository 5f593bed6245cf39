"""One turn, on either database: whole or not at all, once, and everything counted."""

from collections.abc import Callable

import pytest

from schemas.words import AlertType, Grade, Verdict
from service.effects import Input, Intake
from service.ledger import outputs, statements
from service.ledger.chain import verify
from service.ledger.opening import Ledger, open_ledger
from service.ledger.positions import Advance, PositionsAhead, PositionsBehind, applied
from service.ledger.upgrading import upgrade
from service.turn import Batch, turn
from tests.ledger.dump import dump
from tests.ledger.story import TOPIC, at, batches, days, heartbeat, record, report, rulebook, tick

Fresh = Callable[[], Ledger]
RULES = rulebook()
BUILT_OF_TURNS = ("version",)
"""How many turns there were is held, and is no part of the answer."""


def tell(ledger: Ledger, *inputs: list[Input]) -> None:
    for each in inputs:
        turn(ledger, RULES, Batch(inputs=tuple(each)))


def verdicts(ledger: Ledger) -> dict[tuple[Verdict, Grade | None], int]:
    with ledger.reading() as connection:
        return outputs.tallied(connection)


def test_everything_said_is_in_the_chain_and_the_outbox(ledger: Ledger) -> None:
    said = [event for batch in batches() for event in turn(ledger, RULES, batch).events]
    assert {event.type for event in said} >= {
        AlertType.MISSED,
        AlertType.RECORDED_LATE,
        AlertType.UNKNOWN_CODE,
        AlertType.VERSION_CONFLICT,
        AlertType.SOURCE_SILENT,
    }
    in_order = sorted((event.force, event.seq, event.type.value) for event in said)
    with ledger.reading() as connection:
        held = [(row.force, row.seq, row.type) for row in outputs.events(connection)]
        proofs = [verify(connection, force) for force in outputs.forces(connection)]
    assert held == in_order
    assert [row[:2] for row in dump(ledger)["outbox"]] == [row[:2] for row in in_order]
    assert [(proof.fault, proof.erased) for proof in proofs] == [(None, 0), (None, 0)]


def test_the_counts_add_up_after_every_turn(ledger: Ledger) -> None:
    for batch in batches():
        turned = turn(ledger, RULES, batch)
        assert turned.counts[Intake.DEAD] == 1
        with ledger.reading() as connection:
            assert outputs.conservation(connection).holds
            reports = len(list(outputs.lines(connection)))
            assert sum(outputs.tallied(connection).values()) == reports
    with ledger.reading() as connection:
        counted = outputs.taken_in(connection)
    for source in counted.values():
        assert source["read"] == sum(n for result, n in source.items() if result != "read")
    assert counted["log"]["dead"] == len(days())
    assert counted["log"]["repeated"] == 1


def test_an_input_that_nobody_answered_for_shows(ledger: Ledger) -> None:
    tell(ledger, days()[0])
    with ledger.writing() as connection:
        connection.exec_driver_sql("DELETE FROM reports WHERE ref = 'R3'")
        connection.exec_driver_sql("UPDATE intake SET n = n - 1 WHERE result = 'applied'")
    with ledger.reading() as connection:
        assert outputs.conservation(connection) == outputs.Conservation(inputs=3, reports=-1)


def test_both_databases_hold_the_same(
    tmp_path_factory: pytest.TempPathFactory, postgres_databases: Callable[[], str]
) -> None:
    file = tmp_path_factory.mktemp("same") / "ledger.db"
    held = []
    for url in (f"sqlite:///{file}", postgres_databases(), "sqlite://"):
        ledger = open_ledger(url, durable=url != "sqlite://")
        upgrade(ledger.engine)
        for batch in batches():
            turn(ledger, RULES, batch)
        held.append(dump(ledger))
        ledger.close()
    assert held[0] == held[1] == held[2]


def test_the_way_in_by_copy_writes_the_same(
    ledgers: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    for rows in (1, 10_000):
        monkeypatch.setattr(statements, "COPY_FROM_ROWS", rows)
        ledger = ledgers()
        for batch in batches():
            turn(ledger, RULES, batch)
        held.append(dump(ledger))
    assert held[0] == held[1]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_batches_do_not_change_the_answer(ledgers: Fresh, size: int) -> None:
    everything = [each for batch in days() for each in batch]
    whole, cut = ledgers(), ledgers()
    tell(whole, *days())
    tell(cut, *(everything[n : n + size] for n in range(0, len(everything), size)))
    assert dump(cut, *BUILT_OF_TURNS) == dump(whole, *BUILT_OF_TURNS)


def test_lanes_do_not_read_each_other(ledgers: Fresh) -> None:
    together, apart = ledgers(), ledgers()
    tell(together, *days())
    for batch in days():
        by_force: dict[str, list[Input]] = {}
        for each in batch:
            force = each.facts.force if hasattr(each, "facts") else each.force
            by_force.setdefault(force, []).append(each)
        tell(apart, *by_force.values())
    assert dump(apart) == dump(together)


# -- positions ----------------------------------------------------------------------------------


def test_a_batch_applied_already_changes_nothing(ledger: Ledger) -> None:
    told = list(batches())
    for batch in told:
        turn(ledger, RULES, batch)
    before = dump(ledger)
    for batch in told:
        with pytest.raises(PositionsBehind) as refused:
            turn(ledger, RULES, batch)
        assert refused.value.held == {(TOPIC, 0): told[-1].advances[0].after}
    assert dump(ledger) == before


def test_inputs_read_twice_are_counted_and_change_nothing_else(ledger: Ledger) -> None:
    tell(ledger, *days())
    answers = ("reports", "mentions", "tallies", "positions")
    before = dump(ledger)
    tell(ledger, [each for batch in days() for each in batch])
    after = dump(ledger)
    assert [after[name] for name in answers] == [before[name] for name in answers]
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds


@pytest.mark.parametrize(
    ("advances", "expected"),
    [
        ([("a", 0, 10, 20)], None),
        ([("a", 0, 10, 20), ("b", 1, 5, 6), ("new", 0, 0, 3)], None),
        ([("a", 0, 9, 20)], PositionsBehind),
        ([("a", 0, 11, 20)], PositionsAhead),
        ([("new", 0, 7, 9)], PositionsAhead),
        ([("a", 0, 10, 20), ("b", 1, 4, 6)], PositionsBehind),
        ([("a", 0, 9, 20), ("b", 1, 6, 7)], PositionsAhead),
        ([("a recreated", 0, 10, 20)], PositionsAhead),
    ],
)
def test_a_batch_begins_where_the_ledger_stands_or_is_refused_whole(
    ledger: Ledger,
    advances: list[tuple[str, int, int, int]],
    expected: type[Exception] | None,
) -> None:
    first = (Advance("a", "log", 0, 0, 10), Advance("b", "log", 1, 0, 5))
    turn(ledger, RULES, Batch(inputs=(report("R1", 1),), advances=first))
    before = dump(ledger)
    batch = Batch(
        inputs=(report("R2", 2),),
        advances=tuple(Advance(topic_id, "log", *rest) for topic_id, *rest in advances),
    )
    if expected is None:
        turn(ledger, RULES, batch)
        with ledger.reading() as connection:
            held = applied(connection, "log")
        assert held == {("a", 0): 10, ("b", 1): 5} | {(t, p): at for t, p, _, at in advances}
        return
    with pytest.raises(expected) as refused:
        turn(ledger, RULES, batch)
    assert isinstance(refused.value, PositionsAhead | PositionsBehind)
    assert set(refused.value.held) == {(topic_id, part) for topic_id, part, _, _ in advances}
    assert refused.value.held.get(("a", 0), 10) == 10
    assert dump(ledger) == before


# -- time ---------------------------------------------------------------------------------------


def test_an_empty_batch_with_a_tick_moves_the_clock(ledger: Ledger) -> None:
    tell(ledger, [report("R1", 1), heartbeat("crimes", 20), heartbeat("log", 20)])
    soon = turn(ledger, RULES, Batch(inputs=(tick(22),)))
    assert [event.type for event in soon.events] == [AlertType.DUE_SOON]
    again = turn(ledger, RULES, Batch(inputs=(tick(22),)))
    assert not again.events
    assert verdicts(ledger) == {(Verdict.PENDING, Grade.CLEAR): 1}
    tell(ledger, [tick(26)])
    assert verdicts(ledger) == {(Verdict.NOT_PROVABLE, Grade.CLEAR): 1}
    said = turn(ledger, RULES, Batch(inputs=(heartbeat("crimes", 26), heartbeat("log", 26))))
    assert [event.type for event in said.events] == [AlertType.MISSED]


def test_a_batch_of_nothing_is_a_turn_all_the_same(ledger: Ledger) -> None:
    assert turn(ledger, RULES, Batch()).attempts == 1
    assert dump(ledger)["lanes"] == []


def test_now_never_goes_back_between_turns(ledger: Ledger) -> None:
    tell(ledger, [tick(30)], [report("R1", 1)])
    assert dump(ledger)["lanes"][0][3] == int(at(30).timestamp()) * 1_000_000


def test_what_a_record_names_is_found_in_later_turns(ledger: Ledger) -> None:
    """Each input is its own turn, so every link goes through what the ledger holds."""
    tell(
        ledger,
        [record("C1", 1, incident_refs=("R1",))],
        [report("R1", 2)],
        [report("R2", 3, crime_refs=("C2",))],
        [record("C2", 4)],
        [report("R3", 5, same_incident=("R4",))],
        [report("R4", 6)],
        [record("C4", 7, incident_refs=("R4",))],
    )
    assert verdicts(ledger) == {(Verdict.RECORDED, Grade.CLEAR): 4}


def test_a_reference_taken_back_is_no_longer_found(ledger: Ledger) -> None:
    tell(
        ledger,
        [record("C1", 1, incident_refs=("R1",))],
        [record("C1", 1, version=2, known=2, incident_refs=("R2",))],
        [report("R1", 3)],
    )
    assert verdicts(ledger) == {(Verdict.PENDING, Grade.CLEAR): 1}
    assert [key for _, key, _, ref in dump(ledger)["mentions"] if key == "log:R1"] == []


@pytest.mark.parametrize(
    "name", ["plain", 'quo"te', "apo's", "back\\slash", "per%cent", "é☂", "{}"]
)
def test_names_are_taken_as_they_are(ledger: Ledger, name: str) -> None:
    tell(
        ledger, [report(name, 1, force=name)], [record("C1", 2, force=name, incident_refs=(name,))]
    )
    assert verdicts(ledger) == {(Verdict.RECORDED, Grade.CLEAR): 1}
    with ledger.reading() as connection:
        found = outputs.report(connection, name, name)
        assert outputs.forces(connection) == (name,)
    assert found is not None
    assert found[0].facts.ref == name
