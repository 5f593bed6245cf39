"""What is sent over HTTP: read as files and topics are, durable when answered, refused by its place."""

import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ledger import outputs
from service.ledger.tokens import revoke_token
from tests.control_room.running import NDJSON, PATHS, SOURCES, Running, bearer, ndjson
from tests.kafka.feed import NOW, events
from tests.kafka.feed import Event as Sent

SECRET = "Marigold Featherstonehaugh"
"""Stands where only people stand; must come back nowhere."""


def log_of(force: str, ref: str, **changes: Any) -> dict[str, Any]:
    """A small incident log."""
    at = "2024-03-04T10:00:00Z"
    return {
        "force": force,
        "ref": ref,
        "received_at": at,
        "updated_at": at,
        "version": 1,
        **changes,
    }


def one(client: httpx.Client, token: str, body: Any, path: str = "incidents") -> httpx.Response:
    """Send one object."""
    return client.post(f"/v1/{path}", json=body, headers=bearer(token))


def test_one_report_is_applied_and_repeated_when_sent_again(
    shared: Running, client: httpx.Client
) -> None:
    token = shared.token("native/incidents", "A1")
    for result in ("applied", "repeated"):
        answer = one(client, token, log_of("A1", "R1"))
        assert answer.status_code == 200
        assert answer.json() == {"read": 1, result: 1, "lines": [{"line": 1, "result": result}]}
    older = one(client, token, log_of("A1", "R1", version=0))
    assert older.json()["lines"] == [{"line": 1, "result": "stale"}]


def test_many_are_answered_line_by_line_and_the_unreadable_are_kept(
    shared: Running, client: httpx.Client
) -> None:
    token = shared.token("native/incidents", "A2")
    lines = [
        json.dumps(log_of("A2", "R1")),
        "",
        json.dumps(log_of("A2", "R2", received_at="yesterday")),
        "{nothing",
        json.dumps(log_of("A3", "R3")),
        json.dumps({"kind": "heartbeat", "force": "A2", "until": "2024-03-04T11:00:00Z"}),
        json.dumps(log_of("A2", "R4", received_at="2924-03-04T10:00:00Z", updated_at=None)),
    ]
    body = gzip.compress("\n".join(lines).encode())
    headers = {**bearer(token), **NDJSON, "Content-Encoding": "gzip"}
    answer = client.post("/v1/incidents", content=body, headers=headers).json()
    assert {k: v for k, v in answer.items() if k != "lines"} == {
        "read": 6,
        "applied": 1,
        "dead": 4,
        "heartbeat": 1,
    }
    reasons = {each["line"]: (each.get("reason"), each.get("field")) for each in answer["lines"]}
    assert reasons == {
        1: (None, None),
        3: ("invalid_field", "received_at"),
        4: ("not_json", None),
        5: ("wrong_force", "force"),
        6: (None, None),
        7: ("in_the_future", "updated_at"),
    }
    assert all("remedy" in each for each in answer["lines"] if each["result"] == "dead")
    ledger = shared.ledger()
    with ledger.reading() as connection:
        counts = outputs.taken_in(connection)["native/incidents"]
        assert outputs.conservation(connection).holds
    ledger.close()
    assert counts["dead"] >= 4


def test_what_cannot_be_read_is_a_problem_that_names_field_and_remedy_never_a_person(
    shared: Running, client: httpx.Client
) -> None:
    token = shared.token("native/incidents", "A4")
    people = [{"role": SECRET, "person_hash": 5}]
    answer = one(client, token, log_of("A4", "R1", people=people))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["reason"] == "invalid_field"
    assert problem["line"] == 1
    assert problem["field"].startswith("people.0")
    assert problem["remedy"]
    assert SECRET not in answer.text + shared.log()


