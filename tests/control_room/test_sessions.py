"""Sessions: begun anew, found by digest, ended by idleness, by age, by signing out; and forged requests."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from typer.testing import CliRunner

from service.alerts.actors import ActorRole
from service.cli import app
from service.control_room.gate import csrf_of
from service.ledger.tables import sessions
from tests.control_room.door import Door, a_door
from tests.control_room.test_rights import probes

HTML = {"Accept": "text/html"}
BOARD = "/probe/board"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path, probes()) as door:
        yield door


def csrf(door: Door, browser: TestClient) -> dict[str, str]:
    return {"X-CSRF-Token": csrf_of(browser.cookies[door.gate.cookie])}


def test_a_link_lets_one_in_once_and_not_for_long(door: Door) -> None:
    link = door.link(ActorRole.SUPERVISOR)
    first, second, late = door.browser(), door.browser(), door.browser()
    assert first.get(link).status_code == 303
    assert first.get(BOARD).status_code == 200
    assert second.get(link).status_code == 403
    assert second.get(BOARD).status_code == 401
    link = door.link(ActorRole.SUPERVISOR)
    door.clock.pass_by(timedelta(minutes=10))
    assert late.get(link).status_code == 403


@pytest.mark.parametrize("key", ["", "x", "%00", "a" * 5000])
def test_a_made_up_link_lets_nobody_in(door: Door, key: str) -> None:
    assert door.browser().get(f"/enter?key={key}").status_code == 403


def test_a_session_is_never_taken_for_a_link_or_the_other_way_round(door: Door) -> None:
    link = door.link(ActorRole.SUPERVISOR)
    browser = door.browser()
    browser.cookies.set(door.gate.cookie, link.partition("=")[2])
    assert browser.get(BOARD).status_code == 401
    inside = door.signed_in(ActorRole.SUPERVISOR)
    session = inside.cookies[door.gate.cookie]
    assert door.browser().get(f"/enter?key={session}").status_code == 403


def test_the_ledger_holds_nothing_with_which_to_get_in(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    token = browser.cookies[door.gate.cookie]
    with door.gate.ledger.reading() as connection:
        rows = [str(row) for row in connection.execute(select(sessions))]
    assert rows
    assert not any(token in row or csrf_of(token) in row for row in rows)
    with door.gate.ledger.reading() as connection:
        key = connection.scalar(text("SELECT key FROM sessions"))
    thief = door.browser()
    thief.cookies.set(door.gate.cookie, str(key))
    assert thief.get(BOARD).status_code == 401


def test_a_planted_session_is_worth_nothing(door: Door) -> None:
    """Session fixation: what a browser brought before signing in is not what it holds after."""
    victim = door.browser()
    victim.cookies.set(door.gate.cookie, "planted")
    victim.get(door.link(ActorRole.SUPERVISOR))
    attacker = door.browser()
    attacker.cookies.set(door.gate.cookie, "planted")
    assert attacker.get(BOARD).status_code == 401
    assert "planted" not in victim.get(BOARD).request.headers["cookie"].split("=")[-1]


def test_signing_in_again_ends_the_session_before(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    before = browser.cookies[door.gate.cookie]
    browser.get(door.link(ActorRole.AUDITOR))
    assert browser.cookies[door.gate.cookie] != before
    other = door.browser()
    other.cookies.set(door.gate.cookie, before)
    assert other.get(BOARD).status_code == 401


def test_a_session_ends_when_it_stands_idle(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    for _ in range(4):
        door.clock.pass_by(door.gate.idle - timedelta(seconds=1))
        assert browser.get(BOARD).status_code == 200
    door.clock.pass_by(door.gate.idle)
    assert browser.get(BOARD).status_code == 401


def test_a_session_ends_at_its_length_however_busy(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    begun = door.clock.now
    while door.clock.now + timedelta(minutes=30) < begun + door.gate.lasts:
        door.clock.pass_by(timedelta(minutes=30))
        assert browser.get(BOARD).status_code == 200
    door.clock.pass_by(timedelta(minutes=30))
    assert browser.get(BOARD).status_code == 401


def test_ended_sessions_leave_the_ledger(door: Door) -> None:
    door.signed_in(ActorRole.SUPERVISOR)
    door.clock.pass_by(door.gate.lasts)
    door.signed_in(ActorRole.SUPERVISOR)
    with door.gate.ledger.reading() as connection:
        assert len(connection.execute(select(sessions)).all()) == 1


def test_signing_out_ends_the_session_for_whoever_holds_it(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    token = browser.cookies[door.gate.cookie]
    answer = browser.post("/sign-out", headers=csrf(door, browser))
    assert answer.status_code == 200
    assert "Signed out" in answer.text
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert door.gate.cookie not in browser.cookies
    copy = door.browser()
    copy.cookies.set(door.gate.cookie, token)
    assert copy.get(BOARD).status_code == 401


@pytest.mark.parametrize("given", [None, "", "wrong", "é"])
def test_an_unsafe_request_without_its_sessions_token_is_refused(
    door: Door, given: str | None
) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    headers = {} if given is None else {"X-CSRF-Token": given.encode()}
    answer = browser.post("/probe/acknowledge/33", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 403
    assert answer.json()["reason"] == "csrf"
    form = browser.post("/probe/acknowledge/33", data={"csrf_token": given or ""})
    assert form.json()["reason"] == "csrf"


def test_a_form_or_a_header_with_the_sessions_token_is_taken(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    assert browser.post("/probe/acknowledge/33", headers=csrf(door, browser)).status_code == 200
    field = {"csrf_token": csrf(door, browser)["X-CSRF-Token"]}
    assert browser.post("/probe/acknowledge/33", data=field).status_code == 200


def test_the_token_of_another_session_is_refused(door: Door) -> None:
    one, other = door.signed_in(ActorRole.SUPERVISOR), door.signed_in(ActorRole.SUPERVISOR)
    answer = one.post("/probe/acknowledge/33", headers=csrf(door, other))
    assert answer.json()["reason"] == "csrf"


@pytest.mark.parametrize(
    ("given", "name", "secure"),
    [({}, "recount", False), ({"proxy_terminates_tls": True}, "__Host-recount", True)],
)
def test_the_cookie_is_for_this_host_alone_and_no_script(
    tmp_path: Path, given: dict[str, object], name: str, secure: bool
) -> None:
    with a_door(tmp_path, **given) as door:
        cookie = (
            door.browser().get(door.link(ActorRole.SUPERVISOR)).headers.get_list("set-cookie")[0]
        )
    assert cookie.startswith(f"{name}=")
    said = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert said == {"httponly", "path=/", "samesite=lax", *(["secure"] if secure else [])}


def test_an_administrator_ends_the_sessions_of_one_person_or_of_all(door: Door) -> None:
    one, other = door.signed_in(ActorRole.SUPERVISOR), door.signed_in(ActorRole.SUPERVISOR)
    file = str(door.gate.ledger.engine.url.database)
    run = CliRunner().invoke
    ended = run(app, ["sessions", "end", "--ledger", file, "--person", "somebody-else"])
    assert (ended.exit_code, ended.stdout) == (0, "0\n")
    assert one.get(BOARD).status_code == 200
    assert run(app, ["sessions", "end", "--ledger", file, "--person", "person-1"]).stdout == "2\n"
    assert {one.get(BOARD).status_code, other.get(BOARD).status_code} == {401}
    again = door.signed_in(ActorRole.SUPERVISOR)
    assert run(app, ["sessions", "end", "--ledger", file]).exit_code == 2
    assert again.get(BOARD).status_code == 200
    assert run(app, ["sessions", "end", "--ledger", file, "--all"]).stdout == "1\n"
    assert again.get(BOARD).status_code == 401


def test_a_bearer_token_opens_no_page(door: Door) -> None:
    headers = {"Authorization": "Bearer recount_1_2"}
    assert door.browser().get(BOARD, headers=headers).status_code == 401
