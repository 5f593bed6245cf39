"""Every way in which a mapping may say where a value comes from, and what becomes of bad rows."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.crimes import CrimeRecord
from schemas.feeds import Heartbeat
from schemas.reports import IncidentLog
from service.ingest.decode import Decoder, Refused
from service.ingest.fields import ColumnMissing
from service.ingest.lined import Fault
from tests.ingest.reading import feed_of, log, mapped, one, read, records, refused

AT = "2025-01-01T10:00"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "columns", "cells", "path", "value"),
    [
        ("priority: p", "p", " A ", "priority", "A"),
        ("priority: {constant: B}", "x", "", "priority", "B"),
        ("priority: {join: [a, b]}", "a,b", "x,y", "priority", "x y"),
        ("priority: {join: [a, b], with: /}", "a,b", "x,", "priority", "x"),
        ("priority: {first_of: [a, b]}", "a,b", ",y", "priority", "y"),
        ("priority: {first_of: [a, {constant: Z}]}", "a", "", "priority", "Z"),
        ("priority: {column: p, pattern: '(?P<value>\\d+)'}", "p", "grade 2!", "priority", "2"),
        ("priority: {column: p, pattern: '(?P<value>\\d+)'}", "p", "none", "priority", ""),
        ("priority: {column: p, values: {a: One}}", "p", "A", "priority", "One"),
        ("priority: {column: p, values: {a: One}, else: Other}", "p", "b", "priority", "Other"),
        (
            "priority: {column: p, values: {a: One, '': None at all}}",
            "p",
            "",
            "priority",
            "None at all",
        ),
        (
            "priority: {column: p, values: {010: Ten, 1:30: Half, No: Never}}",
            "p",
            "010",
            "priority",
            "Ten",
        ),
        (
            "priority: {column: p, values: {010: Ten, 1:30: Half, No: Never}}",
            "p",
            "No",
            "priority",
            "Never",
        ),
        ("received_via: via", "via", "Front_Counter", "received_via", "front_counter"),
        (
            "received_via: {column: via, values: {'999': emergency_call}}",
            "via",
            "999",
            "received_via",
            "emergency_call",
        ),
        (
            "victim_confirmed: {column: v, values: {Y: yes, N: no}}",
            "v",
            "Y",
            "victim_confirmed",
            "yes",
        ),
        (
            "school.premises: {column: s, values: {Y: yes, N: no}}, school.in_hours: {constant: no}",
            "s",
            "Y",
            "school",
            {"premises": True, "in_hours": False, "crime_requested": False},
        ),
        ("qualifiers: [a, b]", "a,b", "DA,hate", "qualifiers", ("DA", "hate")),
        ("qualifiers: [a, b]", "a,b", ",hate", "qualifiers", ("hate",)),
        ("qualifiers: {column: q, split: ;}", "q", "DA; ;hate ", "qualifiers", ("DA", "hate")),
        (
            "qualifiers: {column: q, split: ;, values: {D: DA, H: hate}}",
            "q",
            "D;H",
            "qualifiers",
            ("DA", "hate"),
        ),
        (
            "crime_refs: {column: t, pattern: '(?P<value>\\d\\d-\\d+)'}",
            "t",
            "see 25-01 and 25-02",
            "crime_refs",
            ("25-01", "25-02"),
        ),
        ("results: {column: r, split: /}", "r", "ARREST/seizure", "results", ("arrest", "seizure")),
        (
            "closed_at: {join: [d, t], formats: ['%d/%m/%Y %H:%M']}",
            "d,t",
            "02/01/2025,09:15",
            "closed_at",
            utc("2025-01-02T09:15"),
        ),
        (
            "closed_at: {column: c, formats: ['%d/%m/%Y %H:%M', iso]}",
            "c",
            "2025-01-02T09:15",
            "closed_at",
            utc("2025-01-02T09:15"),
        ),
        (
            "closed_at: {column: c, zone: America/New_York}",
            "c",
            AT,
            "closed_at",
            utc("2025-01-01T15:00"),
        ),
        ("closed_at: c", "c", "", "closed_at", None),
        ("closed_at: {constant: 2025-01-02}", "x", "", "closed_at", None),
        (
            "known_at: {file_name: true, pattern: '_(?P<value>\\d+)', formats: ['%Y%m%d%H%M']}",
            "x",
            "",
            "known_at",
            utc("2025-01-09T08:07"),
        ),
        (
            "closure.reason: why, closure.rationale_given: g",
            "why,g",
            "BALANCE_NOT_MET,Y",
            "closure.reason",
            "balance_not_met",
        ),
    ],
)
def test_where_a_value_comes_from(
    fields: str, columns: str, cells: str, path: str, value: Any
) -> None:
    if "constant: 2025-01-02" in fields:
        fields, value = f"{fields[:-1]}, without_clock: start_of_day}}", utc("2025-01-02")
    found = one(log(fields), f"id,at,{columns}\n1,{AT},{cells}", file_name="log_202501090807.csv")
    for step in path.split("."):
        found = getattr(found, step)
    assert (found.model_dump() if hasattr(found, "model_dump") else found) == value


def test_a_file_without_a_header_row() -> None:
    found = one(log(below="header: [id, at, x]"), f"1,{AT},\n")
    assert (found.ref, found.received_at) == ("1", utc(AT))


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("{column: t, equals: crime}", "1"),
        ("{column: t, not_equals: CRIME}", "234"),
        ("{column: t, among: [crime, other]}", "12"),
        ("{column: t, not_among: [crime, other]}", "34"),
        ("{column: t, blank: false}", "124"),
        ("{column: t, blank: true}", "3"),
        ("{column: t, matches: '^tr'}", "4"),
        ("{column: t, matches: r}, {column: t, not_equals: Crime}", "24"),
    ],
)
@pytest.mark.parametrize("side", ["incidents", "records"])
def test_where_leaves_rows_out_on_any_side(condition: str, kept: str, side: str) -> None:
    make = log if side == "incidents" else records
    rows = f"id,at,t\n1,{AT},Crime\n2,{AT},Other\n3,{AT},n/a\n4,{AT},traffic"
    found = read(make(below=f"where: [{condition}]", top="blank: [N/A]"), rows)
    assert (
        "".join(each.ref for each in found if isinstance(each, IncidentLog | CrimeRecord)) == kept
    )


def test_one_file_feeds_both_sides() -> None:
    mapping = mapped("""
