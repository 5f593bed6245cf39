"""``recount run`` as a process: killed in the middle, stopped, played a force that does not exist."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx

from service.ledger import outputs
from service.ledger.opening import Ledger
from tests.control_room.running import NDJSON, PATHS, SOURCES, Running, bearer, ndjson
from tests.kafka.feed import Event, events

FORCES = ("01", "02", "03")


def parts(told: list[Event], size: int) -> list[tuple[str, str, list[Event]]]:
    """Bodies, in order: side, force, events."""
    bodies = []
    for start in range(0, len(told), size):
        piece = told[start : start + size]
        for side in PATHS:
            for force in FORCES:
                some = [e for e in piece if e.side == side and e.force == force]
                if some:
                    bodies.append((side, force, some))
    return bodies


def counted(ledger: Ledger) -> dict[str, int]:
    """Inputs read and what became of them, over every source."""
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        held = outputs.taken_in(connection).values()
    names = sorted({name for counts in held for name in counts})
    return {name: sum(counts[name] for counts in held) for name in names}


def lines(ledger: Ledger) -> list[bytes]:
    """Every verdict."""
    with ledger.reading() as connection:
        return list(outputs.lines(connection))


def test_killed_in_the_middle_of_what_is_sent_it_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "cut").mkdir()
    (tmp_path / "whole").mkdir()
    told = [event for event in events(1500) if event.force in FORCES]
    bodies = parts(told, 400)
    cut = Running(tmp_path / "cut", RECOUNT_INGEST_TURN_MAX="20", RECOUNT_TICK_EVERY="3600")
    whole = Running(tmp_path / "whole", RECOUNT_TICK_EVERY="3600")
    try:
        sure = 0
        for n, (side, force, some) in enumerate(bodies):
            send(whole, side, force, some)
            if n % 9 == 4:
                kill_while_sending(cut, side, force, some)
            answer = send(cut, side, force, some)
            assert answer["read"] == len(some)
            sure += answer.get("applied", 0) + answer.get("repeated", 0)
        held, plain = cut.ledger(), whole.ledger()
        assert counted(held)["read"] >= counted(plain)["read"] == len(told)
        for name in ("applied", "dead", "stale"):
            assert counted(held)[name] == counted(plain)[name]
        assert lines(held) == lines(plain)
        held.close()
        plain.close()
        assert (cut.stop(), whole.stop()) == (0, 0)
    finally:
        cut.end()
        whole.end()


def send(running: Running, side: str, force: str, some: list[Event]) -> dict[str, Any]:
    """Send a body; what became of it."""
    answer = httpx.post(
        f"{running.url}/v1/{PATHS[side]}",
        content=ndjson(some),
        headers={**bearer(running.token(SOURCES[side], force)), **NDJSON},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    held: dict[str, Any] = answer.json()
    return held


def kill_while_sending(running: Running, side: str, force: str, some: list[Event]) -> None:
    """Kill -9 once a part of the body is in the ledger, and start again."""
    ledger = running.ledger()
    before = counted(ledger)["read"] if lines(ledger) else 0
    token = running.token(SOURCES[side], force)

    def body() -> None:
        try:
            httpx.post(
                f"{running.url}/v1/{PATHS[side]}",
                content=ndjson(some),
                headers={**bearer(token), **NDJSON},
                timeout=60,
            )
        except httpx.HTTPError:
            return

    sending = threading.Thread(target=body)
    sending.start()
    running.await_that(lambda: counted(ledger)["read"] > before, "a part applied")
    running.kill()
    sending.join()
    ledger.close()
    running.start()


def test_a_minute_of_the_demonstration_shows_what_there_is_to_see(tmp_path: Path) -> None:
    running = Running(tmp_path, "--demo", "--speed", "20000")
    try:
        client = running.client()
        wanted = {"due_soon", "missed", "recorded", "source_silent", "source_back"}
        seen: set[str] = set()

        def shown() -> bool:
            said = client.get("/v1/alerts", params={"force": "33", "limit": 200}).json()
            seen.update(event["type"] for event in said["events"])
            return wanted <= seen

        running.await_that(shown, f"all of {wanted} seen")
        board = client.get("/v1/board", params={"force": "33"}).json()
        assert board["demonstration"]
        first = board["standing"]["lane_now"]
        assert board["now"] >= first
        told = client.get("/notifications").text
        assert "Nothing leaves this machine" in told
        assert "message at once" in told
        client.close()
        running.kill()
        running.start()
        again = running.client()
        later = again.get("/v1/board", params={"force": "33"}).json()["standing"]["lane_now"]
        assert later >= first
        ledger = running.ledger()
        assert counted(ledger)["dead"] == 0
        ledger.close()
        assert running.stop() == 0
        again.close()
    finally:
        running.end()


def test_demonstration_data_and_a_forces_own_never_share_a_ledger(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        beat = {"kind": "heartbeat", "force": "01", "until": "2024-01-01T00:00:00Z"}
        token = running.token("native/records", "01")
        sent = httpx.post(f"{running.url}/v1/heartbeats", json=beat, headers=bearer(token))
        assert sent.status_code == 200
        assert running.stop() == 0
    finally:
        running.end()
    refused = command("run", "--demo", "--port", "0", "--ledger", str(running.ledger_file))
    assert refused.returncode == 2
    assert "ledger of its own" in refused.stderr


def test_tokens_are_made_listed_and_revoked_by_command(running: Running) -> None:
    where = ("--ledger", str(running.ledger_file))
    given = ("--source", "native/incidents", "--force", "07")
    made = json.loads(command("tokens", "create", *where, *given, "--json").stdout)
    listed = command("tokens", "list", *where).stdout
    assert made["id"] in listed
    assert made["token"] not in listed
    beat = {"kind": "heartbeat", "force": "07", "until": "2024-01-01T00:00:00Z"}
    headers = bearer(made["token"])
    path = f"{running.url}/v1/heartbeats"
    assert httpx.post(path, json=beat, headers=headers).status_code == 200
    assert command("tokens", "revoke", made["id"], *where).returncode == 0
    assert httpx.post(path, json=beat, headers=headers).status_code == 401
    unknown = command("tokens", "create", *where, "--source", "native/nothing", "--force", "07")
    assert unknown.returncode == 2
    assert "native/incidents" in unknown.stderr
    assert command("tokens", "revoke", "0000", *where).returncode == 2


def command(*given: str) -> "subprocess.CompletedProcess[str]":
    """A command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *given],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
