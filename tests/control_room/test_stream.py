"""The live stream: everything once, in order, whatever is cut; bounded, and told when it is too much."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.control_room.running import Running, bearer, frames, said
from tests.control_room.story import heartbeat, report, send, tell
from tests.kafka.feed import NOW


def numbers(seen: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Force and number of each event."""
    return [(event["force"], event["seq"]) for event in seen]


def listen(client: httpx.Client, told: str, seen: list[dict[str, Any]], frames_max: int) -> str:
    """Take a few frames, then cut the line; the number reached."""
    headers = {"Last-Event-ID": told}
    with client.stream("GET", "/v1/stream", headers=headers) as stream:
        assert stream.status_code == 200
        for count, (name, number, data) in enumerate(frames(stream), 1):
            assert name == "frame"
            told = number
            seen += data["events"]
            if count >= frames_max:
                break
    return told


def test_a_client_cut_a_hundred_times_sees_every_event_once_also_over_restarts(
    running: Running,
) -> None:
    client = running.client()
    seen: list[dict[str, Any]] = []
    told, port = "0", running.port
    token = running.token("native/incidents", "S1")
    for n in range(100):
        log = report("S1", f"R{n}", opening_codes=[f"a code of nobody's {n}"])
        answer = client.post("/v1/incidents", json=log, headers=bearer(token))
        assert answer.status_code == 200
        told = listen(client, told, seen, 1)
        if n == 30:
            assert running.stop() == 0
            running.start(port)
        if n == 70:
            running.kill()
            running.start(port)
    ledger = running.ledger()

    def all_seen() -> bool:
        nonlocal told
        told = listen(client, told, seen, 1)
        return len(seen) >= len(said(ledger))

    running.await_that(all_seen, "everything seen")
    assert numbers(seen) == said(ledger)
    assert len(seen) >= 100
    ledger.close()
    client.close()


def test_a_snapshot_comes_first_and_everything_after_it(running: Running) -> None:
    client = running.client()
    tell(running, client, "S2")
    with client.stream("GET", "/v1/stream") as stream:
        events = frames(stream)
        name, number, data = next(events)
        assert name == "snapshot"
        assert data["number"] == int(number)
        assert data["as_of"].keys() == {"S2"}
        assert data["boards"]["S2"]
        log = [report("S2", "R9", opening_codes=["a code of nobody's"])]
        send(running, client, "S2", "log", log)
        told = until(events, "unknown_code")
    assert told["force"] == "S2"
    client.close()


def until(events: Iterator[tuple[str, str, Any]], type_: str) -> dict[str, Any]:
    """The first event of a type."""
    for _, _, data in events:
        for event in data.get("events", ()):
            if event["type"] == type_:
                found: dict[str, Any] = event
                return found
    raise AssertionError("the stream ended")


def test_what_is_of_another_ledger_or_too_old_begins_anew(running: Running) -> None:
    client = running.client()
    headers = {"Last-Event-ID": "999999999"}
    with client.stream("GET", "/v1/stream", headers=headers) as stream:
        name, number, data = next(frames(stream))
    assert (name, data["number"]) == ("resync", int(number))
    client.close()


def test_one_viewer_too_many_is_told_so_and_let_in_when_another_leaves(tmp_path: Path) -> None:
    running = Running(tmp_path, RECOUNT_VIEWERS_MAX="1")
    try:
        client = running.client()
        with client.stream("GET", "/v1/stream") as stream:
            events = frames(stream)
            next(events)
            with client.stream("GET", "/v1/stream") as full:
                assert full.status_code == 503
            assert full.headers["Retry-After"]
            assert full.headers["content-type"] == "application/problem+json"

        def let_in() -> bool:
            with client.stream("GET", "/v1/stream") as again:
                return again.status_code == 200

        running.await_that(let_in, "let in")
        client.close()
    finally:
        running.end()


def test_stopping_ends_open_streams_and_the_process_with_0(running: Running) -> None:
    client = running.client()
    with client.stream("GET", "/v1/stream") as stream:
        events = frames(stream)
        next(events)
        assert running.stop() == 0
        assert [name for name, _, _ in events if name != "frame"] == []
    client.close()


def test_time_that_passes_is_seen_without_anything_said(running: Running) -> None:
    client = running.client()
    send(running, client, "S3", "log", [heartbeat("S3", NOW)])
    with client.stream("GET", "/v1/stream") as stream:
        events = frames(stream)
        next(events)
        moments = []
        for _, _, data in events:
            if "S3" in data["as_of"]:
                moments.append(data["as_of"]["S3"])
            if len(set(moments)) > 2:
                break
    assert moments == sorted(moments)
    client.close()


def test_whoever_watches_the_board_is_sent_it_whole_after_what_is_said(running: Running) -> None:
    client = running.client()
    for force in ("S4", "S5"):
        tell(running, client, force)
    query = {"show": "/board", "force": "S4"}
    with client.stream("GET", "/v1/stream", params=query) as stream:
        events = frames(stream)
        assert next(events)[0] == "snapshot"
        for force in ("S5", "S4"):
            log = [report(force, "R9", opening_codes=["a code of nobody's"])]
            send(running, client, force, "log", log)
        told: set[str] = set()
        for name, _, data in events:
            if name == "page" and "S4" in told:
                break
            told |= {event["force"] for event in data["events"]} if name == "frame" else set()
    page = str(data)
    assert 'id="groups"' in page
    assert 'data-force="S4"' in page
    client.close()
