"""Several turns at once: one lane, one order; nobody waits in a circle; a stale worker loses."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from psycopg import Error
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from service.effects import Input
from service.ledger import opening, outputs
from service.ledger.chain import verify
from service.ledger.opening import Ledger, open_ledger
from service.ledger.positions import Advance, PositionsBehind
from service.ledger.upgrading import upgrade
from service.turn import ATTEMPTS, Batch, Turned, turn
from tests.ledger.dump import dump
from tests.ledger.story import heartbeat, record, report, rulebook, tick

RULES = rulebook()
TURNS = 12


@pytest.fixture
def workers(database: Callable[[], str]) -> Iterator[list[Ledger]]:
    """Two processes' worth of connections to one ledger."""
    url = database()
    both = [open_ledger(url), open_ledger(url)]
    upgrade(both[0].engine)
    yield both
    for ledger in both:
        ledger.close()


def race(workers: list[Ledger], batches: list[list[Batch]]) -> list[list[Turned | Exception]]:
    """Each worker applies its batches, all starting together; what became of each."""
    start = Barrier(len(workers))

    def work(ledger: Ledger, mine: list[Batch]) -> list[Turned | Exception]:
        results: list[Turned | Exception] = []
        start.wait()
        for batch in mine:
            try:
                results.append(turn(ledger, RULES, batch))
            except PositionsBehind as behind:
                results.append(behind)
        return results

    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(work, workers, batches))


def test_two_workers_on_one_lane_take_turns(workers: list[Ledger]) -> None:
    def work(name: str, n: int) -> list[Input]:
        return [
            record(f"{name}C{n}", 2, incident_refs=(f"{name}{n}",)),
            report(f"{name}{n}", 1),  # after its record: what is read past says no miss meanwhile
            report(f"{name}M{n}", 1),
            heartbeat("crimes", 30 + n),
            heartbeat("log", 30 + n),
        ]

    race(workers, [[Batch(inputs=tuple(work(w, n))) for n in range(TURNS)] for w in ("A", "B")])
    held = dump(workers[0])
    assert [(row[1], row[2]) for row in held["lanes"]] == [(2 * TURNS, len(held["alert_events"]))]
    assert [row[1] for row in held["alert_events"]] == list(range(1, len(held["alert_events"]) + 1))
    with workers[0].reading() as connection:
        assert verify(connection, "33").fault is None
        assert outputs.conservation(connection).holds
        said = [row.type for row in outputs.events(connection)]
        assert len(list(outputs.claims(connection))) == 2 * TURNS
    assert said.count("missed") == 2 * TURNS


def test_lanes_touched_in_any_order_are_locked_in_one(workers: list[Ledger]) -> None:
    def both_ways(name: str, forces: list[str]) -> list[Batch]:
        return [
            Batch(inputs=tuple(report(f"{name}{n}", n, force=force) for force in forces))
            for n in range(TURNS)
        ]

    forces = ["05", "33", "40", "7"]
    results = race(workers, [both_ways("A", forces), both_ways("B", forces[::-1])])
    assert all(isinstance(each, Turned) and each.attempts == 1 for mine in results for each in mine)
    assert [row[1] for row in dump(workers[0])["lanes"]] == [2 * TURNS] * len(forces)


def test_the_same_batch_by_two_workers_is_applied_once(workers: list[Ledger]) -> None:
    batches = [
        Batch(
            inputs=(report(f"R{n}", n),),
            advances=(
                Advance("t", "incident-log", 0, 10 * n, 10 * n + 10),
                Advance("u", "crime-record", 0, n, n + 1),
            ),
        )
        for n in range(TURNS)
    ]
    results = race(workers, [batches, batches])
    for ours, theirs in zip(*results, strict=True):
        assert {type(ours), type(theirs)} == {Turned, PositionsBehind}
    held = dump(workers[0])
    assert len(held["reports"]) == TURNS
    assert held["lanes"][0][1] == TURNS


def test_a_worker_that_was_replaced_changes_nothing(workers: list[Ledger]) -> None:
    def batch(ref: str, before: int, after: int) -> Batch:
        advance = Advance("t", "incident-log", 0, before, after)
        return Batch(inputs=(report(ref, 1), tick(40)), advances=(advance,))

    zombie, successor = workers
    turn(zombie, RULES, batch("R1", 0, 5))
    turn(successor, RULES, batch("R2", 5, 9))
    before = dump(successor)
    with pytest.raises(PositionsBehind) as refused:
        turn(zombie, RULES, batch("R2", 5, 7))
    assert refused.value.held == {("t", 0): 9}
    assert dump(successor) == before


def test_a_turn_kept_from_its_lane_is_run_again(
    database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LOCK_TIMEOUT_MS", 100)
    monkeypatch.setitem(opening._POSTGRESQL, "lock_timeout", 100)
    monkeypatch.setitem(opening._DURABLE, "busy_timeout", 100)
    ledger = open_ledger(database())
    upgrade(ledger.engine)
    turn(ledger, RULES, Batch(inputs=(report("R1", 1),)))
    failed = Event()
    event.listen(ledger.engine, "handle_error", lambda _: failed.set())

    with ThreadPoolExecutor(1) as pool:
        with ledger.writing() as holder:
            holder.exec_driver_sql("UPDATE lanes SET version = version + 0")
            running = pool.submit(turn, ledger, RULES, Batch(inputs=(report("R2", 2),)))
            assert failed.wait(30)
        assert running.result().attempts > 1
    assert len(dump(ledger)["reports"]) == 2
    ledger.close()


def test_a_turn_kept_from_its_lane_for_good_says_so(
    database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(opening._POSTGRESQL, "lock_timeout", 50)
    monkeypatch.setitem(opening._DURABLE, "busy_timeout", 50)
    ledger = open_ledger(database())
    upgrade(ledger.engine)
    turn(ledger, RULES, Batch(inputs=(report("R1", 1),)))
    tried: list[object] = []
    event.listen(ledger.engine, "handle_error", lambda context: tried.append(context))
    with ledger.writing() as holder:
        holder.exec_driver_sql("UPDATE lanes SET version = version + 0")
        with pytest.raises(OperationalError):
            turn(ledger, RULES, Batch(inputs=(report("R2", 2),)))
    assert len(tried) == ATTEMPTS
    assert len(dump(ledger)["reports"]) == 1
    ledger.close()


@pytest.mark.parametrize("held", ["lanes", "positions"])
def test_a_worker_stopped_in_the_middle_of_a_statement_loses_what_it_holds(
    workers: list[Ledger], held: str
) -> None:
    """Stopped while it sends rows it is not idle, so no limit of the server's reaches it."""
    stopped, other = workers
    if stopped.dialect == "sqlite":
        return  # one process: a stopped one is the whole service
    turn(other, RULES, Batch(inputs=(report("R1", 1),)))
    connection = stopped.engine.connect()
    connection.exec_driver_sql(f"SELECT * FROM {held} FOR UPDATE")
    driver = connection.connection.driver_connection
    assert driver is not None
    copy = driver.cursor().copy(f"COPY {held} FROM STDIN")
    copy.__enter__()  # and here it stands still
    while not other.end_stopped(longer_than_ms=200):
        continue
    assert turn(other, RULES, Batch(inputs=(report("R2", 2),))).attempts == 1
    with pytest.raises(Error):
        copy.__exit__(None, None, None)
    connection.invalidate()
    connection.close()
