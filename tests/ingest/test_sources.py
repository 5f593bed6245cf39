"""``recount sources check`` and ``show``: what is said of a mapping, and when it is an error."""

import gzip
import json
import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.cli import main
from service.hosts.files import BadRow, open_rows, read_mapping, shipped
from service.hosts.review import sort_out
from service.ingest.decode import Decoder
from service.ingest.explain import explain
from tests.ingest.reading import mapped

ROOT = Path(__file__).parents[2]
ONE_FILE = ROOT / "examples" / "one_file"
MAPPING = """
name: my
force: '33'
zone: UTC
incidents:
  fields: {ref: id, received_at: at, opening_codes: [type]}
  codes: {opening: {indicates: {theft: yes, fire: arson}}}
  coverage: {from: 2025-01-01, until: 2025-02-01}
records:
  fields: {ref: crime, recorded_at: made, kind: {constant: crime}, incident_refs: [id]}
  coverage: {from: 2025-01-01, until: 2025-02-01}
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``recount``."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def check(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    calls: str,
    crimes: str = "",
    mapping: str = MAPPING,
) -> tuple[int, Any]:
    """The review of a mapping, as JSON, with its exit code."""
    (tmp_path / "my.yaml").write_text(mapping, encoding="utf-8")
    (tmp_path / "calls.csv").write_text(calls, encoding="utf-8")
    files = [str(tmp_path / "calls.csv")]
    if crimes:
        (tmp_path / "crimes.csv").write_text(crimes, encoding="utf-8")
        files.append(str(tmp_path / "crimes.csv"))
    code, out, err = run(capsys, "sources", "check", str(tmp_path / "my.yaml"), *files, "--json")
    assert out, err
    return code, json.loads(out)


CALLS = "id,at,type\n1,2025-01-05T10:00,theft\n2,2025-01-06T10:00,Fire\n"
CRIMES = "crime,made,id\nC1,2025-01-05T11:00,1\n"


def test_all_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = check(tmp_path, capsys, CALLS, CRIMES)
    assert (code, said["findings"]) == (0, [])
    assert said["conclusion"] == {
        "record_sources": ["my/records"],
        "basis": "coverage",
        "received_from": "2025-01-01T00:00:00Z",
        "received_until": "2025-01-31T00:00:00Z",
        "reports_inside": 2,
        "reports": 2,
        "records_naming_a_report": 1,
        "records_found": 1,
        "reports_naming_a_record": 0,
        "reports_found": 0,
    }


@pytest.mark.parametrize(
    ("calls", "crimes", "finding"),
    [
        (CALLS + "3,never,theft\n", CRIMES, "incidents: 1 of 3 rows are refused"),
        (CALLS + "3,2025-01-06T10:00,flood\n", CRIMES, "incidents: 1 code nobody knows, 1 report"),
        (CALLS + "3,2025-01-06T10:00,\n", CRIMES, "incidents: 1 code nobody knows, 1 report"),
        (CALLS + "1,2025-01-06T10:00,theft\n", CRIMES, "incidents: 1 row says otherwise"),
        ("id,at,type\n1,x,theft\n", CRIMES, "incidents: not one row could be used"),
    ],
)
def test_what_is_to_be_mended_makes_the_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], calls: str, crimes: str, finding: str
) -> None:
    code, said = check(tmp_path, capsys, calls, crimes)
    assert code == 1
    assert [each for each in said["findings"] if each.startswith(finding)]


def test_the_first_place_of_each_refusal_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = check(tmp_path, capsys, CALLS + "3,never,theft\n4,later,theft\n,,\n5\n", CRIMES)
    refused = said["sides"][0]["refused"]
    assert [(each["reason"], each["field"], each["count"]) for each in refused] == [
        ("impossible_time", "received_at", 2),
        ("invalid_field", "", 1),
    ]
    assert refused[0]["first"] == f"{tmp_path}/calls.csv:4"
    assert refused[0]["value"] == "never"


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("  coverage: {from: 2025-01-01, until: 2025-02-01}\nrecords", "records", "not declared"),
        ("name: my", "name: my", "no referrals are mapped"),
        ("  codes: {opening: {indicates: {theft: yes, fire: arson}}}\n", "", "'--rules PACK'"),
        ("incident_refs: [id]}", "incident_refs: [crime]}", "is it the right column?"),
        ("records:\n", "records:\n  officer: [id]\n", "RECOUNT_PERSON_KEY_FILE"),
    ],
)
def test_notes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, note: str
) -> None:
    calls = CALLS + "9,2025-01-20T10:00,fire\n"
    code, said = check(tmp_path, capsys, calls, CRIMES, MAPPING.replace(old, new, 1))
    assert [each for each in said["notes"] if note in each], said["notes"]
    assert code == 0


def test_sides_that_cover_no_common_time_prove_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apart = MAPPING[::-1].replace("2025-01-01"[::-1], "2025-01-31"[::-1], 1)[::-1]
    code, said = check(tmp_path, capsys, CALLS, CRIMES, apart)
    assert code == 1
    assert "the sides cover no common time" in said["findings"][-1]
    assert said["conclusion"]["received_from"] is None


def test_a_rule_pack_says_which_codes_are_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "calls.csv").write_text(CALLS, encoding="utf-8")
    arguments = ["sources", "check", str(tmp_path / "my.yaml"), str(tmp_path / "calls.csv")]
    assert run(capsys, *arguments)[0] == 0
    code, out, _ = run(capsys, *arguments, "--rules", "umd")
    assert code == 1
    assert "nobody knows: 1 x opening Fire" in out


@pytest.mark.parametrize(
    ("calls", "arguments", "says"),
    [
        ("id,when\n1,x\n", [], "fits no side of the mapping"),
        (
            "id,at,type,crime,made\n",
            [],
            "could be incidents or records; say --incidents or --records",
        ),
        (CALLS, ["--referrals"], "the mapping has no side 'referrals'"),
        (CALLS, ["--records"], "no column 'crime'"),
    ],
)
def test_misuse_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], calls: str, arguments: list[str], says: str
) -> None:
    (tmp_path / "my.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "calls.csv").write_text(calls, encoding="utf-8")
    given = [*arguments, str(tmp_path / "calls.csv")]
    code, _, err = run(capsys, "sources", "check", str(tmp_path / "my.yaml"), *given)
    assert code == 2
    assert says in err
    assert err.count("\n") == 1


def test_sides_are_told_by_columns_in_json_and_native_files_too(tmp_path: Path) -> None:
    text = MAPPING.replace("  fields:", "  format: json\n  fields:")
    calls, crimes = tmp_path / "a.json", tmp_path / "b.json"
    calls.write_text('{"id": 1, "at": "2025-01-01", "type": "x"}', encoding="utf-8")
    crimes.write_text('{"crime": 1, "made": "x", "id": 7}', encoding="utf-8")
    assert sort_out(mapped(text), [crimes, calls]) == {"records": [crimes], "incidents": [calls]}
    v1 = ROOT / "tests" / "schemas" / "v1"
    found = {}
    for side, name in (
        ("incidents", "incident-log"),
        ("records", "crime-record"),
        ("referrals", "public-protection-referral"),
    ):
        found[side] = [tmp_path / f"{name}.jsonl"]
        line = json.dumps(json.loads((v1 / f"{name}.json").read_text(encoding="utf-8")))
        found[side][0].write_text(line + "\n", encoding="utf-8")
    assert (
        sort_out(read_mapping("native"), [path for paths in found.values() for path in paths])
        == found
    )


def test_a_column_that_no_object_has_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = MAPPING.replace("  fields:", "  format: json\n  fields:", 1).split("records:")[0]
    row = '{"id": 1, "at": "2025-01-05T10:00", "typ": "theft"}'
    code, said = check(tmp_path, capsys, row, mapping=text)
    assert code == 1
    assert said["sides"][0]["never_seen"] == ["type"]


def test_a_file_that_breaks_off_is_a_finding_and_the_rest_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{n},2025-01-05T10:00,{os.urandom(8).hex()}\n" for n in range(4000))
    packed = gzip.compress(f"id,at,type\n{rows}".encode())
    (tmp_path / "my.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "calls.csv.gz").write_bytes(packed[: len(packed) // 2])
    code, out, _ = run(
        capsys,
        "sources",
        "check",
        str(tmp_path / "my.yaml"),
        str(tmp_path / "calls.csv.gz"),
        "--json",
    )
    said = json.loads(out)
    assert code == 1
    assert "ends early" in said["findings"][0]
    assert 100 < said["sides"][0]["mapped"] < 4000


# -- what is shipped --------------------------------------------------------------------------


def test_show_lists_and_explains_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "sources", "show")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == shipped("mappings")
    for name in [*shipped("mappings"), f"{ONE_FILE}.yaml"]:
        assert run(capsys, "sources", "show", name)[0] == 0
        assert run(capsys, "sources", "show", name, "--json")[0] == 0


def test_every_key_that_changes_what_is_read_is_explained() -> None:
    text = """
