"""The document on routes, run as a reader would run it; and the commands around it."""

import json
from pathlib import Path

import msgspec
import pytest

from service.alerts.routes import Match, Receiver, Route, Step, Written
from service.alerts.shifts import Shifts
from service.cli import main
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from tests.delivery.told import Story
from tests.documents import commands, run_to, text_of

GUIDE = text_of("route-alerts.md")


def test_the_document_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_to(GUIDE, commands(GUIDE)[-1], capsys)


def test_every_setting_is_in_the_document() -> None:
    for type_ in (Written, Receiver, Shifts, Step, Match, Route):
        for field in msgspec.structs.fields(type_):
            assert field.encode_name in GUIDE, field.encode_name


def test_a_faulty_file_is_refused_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "routes.yaml"
    main_of("routes", "copy", str(file))
    text = file.read_text(encoding="utf-8").replace("harm: true", "harm: yes, area: N1")
    file.write_text(text.replace("tell: [feeds]", "tell: [feed]"), encoding="utf-8")
    assert main_of("routes", "check", str(file)) == 1
    printed = capsys.readouterr().out
    assert "area" in printed
    assert "remedy" not in printed
    assert main_of("routes", "check", str(tmp_path / "none.yaml")) == 2


def test_a_category_that_no_rule_knows_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "routes.yaml"
    main_of("routes", "copy", str(file))
    text = file.read_text(encoding="utf-8").replace("harm: true", "category: [rapes]")
    file.write_text(text, encoding="utf-8")
    assert main_of("routes", "check", str(file)) == 1
    assert "category 'rapes' is not in rule pack england_and_wales" in capsys.readouterr().out


def test_a_test_that_asks_for_nonsense_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("colour=red", "harm=perhaps", "alert=lost", "due=soon"):
        assert main_of("routes", "test", asked) == 2
    assert "colour=red" in capsys.readouterr().err


def test_what_would_be_told_is_counted_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = open_ledger(url)
    upgrade(ledger.engine)
    story = Story(ledger).at("08:00")
    story.heartbeat()
    story.at("09:00").report("R1", opening_codes=["harassment"])
    story.report("R2", opening_codes=["burglary"])
    with story.asleep():
        story.passes("12:00").passes("+1 10:00")
    monkeypatch.setenv("DATABASE_URL", url)
    assert main_of("routes", "test", "--ledger", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["alerts"], told["quiet"]) == (2, 0)
    assert told["receivers"]["inspector"]["interrupts"] == 1
    assert told["receivers"]["chief"] == {"interrupts": 0, "on_worklist": 1, "digests": 1}
    assert told["messages"] == sum(
        each["interrupts"] + each["digests"] for each in told["receivers"].values()
    )
    assert story.notices() == []
    ledger.close()


def main_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)
