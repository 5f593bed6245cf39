"""``recount dev`` and the feed that it shares with ``recount simulate --to``."""

import os
import signal
import socket
import threading
import time
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from service.hosts.dev import LIVED
from service.hosts.feeding import Fed, HttpSender, feed, simulated, written
from service.hosts.files import NotGiven
from service.ingest.source import Topic
from service.ledger.opening import Ledger
from service.simulation.generate import Settings
from service.simulation.writing import write
from tests.kafka.site import PATIENCE, Site, await_that, dev_running, workers_of
from tests.kafka.test_relay import read

DAY = Settings(days=1, starts=date(2024, 3, 4))


def test_dev_starts_everything_feeds_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with dev_running(tmp_path) as (process, where):
        url = make_url(where["database"]).set(drivername="postgresql+psycopg")
        engine = create_engine(url)

        def relayed() -> bool:
            with engine.connect() as connection:
                query = text("SELECT count(*) FROM outbox WHERE status = 'sent'")
                return bool(connection.scalars(query).one())

        await_that(relayed, "alerts relayed")
        engine.dispose()
        with httpx.Client(follow_redirects=True) as client:
            page = client.get(where["board"])
        assert (page.status_code, "<h1" in page.text) == (200, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0, (tmp_path / "errors").read_text(encoding="utf-8")
    host, _, port = where["kafka"].rpartition(":")
    with pytest.raises(OSError):
        socket.create_connection((host, int(port)), timeout=1)
    assert not Path(where["logs"]).exists()
    # The package that brings PostgreSQL keeps an empty file there, shared by all who start one.
    assert {each.name for each in tmp_path.iterdir()} <= {"errors", ".lockfile"}


def test_in_dev_a_part_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with dev_running(tmp_path) as (process, where):
        log = Path(where["logs"]) / "worker-1.log"

        def begun(times: int) -> bool:
            return log.read_text(encoding="utf-8").count('"ready"') >= times

        await_that(lambda: begun(1), "a worker reads")
        time.sleep(LIVED)
        (worker,) = workers_of(process)
        os.kill(worker, signal.SIGKILL)
        await_that(lambda: begun(2), "it reads again")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert "worker-1 ended (-9) and was started again" in (tmp_path / "errors").read_text("utf-8")


def test_a_simulated_force_on_topics_is_what_it_would_be_in_files(
    site: Site, ledger: Ledger, tmp_path: Path
) -> None:
    options = ("--days", "1", "--from", "2024-03-04", "--to", "kafka", "--json")
    done = site.run("simulate", *options)
    assert done.code == 0, done.err
    write(DAY, 1, tmp_path)
    sides = {"log": "incidents", "crimes": "records", "referrals": "referrals"}
    for side, name in sides.items():
        lines = (tmp_path / f"{name}.jsonl").read_bytes().splitlines()
        held = read(site, site.topics[side])
        assert [record.value for record in held] == lines  # one force, so one partition
        assert {record.key for record in held} == {b"33"}


def test_files_are_fed_in_order_of_arrival_and_a_line_without_a_time_is_refused(
    tmp_path: Path,
) -> None:
    write(DAY, 1, tmp_path)
    names = dict(zip(Topic, ("incidents", "records", "referrals"), strict=True))
    told = written({topic: [tmp_path / f"{name}.jsonl"] for topic, name in names.items()})
    mine, theirs = list(told), list(simulated(DAY, 1))
    assert [each.at for each in mine] == sorted(each.at for each in theirs)
    assert {each.value for each in mine} == {each.value for each in theirs}
    (tmp_path / "bad.jsonl").write_text('{"force":"33"}\n', encoding="utf-8")
    with pytest.raises(NotGiven, match="line 1"):
        list(written({Topic.INCIDENT_LOG: [tmp_path / "bad.jsonl"]}))


def test_history_is_fed_fast_and_nothing_before_its_own_time() -> None:
    now = datetime.now(UTC)
    at = [now - timedelta(days=2), now - timedelta(days=1), now + timedelta(days=1)]
    told = [Fed(moment, Topic.INCIDENT_LOG, "33", b"{}") for moment in at]
    sent: list[Fed] = []
    looks = iter(range(1_000))
    many = feed(told, sent.extend, 1e9, until=lambda: next(looks) > 8)
    assert many == 2
    assert [each.at for each in sent] == at[:2]
    assert feed(told, sent.extend, None) == 3


def test_over_http_each_source_has_its_token_and_heartbeats_their_path(tmp_path: Path) -> None:
    got: list[tuple[str, str, int]] = []

    class Ingest(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Authorization"], len(body.splitlines())))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Ingest)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tokens = tmp_path / "tokens"
    tokens.write_text("incidents aa\ncrimes bb\nreferrals cc\n", encoding="utf-8")
    sender = HttpSender(f"http://127.0.0.1:{server.server_port}", tokens)
    told = list(simulated(DAY, 1))
    assert feed(told, sender.send, None) == len(told)
    server.shutdown()
    server.server_close()
    assert sum(lines for _, _, lines in got) == len(told)
    by_path = {path: {token for each, token, _ in got if each == path} for path, _, _ in got}
    assert by_path["/v1/incidents"] == {"Bearer aa"}
    assert by_path["/v1/crimes"] == {"Bearer bb"}
    assert by_path["/v1/heartbeats"] == {"Bearer aa", "Bearer bb", "Bearer cc"}
    tokens.write_text("incidents aa\n", encoding="utf-8")
    with pytest.raises(NotGiven, match="no line for crimes, referrals"):
        HttpSender("http://127.0.0.1:1", tokens)