name: my
zone: Europe/London
blank: [N/A]
fold_case: true
drop: [notes]
incidents:
  ordered: true
  lateness: 90m
  believable_silence: 4d
  idle_advance: true
  where: [{column: a, equals: x, matches: y, among: [p], not_among: [q], not_equals: z, blank: false}]
  fields:
    force: f
    ref: {join: [a, b]}
    received_at: {column: at, formats: [iso], zone: UTC}
    qualifiers: [{column: q, split: ;}]
    priority: {first_of: [p, {constant: low}]}
    crime_refs: {column: t, pattern: '(?P<value>C1)'}
    reported_by: {column: who, values: {v: victim}}
    known_at: {file_name: true, pattern: '(?P<value>1)'}
    opening_codes: [c]
  people: [{role: victim, identity: [n]}]
  officer: [o]
  narrative: [{text: t}]
  linked_logs: [{ref: l, relation: related}]
  version: v
  codes: {combine: first_not_blank, opening: {indicates: {a: yes}, blank: next}}
  coverage: {complete_to: {newest: seen, minus: 2d}}
"""
    said = dict(line for _, lines in explain(mapped(text)) for line in lines)
    assert said["only where"] == (
        "a is x and is not z and is one of p and is none of q and matches y and is not empty"
    )
    assert said["covers"].startswith("the first time seen to the newest column seen less 48 h")
    assert said["silence"] == "counts as stopped after 4 days"
    assert said["priority"] == "the first that is not empty of column p, always low"
    assert said["received_at"] == "column at, written iso, local to UTC"
    assert {
        "case",
        "never read",
        "victim",
        "officer",
        "narrative",
        "linked log",
        "idle",
    } <= said.keys()


def test_the_worked_example_has_every_interesting_case(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "sources", "check", f"{ONE_FILE}.yaml", f"{ONE_FILE}.csv", "--json")
    said = json.loads(out)
    logs, made = said["sides"]
    assert code == 1
    assert said["findings"] == ["incidents: 1 code nobody knows, 1 report"]
    assert (logs["rows"], logs["mapped"], logs["refused"]) == (44, 44, [])
    assert logs["unknown_codes"] == {"opening:Drone sighting": 1}
    assert (made["mapped"], made["left_out"]) == (20, 24)
    # The last report whose crime is owed lies beyond what can be proved.
    assert said["conclusion"]["reports_inside"] == 42


def test_the_shipped_pair_reads_without_loss(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = [str(shared_data / "linked_umd" / f"{name}.csv.gz") for name in ("records", "incidents")]
    code, out, _ = run(capsys, "sources", "check", "umd", *pair, "--json")
    said = json.loads(out)
    logs, made = said["sides"]
    assert (code, said["findings"]) == (0, [])
    assert (logs["rows"], logs["mapped"], made["rows"], made["mapped"]) == (
        14_331,
        14_331,
        6_954,
        6_954,
    )
    # 2,900 record rows belong to no report in the log, five of them with no case number.
    assert made["rows"] - said["conclusion"]["records_found"] == 2_900
    assert made["rows"] - said["conclusion"]["records_naming_a_report"] == 5
    assert logs["rows"] - logs["filled"]["closing_codes"] == 9


def test_the_shipped_pair_gives_what_an_independent_count_gives(shared_data: Path) -> None:
    """By decoding alone: case numbers as they stand, 24 hours, the earliest record of the case."""
    decoded: dict[str, list[Any]] = {}
    for feed in read_mapping("umd").feeds:
        path = shared_data / "linked_umd" / f"{feed.side}.csv.gz"
        opened = open_rows(path, feed)
        decoder = Decoder(feed, path.name, opened.header)
        rows = [row for _, row in opened.rows if not isinstance(row, BadRow)]
        decoded[feed.side] = [decoder.decode(row, number) for number, row in enumerate(rows)]
    earliest: dict[str, datetime] = {}
    for record in decoded["records"]:
        for ref in record.incident_refs:
            earliest[ref] = min(earliest.get(ref, record.recorded_at), record.recorded_at)
    called_for = {"Arrest", "Juvenile Arrest", "Summons Issued", "Warrant Issued"}
    counts: Counter[str] = Counter()
    for log in decoded["incidents"]:
        made = earliest.get(log.ref)
        if not called_for & set(log.closing_codes):
            counts["none"] += 1
            counts["none, with a record"] += made is not None
        elif made is None:
            counts["missed"] += 1
        elif made <= log.received_at + timedelta(hours=24):
            counts["recorded"] += 1
            counts["recorded before"] += made < log.received_at
            counts["at exactly 24 h"] += made == log.received_at + timedelta(hours=24)
        else:
            counts["late"] += 1
    assert counts == {
        "recorded": 3_032,
        "recorded before": 51,
        "at exactly 24 h": 2,
        "late": 398,
        "missed": 498,
        "none": 10_403,
        "none, with a record": 43,
    }
