"""The documentation's own example, run as a reader would run it."""

import re
from pathlib import Path

import msgspec
import pytest

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
from tests.documents import blocks, commands, run_to, text_of
from tests.ingest.reading import mapped

DOCUMENT = text_of("map-your-systems.md")
BLOCKS = blocks(DOCUMENT)
COMMANDS = commands(DOCUMENT)


def test_the_document_maps_checks_and_replays() -> None:
    assert {command.split()[1] for command in COMMANDS} == {"sources", "replay"}


@pytest.mark.parametrize("wanted", COMMANDS)
def test_the_worked_example_runs_as_written(
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run_to(DOCUMENT, wanted, capsys)


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
