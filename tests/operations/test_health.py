"""The health port, and that what it tells is what the ledger holds."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, select, update

from service import metrics
from service.hosts import health
from service.hosts.health import Health
from service.hosts.stopped import WorkerStopped
from service.ledger.figures import figures
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import intake, lanes, sources
from service.ledger.upgrading import upgrade
from service.metrics import EVERY, Counted, Kind, Origin
from service.settings import read_settings
from tests.kafka.feed import NOW, apply_to, events

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(opened.engine)
    yield opened
    opened.close()


def asked(address: str) -> tuple[int, str]:
    """Answer of the port."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def sampled(text: str) -> Samples:
    """Values by name and label values."""
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for each in text_string_to_metric_families(text)
        for sample in each.samples
    }


@pytest.fixture
def own() -> Iterator[Health]:
    """The health of a process, served."""
    with health.served(read_settings(), Origin.RELAY) as made:
        yield made


def test_a_process_says_how_it_is(own: Health, ledger: Ledger) -> None:
    assert asked(f"{own.address}/livez") == (200, "alive\n")
    assert asked(f"{own.address}/startupz") == (503, "starting\n")
    assert asked(f"{own.address}/readyz") == (503, "starting\n")
    own.started.set()
    own.watch(ledger)
    assert own.looked.wait(60)
    assert asked(f"{own.address}/startupz")[0] == 200
    assert asked(f"{own.address}/readyz") == (200, "ready\n")
    own.reasons = lambda: ("no broker has answered for 20 s",)
    assert asked(f"{own.address}/readyz") == (503, "no broker has answered for 20 s\n")
    assert asked(f"{own.address}/other")[0] == 404


def test_a_port_that_is_taken_is_named_with_the_remedy(
    own: Health,
) -> None:
    settings = read_settings(health_port=int(own.address.rpartition(":")[2]))
    with (
        pytest.raises(WorkerStopped, match="RECOUNT_HEALTH_PORT"),
        health.served(settings, Origin.WORKER),
    ):
        pass


def test_what_is_scraped_is_what_the_ledger_holds(own: Health, ledger: Ledger) -> None:
    apply_to(ledger, events(600), NOW)
    own.started.set()
    own.watch(ledger)
    assert own.looked.wait(60)
    found = sampled(asked(f"{own.address}/metrics")[1])
    with ledger.reading() as connection:
        held = figures(connection, datetime.now(UTC))
    assert held.reports
    for key, n in held.reports.items():
        assert found["recount_reports", tuple(sorted(key))] == n
    read = sum(v for (name, _), v in found.items() if name == "recount_inputs_read_total")
    became = sum(v for (name, _), v in found.items() if name == "recount_inputs_total")
    assert read == became == sum(held.read.values()) > 600
    assert found["recount_conservation_difference", ("inputs",)] == 0
    assert found["recount_conservation_difference", ("reports",)] == 0
    assert found["recount_outbox_waiting", ()] == held.outbox_waiting > 0
    assert found["recount_ledger_up", ()] == found["recount_ready", ()] == 1
    assert found["recount_source_behind_seconds", ("01", "native/incidents")] > 0
    assert found["recount_ledger_statement_seconds_count", ()] == 0
    with ledger.writing() as connection:
        connection.execute(select(lanes.c.force))
    found = sampled(asked(f"{own.address}/metrics")[1])
    assert found["recount_ledger_statement_seconds_count", ()] > 0


def test_a_ledger_that_is_gone_is_said_and_the_port_still_answers(
    own: Health, ledger: Ledger
) -> None:
    own.started.set()
    own.watch(ledger)
    assert own.looked.wait(60)
    with ledger.writing() as connection:
        connection.exec_driver_sql("DROP TABLE tallies")
    found = sampled(asked(f"{own.address}/metrics")[1])
    assert found["recount_ledger_up", ()] == 0
    assert not [name for name, _ in found if name == "recount_reports"]


def test_deadlines_are_counted_ahead_and_the_next_is_named(ledger: Ledger) -> None:
    apply_to(ledger, events(600), NOW)
    with ledger.reading() as connection:
        before = [figures(connection, NOW + timedelta(hours=n)) for n in (-48, 0, 48)]
    for each in before:
        for lane in each.lanes:
            assert list(lane.due) == sorted(lane.due)
    assert sum(lane.due[-1] for lane in before[2].lanes) >= sum(
        lane.due[-1] for lane in before[0].lanes
    )


def test_a_count_that_does_not_add_up_shows(own: Health, ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.execute(
            insert(intake).values(force="33", source="log", topic="", result="read", n=3)
        )
        connection.execute(insert(lanes).values(force="33", version=0, seq=0, head=b""))
    own.watch(ledger)
    assert own.looked.wait(60)
    found = sampled(asked(f"{own.address}/metrics")[1])
    assert found["recount_conservation_difference", ("inputs",)] == 3


def test_files_read_to_their_end_are_not_behind(own: Health, ledger: Ledger) -> None:
    apply_to(ledger, events(300), NOW)
    with ledger.writing() as connection:
        state = '{"force":"01","source":"log","ended":true,"watermark":"2020-01-01T00:00:00Z"}'
        here = (sources.c.force == "01") & (sources.c.source == "native/incidents")
        connection.execute(update(sources).where(here).values(state=state))
    own.watch(ledger)
    assert own.looked.wait(60)
    found = sampled(asked(f"{own.address}/metrics")[1])
    assert ("recount_source_behind_seconds", ("01", "native/incidents")) not in found
    assert ("recount_source_behind_seconds", ("01", "native/records")) in found


def test_the_document_is_made_from_the_metrics() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text[text.index("| metric |") :]
    assert table == metrics.as_markdown(), "run: recount metrics, and put it into docs/metrics.md"


def test_names_follow_the_conventions() -> None:
    names = [each.name for each in EVERY]
    assert len(names) == len(set(names))
    for each in EVERY:
        assert each.name.startswith("recount_")
        assert each.name.endswith("_total") == (each.kind is Kind.COUNTER)
        assert ("seconds" in each.name) == (each.unit == "seconds")
        assert each.help.endswith(".")
        assert not {"name", "ref", "person", "text"} & set(each.labels) - (
            {"name"} if each is metrics.ACTIVE else set()
        )


def test_two_processes_in_one_program_share_nothing() -> None:
    one, two = Counted(Origin.TURNS), Counted(Origin.TURNS)
    one.counter(metrics.TURN_AGAIN).labels("held").inc()
    assert one.registry.get_sample_value("recount_turns_repeated_total", {"why": "held"}) == 1
    assert two.registry.get_sample_value("recount_turns_repeated_total", {"why": "held"}) is None
