"""``recount replay``: whole results or none, the same bytes for any number of processes, plain errors."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from benchmarks.events import write
from service.hosts import arrivals
from tests.hosts.command import by_ref, recount, rows, summary

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "one_file"
CANONICAL = ("verdicts.jsonl", "claims.jsonl")
RESULTS = {*CANONICAL, "alerts.jsonl", "dead_letters.jsonl", "summary.json", "report.html"}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A few thousand events of five forces."""
    folder = tmp_path_factory.mktemp("events")
    return write(folder, 6_000, forces=5, open_reports=400)


@pytest.fixture(scope="module")
def alone(events: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """They, replayed by one process."""
    return native(events, tmp_path_factory.mktemp("alone") / "out")


def native(events: tuple[Path, Path], out: Path, *more: object) -> Path:
    given = ("--source", "native", "--incidents", events[0], "--records", events[1], "--out", out)
    assert recount("replay", *given, *more) == 0
    return out


def example(out: Path, *more: object) -> int:
    given = ("--source", f"{EXAMPLE}.yaml", "--rules", "umd", "--incidents", f"{EXAMPLE}.csv")
    return recount("replay", *given, "--out", out, *more)


# -- the same answer ------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_processes_leaves_the_same_bytes(
    events: tuple[Path, Path], alone: Path, tmp_path: Path, workers: int
) -> None:
    spread = tmp_path / "out"
    command = [sys.executable, "-m", "service.cli", "replay", "--source", "native"]
    command += ["--incidents", str(events[0]), "--records", str(events[1])]
    command += ["--workers", str(workers), "--out", str(spread)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in (*CANONICAL, "alerts.jsonl"):
        assert (spread / name).read_bytes() == (alone / name).read_bytes()
    measured = ("seconds", "events_per_second", "peak_memory_mb")
    ours, theirs = (
        {k: v for k, v in summary(each).items() if k not in measured} for each in (spread, alone)
    )
    assert ours == theirs


def test_several_files_of_one_side_are_one_stream(
    events: tuple[Path, Path], alone: Path, tmp_path: Path
) -> None:
    parts = [tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"]
    lines = events[0].read_bytes().splitlines(keepends=True)
    parts[0].write_bytes(b"".join(lines[::2]))
    parts[1].write_bytes(gzip.compress(b"".join(lines[1::2])))
    out = tmp_path / "out"
    given = ("--source", "native", "--incidents", *parts, "--records", events[1])
    assert recount("replay", *given, "--out", out) == 0
    for name in CANONICAL:
        assert (out / name).read_bytes() == (alone / name).read_bytes()


def test_everything_read_twice_changes_no_verdict(
    events: tuple[Path, Path], alone: Path, tmp_path: Path
) -> None:
    given = ("--source", "native", "--incidents", events[0], events[0], "--records", *events[1:])
    assert recount("replay", *given, events[1], "--out", tmp_path / "out") == 0
    for name in CANONICAL:
        assert (tmp_path / "out" / name).read_bytes() == (alone / name).read_bytes()
    inputs = summary(tmp_path / "out")["inputs"]
    assert (inputs["read"], inputs["repeated"]) == (12_000, 6_000)


def test_an_unordered_feed_larger_than_memory_allows_is_sorted_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert example(tmp_path / "whole") == 0
    monkeypatch.setattr(arrivals, "SORTED_AT_ONCE", 5)
    assert example(tmp_path / "runs") == 0
    for name in (*CANONICAL, "alerts.jsonl"):
        assert (tmp_path / "runs" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


# -- the clock --------------------------------------------------------------------------------------


def report(ref: str, at: str, **more: Any) -> str:
    fields = {"kind": "incident", "force": "33", "ref": ref, "received_at": at, "version": 1}
    return json.dumps({**fields, "opening_codes": ["burglary"], **more})


def record(ref: str, at: str, of: str, **more: Any) -> str:
    fields = {"force": "33", "ref": ref, "recorded_at": at, "kind": "crime"}
    return json.dumps({**fields, "offence_code": "028/03", "incident_refs": [of], **more})


def beat(until: str) -> str:
    return json.dumps({"kind": "heartbeat", "force": "33", "until": until})


def replayed(
    folder: Path, incidents: list[str], records: list[str], *more: object
) -> dict[str, Any]:
    for name, lines in (("i.jsonl", incidents), ("r.jsonl", records)):
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    files = ("--incidents", folder / "i.jsonl", "--records", folder / "r.jsonl")
    assert recount("replay", "--source", "native", *files, "--out", folder / "out", *more) == 0
    return {ref: line["verdict"] for ref, line in by_ref(folder / "out").items()}


def test_the_clock_stops_at_the_as_of_instant_and_later_inputs_are_not_read(tmp_path: Path) -> None:
    incidents = [report("R1", "2025-03-03T09:00:00Z"), beat("2025-03-05T00:00:00Z")]
    records = [record("C0", "2025-03-02T00:00:00Z", "R0"), beat("2025-03-04T12:00:00Z"),
               record("C1", "2025-03-04T13:00:00Z", "R1")]  # fmt: skip
    at = ("--as-of", "2025-03-04T12:00:00+00:00")
    assert replayed(tmp_path, incidents, records, *at) == {"R1": "not_provable"}
    assert summary(tmp_path / "out")["inputs"]["read"] == 3
    assert replayed(tmp_path, incidents, records) == {"R1": "recorded_late"}


def test_without_an_as_of_the_clock_stops_where_the_data_ends(tmp_path: Path) -> None:
    incidents = [report("R1", "2025-03-03T09:00:00Z"), report("R2", "2025-03-03T18:00:00Z")]
    assert replayed(tmp_path, incidents, []) == {"R1": "pending", "R2": "pending"}


def test_heartbeats_prove_what_no_later_event_would(tmp_path: Path) -> None:
    incidents = [report("R1", "2025-03-03T09:00:00Z"), beat("2025-03-04T10:00:00Z")]
    records = [record("C0", "2025-03-02T00:00:00Z", "R0"), beat("2025-03-04T10:00:00Z")]
    assert replayed(tmp_path, incidents, records) == {"R1": "missed"}


def test_a_time_in_the_future_proves_nothing_and_is_set_aside(tmp_path: Path) -> None:
    incidents = [report("R1", "2025-03-03T09:00:00Z"), beat("2025-03-04T10:00:00Z")]
    records = [record("C0", "2025-03-02T00:00:00Z", "R0"), record("C9", "2199-01-01T00:00:00Z", "")]
    assert replayed(tmp_path, incidents, records) == {"R1": "not_provable"}
    (dead,) = rows(tmp_path / "out" / "dead_letters.jsonl")
    assert (dead["reason"], dead["field"], dead["line"]) == ("in_the_future", "recorded_at", 2)


# -- files in any state -------------------------------------------------------------------------------


def cut(path: Path, target: Path) -> Path:
    """A gzip file that ends in the middle."""
    packed = gzip.compress(path.read_bytes())
    target.write_bytes(packed[: len(packed) * 2 // 3])
    return target


def test_a_truncated_record_file_makes_no_miss_and_the_command_says_so(
    events: tuple[Path, Path], alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = cut(events[1], tmp_path / "r.jsonl.gz")
    given = ("--source", "native", "--incidents", events[0], "--records", half)
    assert recount("replay", *given, "--out", tmp_path / "out") == 1
    assert f"{half}: line" in capsys.readouterr().err
    whole = by_ref(alone)
    for ref, line in by_ref(tmp_path / "out").items():
        if line["verdict"] == "missed":
            assert whole[ref]["verdict"] in ("missed", "recorded_late")
    assert summary(tmp_path / "out")["verdicts"]["not_provable"] > 0


def test_a_truncated_file_whose_rows_are_in_no_order_proves_nothing(tmp_path: Path) -> None:
    half = cut(EXAMPLE.with_suffix(".csv"), tmp_path / "calls.csv.gz")
    given = ("--source", f"{EXAMPLE}.yaml", "--rules", "umd", "--incidents", half)
    assert recount("replay", *given, "--out", tmp_path / "out") == 1
    told = summary(tmp_path / "out")
    assert told["verdicts"]["missed"] == 0
    assert told["reports"] > 0
    assert told["alerts"]["input_lost"] == 2
    assert not rows(tmp_path / "out" / "claims.jsonl")


def test_what_cannot_be_read_is_set_aside_by_its_place_and_the_rest_is_read(tmp_path: Path) -> None:
    name = "SYNTHETIC-NAME"
    incidents = [
        report("R1", "2025-03-03T09:00:00Z"),
        "{not json",
        report("R2", "yesterday"),
        report("R3", "2025-03-03T09:10:00Z", narrative=[{"text": name, "writer": name}]),
        report("R4", "2025-03-03T09:20:00Z", surprise=name),
    ]
    assert replayed(tmp_path, incidents, []).keys() == {"R1"}
    dead = rows(tmp_path / "out" / "dead_letters.jsonl")
    assert [(row["line"], row["reason"]) for row in dead] == [
        (2, "not_json"),
        (3, "invalid_field"),
        (4, "invalid_field"),
        (5, "invalid_field"),
    ]
    assert dead[1]["value"] == "yesterday"
    assert dead[1]["remedy"]
    for path in (tmp_path / "out").iterdir():
        assert name not in path.read_text(encoding="utf-8"), path
    inputs = summary(tmp_path / "out")["inputs"]
    assert (inputs["read"], inputs["dead"]) == (5, 4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--incidents", "{folder}"), "is a directory"),
        (("--incidents", "{folder}/none.csv"), "does not exist"),
        (("--referrals", "{file}"), "reads no --referrals; it reads --incidents"),
        ((), "no file to read"),
        (("--incidents", "{file}", "--as-of", "2025-03-04"), "has no offset"),
        (("--incidents", "{file}", "--as-of", "soon"), "is no time"),
        (("--incidents", "{file}", "--rules", "none"), "there is no 'none'"),
        (("--incidents", "{other}"), "has no column 'received'"),
    ],
)
def test_misuse_is_told_in_one_line_with_its_remedy_and_leaves_nothing(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("call_no,when\n1,2\n", encoding="utf-8")
    names = {"folder": str(tmp_path), "file": f"{EXAMPLE}.csv", "other": str(other)}
    given = [each.format(**names) for each in arguments]
    rules = () if "--rules" in given else ("--rules", "umd")
    out = tmp_path / "results" / "out"
    code = recount("replay", "--source", f"{EXAMPLE}.yaml", *rules, *given, "--out", out)
    assert code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
    assert not out.exists()
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").iterdir())


# -- whole or not at all ------------------------------------------------------------------------------


def test_results_take_the_place_of_older_ones_and_nothing_else_is_touched(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "verdicts.jsonl").write_text("old\n", encoding="utf-8")
    (out / "notes.txt").write_text("kept\n", encoding="utf-8")
    assert example(out) == 0
    assert {path.name for path in out.iterdir()} == RESULTS | {"notes.txt"}
    assert (out / "notes.txt").read_text(encoding="utf-8") == "kept\n"
    assert (out / "verdicts.jsonl").read_text(encoding="utf-8") != "old\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_command_that_is_stopped_leaves_no_half_written_results(
    tmp_path: Path, workers: int
) -> None:
    pipe = tmp_path / "incidents.jsonl"
    pipe.touch()
    with pipe.open("w", encoding="utf-8") as file:
        for n in range(60_000):
            file.write(report(f"R{n}", "2025-03-03T09:00:00Z") + "\n")
    command = [sys.executable, "-m", "service.cli", "replay", "--source", "native"]
    command += ["--incidents", str(pipe), "--out", str(tmp_path / "results" / "out")]
    command += ["--workers", str(workers)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True) as run:
        until = monotonic() + 60
        while not (tmp_path / "results").exists() or not list((tmp_path / "results").glob("*/*/*")):
            assert run.poll() is None, "it ended before it could be stopped"
            assert monotonic() < until
            sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode != 0
    assert b"Traceback" not in said
    assert not list((tmp_path / "results").iterdir())


def test_the_worked_example_shows_every_ending(tmp_path: Path) -> None:
    assert example(tmp_path / "out") == 0
    words = {line["verdict"] for line in by_ref(tmp_path / "out").values()}
    assert words >= {
        "recorded",
        "recorded_late",
        "missed",
        "not_provable",
        "no_crime_indicated",
        "unknown_code",
    }
    with EXAMPLE.with_suffix(".csv").open(encoding="utf-8") as file:
        assert len(by_ref(tmp_path / "out")) == len({r["call_no"] for r in csv.DictReader(file)})


def test_json_is_the_summary_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert example(tmp_path / "out", "--json") == 0
    assert json.loads(capsys.readouterr().out) == summary(tmp_path / "out")
