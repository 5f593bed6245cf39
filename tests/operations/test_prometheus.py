"""A real Prometheus scrapes what runs, and is told of a feed that stopped and a worker that died."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from service.ledger.opening import Ledger
from tests.kafka.feed import Event, heartbeats
from tests.kafka.site import Site, await_that, dev_running, workers_of
from tests.operations.test_deploy import RULES, tool
from tests.operations.test_health import asked

BELIEVABLE = "1m"
"""The shortest that a mapping can say."""


class Prometheus:
    """One Prometheus, with the shipped rules made impatient."""

    def __init__(self, folder: Path, targets: dict[str, str]) -> None:
        rules = re.sub(r"for: \w+", "for: 1s", RULES.read_text(encoding="utf-8"))
        (folder / "rules.yaml").write_text(rules, encoding="utf-8")
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in targets.items()
        ]
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": jobs}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.address = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "prometheus.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    tool("prometheus"),
                    f"--config.file={folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                    f"--web.listen-address={self.address.removeprefix('http://')}",
                ],
                stdout=log,
                stderr=log,
            )

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire now, each with the force or job that it is about."""
        found: list[dict[str, Any]] = self._ask("/api/v1/alerts")["alerts"]
        return {
            (
                each["labels"]["alertname"],
                each["labels"].get("force") or each["labels"].get("job", ""),
            )
            for each in found
            if each["state"] == "firing"
        }

    def rules(self) -> set[str]:
        """Names of the rules it has loaded."""
        groups = self._ask("/api/v1/rules")["groups"]
        return {rule["name"] for group in groups for rule in group["rules"]}

    def value(self, query: str) -> float:
        """What a query says now; less than nothing where it says nothing."""
        found = self._ask(f"/api/v1/query?query={quote(query)}")["result"]
        return float(found[0]["value"][1]) if found else -1.0

    def answers(self) -> bool:
        """Is it up?"""
        try:
            return asked(f"{self.address}/-/ready")[0] == 200
        except OSError:
            return False

    def _ask(self, path: str) -> dict[str, Any]:
        held: dict[str, Any] = json.loads(asked(self.address + path)[1])["data"]
        return held

    def end(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


@pytest.fixture
def impatient(site: Site, tmp_path: Path) -> Site:
    """The site, with feeds that may be quiet for a minute only."""
    mapping = tmp_path / "impatient.yaml"
    side = f"{{native: true, ordered: true, believable_silence: {BELIEVABLE}}}"
    sides = "\n".join(f"{name}: {side}" for name in ("incidents", "records", "referrals"))
    mapping.write_text(f"name: impatient\ntitle: Impatient\n{sides}\n", encoding="utf-8")
    named = json.loads(site.environment["RECOUNT_TOPICS"])
    changed = {topic: value.replace("native/", f"{mapping}/") for topic, value in named.items()}
    site.environment["RECOUNT_TOPICS"] = json.dumps(changed)
    return site


@pytest.fixture
def prometheus(impatient: Site, tmp_path: Path) -> Iterator[Prometheus]:
    impatient.environment["RECOUNT_HEALTH_PORT"] = str(free_port())
    target = f"127.0.0.1:{impatient.environment['RECOUNT_HEALTH_PORT']}"
    started = Prometheus(tmp_path, {"recount-worker": target})
    yield started
    started.end()


def alive(force: str, ago: float) -> list[Event]:
    """Heartbeats of some seconds ago from every source of a force."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return [event for event in heartbeats(at) if event.force == force]


def test_a_feed_that_stops_and_a_worker_that_dies_are_told(
    impatient: Site, ledger: Ledger, prometheus: Prometheus
) -> None:
    site = impatient
    site.produce([*alive("01", 55), *alive("02", 1)])
    worker = site.start()
    await_that(prometheus.answers, "Prometheus up", worker)
    worker.await_said("ready")
    shipped = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert prometheus.rules() == {rule["alert"] for rule in shipped}

    def stopped() -> bool:
        site.produce(alive("02", 1))  # force 01 says nothing more
        time.sleep(0.5)
        return ("RecountFeedStopped", "01") in prometheus.firing()

    await_that(stopped, "told that force 01's feed stopped", worker)
    firing = prometheus.firing()
    assert ("RecountFeedStopped", "02") not in firing
    assert ("RecountProcessDown", "recount-worker") not in firing
    assert ("RecountWatchdog", "") in firing
    worker.kill()
    await_that(
        lambda: ("RecountProcessDown", "recount-worker") in prometheus.firing(),
        "told that the worker is gone",
    )


def health_of(log: Path) -> str:
    """Where a part says how it is; empty until it has said so."""
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.startswith("{") and '"health"' in line and line.endswith("}"):
            return str(json.loads(line)["address"]).removeprefix("http://")
    return ""


def test_dev_is_scraped_whole_and_a_worker_of_it_that_is_killed_is_told(tmp_path: Path) -> None:
    with dev_running(tmp_path) as (process, where):
        logs = Path(where["logs"])
        names = {"recount-worker": logs / "worker-1.log", "recount-relay": logs / "relay.log"}
        await_that(lambda: all(map(health_of, names.values())), "ports said")
        prometheus = Prometheus(tmp_path, {job: health_of(log) for job, log in names.items()})
        try:
            await_that(prometheus.answers, "Prometheus up")
            await_that(
                lambda: prometheus.value("sum(recount_inputs_read_total)") > 0, "inputs scraped"
            )
            fired = ("RecountProcessDown", "recount-worker")
            await_that(
                lambda: (
                    prometheus.value('sum(up{job=~"recount.*"})') == 2
                    and fired not in prometheus.firing()
                ),
                "both scraped",
            )
            assert prometheus.value("max(recount_conservation_difference)") == 0
            await_that(
                lambda: prometheus.value("min(recount_planner_quiet_seconds)") >= 0,
                "planner scraped",
            )
            (worker,) = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            await_that(lambda: fired in prometheus.firing(), "told that the worker is gone")
        finally:
            prometheus.end()
