"""A draft from a sample: what it sees, what it warns of, and that it loads once filled in."""

import csv
import gzip
import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from service.cli import main
from service.hosts.files import read_mapping, sample
from service.ingest.draft import FileDraft, Looks, cliff, cut_of, look
from service.ingest.lined import Fault

DAY = date(2025, 3, 3)


def column(name: str, values: list[str]) -> dict[str, object]:
    """What a column of a hundred rows looks like."""
    rows = [[values[number % len(values)].format(n=number)] for number in range(100)]
    found = look("f.csv", [name], rows).column(name)
    return {"looks": found.looks, "personal": found.personal}


@pytest.mark.parametrize(
    ("name", "values", "looks", "personal"),
    [
        ("call_no", ["C{n:05}"], "id", False),
        ("CrimeRef", ["25/{n}"], "id", False),
        ("x", ["C{n:05}"], "id", False),
        ("call_type", ["Theft", "Assault", "Burglary"], "code", False),
        ("beat", ["B1", "B2"], "code", False),
        ("received", ["03/03/2025 10:00"], "time", False),
        ("received", ["2025-03-03T10:00:00Z"], "time", False),
        ("received", ["1741000{n:03}"], "time", False),
        ("seq", ["160{n:02}"], "id", False),
        ("time", ["09:15", "10:30"], "clock", False),
        ("caller_name", ["Customer {n}"], "text", True),
        ("officer", ["PC 1", "PC 2"], "code", True),
        ("who", ["Anna Smith{n}"], "text", True),
        ("notes", ["Caller said that the door was broken again {n}"], "text", True),
        ("location", ["{n} High Street"], "text", True),
        ("dob", ["01/02/1980"], "time", True),
        ("empty", [""], None, False),
        ("lat", ["52.6{n}"], "number", False),
    ],
)
def test_what_a_column_looks_to_hold(
    name: str, values: list[str], looks: str | None, personal: bool
) -> None:
    expected = Looks.EMPTY if looks is None else Looks(looks)
    assert column(name, values) == {"looks": expected, "personal": personal}


@pytest.mark.parametrize(
    ("values", "formats", "either"),
    [
        (["03/04/2025 10:00", "05/06/2025 11:00"], ["%d/%m/%Y %H:%M"], True),
        (["13/04/2025 10:00", "05/06/2025 11:00"], ["%d/%m/%Y %H:%M"], False),
        (["04/13/2025 10:00", "05/06/2025 11:00"], ["%m/%d/%Y %H:%M"], False),
        (["13/04/2025 10:00", "13/04/2025"], ["%d/%m/%Y %H:%M", "%d/%m/%Y"], False),
        (["2025-04-13 10:00:00"], ["iso"], False),
        (["1741000000000"], ["unix_ms"], False),
        (["13 Apr 2025 10:00"], ["%d %b %Y %H:%M"], False),
    ],
)
def test_formats_that_parse(values: list[str], formats: list[str], either: bool) -> None:
    found = look("f.csv", ["at"], [[value] for value in values * 20]).column("at")
    assert (found.formats, found.either) == (formats, either)


def counts(*levels: int) -> dict[date, int]:
    return {DAY + timedelta(days=number): level for number, level in enumerate(levels) if level}


@pytest.mark.parametrize(
    ("days", "said", "starts", "ends"),
    [
        (counts(*[20] * 30), 0, 0, 29),
        (counts(*[20] * 30, 2, 1, 2, 0, 1, 1), 1, 0, 29),
        (counts(1, 0, 2, 1, *[20] * 30), 1, 4, 33),
        (counts(*[20] * 30, 1, 1), 0, 0, 31),
        (counts(*[20] * 10, 0, 0, 0, 0, *[20] * 10), 0, 0, 23),
        (counts(2, 1), 0, 0, 1),
    ],
)
def test_where_daily_counts_fall_off_a_cliff(
    days: dict[date, int], said: int, starts: int, ends: int
) -> None:
    found, first, last = cliff(days)
    assert len(found) == said
    assert (first, last) == (DAY + timedelta(days=starts), DAY + timedelta(days=ends))
    assert cliff({}) == ([], None, None)


