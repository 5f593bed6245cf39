"""Files in any state: a clear message or a refused row, everything else read, sums still right."""

import codecs
import gzip
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.hosts.files import (
    BadRow,
    InputBroken,
    NotGiven,
    open_rows,
    read_mapping,
    read_pack,
    read_person_key,
    shipped,
)
from service.hosts.rows import LONGEST_LINE, MOST_LINES, guess
from service.ingest.decode import Decoder
from service.ingest.fields import ColumnMissing
from service.ingest.lined import Fault
from tests.ingest.reading import feed_of, log, mapped

HEADER = b"id,at,note\n"
GOOD = b"2,2025-01-01T10:00,fine\n"


def rows(
    tmp_path: Path, data: bytes, below: str = "", name: str = "log.csv"
) -> tuple[list[tuple[int, str]], list[tuple[int, str]], str]:
    """First cells of what was read, reasons of what was refused, and how it broke off; with lines."""
    path = tmp_path / name
    path.write_bytes(data)
    good: list[tuple[int, str]] = []
    bad: list[tuple[int, str]] = []
    try:
        for line, row in open_rows(path, feed_of(mapped(log(below=below)))).rows:
            if isinstance(row, BadRow):
                bad.append((line, row.reason.value))
            elif isinstance(row, bytes):
                good.append((line, str(json.loads(row)["id"])))
            else:
                good.append((line, next(iter(row))))
    except InputBroken as broken:
        return good, bad, str(broken)
    return good, bad, ""


STRAY = b'1,2025-01-01T10:00,"never closed\n'


