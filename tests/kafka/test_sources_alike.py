"""Every way in gives the same answer: files, topics read by nobody's group, a worker."""

import json
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from service.hosts.kafka_topics import partition_of
from service.ledger.opening import Ledger
from tests.hosts.command import recount
from tests.kafka.feed import SIDES, Event, answer, events
from tests.kafka.site import Site

SAME = ("verdicts.jsonl", "claims.jsonl")


AS_OF = "2025-06-01T00:00:00Z"


def replay(out: Path, *options: str) -> int:
    """Replay in this process, whose environment is the site's."""
    return recount("replay", "--source", "native", "--as-of", AS_OF, "--out", out, *options)


@pytest.fixture(autouse=True)
def _here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def told(site: Site, ledger: Ledger) -> list[Event]:
    """Everything on the topics, applied by a worker with two dead letters beside."""
    at = events(600)[0].at
    bad = [Event("log", "01", b'{"force":\n"01"}', at), Event("crimes", "02", None, at)]
    every = [*events(600), *bad]
    site.produce(every)
    return every


def test_files_topics_and_a_worker_give_the_same_bytes(
    site: Site, ledger: Ledger, told: list[Event], tmp_path: Path
) -> None:
    worker = site.start()
    site.await_applied(ledger, len(told), worker)
    files: list[str] = []
    for side, name in SIDES.items():
        path = tmp_path / f"{name}.jsonl"
        lines = [(e.value or b"null").replace(b"\n", b"") for e in told if e.side == side]
        path.write_bytes(b"\n".join(lines) + b"\n")
        files += [f"--{name}", str(path)]
    assert replay(tmp_path / "files", *files) == 0
    before = _offsets(site)
    assert replay(tmp_path / "topics", "--from-kafka") == 0
    assert _offsets(site).keys() == before.keys()  # no group beside the worker's
    assert worker.process.poll() is None
    assert worker.stop() == 0
    for name in SAME:
        bytes_of = [(tmp_path / way / name).read_bytes() for way in ("files", "topics")]
        assert bytes_of[0] == bytes_of[1]
        assert bytes_of[0]
    lines = (tmp_path / "topics" / "verdicts.jsonl").read_bytes().splitlines()
    assert tuple(lines) == answer(ledger).lines
    dead = [
        json.loads(line)
        for line in (tmp_path / "topics" / "dead_letters.jsonl").read_bytes().splitlines()
    ]
    assert len(dead) == 2
    assert all(site.topics["log" if "log" in d["file"] else "crimes"] in d["file"] for d in dead)


def test_a_stretch_is_bounded_by_time_or_by_position(
    site: Site, told: list[Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(*bounds: str) -> int:
        assert replay(tmp_path / "out", "--from-kafka", "--json", *bounds) == 0
        return int(json.loads(capsys.readouterr().out)["inputs"]["read"])

    ordered = sorted(told, key=lambda event: event.at)
    middle = ordered[len(ordered) // 2].at
    # From the first at or after it: the two that came last, with old times, are among those.
    late = sum(event.at >= middle for event in events(600)) + 2
    assert read("--since", middle.isoformat()) == late
    assert read("--until", middle.isoformat()) == len(told) - late
    log, crimes = site.topics["log"], site.topics["crimes"]
    n = partition_of("03", 4)
    nothing = [
        each
        for topic in site.topics.values()
        for each_n in range(4)
        for each in ("--span", f"{topic}/{each_n}=0:0")
    ]
    assert read(*nothing, "--span", f"{log}/{n}=2:7", "--span", f"{crimes}/{n}=0:3") == 8
    assert replay(tmp_path / "out", "--from-kafka", "--span", f"{log}/{n}=0:99999") == 2
    assert "is held" in capsys.readouterr().err
    assert replay(tmp_path / "out", "--since", middle.isoformat()) == 2


def _offsets(site: Site) -> dict[str, object]:
    """Groups that the broker knows, of this site."""
    client = KafkaAdminClient(bootstrap_servers=site.bootstrap)
    groups = {each["group_id"]: each for each in client.list_groups()}
    client.close()
    mark = site.environment["RECOUNT_GROUP"]
    return {name: each for name, each in groups.items() if name == mark or not name}