def test_a_file_cut_by_incident_date_whose_record_dates_run_on_looks_cut() -> None:
    rows = []
    start = datetime.fromisoformat("2025-01-01T08:00")
    for number in range(60 * 12):
        reported = start + timedelta(hours=2 * number)
        delay = timedelta(days=number % 40) if number % 12 == 0 else timedelta(hours=1)
        rows.append(
            [str(number), f"{reported:%Y-%m-%d %H:%M}", f"{reported + delay:%Y-%m-%d %H:%M}"]
        )
    found = look("crimes.csv", ["crime_no", "reported", "recorded"], rows)
    (said,) = cut_of(found)
    assert said.startswith("recorded: counts fall off after 2025-03-0")
    assert said.endswith("looks cut by reported")


def _fill(path: Path) -> None:
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([rows[0], *[[*row[:3], "no"] for row in rows[1:]]])


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


LOG = "incident no;received date;received time;nature;outcome;caller;report no;report made\n"
ROW = "I{n};{d:%d/%m/%Y};{d:%H:%M};{c};done;Customer {n};{r};{m}\n"


def test_a_draft_loads_and_checks_clean_once_its_codes_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    start, text = datetime.fromisoformat("2025-01-15T00:30"), LOG
    for number in range(120):
        at = start + timedelta(hours=2 * number)
        made = f"{at + timedelta(hours=1):%Y-%m-%d %H:%M:%S}" if number % 3 == 0 else ""
        code = ("Theft", "yes", "010")[number % 3]
        ref = f"R{number}" if made else "N/A"
        text += ROW.format(n=number, d=at, c=code, r=ref, m=made)
    Path("calls.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert _run("sources", "draft", "calls.csv.gz", "--force", "33", "--name", "mine") == 0
    said = capsys.readouterr().out
    assert "looks to hold both sides" in said
    with pytest.raises(Fault, match=r"mine.codes.csv:2: code '\w+' is not decided"):
        read_mapping("mine.yaml")
    _fill(Path("mine.codes.csv"))
    mapping = read_mapping("mine.yaml")
    assert [feed.side for feed in mapping.feeds] == ["incidents", "records"]
    written = Path("mine.yaml").read_text(encoding="utf-8")
    assert "drop: [caller]" in written
    assert "Customer" not in written + Path("mine.codes.csv").read_text(encoding="utf-8")
    assert _run("sources", "check", "mine.yaml", "calls.csv.gz", "--json") == 0
    review = json.loads(capsys.readouterr().out)
    assert [(side["rows"], side["mapped"], side["refused"]) for side in review["sides"]] == [
        (120, 120, []),
        (120, 40, []),
    ]
    assert review["conclusion"]["records_found"] == 40
    assert _run("sources", "draft", "calls.csv.gz", "--name", "mine") == 2
    assert "is there already" in capsys.readouterr().err


def test_objects_are_looked_at_by_path(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    rows = [
        {"call": {"id": f"C{n}", "at": "2025-03-13T10:00:00Z"}, "flags": ["DA", "hate"], "x": None}
        for n in range(50)
    ]
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    side, found = sample(path)
    assert side.format == "json"
    looks = {column.name: column.looks.value for column in found.columns}
    assert looks == {"call.id": "id", "call.at": "time", "flags": "code"}


def test_a_sample_in_a_bad_state_is_drafted_from_what_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(b"id,at\n1,2025-01-01T10:00\n2\n3,\0\n4,2025-01-02T10:00\n")
    _, found = sample(path)
    assert (found.rows, found.refused) == (2, 2)
    path.write_bytes(b"")
    assert _run("sources", "draft", str(path), "--out", str(tmp_path)) == 1
    assert "the file is empty" in capsys.readouterr().err


def test_real_systems_are_drafted(shared_data: Path) -> None:
    found: list[FileDraft] = []
    for name in ("incidents.csv.gz", "records.csv.gz"):
        _, draft = sample(shared_data / "linked_umd" / name)
        found.append(draft)
    looks = [{each.name: each.looks.value for each in draft.columns} for draft in found]
    assert looks[0] == {
        "case_number": "id",
        "occurred": "time",
        "reported": "time",
        "type": "code",
        "disposition": "code",
        "location": "text",
    }
    assert looks[1] | {"charge": "text"} == {
        "record_number": "id",
        "recorded": "time",
        "case_number": "id",
        "charge": "text",
    }
    assert found[0].column("occurred").formats == ["%m/%d/%y %H:%M", "%m/%d/%y"]
