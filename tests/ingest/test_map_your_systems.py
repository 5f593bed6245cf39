"""The documentation's own example, run as a reader would run it."""

import re
import shlex
from pathlib import Path

import msgspec
import pytest
import typer.main

from service.cli import app, main
from service.ingest.expressions import BY_OWN_KEY
from service.ingest.kinds import fillable
from service.ingest.mapping import SIDES
from service.ingest.written import (
    Codes,
    CodeSlot,
    CompleteTo,
    Condition,
    Coordinates,
    CoverageWritten,
    EntryColumns,
    Expression,
    LinkColumns,
    MappingWritten,
    PersonColumns,
    Side,
)
from tests.ingest.reading import mapped

DOCUMENT = (Path(__file__).parents[2] / "docs" / "map-your-systems.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ?([\w.-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS: list[tuple[str, str, str]] = BLOCK.findall(DOCUMENT)
COMMANDS = [
    line
    for language, _, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    if line.startswith("recount ")
]


def there(command: str) -> bool:
    """Does the program have this command?"""
    group = typer.main.get_command(app)
    return command.split()[1] in getattr(group, "commands", {})


def test_every_command_of_the_document_exists_and_is_run() -> None:
    """Only ``replay`` may be missing, and only while it is not built in."""
    assert {command.split()[1] for command in COMMANDS} == {"sources", "replay"}
    assert {command.split()[1] for command in COMMANDS if not there(command)} <= {"replay"}


@pytest.mark.parametrize("wanted", [command for command in COMMANDS if there(command)])
def test_the_worked_example_runs_as_written(
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Files are written where the document writes them; what it says is printed is printed."""
    monkeypatch.chdir(tmp_path)
    printed = ""
    for language, name, text in BLOCKS:
        if name:
            Path(name).write_text(text, encoding="utf-8")
        elif language == "sh" and text.startswith("recount ") and there(text):
            command, _, remark = text.strip().partition("  # exit code ")
            with pytest.raises(SystemExit) as left:
                main(shlex.split(command)[1:])
            printed = capsys.readouterr().out
            assert (left.value.code or 0) == int(remark or 0), command
            if text.strip() == wanted:
                return
        elif language == "text":
            missing = [line for line in text.splitlines() if line not in printed]
            assert not missing, printed
    raise AssertionError(f"{wanted} was not reached")


def test_what_the_document_says_is_printed_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = next(command for command in COMMANDS if " show " in command)
    test_the_worked_example_runs_as_written(shown, tmp_path, monkeypatch, capsys)


def test_every_other_mapping_in_the_document_is_one() -> None:
    for language, name, text in BLOCKS:
        if language != "yaml" or name:
            continue
        head = "name: x\nforce: y\n"
        if text.startswith("records:"):
            text = f"incidents: {{fields: {{ref: call_no, received_at: at}}}}\n{text}"
        elif "fields" not in text:
            text = f"{text}  fields: {{ref: call_no, received_at: at}}\n"
        assert mapped(head + text).feeds


def test_every_trap_is_answered_by_keys_that_exist() -> None:
    section = DOCUMENT.split("## Traps", 1)[1].split("\n## ", 1)[0]
    answers = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ")][1:]
    keys = {word for answer in answers for word in re.findall(r"`(\w+)(?::[^`]*)?`", answer)}
    fields = {name for _, contract in SIDES.values() for name in fillable(contract)}
    words = {"occurred", "second", "refuse"}
    assert keys - _all_keys() - fields - words == set()


def _keys(*structs: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for each in structs for field in msgspec.structs.fields(each)}


def _all_keys() -> set[str]:
    inner = (Condition, Expression, PersonColumns, EntryColumns, LinkColumns, CodeSlot, Codes)
    return _keys(MappingWritten, Side, *inner, CompleteTo, CoverageWritten, Coordinates)


def test_every_key_of_the_language_is_in_the_tables() -> None:
    section = DOCUMENT.split("## Every key", 1)[1]
    first_cells = {
        key
        for row in section.splitlines()
        if row.startswith("| `")
        for key in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert first_cells >= _keys(MappingWritten, Side)
    assert first_cells >= _keys(Expression) - {"with", "else"}
    assert [key for key in sorted(_all_keys()) if f"`{key}`" not in section] == []


def test_fields_with_a_key_of_their_own_are_explained() -> None:
    for key in set(BY_OWN_KEY) - {"victims", "suspects"}:
        assert f"| `{key}` |" in DOCUMENT
