"""Settings shown and checked: secrets never, misspelt names always."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.cli import main

SECRET = "hunter2hunter2"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and everything printed."""
    with pytest.raises(SystemExit) as left:
        main([*arguments])
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out + printed.err


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    import os

    for name in list(os.environ):
        if name.startswith(("RECOUNT_", "KAFKA_", "DATABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SECRET}@db/recount")
    return monkeypatch


def test_each_setting_is_shown_with_its_source_and_secrets_are_not(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET, encoding="utf-8")
    environment.setenv("KAFKA_PASSWORD_FILE", str(password))
    environment.setenv("RECOUNT_TICK_EVERY", "2")
    code, text = run(capsys, "config", "show")
    assert code == 0
    assert SECRET not in text
    code, text = run(capsys, "config", "show", "--json")
    assert SECRET not in text
    shown: dict[str, Any] = {each["name"]: each for each in json.loads(text)}
    assert shown["DATABASE_URL"]["value"] == shown["KAFKA_PASSWORD"]["value"] == "(set, not shown)"
    assert shown["KAFKA_PASSWORD"]["origin"] == f"file {password}"
    assert shown["RECOUNT_TICK_EVERY"] == {
        "name": "RECOUNT_TICK_EVERY",
        "value": 2.0,
        "origin": "environment",
    }
    assert shown["RECOUNT_RULES"]["origin"] == "default"


def test_settings_that_can_be_used_pass(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "config", "check") == (0, "settings can be used\n")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RECOUNT_TICK_EVRY", "2", "perhaps RECOUNT_TICK_EVERY"),
        ("RECOUNT_TICK_EVERY", "soon", "RECOUNT_TICK_EVERY: "),
        ("RECOUNT_TOPICS", '{"log": "native/nothing"}', "there is no 'native/nothing'"),
        ("RECOUNT_TOPICS", '{"log": "nowhere/incidents"}', "RECOUNT_TOPICS: log: "),
        ("RECOUNT_RULES", "no_such_pack", "no_such_pack"),
        ("DATABASE_URL", "", "DATABASE_URL: is not set"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL: is no database URL"),
        ("KAFKA_SECURITY", "SASL_SSL", "KAFKA_USER"),
        ("KAFKA_CA", "/nowhere/ca.pem", "/nowhere/ca.pem is not there"),
    ],
)
def test_what_cannot_be_used_is_named(
    name: str,
    value: str,
    said: str,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.setenv(name, value)
    code, text = run(capsys, "config", "check")
    assert code == 1
    assert said in text
    assert SECRET not in text


def test_an_older_copy_is_checked_backed_up_and_restored_by_command(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        environment.setenv("DATABASE_URL", f"sqlite:///{tmp_path / name}.db")
        if name == "one":
            assert run(capsys, "db", "upgrade")[0] == 0
            assert run(capsys, "db", "backup", str(tmp_path / "copy.db"))[0] == 0
        else:
            assert run(capsys, "db", "restore", str(tmp_path / "copy.db"))[0] == 0
        code, text = run(capsys, "db", "check")
        assert code == 0
        assert "counts add up" in text
    code, text = run(capsys, "db", "erase", "--before", "2020-01-01", "--yes")
    assert (code, text.split(":")[0]) == (0, "erased")
    code, text = run(capsys, "db", "erase", "--before", "2999-01-01", "--yes")
    assert code == 2
    assert "kept for 365 days" in text
