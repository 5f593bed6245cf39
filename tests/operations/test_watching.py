"""What is counted of people told, crimes, and declared outages; forces are named within bounds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest

from service import metrics
from service.hosts.health import Health, of_figures, of_look
from service.ledger.figures import figures
from service.ledger.looks import look
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from service.metrics import FORCES_MAX, OTHER, Counted, Family, Forces, Origin, family
from service.outages import declared, running
from service.settings import SettingsWrong, read_settings
from service.turned import TurnsCounted
from tests.delivery.told import Story
from tests.operations.test_health import Samples, sampled

LINE = "- {force: '33', source: native/incidents, from: 2026-01-10T22:00:00Z, until: 2026-01-11T04:00Z}\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(opened.engine)
    yield opened
    opened.close()


def samples(families: Iterator[Family]) -> Samples:
    return {
        (each.name, tuple(sorted(each.labels.values()))): each.value
        for one in families
        for each in one.samples
    }


def seen(ledger: Ledger, now: datetime) -> Samples:
    """What a scrape at that moment would say."""
    forces = Forces()
    with ledger.reading() as connection:
        held, looked = figures(connection, now), look(connection, now)
    return samples(of_figures(held, now, forces)) | samples(of_look(looked, forces))


def test_who_was_told_and_what_became_of_crimes_is_counted(ledger: Ledger) -> None:
    story = Story(ledger).at("08:00").heartbeat()
    story.at("09:00").report("R1", opening_codes=["harassment"])
    story.passes("+1 05:00")
    before = seen(ledger, story.now)
    assert before["recount_crimes", ("33", "pending")] == 1
    assert before["recount_crimes", ("33", "due")] == 0
    assert before["recount_oldest_owed_seconds", ("33", "pending")] == 0
    assert before["recount_escalation_steps_missed", ("steps",)] == 0
    assert before["recount_planner_quiet_seconds", ()] == 0
    with story.asleep():
        story.passes("+1 11:00")
    after = seen(ledger, story.now)
    assert after["recount_crimes", ("33", "missed")] == after["recount_crimes", ("33", "due")] == 1
    assert after["recount_oldest_owed_seconds", ("33", "missed")] == timedelta(hours=2) / timedelta(
        seconds=1
    )
    assert after["recount_escalation_events_unheard", ()] == 1
    assert after["recount_planner_quiet_seconds", ()] > 300
    assert after["recount_warned", ("33",)] == 1
    assert after["recount_acted_before_deadline_ratio", ("33",)] == 0
    story.plan()
    told = seen(ledger, story.now)
    asked = {key: n for (name, key), n in told.items() if name == "recount_interrupts" and n}
    assert asked
    for key in asked:
        assert told.get(("recount_interrupts_budget", key), 99) >= 1


def test_forces_are_named_within_bounds() -> None:
    forces = Forces()
    assert forces.label("Somebody's name, typed into the wrong field") == OTHER
    assert forces.label("") == ""
    named = [forces.label(f"F{n}") for n in range(FORCES_MAX + 20)]
    assert named.count(OTHER) == 20
    assert forces.label("F0") == "F0"
    series = [((f"x {n}",), float(n)) for n in (1, 2)]
    for metric, together in (
        (metrics.NEAREST_DEADLINE, 1),
        (metrics.LANE_BEHIND, 2),
        (metrics.WARNED, 3),
    ):
        (one,) = family(metric, series, forces).samples
        assert (one.labels["force"], one.value) == (OTHER, together)


def test_no_series_is_said_twice(ledger: Ledger) -> None:
    health = Health(read_settings(), Origin.TURNS)
    counted = Counted(Origin.TURNS)
    TurnsCounted(counted)
    health.watch(ledger)
    assert health.looked.wait(60)
    text = generate_latest(health.counted.registry).decode()
    lines = [line.rpartition(" ")[0] for line in text.splitlines() if line[0] != "#"]
    assert len(lines) == len(set(lines))
    health.rest()


def test_an_outage_runs_from_until(tmp_path: Path, ledger: Ledger) -> None:
    file = tmp_path / "outages.yaml"
    file.write_text(LINE, encoding="utf-8")
    during, after = datetime(2026, 1, 11, tzinfo=UTC), datetime(2026, 1, 11, 4, tzinfo=UTC)
    assert list(running(file, during)) == [("33", "native/incidents")]
    assert not running(file, after)
    begun, ends = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    file.write_text(
        f"- {{force: '33', source: log, from: {begun.isoformat()}, until: {ends.isoformat()}}}\n",
        encoding="utf-8",
    )
    health = Health(read_settings(outages_file=file), Origin.TURNS)
    named = ("recount_source_outage_declared", ("33", "log"))
    assert sampled(generate_latest(health.counted.registry).decode())[named] == 1
    file.write_text("- {force: 33}\n", encoding="utf-8")  # cannot be read: somebody is paged
    assert named not in sampled(generate_latest(health.counted.registry).decode())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("force: '33'\n", "no list"),
        ("- [\n", "not YAML"),
        ("- {force: '33', source: log}\n", "outage 1, from"),
        (LINE + LINE.replace("2026-01-10", "2026-01-12"), "outage 2.*not after"),
        (LINE.replace("22:00:00Z", "22:00:00"), "outage 1, from.*timezone"),
    ],
)
def test_a_file_of_outages_that_cannot_be_used_is_told_of(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "outages.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsWrong, match=told):
        declared(file)
    with pytest.raises(SettingsWrong, match="No such file"):
        declared(tmp_path / "none.yaml")
    assert declared(None) == ()
