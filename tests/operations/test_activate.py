"""Other rules than the active ones: who starts with them says so and waits, until they are activated."""

import json
from pathlib import Path

import pytest

from service.hosts.planning import default_text
from service.ledger import outputs
from service.ledger.opening import Ledger
from service.matching.judgement import decode
from tests.control_room.running import NDJSON, PATHS, SOURCES, Running, bearer, ndjson
from tests.engine import likely
from tests.kafka.feed import events
from tests.kafka.site import Running as Process
from tests.kafka.site import Site, await_that
from tests.operations.test_config import run
from tests.operations.test_health import asked


@pytest.fixture
def mine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The shipped pack with another title: judged alike, and not the same rules."""
    folder = tmp_path / "rules"
    run(capsys, "rules", "copy", "england_and_wales", "--out", str(folder))
    file = folder / "england_and_wales.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("title: ", "title: Our ", 1), encoding="utf-8")
    return str(file)


def await_ready(each: Process) -> None:
    """Wait until it says that it is ready."""
    where = each.await_said("health")["address"]
    await_that(lambda: asked(f"{where}/readyz")[0] == 200, "ready", each)


def packs(ledger: Ledger) -> set[str]:
    """Digests of the packs by which reports were judged."""
    with ledger.reading() as connection:
        return {decode(line).digests.pack for line in outputs.lines(connection)}


def test_run_does_not_start_with_what_is_not_active(
    tmp_path: Path, mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(tmp_path)
    try:
        told = [each for each in events(200) if each.force == "01"]
        client = running.client()
        for side, source in SOURCES.items():
            headers = {**bearer(running.token(source, "01")), **NDJSON}
            some = ndjson([each for each in told if each.side == side])
            sent = client.post(f"/v1/{PATHS[side]}", content=some, headers=headers)
            assert sent.status_code == 200
        client.close()
        given = ("config", "activate", "--ledger", str(running.ledger_file), "--rules", mine)
        code, text = run(capsys, *given, "--dry-run", "--json")
        shown = json.loads(text)
        (change,) = shown["changes"]
        assert (code, change["kind"], shown["activated"]) == (0, "pack", False)
        assert shown["reports"] == shown["judged_by_another"] > 0
        assert shown["differing"] == 0
        code, text = run(capsys, *given)
        assert (code, "give --yes, or --dry-run" in text) == (2, True)
        code, text = run(capsys, *given, "--yes")
        assert (code, text.splitlines()[-1]) == (0, "active")
        assert running.process.wait(30) == 1, "whoever decides by what was active stops"
        assert "recount config activate" in running.log()
        with pytest.raises(AssertionError, match="ended 1"):
            running.start()
        assert "recount config activate" in running.log().splitlines()[-1]
        code, text = run(capsys, *given)
        assert (code, text) == (0, "active already\n")
    finally:
        running.end()
    again = Running(tmp_path, "--rules", mine)
    try:
        (pack,) = packs(again.ledger())
        assert pack == change["after"]
        assert again.stop() == 0
    finally:
        again.end()


def test_a_linkage_model_is_active_once_it_is_activated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Running(tmp_path, "--rules", "umd")
    assert first.stop() == 0
    file = tmp_path / "model.json"
    file.write_bytes(likely.model_file())
    monkeypatch.setenv("RECOUNT_LINKAGE", str(file))
    with pytest.raises(AssertionError, match="linkage here is not the one that is active"):
        Running(tmp_path, "--rules", "umd")
    given = ("config", "activate", "--ledger", str(first.ledger_file), "--rules", "umd", "--yes")
    code, text = run(capsys, *given)
    assert (code, "linkage -: none to" in text, text.splitlines()[-1]) == (0, True, "active")
    again = Running(tmp_path, "--rules", "umd")
    assert again.stop() == 0


def test_a_worker_and_a_board_wait_alive_until_theirs_is_active(
    site: Site, ledger: Ledger, mine: str
) -> None:
    told = events(300)
    site.produce(told)
    old = site.start()
    site.await_applied(ledger, len(told), old)
    waiting = [
        site.start(RECOUNT_RULES=mine),
        site.start("--port", "0", command="serve", RECOUNT_RULES=mine),
    ]
    for each in waiting:
        reason = each.await_said("not_active")["reason"]
        where = each.await_said("health")["address"]
        assert asked(f"{where}/livez")[0] == 200
        assert asked(f"{where}/readyz") == (503, f"{reason}\n")
    board = site.start("--port", "0", command="serve")
    await_that(lambda: "answers at" in board.log.read_text(encoding="utf-8"), "served", board)
    done = site.run("config", "activate", "--yes", "--rules", mine)
    assert done.code == 0, done.err
    assert (old.ended(), board.ended()) == (1, 1)
    for each in (old, board):
        last = (each.said("worker_stopped") or each.said("stopped"))[-1]
        assert "recount config activate" in last["reason"]
    waiting[0].await_said("ready")
    for each in waiting:
        await_ready(each)
    assert len(packs(ledger)) == 1
    site.produce(events(350)[300:])
    site.await_applied(ledger, 350, waiting[0])
    assert [each.stop() for each in waiting] == [0, 0]


def test_a_relay_started_with_other_routes_tells_nobody_until_they_are_active(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    first = site.start("--only", "people", command="relay")
    first.await_said("sending")
    await_ready(first)
    routes = tmp_path / "routes.yaml"
    routes.write_text(default_text() + "# ours\n", encoding="utf-8")
    other = site.start("--only", "people", command="relay", RECOUNT_ROUTES=str(routes))
    assert "routes" in other.await_said("not_active")["reason"]
    done = site.run("config", "activate", "--yes", RECOUNT_ROUTES=str(routes))
    assert done.code == 0, done.err
    assert first.ended() == 1
    await_ready(other)
    assert other.stop() == 0
