"""Another configuration made active: what it would change is shown, and is what it changes."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.words import AlertType
from service.alerts.routing_file import parse_routes
from service.effects import Input
from service.hosts import activating
from service.hosts.files import NotGiven
from service.hosts.planning import Planning, default_text, read_routes
from service.ingest.source import CodeMap
from service.ledger import outputs
from service.ledger.active import Kind, NotActive, Part, active, adopt, parts_of
from service.ledger.chain import verify
from service.ledger.opening import Ledger
from service.pointers import Rulebook
from service.settings import read_settings
from service.turn import Batch, turn
from tests.engine import likely
from tests.ledger.dump import dump
from tests.ledger.story import at, days, record, report, rulebook, tick
from tests.timeline import CODES, shipped_pack, sources

Fresh = Callable[[], Ledger]

ROUTES = parse_routes(default_text(), "default")


def book(digest: str = "one", codes: CodeMap = CODES, model: bool = False) -> Rulebook:
    """The story's, with a mapping that has a digest."""
    plain = rulebook()
    named = {
        name: replace(source, name=name, digest=digest, code_map=codes if source.code_map else None)
        for name, source in plain.sources.items()
    }
    return Rulebook(plain.pack, named, likely.model() if model else None)


OLD = book()
LEARNED = book(
    "two",
    replace(
        CODES,
        columns=(
            replace(
                CODES.columns[0],
                indicates={"crime": "yes", "welfare": "yes", "nobody knows this": "yes"},
            ),
        ),
    ),
)
NARROWED = book(
    "three", replace(CODES, columns=(replace(CODES.columns[0], indicates={"crime": "no"}),))
)
LIKELY = book(model=True)


def story() -> list[list[Input]]:
    """The days of the story, and a record that only place and person tie to a report."""
    return [
        [
            report("L1", 0.5, area="a", victims=("k1:v",)),
            record("P1", 0.6, reported_at=at(0.5), area="a", victims=("k1:v",)),
        ],
        *days(),
    ]


def told(ledger: Ledger, by: Rulebook, adopted: bool = True) -> Ledger:
    """A ledger to which the story was told, decided by this."""
    if adopted:
        with ledger.writing() as connection:
            adopt(connection, parts_of(by), at(0))
    for each in story():
        turn(ledger, by, Batch(inputs=tuple(each)))
    return ledger


def lines(ledger: Ledger) -> list[bytes]:
    with ledger.reading() as connection:
        return list(outputs.lines(connection))


def quiet(_: int) -> None:
    """Nobody watches."""


def previewed(ledger: Ledger, by: Rulebook) -> activating.Preview:
    return activating.preview(ledger, by, ROUTES, OLD.pack, at(200), quiet)


@pytest.mark.parametrize("after", [LEARNED, NARROWED, LIKELY], ids=["learned", "narrowed", "model"])
def test_it_judges_as_if_it_had_been_active_from_the_beginning(
    ledgers: Fresh, after: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activating, "SLICE", 3)
    ledger, whole = told(ledgers(), OLD), told(ledgers(), after)
    before = dump(ledger)
    shown = previewed(ledger, after)
    assert dump(ledger) == before, "a preview writes nothing"
    assert not shown.idle
    old = lines(ledger)
    said = activating.activate(ledger, after, ROUTES, quiet)
    assert lines(ledger) == lines(whole)
    changed = sum(a != b for a, b in zip(old, lines(whole), strict=True))
    assert 0 < shown.unlike + shown.differences.differing <= 2 * changed
    if after is LIKELY:  # what a model ties among records held before cannot be told beforehand
        assert said[AlertType.RECORDED] == 1
        return
    assert shown.differences.reports == len(old)
    assert 0 < shown.differences.differing <= changed
    assert dict(said) == dict(shown.events)
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        assert all(verify(connection, f).fault is None for f in outputs.forces(connection))


def test_what_fell_due_before_is_settled_quietly_and_nothing_is_said_twice(ledgers: Fresh) -> None:
    ledger = told(ledgers(), OLD)
    shown = previewed(ledger, LEARNED)
    assert shown.events[AlertType.MISSED] >= 1
    assert (shown.told.quiet, sum(each.interrupts for each in shown.told.receivers.values())) == (
        shown.told.alerts,
        0,
    )
    activating.activate(ledger, LEARNED, ROUTES, quiet)
    with ledger.reading() as connection:
        events = len(list(outputs.events(connection)))
    assert previewed(ledger, LEARNED).idle
    assert not activating.activate(ledger, LEARNED, ROUTES, quiet)
    with ledger.reading() as connection:
        assert len(list(outputs.events(connection))) == events


