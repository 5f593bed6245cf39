"""End to end: generated events through ``recount replay``, beside what reading alone would cost.

    python -m benchmarks.replay [--events N] [--folder DIR]

Prints a table and writes ``benchmarks/replay.json``. Three questions: events a second on one core and
with two processes, against parsing and validating alone; what a hundred times more open reports cost;
peak memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.events import write
from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog


def validate_only(incidents: Path, records: Path) -> float:
    """Events a second for the floor: read each line, parse and validate it, do nothing else."""
    count, start = 0, time.perf_counter()
    for path, contract in ((incidents, IncidentLog), (records, CrimeRecord)):
        with path.open("rb") as lines:
            for line in lines:
                contract.model_validate_json(line)
                count += 1
    return count / (time.perf_counter() - start)


def replay(incidents: Path, records: Path, out: Path, workers: int = 1) -> dict[str, Any]:
    """One run of the command, as a user would start it; its summary."""
    command = [sys.executable, "-m", "service.cli", "replay", "--json", "--source", "native"]
    command += ["--incidents", str(incidents), "--records", str(records), "--out", str(out)]
    command += ["--rules", "england_and_wales", "--workers", str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def main() -> None:
    """Measure, print, write down."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, default=None)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        result = measure(Path(folder), given.events)
    target = Path(__file__).with_name("replay.json")
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{'case':<34}{'events/s':>10}{'of floor':>10}{'memory MB':>11}")
    for row in result["rows"]:
        share = f"{row['events_per_second'] / result['floor']:.2f}"
        print(
            f"{row['case']:<34}{row['events_per_second']:>10.0f}{share:>10}"
            f"{row['peak_memory_mb']:>11.0f}"
        )
    print(f"{'floor: parse and validate only':<34}{result['floor']:>10.0f}")


def measure(folder: Path, events: int) -> dict[str, Any]:
    """Every case in one run, on the same files."""
    incidents, records = write(folder, events)
    floor = validate_only(incidents, records)
    rows = []
    for workers in (1, 2):
        summary = replay(incidents, records, folder / f"out{workers}", workers)
        rows.append(_row(f"{events:,} events, {workers} process", summary))
    for open_reports in (10_000, 300_000):
        many = folder / f"open{open_reports}"
        many.mkdir()
        incidents, records = write(many, events, open_reports=open_reports)
        rows.append(
            _row(f"{open_reports:,} open reports", replay(incidents, records, many / "out"))
        )
    return {"events": events, "floor": floor, "rows": rows}


def _row(case: str, summary: dict[str, Any]) -> dict[str, Any]:
    keys = ("events_per_second", "peak_memory_mb", "seconds")
    return {"case": case, **{key: summary[key] for key in keys}}


if __name__ == "__main__":
    main()
