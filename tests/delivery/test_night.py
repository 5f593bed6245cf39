"""An incident night, end to end: two thousand alerts due in one minute, a planner that dies, receivers that
fail; everybody is told, nobody twice, and memory does not grow with the night."""

import gc
import tracemalloc
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.night import Night, fallen, moments, to_webhooks
from service.alerts.escalation import A_SHIFT, AN_HOUR
from service.alerts.notice import NoticeClass
from service.hosts.sending import Sending
from service.ledger.attention import audit, interrupts_spent
from service.ledger.notices import Choice, Status, listed
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from tests.delivery.receivers import Answer, http_receiver, sending_settings
from tests.delivery.told import default_routes
from tests.ledger.test_crashes import Crash, dying

ALERTS, AT_ONCE = 2_000, 200
FAILS = 3
"""Of so many requests a receiver fails the last."""
SPOKEN_TO = ("control_room", "bureau", "inspector")


def plan_and_die(night: Night, now: datetime) -> int:
    """Rounds until nothing is left; each first dies on the way, a little further on every time."""
    deaths, more = 0, True
    while more:
        with dying(night.ledger, 3 + 7 * deaths % 40):
            try:
                more = night.round(now, AT_ONCE).more
            except Crash:
                deaths += 1
        if more:
            more = night.round(now, AT_ONCE).more
    return deaths


def test_everybody_is_told_once_though_planner_and_receivers_fail(
    tmp_path: Path, ledger: Ledger
) -> None:
    with http_receiver(lambda n: Answer(204 if n % FAILS else 503)) as receiver:
        night = fallen(ledger, to_webhooks(receiver.server.server_port), ALERTS)
        deaths = 0
        for at in moments():
            night.time_passes(at)
            deaths += plan_and_die(night, at)
        settings = sending_settings(tmp_path)
        for name in night.routes.written.receivers:
            (tmp_path / "secrets" / name).write_bytes((tmp_path / "secrets/bureau").read_bytes())
        now = at
        sending = Sending(settings, ledger, lambda: now)
        while not sending.round().idle:
            now += timedelta(hours=1)
    assert deaths > 20
    assert night.untold() == 0
    with ledger.reading() as connection:
        held = list(listed(connection, Choice()))
        found = audit(connection, at)
        spent = interrupts_spent(connection, at)
    assert (found.steps_overdue, found.digests_overdue, found.events_unheard) == (0, 0, 0)
    assert found.open == ALERTS
    # One message for each receiver and step of an alert, taken once; what came again was not taken before.
    spoken = Counter((h.notice.receiver, h.notice.alert_id, h.notice.step) for h in held)
    assert set(spoken.values()) == {1}
    assert {h.status for h in held} == {Status.SENT}
    taken = [key for n, key in enumerate(receiver.keys, 1) if n % FAILS]
    assert sorted(taken) == sorted(h.notice.notice_id for h in held)
    assert len(receiver.keys) > len(taken)
    # And no more than people can bear.
    kinds = Counter((h.notice.receiver, h.notice.kind) for h in held)
    assert {name: kinds[name, NoticeClass.INTERRUPT] for name in SPOKEN_TO} == {
        "control_room": AN_HOUR,
        "bureau": AN_HOUR,
        "inspector": A_SHIFT,
    }
    assert all(each.within for each in spent)
    assert max(n for (_, kind), n in kinds.items() if kind is NoticeClass.DIGEST) <= 3


def test_memory_does_not_grow_with_the_night(tmp_path: Path) -> None:
    def peak(alerts: int) -> int:
        """Bytes that a round held at most, beyond what was held before it."""
        ledger = open_ledger(f"sqlite:///{tmp_path / f'{alerts}.db'}", durable=False)
        upgrade(ledger.engine)
        night = fallen(ledger, default_routes(), alerts)
        most = 0
        for at in moments():
            night.time_passes(at)
            more = True
            while more:
                gc.collect()
                tracemalloc.start()
                more = night.round(at, 50).more
                most = max(most, tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
        ledger.close()
        return most

    peak(60)  # what is loaded once
    gc.freeze()  # collecting looks at what came since, and is quick
    try:
        assert peak(800) < 1.1 * peak(100)
    finally:
        gc.unfreeze()