@pytest.mark.parametrize("stopped_after", [0, 1, 3])
def test_stopped_in_the_middle_it_is_given_again(
    ledgers: Fresh, stopped_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activating, "SLICE", 1)
    ledger, whole = told(ledgers(), OLD), told(ledgers(), OLD)
    seen = 0

    def stop(looked_at: int) -> None:
        nonlocal seen
        seen += looked_at
        if seen > stopped_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        activating.activate(ledger, LEARNED, ROUTES, stop)
    assert not previewed(ledger, LEARNED).idle
    activating.activate(ledger, LEARNED, ROUTES, quiet)
    activating.activate(whole, LEARNED, ROUTES, quiet)
    assert lines(ledger) == lines(whole)
    assert (
        dump(ledger, "version", "at", "activated_at")["alert_events"]
        == (dump(whole, "version", "at", "activated_at")["alert_events"])
    )


def test_whoever_was_started_with_another_decides_nothing(ledgers: Fresh) -> None:
    ledger = told(ledgers(), OLD)
    with pytest.raises(NotActive, match="mapping"):
        turn(ledger, LEARNED, Batch(inputs=(tick(300),)))
    with pytest.raises(NotActive, match="linkage"):
        turn(ledger, LIKELY, Batch(inputs=(tick(300),)))
    other = Rulebook(shipped_pack("england_and_wales"), OLD.sources)
    before = dump(ledger)
    with pytest.raises(NotActive, match=r"pack 'england_and_wales' .* recount config activate"):
        turn(ledger, other, Batch(inputs=(tick(300),)))
    assert dump(ledger) == before
    activating.activate(ledger, LEARNED, ROUTES, quiet)
    with pytest.raises(NotActive):
        turn(ledger, OLD, Batch(inputs=(tick(300),)))
    turn(ledger, LEARNED, Batch(inputs=(tick(300),)))


def test_the_first_start_and_a_new_mapping_are_active_at_once(ledgers: Fresh) -> None:
    ledger, now = ledgers(), at(0)
    with ledger.writing() as connection:
        adopt(connection, parts_of(OLD), now)
        adopt(connection, parts_of(OLD), now)
        more = {**parts_of(OLD), Part(Kind.MAPPING, "more"): "m"}
        adopt(connection, more, now)
        assert active(connection) == more
        with pytest.raises(NotActive):
            adopt(connection, parts_of(LEARNED), now)
        assert active(connection) == more


def test_routes_that_are_not_active_tell_nobody(ledgers: Fresh, tmp_path: Any) -> None:
    ledger = told(ledgers(), OLD)
    activating.activate(ledger, OLD, ROUTES, quiet)
    file = tmp_path / "routes.yaml"
    file.write_text(default_text() + "# another\n", encoding="utf-8")
    other = Planning(read_settings(routes=str(file)), ledger)
    with pytest.raises(NotActive, match="routes"):
        other.round(at(200))
    activating.activate(ledger, OLD, read_routes(str(file)), quiet)
    other.round(at(200))
    with pytest.raises(NotActive):
        Planning(read_settings(), ledger).round(at(200))


def test_a_ledger_fed_by_a_source_that_is_not_given_is_left_alone(ledgers: Fresh) -> None:
    ledger = told(ledgers(), OLD)
    few = Rulebook(OLD.pack, {"log": OLD.sources["log"]})
    with pytest.raises(NotGiven, match="crimes"):
        previewed(ledger, few)
    with pytest.raises(NotGiven, match="crimes"):
        activating.activate(ledger, few, ROUTES, quiet)


def test_the_pack_that_is_active_is_found_or_asked_for() -> None:
    held = parts_of(Rulebook(shipped_pack("umd"), sources()))
    found = activating.active_pack(held, "")
    assert found is not None
    assert found.name == "umd"
    assert activating.active_pack(dict.fromkeys(held, "older"), "") is None
    with pytest.raises(NotGiven, match="--from england_and_wales is not the pack"):
        activating.active_pack(held, "england_and_wales")
