"""Nothing personal comes back out of a refusal, an error or a summary of one (G9)."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.hosts.files import BadRow, InputBroken, open_rows
from service.ingest.decode import Decoder, Refused
from service.ingest.fields import ColumnMissing
from service.ingest.lined import Fault
from service.ingest.people import PersonKey
from tests.ingest.reading import KEY, feed_of, log, mapped, records

CANARY = "Zephyrine Quillfeather"
AT = "2025-01-01T10:00"

REPORT = log(
    "place.text: address, place.latitude: lat, place.longitude: lon, opening_codes: [type]",
    below="""
    people: [{role: victim, identity: [name], age_band: age}]
    officer: [collar]
    narrative: [{text: note, writer: role, at: when}]
    """,
)
COLUMNS = (
    "id",
    "at",
    "address",
    "lat",
    "lon",
    "type",
    "name",
    "age",
    "collar",
    "note",
    "role",
    "when",
)


@pytest.mark.parametrize("column", [name for name in COLUMNS[2:] if name != "type"])
@pytest.mark.parametrize("ref", ["", "1", "x" * 101])
@pytest.mark.parametrize("times", [1, 200])
def test_no_personal_column_of_a_report_is_echoed(column: str, ref: str, times: int) -> None:
    """Whether the row is refused for this column or for another."""
    row = dict.fromkeys(COLUMNS, "") | {"id": ref, "at": AT, column: CANARY * times}
    found = Decoder(feed_of(mapped(REPORT)), "f", COLUMNS, person_key=KEY).decode([*row.values()])
    assert isinstance(found, Refused) or ref == "1"
    assert not isinstance(found, Refused) or CANARY not in repr(found)


@pytest.mark.parametrize("column", ["mo", "vic", "where"])
def test_no_personal_column_of_a_record_is_echoed(column: str) -> None:
    text = records(
        "mo_text: mo, place.text: where", below="people: [{role: victim, identity: [vic]}]"
    )
    columns = ("id", "at", "mo", "vic", "where")
    decoder = Decoder(feed_of(mapped(text)), "f", columns, person_key=KEY)
    row = dict.fromkeys(columns, "") | {column: CANARY * 200}
    assert CANARY not in repr(decoder.decode([*row.values()]))


NATIVE = {"force": "33", "ref": "1", "received_at": f"{AT}Z"}


@pytest.mark.parametrize(
    "more",
    [
        {"people": [{"role": CANARY}]},
        {"people": [{"role": "victim", "key": [CANARY]}]},
        {"people": [{"role": "victim", CANARY: 1}]},
        {"people": CANARY},
        {"people": {CANARY: 1}},
        {"narrative": [{"text": [CANARY]}]},
        {"narrative": [{"text": "", "writer": CANARY}]},
        {"narrative": [{"text": "", "at": CANARY}]},
        {"place": {"text": [CANARY]}},
        {"place": {"text": CANARY * 200}},
        {"place": {"latitude": CANARY}},
        {"place": {CANARY: 1}},
        {"place": CANARY},
        {"officer": [CANARY]},
        {"officer": CANARY * 200},
        {CANARY: 1},
        {"school": {CANARY: 1}},
        {"closure": {"reason": {CANARY: 1}}},
        {"schema_version": CANARY},
        {"schema_version": 2, "people": CANARY},
        {"priority": {"name": CANARY}},
        {"place": {"text": CANARY + "\0"}},
    ],
    ids=repr,
)
def test_no_native_refusal_echoes_what_is_personal(more: dict[str, Any]) -> None:
    feed = feed_of(mapped("name: n\nincidents: {native: true}"))
    found = Decoder(feed, "f", None).decode(json.dumps(NATIVE | more).encode())
    assert isinstance(found, Refused)
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    "line",
    [
        CANARY.encode(),
        b'{"note": "' + CANARY.encode(),
        b'["' + CANARY.encode() + b'"]',
        b'{"note": "' + CANARY.encode() + b'\xff"}',
    ],
)
def test_a_line_that_cannot_be_read_is_not_repeated(line: bytes) -> None:
    for text in (log(), "name: n\nforce: x\nincidents: {native: true}"):
        assert CANARY not in repr(Decoder(feed_of(mapped(text)), "f", None).decode(line))


@pytest.mark.parametrize(
    "data",
    [
        f'id,at\n1,"{CANARY}\n2,x\n',
        f"id,at\n1,x,{CANARY}\n",
        f"id,at\n{CANARY}\n",
        f'id,at\n1,"{CANARY}" x\n',
        f"id,at\n1,{CANARY}\0\n",
        f'"{CANARY}\n',
        f"{CANARY},x\r1,2\n",
    ],
)
def test_no_row_and_no_file_that_cannot_be_read_is_repeated(tmp_path: Path, data: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(data, encoding="utf-8", newline="")
    said = ""
    try:
        opened = open_rows(path, feed_of(mapped(log())))
        said = "".join(repr(row) for _, row in opened.rows if isinstance(row, BadRow))
    except InputBroken as broken:
        said = str(broken)
    assert said
    assert CANARY not in said


def test_a_file_without_its_header_row_is_not_listed() -> None:
    with pytest.raises(ColumnMissing) as missing:
        Decoder(feed_of(mapped(log())), "f", ("7", "10:00", CANARY))
    assert CANARY not in str(missing.value)


def test_no_key_is_repeated() -> None:
    feed = feed_of(mapped(log(below="officer: [collar]")))
    with pytest.raises(Fault) as fault:
        Decoder(feed, "f", ("id", "at", "collar"))
    assert KEY.secret.decode() not in str(fault.value)
    assert CANARY not in repr(PersonKey("k", CANARY.encode()))
