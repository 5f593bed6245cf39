"""What boards, queues and report pages read, on either database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from schemas.words import NotRecordedReason, RecordStatus, Role, Verdict
from service.alerts.queues import HarmGroup
from service.effects import Input
from service.ledger import feeds, reading, standing, trail, usual, worklist
from service.ledger.opening import Ledger
from service.ledger.tables import reports
from service.ledger.worklist import BadCursor, Choice, Filters
from service.rules.facts import ClosureFacts
from service.turn import Batch, turn
from tests.ledger.story import at, heartbeat, record, report, rulebook, tick


def tell(ledger: Ledger, *inputs: Input) -> None:
    """One turn."""
    turn(ledger, rulebook(), Batch(inputs=inputs))


def story() -> Sequence[Input]:
    """R1 is missed, R2 recorded, R3 referred and waiting, R4 due soon, R5 of a code nobody knows."""
    return (
        report("R1", 1, area="north", victims=("v1",)),
        report("R2", 2, victims=("v1",)),
        record("C2", 4, incident_refs=("R2",)),
        heartbeat("log", 27),
        heartbeat("crimes", 27),
        report("R3", 20, referral=True, area="south"),
        report("R4", 25, victims=("v1", "v2")),
        report("R5", 26, code="nobody knows this"),
        tick(28),
    )


def stands(connection: Connection, hours: float = 28, **more: Any) -> standing.Standing:
    """How force 33 stands so many hours after Monday."""
    return standing.standing(connection, "33", at(hours), at(0), **more)


def test_the_board_counts_by_group_and_time(ledger: Ledger) -> None:
    tell(ledger, *story())
    with ledger.reading() as connection:
        now = stands(connection)
        later = stands(connection, 43.5)
    rows = {row.group: row for row in now.rows}
    assert list(rows) == list(HarmGroup)
    other, child = rows[HarmGroup.OTHER], rows[HarmGroup.CHILD]
    assert (other.past_due, other.past_alone, other.later, other.nobody) == (1, 1, 1, 2)
    assert (child.within_12h, child.later, child.nobody) == (0, 1, 1)
    assert {row.group: row.within_1h for row in later.rows}[HarmGroup.CHILD] == 1
    assert [each.ref for each in now.nearest] == ["R3", "R4"]
    assert [each.ref for each in now.do_next] == ["R1"]
    assert [each.ref for each in later.do_next] == ["R1", "R3", "R4"]
    assert (now.falls_due[16].high, now.falls_due[21].other) == (1, 1)
    assert now.since.reports == 5
    assert (now.since.in_time, now.since.due, now.since.past_due) == (1, 2, 1)
    assert now.since.show_crime == 4
    assert now.lane_now == at(28)


def test_somebody_without_the_right_sees_counts_and_no_reports(ledger: Ledger) -> None:
    tell(ledger, *story())
    with ledger.reading() as connection:
        now = stands(connection, restricted=False)
        listed = worklist.page(connection, Filters(force="33", choice=Choice.ALL, restricted=False))
    assert sum(row.later for row in now.rows) == 2
    assert "R3" not in {each.ref for each in (*now.nearest, *now.do_next, *listed.entries)}


def test_who_has_a_report_takes_it_from_nobodys_queue(ledger: Ledger) -> None:
    tell(ledger, *story())
    with ledger.writing() as connection:
        connection.execute(update(reports).where(reports.c.ref == "R1").values(owner="a1"))
    with ledger.reading() as connection:
        mine = worklist.page(connection, Filters(force="33", choice=Choice.MINE, me="a1"))
        nobodys = worklist.page(connection, Filters(force="33"))
        counts = worklist.counts(connection, Filters(force="33", me="a1"))
        row = {row.group: row for row in stands(connection).rows}[HarmGroup.OTHER]
    assert [each.ref for each in mine.entries] == ["R1"]
    assert [each.ref for each in nobodys.entries] == ["R3", "R4"]
    assert counts[Choice.MINE] == 1
    assert counts[Choice.PAST_DUE] == 1
    assert counts[Choice.UNKNOWN_CODE] == 1
    assert (row.past_due, row.past_alone) == (1, 0)


def test_pages_follow_a_cursor_and_filters_narrow(ledger: Ledger) -> None:
    tell(ledger, *story())
    everything = Filters(force="33", choice=Choice.ALL)
    with ledger.reading() as connection:
        first = worklist.page(connection, everything, limit=2)
        rest = worklist.page(connection, everything, first.after, limit=2)
        south = worklist.page(connection, Filters(force="33", choice=Choice.ALL, area="south"))
        by_ref = worklist.page(connection, Filters(force="33", choice=Choice.ALL, ref="R4"))
        assert worklist.areas(connection, "33") == ("north", "south")
        with pytest.raises(BadCursor):
            worklist.page(connection, everything, "yesterday:R1")
    assert [each.ref for each in first.entries] == ["R1", "R3"]
    assert [each.ref for each in rest.entries] == ["R4"]
    assert rest.after == ""
    assert [each.ref for each in south.entries] == ["R3"]
    assert [each.ref for each in by_ref.entries] == ["R4"]


def test_queues_of_evidence(ledger: Ledger) -> None:
    decided = ClosureFacts(
        reason=NotRecordedReason.NOT_NOTIFIABLE,
        decided_by=Role.SUPERVISOR,
        decided_at=at(3),
        rationale=True,
    )
    tell(
        ledger,
        report("R1", 1, closed_at=at(3), closing=("closed",), closure=decided),
        report("R2", 2),
        record("C2", 4, incident_refs=("R2",)),
        record("C2", 4, version=2, known=5, status=RecordStatus.TRANSFERRED, incident_refs=("R2",)),
    )
    with ledger.reading() as connection:
        found = worklist.page(connection, Filters(force="33", choice=Choice.CANCELLATION))
    assert [each.ref for each in found.entries] == ["R2"]


def test_one_report_with_its_history(ledger: Ledger) -> None:
    tell(ledger, *story())
    with ledger.reading() as connection:
        read = reading.reading(connection, "33", "R4")
        missed = reading.reading(connection, "33", "R1")
        assert reading.reading(connection, "33", "none") is None
        assert reading.reading(connection, "34", "R1") is None
    assert read is not None
    assert missed is not None
    assert [each.ref for each in read.earlier] == ["R2", "R1"]
    assert reading.with_crime(read.earlier) == 1
    assert [each.type for each in missed.happened] == ["due_soon", "missed"]
    assert missed.happened[1].told("reason") == "no_record"
    assert missed.entry.verdict is Verdict.MISSED


def test_what_happened_since_is_found_by_number(ledger: Ledger) -> None:
    tell(ledger, *story())
    with ledger.reading() as connection:
        everything = trail.page(connection, "33")
        assert [each.type for each in everything] == ["unknown_code", "missed", "due_soon"]
        assert [each.seq for each in everything] == [3, 2, 1]
        assert trail.first_since(connection, "33", at(22)) == 2
        assert trail.changes(connection, "33", at(0)) == dict.fromkeys(
            trail.types(connection, "33"), 1
        )
        assert trail.changes(connection, "33", at(26)) == {"missed": 1, "unknown_code": 1}
        assert trail.changes(connection, "33", at(40)) == {}
        before = trail.page(connection, "33", before=3, types=("missed", "due_soon"), limit=1)
        assert [each.type for each in before] == ["missed"]


def test_sources_with_what_they_brought(ledger: Ledger) -> None:
    tell(ledger, *story())
    with ledger.reading() as connection:
        found = {feed.state.source: feed for feed in feeds.feeds(connection, "33")}
    assert set(found) == {"log", "crimes"}
    assert found["log"].state.watermark == at(27)
    assert found["log"].counts["heartbeat"] == 1
    assert found["crimes"].counts["read"] == 2


def test_what_is_usual_needs_weeks(ledger: Ledger) -> None:
    tell(ledger, *story())
    for week in range(5):
        with ledger.writing() as connection:
            assert usual.note_hour(connection, "33", at(28) + timedelta(weeks=week))
            assert not usual.note_hour(connection, "33", at(28.5) + timedelta(weeks=week))
        with ledger.reading() as connection:
            now = at(28.2) + timedelta(weeks=week)
            known = usual.usual(connection, "33", now)
        assert bool(known) is (week >= usual.WEEKS_NEEDED)
    assert known[HarmGroup.OTHER]["past_due"] == usual.Usual(1, 1, 4)