name: my
force: '33'
blank: [N/A]
incidents:
  delimiter: ";"
  header: [id, at, report, made]
  fields: {ref: id, received_at: at, crime_refs: [report]}
records:
  from: incidents
  where: [{column: report, blank: false}]
  fields: {ref: report, recorded_at: made, kind: {constant: crime}, incident_refs: [id]}
""")
    rows = f"1,{AT},N/A,\n2,{AT},C2,2025-01-01T12:00"
    assert feed_of(mapping, "records").files == "incidents"
    assert feed_of(mapping, "records").written.delimiter == ";"
    logs, made = read(mapping, rows, "incidents"), read(mapping, rows, "records")
    assert [each.crime_refs for each in logs if isinstance(each, IncidentLog)] == [(), ("C2",)]
    assert made[0] is None
    assert isinstance(made[1], CrimeRecord)
    assert made[1].incident_refs == ("2",)


def test_several_rows_are_one_record_and_one_ref_is_several() -> None:
    rows = f"id,at,charge\n7,{AT},theft\n7,{AT},Theft\n7,{AT},assault"
    last = [each.version for each in read(records(below="version: file_order"), rows)]  # type: ignore[union-attr]
    first = [each.version for each in read(records(below="version: first_row"), rows)]  # type: ignore[union-attr]
    assert last == sorted(last)
    assert first == sorted(first, reverse=True)
    refs = [each.ref for each in read(records(below="unique: [charge]"), rows)]  # type: ignore[union-attr]
    assert len(set(refs)) == 3
    assert all(ref.startswith("7#") for ref in refs)
    folded = [
        each.ref  # type: ignore[union-attr]
        for each in read(records(below="unique: [charge]", top="fold_case: true"), rows)
    ]
    assert folded[0] == folded[1] != folded[2]


def test_a_version_by_column() -> None:
    rows = f"id,at,v\n7,{AT},3\n7,{AT},\n7,{AT},late"
    three, none, late = read(log(below="version: v"), rows)
    assert (three.version, none.version) == (3, 0)  # type: ignore[union-attr]
    assert isinstance(late, Refused)
    assert late.field == "version"


def test_duplicates_that_differ_only_in_case_are_one() -> None:
    rows = f"id,at,type,via\nab1,{AT},Theft,Online\nAB1,{AT},THEFT,ONLINE"
    text = log(
        "opening_codes: [type], received_via: via, "
        "priority: {column: id, pattern: '(?P<value>ab)'}",
        top="fold_case: true",
    )
    one_way, other_way = read(text, rows)
    assert one_way == other_way
    assert one_way.received_via == "online"  # type: ignore[union-attr]
    assert one_way.priority == "AB"  # type: ignore[union-attr]


def test_recording_times_that_are_absent_or_bounds() -> None:
    text = records(
        "recorded_at: {first_of: [at, seen]}, "
        "recorded_bound: {column: at, values: {'': at_latest}, else: exact}"
    ).replace("recorded_at: at, ", "")
    exact, bound, neither = read(
        text, f"id,at,seen\n1,{AT},2025-01-05T00:00\n2,,2025-01-05T00:00\n3,,"
    )
    assert isinstance(exact, CrimeRecord)
    assert isinstance(bound, CrimeRecord)
    assert (exact.recorded_bound, exact.recorded_at) == ("exact", utc(AT))
    assert (bound.recorded_bound, bound.recorded_at) == ("at_latest", utc("2025-01-05"))
    assert isinstance(neither, Refused)
    assert (neither.field, neither.value) == ("recorded_at", None)
    assert "'where'" in neither.remedy


def test_an_object_without_what_it_cannot_be_without_is_not_there() -> None:
    fields = "cancellation.code: c, cancellation.decided_by: {constant: registrar}, status: s"
    with_code, without = read(records(fields), f"id,at,c,s\n1,{AT},c2,Cancelled\n2,{AT},,recorded")
    assert isinstance(with_code, CrimeRecord)
    assert isinstance(without, CrimeRecord)
    assert with_code.cancellation is not None
    assert with_code.cancellation.code == "C2"
    assert without.cancellation is None


def test_entries_and_links() -> None:
    text = log(
        below="""
        narrative:
          - {text: first, writer: {constant: call_handler}, at: at}
          - {text: later, writer: role, category: kind}
        linked_logs: [{ref: dup, relation: duplicate_of}, {ref: near, relation: related}]
        """
    )
    found = one(text, f"id,at,first,later,role,kind,dup,near\n1,{AT},he hit me,,officer,note,,L9")
    assert [(e.text, e.writer, e.at) for e in found.narrative] == [
        ("he hit me", "call_handler", utc(AT))
    ]
    assert [(each.ref, each.relation) for each in found.linked_logs] == [("L9", "related")]


# -- coordinates ------------------------------------------------------------------------------

LEICESTERSHIRE = "{within: [52.3, -1.7, 53.0, -0.6]}"


@pytest.mark.parametrize(
    ("coordinates", "cells", "point"),
    [
        ("{}", "52.6,-1.1", (52.6, -1.1)),
        (LEICESTERSHIRE, "52.6,-1.1", (52.6, -1.1)),
        (LEICESTERSHIRE, "-1.1,52.6", (52.6, -1.1)),
        (LEICESTERSHIRE, "51.5,-0.1", None),
        ("{}", "0,0", None),
        ("{}", "unknown,", None),
        ("{}", "nan,inf", None),
        ("{}", "999,999", None),
        ("{system: osgb36}", "305000,458000", (52.639, -1.144)),
        ("{system: osgb36, within: [52.3, -1.7, 53.0, -0.6]}", "305000,458000", (52.639, -1.144)),
        ("{system: osgb36, within: [52.3, -1.7, 53.0, -0.6]}", "458000,305000", (52.639, -1.144)),
        ("{system: osgb36}", "1e12,5", None),
    ],
)
def test_coordinate_systems(
    coordinates: str, cells: str, point: tuple[float, float] | None
) -> None:
    text = log("place.latitude: lat, place.longitude: lon", top=f"coordinates: {coordinates}")
    found = one(text, f"id,at,lat,lon\n1,{AT},{cells}")
    if point is None:
        assert found.place is None
    else:
        assert (found.place.latitude, found.place.longitude) == pytest.approx(point, abs=2e-3)


# -- JSON -------------------------------------------------------------------------------------


def test_objects_are_read_by_path() -> None:
    text = log("priority: call.grade, qualifiers: [flags], school.premises: s, school.in_hours: s")
    row = {"id": 7, "at": AT, "call": {"grade": 2}, "flags": ["DA", " ", None, "hate"], "s": True}
    found = one(text.replace("fields:", "format: json\n  fields:"), [row])
    assert (found.ref, found.priority, found.qualifiers) == ("7", "2", ("DA", "hate"))
    assert found.school.premises is True
    flat = one(
        text.replace("fields:", "format: json\n  fields:"), [{"id": 7, "at": AT, "call.grade": "x"}]
    )
    assert flat.priority == "x"
    wrong = refused(log("priority: call"), [{"id": 7, "at": AT, "call": {"Jane": "Doe"}}])
    assert (wrong.field, wrong.value) == ("priority", None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not_json"),
        (b"[1]", "not_json"),
        (b"{'id': 1}", "not_json"),
        (b'{"id": "\xff"}', "not_json"),
        (b'{"id": "\\ud800"}', "not_json"),
        (b'{"id": "a\\u0000b", "at": "2025-01-01T10:00"}', "wrong_bytes"),
        (b"[" * 100_000, "not_json"),
        (b'{"id": 1, "at": "now"}', "impossible_time"),
    ],
)
def test_bad_lines_are_refused(line: bytes, reason: str) -> None:
    for text in (log(), "name: n\nforce: x\nincidents: {native: true}"):
        found = Decoder(feed_of(mapped(text)), "f", None).decode(line)
        assert isinstance(found, Refused)
        assert found.reason == reason or ("native" in text and found.reason == "invalid_field")


# -- native -----------------------------------------------------------------------------------

NATIVE = feed_of(mapped("name: n\nincidents: {native: true}"))
MINIMAL = {"force": "33", "ref": "1", "received_at": f"{AT}Z"}


def native(document: dict[str, Any]) -> Any:
    return Decoder(NATIVE, "f", None).decode(json.dumps(document).encode())


def test_native_rows_and_heartbeats() -> None:
    found = native(MINIMAL)
    assert isinstance(found, IncidentLog)
    assert found.received_at == utc(AT)
    beat = native({"kind": "heartbeat", "force": "33", "until": f"{AT}Z"})
    assert isinstance(beat, Heartbeat)
    bad = native({"kind": "heartbeat", "force": "33", "until": "soon"})
    assert isinstance(bad, Refused)
    assert (bad.field, bad.force) == ("until", "33")


@pytest.mark.parametrize(
    ("more", "reason", "field", "value", "remedy"),
    [
        ({"received_at": AT}, "invalid_field", "received_at", AT, "offset"),
        ({"received_via": "fax"}, "invalid_field", "received_via", "fax", "use one of"),
        ({"ref": ""}, "invalid_field", "ref", "", "at least 1"),
        ({"ref": "x" * 101}, "invalid_field", "ref", "x" * 80, "at most 100"),
        ({"version": -1}, "invalid_field", "version", "-1", "greater"),
        ({"Jane Doe": 1}, "invalid_field", " (unknown field)", None, "spelling"),
        ({"schema_version": 2}, "unknown_version", "schema_version", "2", "upgrade"),
        ({"schema_version": "Jane Doe"}, "unknown_version", "schema_version", None, "upgrade"),
        ({"priority": "a\0b"}, "wrong_bytes", "", None, "NUL"),
    ],
)
def test_native_refusals(
    more: dict[str, Any], reason: str, field: str, value: str | None, remedy: str
) -> None:
    found = native(MINIMAL | more)
    assert isinstance(found, Refused)
    assert (found.reason, found.field, found.value) == (reason, field, value)
    assert remedy in found.remedy


# -- what stands around it --------------------------------------------------------------------


def test_a_time_after_now_is_refused_where_a_host_says_what_now_is() -> None:
    decoder = Decoder(feed_of(mapped(log())), "f", ("id", "at"), not_after=utc("2025-01-01T11:00"))
    assert isinstance(decoder.decode(["1", "2025-01-01T10:59"]), IncidentLog)
    late = decoder.decode(["1", "2035-01-01T10:59"])
    assert isinstance(late, Refused)
    assert (late.reason, late.field) == ("in_the_future", "received_at")


def test_the_force_of_a_row_without_validating_it() -> None:
    text = "name: n\nincidents: {fields: {ref: id, received_at: at, force: area}}"
    decoder = Decoder(feed_of(mapped(text)), "f", ("id", "at", "area"))
    assert [decoder.force_of(row) for row in (["1", "never", "33"], ["1", AT, ""], [])] == [
        "33",
        None,
        None,
    ]
    assert Decoder(NATIVE, "f", None).force_of(b'{"force": "33", "ref": 1}') == "33"
    assert Decoder(NATIVE, "f", None).force_of(b"\xff") is None


def test_columns_are_found_or_the_mistake_is_named_without_repeating_the_file() -> None:
    feed = feed_of(mapped(log("priority: Grade")))
    with pytest.raises(ColumnMissing, match="did you mean 'grade'"):
        Decoder(feed, "f", ("id", "at", "grade"))
    with pytest.raises(ColumnMissing, match="2 columns 'Grade'"):
        Decoder(feed, "f", ("id", "at", "Grade", "Grade"))
    with pytest.raises(ColumnMissing) as missing:
        Decoder(feed, "f", ("0001", "Jane Doe", "12 High Street"))
    assert "Jane" not in str(missing.value)
    assert "header: [...]" in str(missing.value)


def test_people_need_a_key() -> None:
    feed = feed_of(mapped(log(below="officer: [collar]")))
    with pytest.raises(Fault, match="RECOUNT_PERSON_KEY_FILE"):
        Decoder(feed, "f", ("id", "at", "collar"))


def test_how_far_a_row_says_the_file_is_complete() -> None:
    feed = feed_of(mapped(log(below="coverage: {complete_to: {newest: seen}}")))
    decoder = Decoder(feed, "f", ("id", "at", "seen"))
    assert decoder.complete_to(["1", AT, "2025-01-03T00:00"]) == utc("2025-01-03")
    assert decoder.complete_to(["1", AT, "never"]) is None
    assert Decoder(feed_of(mapped(log())), "f", ("id", "at")).complete_to(["1", AT]) is None
