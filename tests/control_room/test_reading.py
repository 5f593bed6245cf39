"""What programs read, and do, over a running service."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.control_room.running import Running
from tests.control_room.story import READ_TO, tell


@pytest.fixture(scope="module")
def force(shared: Running, client: httpx.Client) -> str:
    """A force with a story."""
    tell(shared, client, "B1")
    return "B1"


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    """What a path answers."""
    answer = client.get(f"/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def act(
    client: httpx.Client, force: str, ref: str, action: str, tag: str = "*", **body: Any
) -> httpx.Response:
    """Do something about a report."""
    return client.post(
        f"/v1/reports/{force}/{ref}/{action}",
        json={"command_id": str(uuid4()), **body},
        headers={"If-Match": tag},
    )


def test_a_report_is_read_whole(client: httpx.Client, force: str) -> None:
    found = get(client, f"reports/{force}/R2")
    assert found["entry"]["verdict"] == "missed"
    assert [crime["verdict"] for crime in found["line"]["crimes"]] == ["missed"]
    assert "missed" in [event["type"] for event in found["events"]]
    assert get(client, f"reports/{force}/R1")["line"]["links"][0]["record"] == "C1"


def test_lists_go_page_by_page_in_order_of_deadline(client: httpx.Client, force: str) -> None:
    whole = get(client, "reports", force=force)["entries"]
    assert [each["ref"] for each in whole] == ["R2", "R3"]
    first = get(client, "reports", force=force, limit=1)
    assert [each["ref"] for each in first["entries"]] == ["R2"]
    rest = get(client, "reports", force=force, limit=1, after=first["after"])
    assert ([each["ref"] for each in rest["entries"]], rest["after"]) == (["R3"], "")
    past = get(client, "reports", force=force, queue="past_due", category="violence")["entries"]
    assert [each["ref"] for each in past] == ["R2"]
    assert client.get("/v1/reports", params={"force": force, "after": "x"}).status_code == 422
    assert client.get("/v1/reports").status_code == 422


def test_what_was_said_is_read_back_the_newest_first(client: httpx.Client, force: str) -> None:
    said = get(client, "alerts", force=force)["events"]
    assert [each["seq"] for each in said] == sorted((e["seq"] for e in said), reverse=True)
    missed = get(client, "alerts", force=force, type="missed")["events"]
    assert [each["subject"] for each in missed] == ["R2"]
    page = get(client, "alerts", force=force, limit=1)
    rest = get(client, "alerts", force=force, before=page["before"])["events"]
    assert page["events"] + rest == said


def test_sources_say_how_far_they_are_read_and_boards_what_is_due(
    client: httpx.Client, force: str
) -> None:
    sources = {each["source"]: each for each in get(client, "sources", force=force)["sources"]}
    assert sources["native/records"]["state"]["watermark"] == READ_TO.isoformat().replace(
        "+00:00", "Z"
    )
    assert not sources["native/referrals"]["connected"]
    board = get(client, "board", force=force)
    assert not board["demonstration"]
    assert sum(row["past_due"] for row in board["standing"]["rows"]) >= 1


def test_a_report_is_read_again_only_when_it_changed(client: httpx.Client, force: str) -> None:
    first = client.get(f"/v1/reports/{force}/R1")
    same = client.get(f"/v1/reports/{force}/R1", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_the_second_of_two_people_is_told(shared: Running, client: httpx.Client) -> None:
    tell(shared, client, "B2")
    tag = client.get("/v1/reports/B2/R2").headers["ETag"]
    done = act(client, "B2", "R2", "acknowledge", tag)
    assert done.status_code == 200, done.text
    second = act(client, "B2", "R2", "assign", tag, to="desk-7")
    assert (second.status_code, second.json()["reason"]) == (412, "changed_meanwhile")
    fresh = client.get("/v1/reports/B2/R2")
    assert fresh.json()["handling"]["acknowledged_by"]
    assert act(client, "B2", "R2", "assign", fresh.headers["ETag"], to="desk-7").status_code == 200
    assert get(client, "reports/B2/R2")["handling"]["assigned_to"] == "desk-7"


def test_a_command_sent_again_is_answered_and_not_done_again(
    shared: Running, client: httpx.Client
) -> None:
    tell(shared, client, "B3")
    name = str(uuid4())
    answers = [
        client.post(
            "/v1/reports/B3/R2/acknowledge",
            json={"command_id": name},
            headers={"If-Match": "*"},
        )
        for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_a_command_that_lacks_something_says_what(client: httpx.Client, force: str) -> None:
    path = f"/v1/reports/{force}/R2/decide"
    unsaid = client.post(path, json={"command_id": "12345678"}, headers={"If-Match": "*"})
    assert (unsaid.status_code, unsaid.json()["reason"]) == (422, "invalid_field")
    lacking = act(client, force, "R2", "decide", reason="balance_not_met")
    assert lacking.status_code == 422
    assert lacking.json()["lacks"]
    assert act(client, force, "nobody", "acknowledge").status_code == 404
    assert act(client, force, "R2", "acknowledge", "yesterday").status_code == 428
    assert act(client, force, "R2", "acknowledge", colour="red").status_code == 422
    naive = act(client, force, "R2", "ask_hold", reason="system_down", until="2024-03-05T10:00")
    assert (naive.status_code, naive.json()["field"]) == (422, "until")


def test_what_a_person_types_is_kept_and_comes_back_nowhere(
    shared: Running, client: httpx.Client
) -> None:
    tell(shared, client, "B4")
    typed = "Marigold Featherstonehaugh says so"
    done = act(
        client,
        "B4",
        "R2",
        "decide",
        reason="balance_not_met",
        told_at=READ_TO.isoformat(),
        typed={"rationale": typed},
    )
    assert done.status_code == 200, done.text
    found = client.get("/v1/reports/B4/R2")
    assert found.json()["entry"]["verdict"] == "accounted"
    said = client.get("/v1/alerts", params={"force": "B4"}).text
    assert "Marigold" not in found.text + said + shared.log()
    assert b"Marigold" not in shared.ledger_file.read_bytes()


def test_what_is_too_long_is_refused_by_program_and_by_form_alike(
    shared: Running, client: httpx.Client
) -> None:
    tell(shared, client, "B6")
    long = "x" * 4001
    said = act(client, "B6", "R2", "acknowledge", typed={"comment": long})
    assert (said.status_code, said.json()["reason"]) == (422, "invalid_field")
    made_up = act(client, "B6", "R2", "acknowledge", typed={"Marigold": "was here"})
    assert (made_up.status_code, made_up.json()["field"]) == (422, "typed")
    assert "Marigold" not in made_up.text
    form = {"ref": "R2", "reason": "balance_not_met", "rationale": long}
    page = client.post("/act/decide/B6", data=form)
    assert page.status_code == 422
    assert "4,001 characters are too many: write at most 4,000" in page.text
    assert long in page.text  # nobody has to write it again
    kept = client.post("/act/acknowledge/B6", data={"ref": "R2", "comment": "x\r\n" * 2000})
    assert kept.status_code == 303
    assert "R2" in kept.headers["location"]


def test_a_mute_is_made_and_ended(shared: Running, client: httpx.Client) -> None:
    tell(shared, client, "B5")
    made = client.post(
        "/v1/mutes/B5",
        json={
            "command_id": "mute-of-b5",
            "matchers": {"area": "Beat 1"},
            "until": "2924-01-01T00:00:00Z",
            "typed": {"comment": "works at the desk"},
        },
    )
    assert made.status_code == 200, made.text
    ended = client.post("/v1/mutes/B5/end", json={"command_id": "ended-b5", "mute": "mute-of-b5"})
    assert ended.status_code == 200, ended.text
    assert client.post("/v1/mutes/XX", json={"command_id": "nowhere-1"}).status_code == 404


def test_nobody_reads_or_acts_without_being_let_in(shared: Running) -> None:
    with httpx.Client(base_url=shared.url) as stranger:
        for path in ("reports?force=B1", "reports/B1/R1", "alerts?force=B1", "sources?force=B1"):
            assert stranger.get(f"/v1/{path}").status_code == 401
        assert stranger.get("/v1/stream").status_code == 401
        assert act(stranger, "B1", "R1", "acknowledge").status_code == 401
