"""A force's months of history are sent to `recount run`: nobody is told piece by piece, and then of what
falls due after."""

import json
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from schemas.words import AlertType
from service.ledger import outputs
from service.ledger.tables import notifications, on_lists
from tests.control_room.running import Running
from tests.control_room.story import heartbeat, record, report, send

FORCE = "33"
DAY = timedelta(hours=24)


@pytest.fixture
def running(tmp_path: Path) -> "Running":
    return Running(tmp_path, RECOUNT_PLAN_EVERY="0.2", RECOUNT_TICK_EVERY="0.2")


def connecting(at: datetime) -> dict[str, Any]:
    """A record of no report here, from when on the crime system is read."""
    moment = at.isoformat()
    return {**record(FORCE, "C0", "R0", -2), "reported_at": moment, "recorded_at": moment}


def said(running: Running) -> Counter[tuple[str, bool]]:
    """Type of each event of a report, and whether it was quiet."""
    ledger = running.ledger()
    with ledger.reading() as connection:
        events = [json.loads(each.payload or b"{}") for each in outputs.events(connection)]
    ledger.close()
    return Counter(
        (each["type"], each["quiet"]) for each in events if not each["subject"].startswith("source")
    )


def listed(running: Running) -> dict[str, set[str]]:
    """How each report got onto lists of people, and which had a message of its own (``message``)."""
    found: dict[str, set[str]] = defaultdict(set)
    ledger = running.ledger()
    with ledger.reading() as connection:
        for ref, how in connection.execute(select(on_lists.c.subject, on_lists.c.how)):
            found[ref].add(how)
        for ref in connection.scalars(select(notifications.c.subject)):
            found[ref].add("message")
    ledger.close()
    return found


def test_history_is_settled_first_and_what_falls_due_after_is_told(running: Running) -> None:
    client, now = running.client(), datetime.now(UTC)
    try:
        old = [now - timedelta(days=180 - n) for n in range(0, 170, 5)]
        logs = [
            report(FORCE, f"H{n}", received_at=at.isoformat(), updated_at=at.isoformat())
            for n, at in enumerate(old)
        ]
        for start in range(0, len(logs), 10):  # in several bodies: all of them are history
            send(running, client, FORCE, "log", logs[start : start + 10])
        soon = datetime.now(UTC) + timedelta(seconds=4) - DAY
        due = report(FORCE, "NEW", received_at=soon.isoformat(), updated_at=soon.isoformat())
        send(running, client, FORCE, "log", [due])
        send(running, client, FORCE, "crimes", [connecting(old[0] - DAY)])
        for side in ("log", "crimes"):
            send(running, client, FORCE, side, [heartbeat(FORCE, datetime.now(UTC))])
        history = (AlertType.MISSED, True)
        running.await_that(lambda: said(running)[history] == len(logs), "history missed quietly")
        refs = {each["ref"] for each in logs}
        running.await_that(lambda: refs <= listed(running).keys(), "kept for a digest")
        assert {how for ref in refs for how in listed(running)[ref]} == {"quiet"}
        assert not [kind for (kind, quiet) in said(running) if kind == "missed" and not quiet]
        missed = (AlertType.MISSED, False)

        def after() -> bool:
            for side in ("log", "crimes"):
                send(running, client, FORCE, side, [heartbeat(FORCE, datetime.now(UTC))])
            return said(running)[missed] == 1

        running.await_that(after, "the new one is missed aloud")
        running.await_that(lambda: "NEW" in listed(running), "somebody is told")
        assert "quiet" not in listed(running)["NEW"]
        assert said(running)[history] == len(logs)
        assert running.stop() == 0
    finally:
        client.close()
        running.end()


def test_what_fell_due_while_nothing_ran_is_settled_too(tmp_path: Path) -> None:
    quick = {"RECOUNT_PLAN_EVERY": "0.2", "RECOUNT_TICK_EVERY": "0.2", "RECOUNT_SETTLE_AFTER": "2"}
    running = Running(tmp_path, **quick)
    try:
        client = running.client()
        soon = datetime.now(UTC) + timedelta(seconds=4) - DAY
        send(running, client, FORCE, "crimes", [connecting(soon - DAY)])
        due = report(FORCE, "R1", received_at=soon.isoformat(), updated_at=soon.isoformat())
        send(running, client, FORCE, "log", [due])
        client.close()
        assert running.stop() == 0
        time.sleep(5)  # nothing runs, and it falls due
        running.start()
        client = running.client()
        for side in ("log", "crimes"):
            send(running, client, FORCE, side, [heartbeat(FORCE, datetime.now(UTC))])
        client.close()
        running.await_that(lambda: said(running)[AlertType.MISSED, True] == 1, "missed quietly")
        assert said(running)[AlertType.MISSED, False] == 0
        assert running.stop() == 0
    finally:
        running.end()
