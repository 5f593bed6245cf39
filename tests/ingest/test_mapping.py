"""A mapping is checked whole on load: every kind of mistake has its file, its line and its remedy."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from service.ingest.lined import Fault
from service.ingest.source import Blank, Combine, CutBy, Topic
from tests.ingest.reading import feed_of, log, mapped

GOOD = """\
name: my
force: '33'
zone: Europe/London
formats: ['%d/%m/%Y %H:%M', iso]
blank: [N/A]
drop: [notes, person]
limit: 24h
incidents:
  fields:
    ref: id
    received_at: at
    opening_codes: [type, sub]
    closing_codes: [result]
    place.area: beat
    priority: {column: grade, values: {'1': A}}
  where:
    - {column: id, blank: false}
  codes:
    opening: {indicates: {Theft: yes}}
  people:
    - {role: victim, identity: [surname]}
  coverage: {from: 2025-01-01, until: 2025-02-01, cut_by: received}
records:
  fields: {ref: crime, recorded_at: made, kind: {constant: crime}}
"""


def test_a_good_mapping() -> None:
    mapping = mapped(GOOD)
    logs, made = mapping.feeds
    assert (logs.source.name, logs.source.topic) == ("my/incidents", Topic.INCIDENT_LOG)
    assert (made.source.name, made.source.topic) == ("my/records", Topic.CRIME_RECORD)
    assert logs.source.forces == ("33",)
    assert logs.source.limit == timedelta(hours=24)
    assert logs.source.covers_from == datetime(2025, 1, 1, tzinfo=UTC)
    assert logs.source.digest == made.source.digest == mapping.digest
    assert logs.columns() == ["id", "at", "type", "sub", "result", "beat", "grade", "surname"]


FIRST = "name: my\n"
MISTAKES: list[tuple[str, str, int, str, str]] = [
    # what is replaced, by what, the line, what is wrong, the remedy
    ("zone: Europe/London", "zone: Europe/Londn", 3, "no time zone", "Europe/London"),
    ("zone: Europe/London", "zoen: Europe/London", 3, "zoen", "did you mean 'zone'"),
    ("zone: Europe/London", "force: '34'", 3, "'force' is given twice", "keep one"),
    ("zone: Europe/London", "zone: [Europe/London]", 3, "Expected `str`", "documentation"),
    ("zone: Europe/London", "zone: {", 3, "not YAML", "quotes"),
    ("name: my", "name: My Force", 1, "cannot be a name", "small letters"),
    (FIRST, "", 1, "missing required field `name`", "add it"),
    ("'33'", "33", 2, "got `int`", "in quotes"),
    ("iso]", "dd/mm/yyyy]", 4, "no format", "'%d/%m/%Y %H:%M'"),
    ("formats: [", "formats: [] #", 4, "no format is given", "[iso]"),
    ("[N/A]", "N/A", 5, "Expected `array`", "write a list"),
    ("[N/A]", "[No]", 5, "got `bool`", "in quotes"),
    ("drop: [notes, person]", "drop: [surname]", 6, "'surname' is dropped", "take it out"),
    ("drop: [notes, person]", "drop: [person]\nambiguous: last", 7, "'last'", "first or second"),
    ("drop: [notes, person]", "nonexistent: back", 6, "'back'", "forward or refuse"),
    ("limit: 24h", "limit: 24", 7, "Expected `str", "in quotes"),
    ("limit: 24h", "limit: one day", 7, "no duration", "24h"),
    ("limit: 24h", "limit: 0h", 7, "nothing", "24h"),
    ("limit: 24h", "coordinates: {system: utm}", 7, "'utm'", "wgs84 or osgb36"),
    ("limit: 24h", "coordinates: {within: [53, -1, 52, 0]}", 7, "no box", "south"),
    ("    ref: id\n", "", 9, "'ref' is not mapped", "which column"),
    ("    ref: id", "    reff: id", 10, "no field 'reff'", "fields are force, ref"),
    ("ref: id", "ref: 7", 10, "not a column", "quotes"),
    ("ref: id", "ref:", 10, "not a column", "name of a column"),
    ("ref: id", "ref: [id, at]", 10, "holds one value", "join"),
    ("ref: id", "ref: {column: id, constant: x}", 10, "where the value comes from", "exactly one"),
    ("ref: id", "ref: {columm: id}", 10, "columm", "did you mean 'column'"),
    ("ref: id", "ref: {column: id, pattern: '('}", 10, "not a pattern", "brackets"),
    ("ref: id", "ref: {column: id, pattern: '\\d+'}", 10, "no group", "(?P<value>...)"),
    ("ref: id", "ref: {file_name: true}", 10, "whole name", "pattern"),
    ("ref: id", "ref: {constant: x, values: {x: y}}", 10, "constant", "leave out"),
    ("ref: id", "ref: {constant: ''}", 10, "cannot stand here", "at least 1"),
    ("ref: id", "ref: {column: id, split: ;}", 10, "cannot be split", "leave out"),
    ("ref: id", "ref: {column: id, zone: UTC}", 10, "no time", "leave out"),
    ("ref: id", "people: id", 10, "not filled from a column", "'people'"),
    ("ref: id", "officer: id", 10, "not filled from a column", "hashes"),
    ("ref: id", "kind: id", 10, "no field 'kind'", "fields are"),
    (
        "received_at: at",
        "received_at: {column: at, zone: Mars}",
        11,
        "no time zone",
        "Europe/London",
    ),
    ("received_at: at", "received_at: {column: at, formats: [x]}", 11, "no format", "iso"),
    (
        "received_at: at",
        "received_at: {column: at, without_clock: noon}",
        11,
        "'noon'",
        "start_of_day",
    ),
    ("received_at: at", "received_at: {constant: today}", 11, "fits none", "2022-11-01"),
    ("received_at: at", "received_via: at", 9, "'received_at' is not mapped", "which column"),
    ("place.area: beat", "place.are: beat", 14, "no field 'place.are'", "place.area"),
    ("place.area: beat", "received_via: {constant: fax}", 14, "'fax'", "use one of emergency_call"),
    ("place.area: beat", "received_via: {column: b, values: {f: fax}}", 14, "'fax'", "use one of"),
    (
        "place.area: beat",
        "received_via: {column: b, values: {}, else: fax}",
        14,
        "'fax'",
        "use one of",
    ),
    (
        "place.area: beat",
        "received_via: {first_of: [b, {constant: fax}]}",
        14,
        "'fax'",
        "use one of",
    ),
    ("place.area: beat", "qualifiers: {column: b, split: ''}", 14, "split", "separator"),
    ("column: id, blank: false", "column: id", 17, "says nothing", "equals"),
    ("column: id, blank: false", "column: id, equals: 7", 17, "got `int`", "in quotes"),
    ("column: id, blank: false", "column: id, matches: '['", 17, "not a pattern", "brackets"),
    ("{Theft: yes}", "{Theft: }", 19, "'Theft' is not decided", "yes, no or a category"),
    ("{Theft: yes}", "{Theft: yes, THEFT: no}", 19, "two answers", "keep one"),
    ("{Theft: yes}", "{}", 19, "no code is listed", "'file'"),
    (
        "{indicates: {Theft: yes}}",
        "{file: empty.csv}",
        1,
        "lacks a column",
        "column,code,indicates",
    ),
    ("{indicates: {Theft: yes}}", "{file: open.csv}", 3, "'Arson' is not decided", "yes, no"),
    ("{indicates: {Theft: yes}}", "{file: twice.csv}", 3, "two answers", "keep one"),
    ("{indicates: {Theft: yes}}", "{file: blank.csv}", 2, "empty code", "'blank'"),
    ("    opening: {", "    combine: all\n    opening: {", 19, "'all'", "any or first_not_blank"),
    (
        "    opening: {",
        "    order: [opening]\n    opening: {",
        19,
        "not whole",
        "[closing, opening]",
    ),
    ("    opening: {", "    closing: {blank: no, ", 19, "got `bool`", "quotes"),
    ("    opening: {", "    closing: {blank: none, ", 19, "'none'", "no_crime or unknown or next"),
    ("    closing_codes: [result]\n", "", 0, "", ""),
    ("role: victim", "role: casualty", 21, "'casualty'", "victim or suspect"),
    (", identity: [surname]", "", 21, "nothing tells who", "identity"),
    ("until: 2025-02-01", "until: never", 22, "'never'", "2022-11-01"),
    ("until: 2025-02-01", "until: 2024-02-01", 22, "ends before it begins", "mend"),
    ("until: 2025-02-01", "until: 2025-02-01, complete_to: seen", 22, "both", "keep one"),
    (
        "until: 2025-02-01",
        "complete_to: {newest: a, last_capture: b}",
        22,
        "what tells",
        "exactly one",
    ),
    ("until: 2025-02-01", "complete_to: {newest: a, minus: 1y}", 22, "no duration", "24h"),
    ("cut_by: received", "cut_by: seen", 22, "'seen'", "received or occurred or recorded"),
    (
        "until: 2025-02-01, cut_by: received",
        "cut_by: occurred",
        22,
        "neither end",
        "'occurred_from'",
    ),
    ("records:\n", "records:\n  from: calls\n", 24, "no other side", "name one"),
    ("records:\n", "records:\n  from: records\n", 24, "no other side", "name one"),
    (
        "records:\n",
        "records:\n  from: incidents\n  delimiter: ;\n",
        25,
        "not for this side",
        "incidents",
    ),
    ("records:\n", "records:\n  native: true\n", 25, "native rows need no 'fields'", "leave"),
    ("records:\n", "records:\n  format: xml\n", 24, "'xml'", "csv or json"),
    ("records:\n", "records:\n  delimiter: '||'\n", 24, "separates nothing", "one character"),
    ("records:\n", "records:\n  encoding: utf-16\n", 24, "no encoding", "windows-1252"),
    ("records:\n", "records:\n  short_rows: pad\n", 24, "'pad'", "refuse or blank"),
    ("records:\n", "records:\n  ordered: maybe\n", 24, "Expected `bool`", "true or false"),
    ("records:\n", "records:\n  lateness: 5\n", 24, "Expected `str", "quotes"),
    ("records:\n", "records:\n  lateness: 5 minutes\n", 24, "no duration", "24h"),
    ("records:\n", "records:\n  believable_silence: long\n", 24, "no duration", "24h"),
    ("records:\n", "records:\n  lag: x\n", 24, "no duration", "24h"),
    ("records:\n", "records:\n  levels: [probable_ref]\n", 24, "'probable_ref'", "crime_ref"),
    (
        "records:\n",
        "records:\n  codes: {opening: {indicates: {a: yes}}}\n",
        24,
        "records are not",
        "'kind'",
    ),
    ("records:\n", "records:\n  narrative: [{text: a}]\n", 23, "neither narrative", "mo_text"),
    ("records:\n", "records:\n  version: v\n", 0, "", ""),
    (
        "records:\n",
        "records:\n  people: [{role: witness, identity: [a]}]\n",
        24,
        "'witness'",
        "victim",
    ),
    (
        "records:\n",
        "records:\n  people: [{role: victim, identity: [a], age_band: b}]\n",
        24,
        "no age",
        "leave",
    ),
    (
        "records:\n",
        "records:\n  coverage: {cut_by: received}\n",
        24,
        "neither end",
        "'reported_at'",
    ),
    (", kind: {constant: crime}", "", 24, "'kind' is not mapped", "constant: crime"),
    ("kind: {constant: crime}", "kind: {constant: crme}", 24, "'crme'", "use one of crime"),
    (
        "kind: {constant: crime}",
        "kind: {constant: crime}, version: v}\n  version: v #",
        25,
        "twice",
        "keep",
    ),
]
BESIDE = {
    "empty": "",
    "open": "column,code,indicates\ntype,Theft,yes\nsub,Arson,\n",
    "twice": "code,indicates\nTheft,yes\ntheft,no\n",
    "blank": "code,indicates\n ,no\n",
}


@pytest.mark.parametrize(("good", "bad", "line", "says", "remedy"), MISTAKES)
def test_every_mistake_has_its_line_and_remedy(
    good: str, bad: str, line: int, says: str, remedy: str
) -> None:
    text = GOOD.replace(good, bad, 1)
    assert text != GOOD
    if not line:
        assert mapped(text, **BESIDE).feeds
        return
    with pytest.raises(Fault) as fault:
        mapped(text, **BESIDE)
    assert says in fault.value.message
    assert remedy in fault.value.remedy
    assert fault.value.line == line
    assert fault.value.origin in ("my.yaml", *(f"{name}.csv" for name in BESIDE))
    assert str(fault.value).startswith(f"{fault.value.origin}:{line}: ")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "keys and values"),
        ("- a\n- b", 1, "keys and values"),
        ("name: my", 1, "no side is mapped"),
        ("name: my\nincidents: {}", 2, "'force' is not mapped"),
        ("name: my\x07", 1, "no text file"),
        ("name: a\n---\nname: b", 2, "not YAML"),
        ("name: !!python/object:os.system x", 1, "not YAML"),
        ("name: &a [*a]", 1, "not YAML"),
        (
            "incidents: &i {native: true}\nname: my\nrecords: {native: true, from: incidents}",
            3,
            "own rows",
        ),
        ("name: my\nincidents: {native: true, coverage: {complete_to: seen}}", 2, "heartbeats"),
    ],
)
def test_what_is_no_mapping_at_all(text: str, line: int, says: str) -> None:
    with pytest.raises(Fault) as fault:
        mapped(text)
    assert says in fault.value.message
    assert fault.value.line == line


def test_the_british_grid_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    text = log(top="coordinates:\n  system: osgb36")
    assert mapped(text).feeds
    monkeypatch.setitem(sys.modules, "pyproj", None)
    with pytest.raises(Fault, match=r"my.yaml:4: .*pip install 'recount\[geo\]'"):
        mapped(text)


# -- codes ------------------------------------------------------------------------------------


def test_codes_inline_and_from_a_list_by_slot_or_by_column() -> None:
    text = log(
        "opening_codes: [type, sub], closing_codes: [result]",
        below="""
        codes:
          combine: first_not_blank
          order: [closing, opening]
          opening: {file: list.csv, indicates: {Fire: no, 010: yes}, blank: next}
          closing: {file: list.csv, blank: no_crime}
        """,
    )
    codes = (
        "\ufeffcolumn,code,count,indicates\ntype,THEFT  of cycle,9,Yes\nsub,Fire,1,no\n"
        'result,"Report, taken",4,burglary\nbeat,7,1,\n,shared,1,no\n'
    )
    found = feed_of(mapped(text, list=codes)).source.code_map
    assert found is not None
    assert found.combine is Combine.FIRST_NOT_BLANK
    closing, opening = found.columns
    assert (closing.slot, closing.blank) == ("closing", Blank.NO_CRIME)
    assert closing.indicates == {"report, taken": "burglary", "shared": "no"}
    assert (opening.slot, opening.blank) == ("opening", Blank.NEXT)
    expected = {"theft of cycle": "yes", "fire": "no", "010": "yes", "shared": "no"}
    assert opening.indicates == expected


def test_the_digest_covers_what_lies_beside_the_mapping() -> None:
    text = log("opening_codes: [t]", below="codes: {opening: {file: l.csv}}")
    digests = {mapped(text, l=f"code,indicates\na,{word}\n").digest for word in ("yes", "no")}
    assert len(digests) == 2


def test_a_slot_that_no_column_fills_is_refused() -> None:
    with pytest.raises(Fault, match="no column fills the opening codes"):
        mapped(log(below="codes: {opening: {indicates: {a: yes}}}"))


# -- coverage ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "until", "minus"),
    [
        ("until: 2025-07-01", "2025-06-30T23:00", None),
        ("complete_to: 2025-07-01T06:00", "2025-07-01T05:00", None),
        ("complete_to: 2025-07-01T06:00:00Z", "2025-07-01T06:00", None),
        ("complete_to: seen", None, timedelta(0)),
        ("complete_to: {join: [day, hour]}", None, timedelta(0)),
        ("complete_to: {newest: seen, minus: 3d}", None, timedelta(days=3)),
        ("complete_to: {last_capture: seen, minus: 2h}", None, timedelta(hours=2)),
        ("complete_to: {each_capture: seen}", None, timedelta(0)),
    ],
)
def test_how_far_a_file_is_complete(said: str, until: str | None, minus: timedelta | None) -> None:
    feed = feed_of(mapped(log(below=f"coverage: {{{said}}}")))
    declared = None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert feed.source.covers_until == declared
    complete = feed.complete_to
    assert (None if complete is None else complete.minus) == minus


@pytest.mark.parametrize(
    ("side", "cut_by", "runs_on"),
    [
        ("incidents", "received", False),
        ("incidents", "occurred", True),
        ("incidents", "recorded", False),
        ("records", "received", True),
        ("records", "occurred", True),
        ("records", "recorded", False),
    ],
)
def test_whether_event_times_run_on_past_the_cut(side: str, cut_by: str, runs_on: bool) -> None:
    fields = (
        "ref: id, received_at: at" if side == "incidents" else "ref: id, recorded_at: at, kind: k"
    )
    text = f"name: my\nforce: x\n{side}:\n  fields: {{{fields}}}\n"
    text += f"  coverage: {{cut_by: {cut_by}, until: 2025-01-01}}\n"
    source = feed_of(mapped(text)).source
    assert (source.cut_by, source.runs_on) == (CutBy(cut_by), runs_on)
