"""Messages in the ledger, on either database: planned once, in order, by one sender at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import NAMESPACE_URL, uuid5

import pytest

from service.alerts.notice import Body, Channel, Notice, NoticeClass
from service.ledger.notices import (
    TRIED_FOR,
    Choice,
    Held,
    Mark,
    Status,
    claim,
    expire,
    listed,
    mark,
    plan,
    put_back,
    standings,
)
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from tests.conftest import Fresh

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)


def notice(
    report: str, n: int = 1, receiver: str = "bureau", step: str = "first", minute: int = 0
) -> Notice:
    return Notice(
        force="33",
        alert_id=str(uuid5(NAMESPACE_URL, report)),
        subject=report,
        n=n,
        receiver=receiver,
        channel=Channel.EMAIL,
        address=f"{receiver}@force.example",
        step=step,
        kind=NoticeClass.INTERRUPT,
        thread=f"33/{report}",
        due_at=NOON + timedelta(minutes=minute),
        body=Body(title=f"Report {report}", text="No crime record found"),
    )


def planned(ledger: Ledger, *notices: Notice) -> int:
    with ledger.writing() as connection:
        return plan(connection, notices, NOON)


def claimed(
    ledger: Ledger,
    by: str = "one",
    minute: int = 0,
    limit: int = 100,
    without: tuple[str, ...] = (),
) -> list[Held]:
    now = NOON + timedelta(minutes=minute)
    with ledger.writing() as connection:
        return claim(connection, by, now, now + LEASE, limit, without=without)


def marked(ledger: Ledger, held: Held, status: Status, by: str = "one", again: int = 0) -> int:
    again_at = NOON + timedelta(minutes=again) if status is Status.WAITING else None
    done = Mark(notice=held.notice, status=status, outcome="word", code=200, again_at=again_at)
    with ledger.writing() as connection:
        return mark(connection, by, [done], NOON)


def stand(ledger: Ledger) -> dict[tuple[str, str, int, str], Status]:
    with ledger.reading() as connection:
        return {
            (h.notice.receiver, h.notice.subject, h.notice.n, h.notice.step): h.status
            for h in listed(connection, Choice())
        }


def told(held: list[Held]) -> list[tuple[str, int, str]]:
    return [(each.notice.subject, each.notice.n, each.notice.step) for each in held]


def test_what_is_planned_twice_is_there_once(ledger: Ledger) -> None:
    assert planned(ledger, notice("A"), notice("B"), notice("A")) == 2
    assert planned(ledger, notice("A"), notice("C")) == 1
    held = claimed(ledger)
    assert sorted(told(held)) == [(report, 1, "first") for report in "ABC"]
    assert {h.notice.subject: h.notice for h in held}["A"] == notice("A")
    assert planned(ledger, notice("A")) == 0
    assert claimed(ledger, "two") == []


def test_a_night_of_them_is_planned_at_once(ledger: Ledger) -> None:
    night = [notice(f"R{n}") for n in range(1200)]
    assert planned(ledger, *night[:1100]) == 1100
    assert planned(ledger, *night) == 100
    taken = [held for _ in range(12) for held in claimed(ledger)]
    assert len({held.notice.notice_id for held in taken}) == 1200


def test_nothing_is_sent_before_it_is_due_and_the_longest_due_goes_first(ledger: Ledger) -> None:
    planned(ledger, notice("late", minute=9), notice("soon", minute=2), notice("now"))
    assert told(claimed(ledger)) == [("now", 1, "first")]
    assert told(claimed(ledger, minute=9)) == [
        ("now", 1, "first"),
        *[(s, 1, "first") for s in ("soon", "late")],
    ]


def test_steps_of_one_alert_go_to_a_receiver_in_order(ledger: Ledger) -> None:
    planned(
        ledger,
        notice("A", step="first"),
        notice("A", step="second", minute=1),
        notice("A", step="first", receiver="inspector"),
    )
    first = claimed(ledger, minute=2, without=("inspector",))
    assert told(first) == [("A", 1, "first")]
    assert claimed(ledger, "two", minute=2, without=("inspector",)) == []
    assert [h.notice.receiver for h in claimed(ledger, "two", minute=2)] == ["inspector"]
    marked(ledger, first[0], Status.WAITING, again=30)
    assert claimed(ledger, "two", minute=2) == []  # the second still waits for the first
    (again,) = claimed(ledger, "two", minute=30, without=("inspector",))
    assert (again.notice.step, again.attempts) == ("first", 2)
    marked(ledger, again, Status.REFUSED, by="two")
    assert told(claimed(ledger, "two", minute=30, without=("inspector",))) == [("A", 1, "second")]


def test_a_newer_event_replaces_what_is_unsent(ledger: Ledger) -> None:
    planned(ledger, notice("A", 1), notice("A", 1, "inspector"), notice("B", 1))
    (b,) = [h for h in claimed(ledger, without=("inspector",)) if h.notice.subject == "B"]
    planned(ledger, notice("A", 2, "inspector"), notice("B", 2))
    assert stand(ledger) == {
        ("bureau", "A", 1, "first"): Status.CLAIMED,
        ("inspector", "A", 1, "first"): Status.REPLACED,
        ("inspector", "A", 2, "first"): Status.WAITING,
        (
            "bureau",
            "B",
            1,
            "first",
        ): Status.CLAIMED,  # under way: it goes, and the newer one after it
        ("bureau", "B", 2, "first"): Status.WAITING,
    }
    marked(ledger, b, Status.WAITING, again=5)  # it did not get through: the newer one goes instead
    assert stand(ledger)["bureau", "B", 1, "first"] is Status.REPLACED
    planned(ledger, notice("B", 1, step="late"))  # what comes out of order is replaced at once
    assert stand(ledger)["bureau", "B", 1, "late"] is Status.REPLACED


def test_what_a_dead_sender_held_is_taken_by_another_who_alone_can_mark_it(ledger: Ledger) -> None:
    planned(ledger, notice("A"))
    (dead,) = claimed(ledger, "one")
    assert claimed(ledger, "two") == []
    (taken,) = claimed(ledger, "two", minute=1)
    assert taken.notice.notice_id == dead.notice.notice_id
    assert taken.attempts == 2
    assert marked(ledger, dead, Status.SENT, by="one") == 0
    assert marked(ledger, taken, Status.SENT, by="two") == 1
    assert claimed(ledger, "two", minute=60) == []


def test_what_is_tried_for_too_long_expires(ledger: Ledger) -> None:
    planned(ledger, notice("A"), notice("B"), notice("C", receiver="gone"))
    a, *_ = claimed(ledger, limit=1)
    marked(ledger, a, Status.WAITING, again=60 * 24)
    for after, unreachable, ended in (
        (TRIED_FOR - timedelta(seconds=1), ("gone",), 0),
        (TRIED_FOR, (), 1),  # tried in vain; B was never tried, so it still goes
        (TRIED_FOR, ("gone",), 1),
    ):
        with ledger.writing() as connection:
            assert expire(connection, NOON + after, unreachable) == ended
    first = a.notice.subject
    other = {"A": "B", "B": "A"}[first]
    assert stand(ledger) == {
        ("bureau", first, 1, "first"): Status.EXPIRED,
        ("bureau", other, 1, "first"): Status.WAITING,
        ("gone", "C", 1, "first"): Status.EXPIRED,
    }


def test_what_ended_unsent_can_be_put_back_unless_a_newer_one_went(ledger: Ledger) -> None:
    planned(ledger, notice("A"), notice("B"), notice("C"))
    for held, end in zip(
        claimed(ledger), (Status.REFUSED, Status.FAILED, Status.SENT), strict=True
    ):
        marked(ledger, held, end)
    refused, failed, sent = (
        next(s for (_, s, _, _), status in stand(ledger).items() if status is end)
        for end in (Status.REFUSED, Status.FAILED, Status.SENT)
    )
    planned(ledger, notice(failed, 2))
    later = NOON + timedelta(days=3)
    with ledger.writing() as connection:
        done = put_back(connection, Choice(receiver="inspector"), later)
        assert (done.waiting, done.overtaken) == (0, 0)
        done = put_back(connection, Choice(receiver="bureau"), later)
        assert (done.waiting, done.overtaken) == (1, 1)
        (held,) = listed(connection, Choice(alert_id=notice(refused).alert_id))
    assert (held.status, held.attempts) == (Status.WAITING, 0)
    assert held.expires_at == later + TRIED_FOR
    assert stand(ledger)["bureau", sent, 1, "first"] is Status.SENT


def test_how_they_stand_is_counted_by_receiver(ledger: Ledger) -> None:
    planned(ledger, notice("A"), notice("B", minute=3), notice("C", receiver="inspector"))
    (inspector,) = claimed(ledger, without=("bureau",))
    marked(ledger, inspector, Status.SENT)
    with ledger.reading() as connection:
        bureau, other = standings(connection)
        chosen = Choice(force="33", statuses=frozenset({Status.SENT}))
        assert [h.notice.subject for h in listed(connection, chosen)] == ["C"]
        assert list(listed(connection, Choice(force="34"))) == []
        assert len(list(listed(connection, Choice(), limit=2))) == 2
    assert (bureau.receiver, bureau.statuses, bureau.oldest_due_at) == (
        "bureau",
        {"waiting": 2},
        NOON,
    )
    assert (other.statuses, other.oldest_due_at) == ({"sent": 1}, None)


@pytest.fixture
def senders(database: Fresh) -> Iterator[list[Ledger]]:
    """Two processes' worth of connections to one ledger."""
    url = database()
    both = [open_ledger(url), open_ledger(url)]
    upgrade(both[0].engine)
    yield both
    for ledger in both:
        ledger.close()


def test_senders_share_the_work_and_none_is_sent_twice_or_out_of_order(
    senders: list[Ledger],
) -> None:
    notices = [
        notice(f"R{report}", 1, step=f"{minute:02}", minute=minute)
        for report in range(20)
        for minute in range(5)
    ]
    planned(senders[0], *notices)
    start = Barrier(2)
    sent: list[tuple[str, str]] = []

    def work(name: str, ledger: Ledger) -> int:
        start.wait()
        mine, idle = 0, 0
        while idle < 3:
            held = claimed(ledger, name, minute=30, limit=3)
            idle = idle + 1 if not held else 0
            for each in held:
                sent.append((each.notice.subject, each.notice.step))
                mine += marked(ledger, each, Status.SENT, by=name)
        return mine

    with ThreadPoolExecutor(2) as pool:
        shares = list(pool.map(work, ("one", "two"), senders))
    assert sum(shares) == len(sent) == len(set(sent)) == len(notices)
    for report in range(20):
        steps = [step for subject, step in sent if subject == f"R{report}"]
        assert steps == sorted(steps)
