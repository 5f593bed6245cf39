"""The real pair of feeds: what an independent count says of them, and what real corrections do."""

import csv
import gzip
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.hosts.files import read_mapping
from tests.hosts.command import by_ref, recount, rows, summary

NEW_YORK = ZoneInfo("America/New_York")
CALLS_FOR_A_RECORD = {"Arrest", "Juvenile Arrest", "Summons Issued", "Warrant Issued"}
DAY = timedelta(hours=24)
AS_OF = "2022-11-01T00:00:00Z"


@pytest.fixture(scope="module")
def pair(shared_data: Path) -> tuple[Path, Path]:
    """The incident log and the arrest ledger."""
    folder = shared_data / "linked_umd"
    return folder / "incidents.csv.gz", folder / "records.csv.gz"


@pytest.fixture(scope="module")
def replayed(pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair replayed as shipped."""
    out = tmp_path_factory.mktemp("umd") / "out"
    given = ("--incidents", pair[0], "--records", pair[1], "--as-of", AS_OF)
    assert recount("replay", "--source", "umd", "--rules", "umd", *given, "--out", out) == 0
    return out


def read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def instant(text: str) -> datetime:
    """Local time as the ledger writes it; the hour that happens twice is taken the first time."""
    return datetime.strptime(text, "%m/%d/%y %H:%M").replace(tzinfo=NEW_YORK).astimezone()


def plain_count(incidents: list[dict[str, str]], records: list[dict[str, str]]) -> dict[str, str]:
    """Verdict by case, by a dictionary and a comparison: nothing of the engine is used."""
    made: dict[str, datetime] = {}
    for record in records:
        case, at = record["case_number"].strip(), instant(record["recorded"])
        if case:
            made[case] = min(at, made.get(case, at))
    verdicts = {}
    for incident in incidents:
        case, due = incident["case_number"], instant(incident["reported"]) + DAY
        if incident["disposition"] not in CALLS_FOR_A_RECORD:
            verdicts[case] = "no_crime_indicated"
        elif case not in made:
            verdicts[case] = "missed"
        else:
            verdicts[case] = "recorded" if made[case] <= due else "recorded_late"
    return verdicts


def test_every_verdict_is_the_independent_counts(pair: tuple[Path, Path], replayed: Path) -> None:
    expected = plain_count(*map(read, pair))
    assert {ref: line["verdict"] for ref, line in by_ref(replayed).items()} == expected


def test_the_counts_are_those_known(pair: tuple[Path, Path], replayed: Path) -> None:
    told = summary(replayed)
    assert told["reports"] == 14_331
    assert {word: n for word, n in told["verdicts"].items() if n} == {
        "recorded": 3_032,
        "recorded_late": 398,
        "missed": 498,
        "no_crime_indicated": 10_403,
    }
    assert told["records"] == {"rows": 6_954, "linked": 4_054, "unlinked": 2_900, "withdrawn": 0}
    assert not any(told["possible"].values())
    blank = [record for record in read(pair[1]) if not record["case_number"].strip()]
    assert len(blank) == 5
    lines = by_ref(replayed).values()
    nothing_owed = [line for line in lines if line["verdict"] == "no_crime_indicated"]
    assert sum(bool(line.get("links")) for line in nothing_owed) == 43


def test_records_from_before_the_report_and_at_the_very_limit_count_as_in_time(
    replayed: Path,
) -> None:
    gaps = [
        datetime.fromisoformat(line["crimes"][0]["recorded_at"])
        - datetime.fromisoformat(line["received_at"])
        for line in by_ref(replayed).values()
        if line["verdict"] == "recorded"
    ]
    assert sum(gap < timedelta(0) for gap in gaps) == 51
    assert gaps.count(DAY) == 2


def test_claims_are_the_misses_and_inputs_are_conserved(replayed: Path) -> None:
    missed = {ref for ref, line in by_ref(replayed).items() if line["verdict"] == "missed"}
    assert {claim["ref"] for claim in rows(replayed / "claims.jsonl")} == missed
    inputs = summary(replayed)["inputs"]
    assert inputs["read"] == 14_331 + 6_954
    assert inputs["read"] == sum(n for word, n in inputs.items() if word != "read")


@pytest.mark.parametrize("name", ["newest first", "shuffled by reference"])
def test_the_order_of_rows_changes_no_byte(
    pair: tuple[Path, Path], replayed: Path, tmp_path: Path, name: str
) -> None:
    turned = []
    for path in pair:
        given = read(path)
        if name == "newest first":
            given.reverse()
        else:
            given.sort(key=lambda row: "".join(row.values())[::-1])
        turned.append(tmp_path / path.name.removesuffix(".gz"))
        with turned[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(given[0]))
            writer.writeheader()
            writer.writerows(given)
    out = tmp_path / "out"
    given_files = ("--incidents", turned[0], "--records", turned[1], "--as-of", AS_OF)
    assert recount("replay", "--source", "umd", "--rules", "umd", *given_files, "--out", out) == 0
    for name in ("verdicts.jsonl", "claims.jsonl"):
        assert (out / name).read_bytes() == (replayed / name).read_bytes()


# -- corrections ----------------------------------------------------------------------------------

MAPPING = """
name: umd_versions
title: The same log as it stood on each day
force: umpd
zone: America/New_York
formats: ["%m/%d/%y %H:%M"]
ambiguous: first
nonexistent: forward
limit: 24h
incidents:
  fields:
    ref: case_number
    received_at: reported
    updated_at: {column: seen, formats: ["%Y-%m-%d %H:%M:%S"]}
    closing_codes: [disposition]
  version: n
  codes:
    closing:
      blank: no_crime
      file: dispositions.csv
  coverage: {from: 2014-01-01, until: 2022-11-01, cut_by: received}
  levels: [crime_ref, incident_ref]
records:
  fields:
    ref: record_number
    kind: {constant: crime}
    recorded_at: recorded
    incident_refs: [case_number]
  unique: [case_number, recorded, charge]
  coverage: {from: 2010-11-01, until: 2022-11-01}
  levels: [crime_ref, incident_ref]
"""


@pytest.fixture(scope="module")
def versions(
    shared_data: Path, pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, list[str]]]:
    """Every changed log with its dispositions as rising versions, replayed; dispositions by case."""
    folder = tmp_path_factory.mktemp("versions")
    whole = {row["case_number"]: row for row in read(pair[0])}
    changes: dict[str, list[tuple[str, str]]] = {}
    with (shared_data / "linked_umd" / "disposition_changes.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            changes.setdefault(row["umpd_case_number"], []).append(
                (row["snapshot_date"], row["disposition"])
            )
    known = {case: sorted(seen) for case, seen in changes.items() if case in whole}
    with (folder / "logs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case_number", "reported", "disposition", "seen", "n"])
        for case, seen in known.items():
            received = instant(whole[case]["reported"]).astimezone(NEW_YORK).replace(tzinfo=None)
            for n, (day, disposition) in enumerate(seen, start=1):
                at = max(datetime.fromisoformat(f"{day} 12:00:00"), received)
                writer.writerow([case, whole[case]["reported"], disposition, at, n])
    words = {word for seen in known.values() for _, word in seen}
    codes = [f"{word},{'yes' if word in CALLS_FOR_A_RECORD else 'no'}" for word in words if word]
    (folder / "dispositions.csv").write_text("\n".join(["code,indicates", *codes]), "utf-8")
    (folder / "versions.yaml").write_text(MAPPING, "utf-8")
    given = ("--incidents", folder / "logs.csv", "--records", pair[1], "--as-of", AS_OF)
    out = folder / "out"
    source = ("--source", folder / "versions.yaml", "--rules", "umd")
    assert recount("replay", *source, *given, "--out", out) == 0
    return out, {case: [word for _, word in seen] for case, seen in known.items()}


def test_the_disposition_as_it_stands_decides(
    versions: tuple[Path, dict[str, list[str]]], pair: tuple[Path, Path]
) -> None:
    out, dispositions = versions
    assert sum(len(words) - 1 for words in dispositions.values()) == 184
    assert len(dispositions) == 148
    logs = [row | {"disposition": dispositions[row["case_number"]][-1]}
            for row in read(pair[0]) if row["case_number"] in dispositions]  # fmt: skip
    expected = plain_count(logs, read(pair[1]))
    assert {ref: line["verdict"] for ref, line in by_ref(out).items()} == expected


def test_what_was_said_of_a_disposition_that_is_gone_is_taken_back(
    versions: tuple[Path, dict[str, list[str]]],
) -> None:
    out, dispositions = versions
    said: dict[str, list[str]] = {}
    for event in rows(out / "alerts.jsonl"):
        said.setdefault(event["subject"], []).append(event["type"])
    left = {
        case
        for case, words in dispositions.items()
        for before, after in pairwise(words)
        if before in CALLS_FOR_A_RECORD and after not in CALLS_FOR_A_RECORD
    }
    assert len(left) == 3
    standing = {claim["ref"] for claim in rows(out / "claims.jsonl")}
    for case, line in by_ref(out).items():
        assert (case in standing) == (line["verdict"] == "missed")
        if case in said and line["verdict"] in ("recorded", "recorded_late", "no_crime_indicated"):
            assert said[case][-1] == line["verdict"], (case, said[case])
    for case in left & said.keys():
        assert "no_crime_indicated" in said[case], (case, said[case], dispositions[case])


def test_the_shipped_mapping_declares_what_it_covers() -> None:
    for feed in read_mapping("umd").feeds:
        assert feed.source.covers_from is not None
        assert feed.source.covers_until is not None
