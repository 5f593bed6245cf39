"""Settings and log: what is said, and what never is."""

import ast
import json
import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from service import settings
from service.log import REPEATS_MAX, log, set_up_log
from service.settings import Settings, SettingsWrong, read_settings

SECRET = "hunter2hunter2"


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_secrets_come_from_the_environment_or_a_file_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", SECRET)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SECRET}@db/recount")
    read = read_settings()
    assert read.password() == SECRET
    assert SECRET in read.ledger_url()
    assert SECRET not in repr(read)
    assert SECRET not in read.model_dump_json()
    file = tmp_path / "password"
    file.write_text("from-a-file\n", encoding="utf-8")
    monkeypatch.setenv("KAFKA_PASSWORD_FILE", str(file))
    assert read_settings().password() == "from-a-file"
    monkeypatch.setenv("KAFKA_PASSWORD_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsWrong, match="KAFKA_PASSWORD_FILE"):
        read_settings().password()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECOUNT_TICK_EVERY", "soon"),
        ("RECOUNT_TICK_EVERY", "0"),
        ("RECOUNT_UNREADABLE_SHARE_MAX", "2"),
        ("KAFKA_SECURITY", "none please"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsWrong) as refused:
        read_settings()
    assert str(refused.value).startswith(f"{name}: ")
    assert f"'{value}'" not in str(refused.value)


def test_every_setting_says_what_it_means() -> None:
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    body = next(
        n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == "Settings"
    ).body
    said = {
        field.target.id
        for field, after in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr)
    }
    assert said == set(Settings.model_fields)


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_line_is_one_json_object_with_its_action(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(readable=False)
    log().info("turn", force="33", position=12)
    line = json.loads(capsys.readouterr().err)
    assert (line["action"], line["force"], line["position"], line["level"]) == (
        "turn",
        "33",
        12,
        "info",
    )


@pytest.mark.usefixtures("logging_as_it_was")
def test_libraries_speak_from_warnings_up_sparingly_and_without_false_alarms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_log(readable=False)
    library = logging.getLogger("aiokafka.client")
    library.info("not said")
    for port in range(100):
        library.error("Unable connect to node %s", port)
    logging.getLogger("faust.transport").error(
        "Has not committed %r (last commit %s).", "tp", "1 s"
    )
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == REPEATS_MAX
    assert {line["action"] for line in lines} == {"library"}
    assert lines[0]["text"] == "Unable connect to node 0"


@pytest.mark.usefixtures("logging_as_it_was")
def test_on_a_terminal_the_log_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(readable=True)
    log().warning("scattered", force="33")
    said = capsys.readouterr().err
    assert "scattered" in said
    assert not said.startswith("{")