def test_heartbeats_have_a_path_of_their_own_for_every_source(
    shared: Running, client: httpx.Client
) -> None:
    token = shared.token("native/records", "A5")
    beat = {"kind": "heartbeat", "force": "A5", "until": "2024-03-04T11:00:00Z"}
    assert one(client, token, beat, "heartbeats").json()["heartbeat"] == 1
    other = one(client, token, log_of("A5", "R1"), "heartbeats")
    assert other.status_code == 422
    found = client.get("/v1/sources", params={"force": "A5"}).json()["sources"]
    read = {each["source"]: each for each in found}
    assert read["native/records"]["state"]["watermark"] == "2024-03-04T11:00:00Z"
    assert not read["native/incidents"]["connected"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Authorization": "Bearer recount_0_0"}, b"{}", 401),
        ({"Authorization": "Basic eDp5"}, b"{}", 401),
        ({"Content-Type": "text/csv"}, b"a,b", 415),
        ({"Content-Encoding": "br", "Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Encoding": "gzip", "Content-Type": "application/json"}, b"{}", 422),
        ({"Content-Encoding": "gzip", **NDJSON}, gzip.compress(b"{}", mtime=0)[:-9], 422),
        ({"Content-Encoding": "gzip", **NDJSON}, gzip.compress(b" " * 40_000_000, mtime=0), 413),
        ({"Content-Type": "application/json"}, b'{"ref": "' + b"x" * 1_100_000 + b'"}', 413),
        ({"Content-Type": "application/json"}, b"", 422),
        ({"Content-Type": "application/json"}, b"[" * 100_000, 422),
        (NDJSON, b"\xff\xfe\n\x00\n", 422),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_its_status(
    shared: Running, client: httpx.Client, headers: dict[str, str], body: bytes, status: int
) -> None:
    token = shared.token("native/incidents", "A6")
    answer = client.post("/v1/incidents", content=body, headers={**bearer(token), **headers})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_token_is_for_one_source_and_may_be_revoked(
    shared: Running, client: httpx.Client
) -> None:
    token = shared.token("native/incidents", "A7")
    assert one(client, token, log_of("A7", "R1"), "crimes").status_code == 403
    assert one(client, token, log_of("A7", "R1")).status_code == 200
    ledger = shared.ledger()
    with ledger.writing() as connection:
        assert revoke_token(connection, token.split("_")[1], NOW)
    ledger.close()
    assert one(client, token, log_of("A7", "R1")).status_code == 401


def test_the_same_events_give_the_same_answer_as_anywhere(
    shared: Running, client: httpx.Client
) -> None:
    told = [event for event in events(600) if event.force in ("01", "02")]
    send(shared, client, told)
    apart = shared.ledger()
    lines = {}
    with apart.reading() as connection:
        for force in ("01", "02"):
            lines[force] = [json.loads(line)["ref"] for line in outputs.lines(connection, force)]
        assert outputs.conservation(connection).holds
    apart.close()
    refs = {
        json.loads(e.value or b"")["ref"]
        for e in told
        if e.side != "crimes" and b'"ref"' in (e.value or b"")
    }
    assert {ref for named in lines.values() for ref in named} == refs


def send(shared: Running, client: httpx.Client, told: list[Sent]) -> None:
    """All of it, in order, side by side."""
    for side, path in PATHS.items():
        for force in sorted({event.force for event in told}):
            part = [e for e in told if e.side == side and e.force == force]
            token = shared.token(SOURCES[side], force)
            answer = client.post(
                f"/v1/{path}", content=ndjson(part), headers={**bearer(token), **NDJSON}
            )
            assert answer.status_code == 200
            assert answer.json()["read"] == len(part)
            assert "dead" not in answer.json()


@given(
    body=st.binary(max_size=400)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["force", "ref", "received_at", "people", "kind", "until"]), inner
            )
        ),
        max_leaves=12,
    ).map(lambda held: json.dumps(held).encode()),
    path=st.sampled_from(["incidents", "heartbeats"]),
    kind=st.sampled_from(["application/json", "application/x-ndjson"]),
    packed=st.sampled_from(["identity", "gzip", "gzip of it"]),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_body_makes_it_fail(
    shared: Running,
    client: httpx.Client,
    fuzz_token: str,
    body: bytes,
    path: str,
    kind: str,
    packed: str,
) -> None:
    sent = gzip.compress(body) if packed == "gzip of it" else body
    headers = {"Content-Type": kind, "Content-Encoding": packed.partition(" ")[0]}
    answer = client.post(f"/v1/{path}", content=sent, headers={**bearer(fuzz_token), **headers})
    assert answer.status_code in (200, 413, 422)


@pytest.fixture(scope="module")
def fuzz_token(shared: Running) -> str:
    """A token of a force that nobody else is."""
    return shared.token("native/incidents", "F1")
