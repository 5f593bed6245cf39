"""The service in one process says how it is, counts its turns, and who was not let in."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.test_health import asked, sampled

PATIENCE = 60.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A demonstration; where its board and its health port are."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "run", "--demo", "--port", "0"],
            stdout=file,
            stderr=file,
            env={**os.environ, "RECOUNT_TICK_EVERY": "0.5"},
        )
    try:
        yield _places(log, process)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def _places(log: Path, process: "subprocess.Popen[bytes]") -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        lines = log.read_text(encoding="utf-8").splitlines()
        health = [json.loads(line) for line in lines if '"health"' in line]
        board = [line.rpartition(" ")[2] for line in lines if "answers at" in line]
        if health and board:
            return {"health": health[0]["address"], "link": board[0]}
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8"))


def test_a_demonstration_is_watched_like_everything_else(running: dict[str, str]) -> None:
    health = running["health"]
    assert asked(f"{health}/startupz")[0] == 200
    assert asked(f"{health}/readyz") == (200, "ready\n")
    spent = running["link"].partition("?")[0] + "?key=nothing"
    assert asked(spent)[0] == 403
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = sampled(asked(f"{health}/metrics")[1])
        if found.get(("recount_turn_seconds_count", ("batch",)), 0) > 3:
            break
        time.sleep(0.5)
    assert found["recount_turn_seconds_count", ("batch",)] > 3
    assert found["recount_sign_ins_refused_total", ("link_spent",)] == 1
    assert found["recount_live_viewers", ()] == 0
    assert found["recount_conservation_difference", ("inputs",)] == 0
    assert found["recount_conservation_difference", ("reports",)] == 0
