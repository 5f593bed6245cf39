"""A morning in one force: three reports of assaults, one of them recorded, and both feeds read past all."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.control_room.running import NDJSON, SOURCES, Running, bearer
from tests.kafka.feed import NOW

RECEIVED = NOW.replace(microsecond=0) - timedelta(hours=31)
"""The service's clock is the world's: the story has just happened."""
READ_TO = RECEIVED + timedelta(hours=30)


def at(hours: float) -> str:
    """So many hours after the first report."""
    return (RECEIVED + timedelta(hours=hours)).isoformat()


def report(force: str, ref: str, hours: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A log that shows an assault."""
    return {
        "force": force,
        "ref": ref,
        "version": 1,
        "received_at": at(hours),
        "updated_at": at(hours),
        "opening_codes": ["assault with injury"],
        "reported_by": "victim",
        "victim_kind": "person",
        **changes,
    }


def record(force: str, ref: str, incident: str, hours: float) -> dict[str, Any]:
    """A crime record that names its log."""
    return {
        "force": force,
        "ref": ref,
        "version": 1,
        "kind": "crime",
        "reported_at": at(min(0, hours)),
        "recorded_at": at(hours),
        "offence_code": "8N",
        "status": "recorded",
        "incident_refs": [incident],
    }


def heartbeat(force: str, until: datetime) -> dict[str, Any]:
    """How far a feed is read."""
    return {"kind": "heartbeat", "force": force, "until": until.isoformat()}


def tell(running: Running, client: httpx.Client, force: str) -> None:
    """R1 recorded in time, R2 never, R3 not yet due."""
    records = [record(force, "C0", "R0", -2), record(force, "C1", "R1", 3)]
    send(running, client, force, "crimes", records)
    logs = [report(force, "R1"), report(force, "R2", 1), report(force, "R3", 28)]
    send(running, client, force, "log", [*logs, heartbeat(force, READ_TO)])
    send(running, client, force, "crimes", [heartbeat(force, READ_TO)])


def send(
    running: Running, client: httpx.Client, force: str, side: str, told: list[dict[str, Any]]
) -> dict[str, Any]:
    """Send many with a fresh token; the answer."""
    path = {"log": "incidents", "crimes": "crimes", "referrals": "referrals"}[side]
    answer = client.post(
        f"/v1/{path}",
        content=b"\n".join(json.dumps(each).encode() for each in told),
        headers={**bearer(running.token(SOURCES[side], force)), **NDJSON},
    )
    assert answer.status_code == 200, answer.text
    held: dict[str, Any] = answer.json()
    assert "dead" not in held, held
    return held