@pytest.mark.parametrize(
    ("data", "good", "bad"),
    [
        (HEADER + GOOD, [(2, "2")], []),
        (HEADER, [], []),
        (codecs.BOM_UTF8 + HEADER + GOOD, [(2, "2")], []),
        (HEADER.replace(b"\n", b"\r\n") + GOOD, [(2, "2")], []),
        (HEADER + b"\n , ,\n,,\n" + GOOD, [(3, " "), (5, "2")], []),
        (HEADER + GOOD.strip(), [(2, "2")], []),
        # wrong bytes
        (HEADER + b"1,x,Stra\xdfe\n" + GOOD, [(3, "2")], [(2, "wrong_bytes")]),
        (HEADER + b"1,x,a\0b\n" + GOOD, [(3, "2")], [(2, "wrong_bytes")]),
        (HEADER + b"\0\0\0\n" + GOOD, [(3, "2")], [(2, "wrong_bytes")]),
        (HEADER + b'1,x,"two\nStra\xdfe"\n' + GOOD, [(4, "2")], [(2, "wrong_bytes")]),
        # ragged
        (HEADER + b"1,x\n" + GOOD, [(3, "2")], [(2, "invalid_field")]),
        (HEADER + b"1,x,y,z\n" + GOOD, [(3, "2")], [(2, "invalid_field")]),
        # quotes
        (HEADER + b'1,x,"two\nlines, and ""more"""\n' + GOOD, [(2, "1"), (4, "2")], []),
        (HEADER + b'1,x,"5" pipe"\n' + GOOD, [(3, "2")], [(2, "invalid_field")]),
        (HEADER + b'1,x,5" pipe\n' + GOOD, [(2, "1"), (3, "2")], []),
        (HEADER + STRAY + GOOD, [(3, "2")], [(2, "invalid_field")]),
        (HEADER + STRAY + GOOD * 1000, [(n, "2") for n in range(3, 1003)], [(2, "invalid_field")]),
        (
            HEADER + STRAY + GOOD + STRAY + GOOD,
            [(3, "2"), (5, "2")],
            [(2, "invalid_field"), (4, "invalid_field")],
        ),
        (HEADER + b"1,x\ry,z\n" + GOOD, [(3, "2")], [(2, "invalid_field")]),
        # length
        (HEADER + b"1,x," + b"y" * (10 << 20) + b"\n" + GOOD, [(3, "2")], [(2, "too_long")]),
        (
            HEADER + b"1,x," + b"y" * (LONGEST_LINE) + b"\n" + GOOD,
            [(3, "2")],
            [(2, "too_long")],
        ),
        (HEADER + GOOD + b"z" * (10 << 20), [(2, "2")], [(3, "too_long")]),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_csv_in_any_state(
    tmp_path: Path, data: bytes, good: list[tuple[int, str]], bad: list[tuple[int, str]]
) -> None:
    assert rows(tmp_path, data) == (good, bad, "")
    packed = gzip.compress(data, compresslevel=1)
    assert rows(tmp_path, packed, name="log.csv.gz") == (good, bad, "")


@pytest.mark.parametrize(
    ("below", "data", "good"),
    [
        ("short_rows: blank", HEADER + b"1,x\n" + GOOD, [(2, "1"), (3, "2")]),
        ("skip_lines: 2", b"Report\n\n" + HEADER + GOOD, [(4, "2")]),
        ("header: [id, at, note]", GOOD, [(1, "2")]),
        ("header: [id, at, note]", b"", []),
        ('delimiter: "\\t"', GOOD.replace(b",", b"\t") * 2, [(2, "2")]),
        ("encoding: windows-1252", HEADER + b"\x80,x,Stra\xdfe\n", [(2, "€")]),
    ],
)
def test_csv_as_the_mapping_says_it_is_written(
    tmp_path: Path, below: str, data: bytes, good: list[tuple[int, str]]
) -> None:
    assert rows(tmp_path, data, below) == (good, [], "")


def test_a_gzip_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    text = HEADER + b"".join(
        b"%d,2025-01-01T10:00,%s\n" % (n, os.urandom(9).hex().encode()) for n in range(9000)
    )
    packed = gzip.compress(text)
    good, bad, broken = rows(tmp_path, packed[: len(packed) // 2], name="log.csv.gz")
    assert 1000 < len(good) < 9000
    assert not bad
    assert broken.startswith(f"{tmp_path}/log.csv.gz: line ")
    assert "ends early" in broken
    assert "fetch the file again" in broken
    good, _, broken = rows(tmp_path, packed + b"more", name="log.csv.gz")
    assert (len(good), "ends early" in broken) == (9000, True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "line 1: the file is empty; give a file with a header row"),
        (
            b"id,at,Stra\xdfe\n" + GOOD,
            "line 1: the header row cannot be read; save the file as UTF-8",
        ),
        (b'id,at,"note\n' + GOOD, "line 1: the header row cannot be read"),
        (b"id,at\r1,x\r2,y\r", "line 1: the header row cannot be read"),
        (b"x" * (10 << 20), "line 1: the header row cannot be read"),
    ],
    ids=["empty", "encoding", "quote", "old line ends", "10 MB"],
)
def test_a_header_that_cannot_be_read_breaks_the_file_off(
    tmp_path: Path, data: bytes, says: str
) -> None:
    assert says in rows(tmp_path, data)[2]


def test_what_is_no_file_is_said_at_once(tmp_path: Path) -> None:
    feed = feed_of(mapped(log()))
    (tmp_path / "wide.csv").write_text("id,at\n", encoding="utf-16")
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04...")
    for name, says in [
        ("", "is a directory; give the files in it"),
        ("absent.csv", "does not exist"),
        ("wide.csv", "UTF-16; save it as UTF-8"),
        ("book.csv", "workbook"),
    ]:
        with pytest.raises(NotGiven, match=says):
            open_rows(tmp_path / name, feed)


JSON = "format: json"


@pytest.mark.parametrize(
    ("data", "good", "bad"),
    [
        (b'{"id": 1}\n\n{"id": 2}', [(1, "1"), (3, "2")], []),
        (codecs.BOM_UTF8 + b'{"id": 1}\n', [(1, "1")], []),
        (b"", [], []),
        (b'[{"id": 1},\n {"id": 2}\n]\n', [(1, "1"), (2, "2")], []),
        (codecs.BOM_UTF8 + b'\n[\n{"id": 1}]', [(3, "1")], []),
        (b'[{"id": "a]}\\"{", "x": {"y": [1]}}, {"id": "\\\\"}]', [(1, 'a]}"{'), (1, "\\")], []),
        (b"[]", [], []),
        (b'[{"id": 1}, 7, {"id": 2}]', [(1, "1"), (1, "2")], [(1, "not_json")]),
        (b'[{"id": "' + b"x" * (10 << 20) + b'"},\n{"id": 2}]', [(2, "2")], [(1, "too_long")]),
        (
            b"[" + b",\n".join(b'{"id": %d}' % n for n in range(60_000)) + b"]",
            [(n + 1, str(n)) for n in range(60_000)],
            [],
        ),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_json_lines_and_lists(
    tmp_path: Path, data: bytes, good: list[tuple[int, str]], bad: list[tuple[int, str]]
) -> None:
    assert rows(tmp_path, data, JSON, "log.json") == (good, bad, "")


def test_a_list_that_does_not_end_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    good, bad, broken = rows(tmp_path, b'[{"id": 1},\n{"id": ', JSON, "log.json")
    assert (good, bad) == ([(1, "1")], [])
    assert "line 2: the list does not end" in broken


# -- what is given by name --------------------------------------------------------------------


def test_what_is_shipped_loads() -> None:
    assert {"native", "umd"} <= set(shipped("mappings"))
    for name in shipped("mappings"):
        assert read_mapping(name).name == name
    assert read_pack("umd").written.name == "umd"


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (None, NotGiven, "does not exist"),
        ("", Fault, "my.yaml:1: the file must hold keys"),
        (b"name: \xff", Fault, "my.yaml:1: not UTF-8"),
        (
            log("opening_codes: [t]", below="codes: {opening: {file: l.csv}}"),
            Fault,
            "'l.csv' is not beside",
        ),
    ],
)
def test_mappings_by_path(tmp_path: Path, text: Any, error: type[Exception], says: str) -> None:
    path = tmp_path / "my.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(error, match=says):
        read_mapping(str(path))


def test_a_name_that_is_not_shipped_names_those_that_are() -> None:
    with pytest.raises(NotGiven, match="shipped are native, simulated, umd"):
        read_mapping("my-force")


def test_a_key_for_people_never_shows(tmp_path: Path) -> None:
    path = tmp_path / "person.key"
    with pytest.raises(NotGiven, match="no key"):
        read_person_key(path)
    path.write_text("k1:" + "s" * 32 + "\n", encoding="ascii")
    assert read_person_key(path).id == "k1"
    path.write_text("k1:" + "s" * 32 + "\nk2:" + "t" * 32, encoding="ascii")
    newest = read_person_key(path)
    assert newest.wraps is not None
    assert (newest.id, newest.wraps.id) == ("k2", "k1")
    for wrong in (
        "",
        "secretword" * 9,
        "k1:secretword",
        "k1:secretword\nsecretword" * 9,
        "k 1:" + "secretword" * 9,
    ):
        path.write_text(wrong, encoding="ascii")
        with pytest.raises(Fault) as fault:
            read_person_key(path)
        assert "secretword" not in str(fault.value)


@pytest.mark.parametrize(
    ("data", "delimiter", "header", "encoding"),
    [
        (b"id,at,note\n1,2025-01-01,a;b\n", ",", (), "utf-8"),
        (b"id;at;note\n1;2025-01-01;a,b,c\n2;x;y\n", ";", (), "utf-8"),
        (b"id\tat\n1\t2\n", "\t", (), "utf-8"),
        (b"id|at|x\n1|2|Stra\xdfe\n", "|", (), "windows-1252"),
        (
            b"7,2025-01-01 10:00,A\n8,2025-01-01 11:00,B\n",
            ",",
            ("column_1", "column_2", "column_3"),
            "utf-8",
        ),
        (b"id\n1\n", ",", (), "utf-8"),
    ],
)
def test_how_a_file_is_written_is_guessed(
    tmp_path: Path, data: bytes, delimiter: str, header: tuple[str, ...], encoding: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(data)
    side = guess(path)
    assert (side.delimiter, side.header, side.encoding) == (delimiter, header, encoding)
    path.write_bytes(gzip.compress(b'[{"id": 1}]'))
    assert guess(path).format == "json"


def test_a_quote_swallows_no_more_lines_than_a_row_may_have(tmp_path: Path) -> None:
    whole = b'1,x,"' + b"line\n" * (MOST_LINES - 1) + b'"\n'
    assert rows(tmp_path, HEADER + whole + GOOD)[0] == [(2, "1"), (MOST_LINES + 2, "2")]


PIECES = [bytes([each]) for each in b'a,"\n\r\0\xff{}[]:\\1 ']
PIECES += [b'{"id": 1}', b"2025-01-01T10:00", b"\xef\xbb\xbf", b"\xc3\xa9", b"id,at\n", b"\x1f\x8b"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    st.sampled_from(["csv", "json", "native"]),
)
def test_no_bytes_make_it_fall_over(data: bytes, kind: str) -> None:
    """Whatever a file holds, it is read, refused row by row, or broken off with a message."""
    text = log() if kind == "csv" else log(below="format: json")
    if kind == "native":
        text = "name: n\nincidents: {native: true}"
    feed = feed_of(mapped(text))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(data)
        try:
            opened = open_rows(path, feed)
            decoder = Decoder(feed, "f", opened.header)
            for line, row in opened.rows:
                assert 1 <= line <= data.count(b"\n") + 1
                if not isinstance(row, BadRow):
                    decoder.decode(row)
                    decoder.force_of(row)
        except (InputBroken, NotGiven, ColumnMissing):
            return
