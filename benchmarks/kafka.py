"""`recount worker` on a real Kafka and PostgreSQL: speed beside its peers, latencies, open reports.

    python -m benchmarks.kafka [--part speed] [--part latency] [--part open] [--reports N]

Broker, database, workers and peers share this machine's cores; every row says how many workers. Prints a
table for each part and writes ``benchmarks/kafka.json``, keeping what other parts measured before.
"""

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import live_latency, live_open, live_speed
from benchmarks.live_stage import stage

TARGET = Path(__file__).with_name("kafka.json")
PARTS = {"speed": live_speed.measure, "latency": live_latency.measure, "open": live_open.measure}
REPORTS = {"speed": 100_000, "latency": 60_000, "open": 1_000_000}
"""Reports of each part, where nothing is said."""


def main() -> None:
    """Measure, print, write down."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument(
        "--part", action="append", choices=[*PARTS], help="only this (may repeat)"
    )
    arguments.add_argument("--reports", type=int, help="reports to measure with")
    given = arguments.parse_args()
    found: dict[str, Any] = {}
    if TARGET.exists():
        found = json.loads(TARGET.read_text(encoding="utf-8"))
    for part in given.part or PARTS:
        reports = given.reports or REPORTS[part]
        with stage() as here:
            rows = []
            for row in PARTS[part](here, reports):
                rows.append(row)
                print(f"{part}: {row}", flush=True)
        found[part] = {"reports": reports, "cores": os.cpu_count(), "rows": rows}
        TARGET.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for part in given.part or PARTS:
        print(f"\n{part}, {found[part]['reports']:,} reports, {found[part]['cores']} cores")
        _show(found[part]["rows"])


def _show(rows: Iterable[dict[str, Any]]) -> None:
    """One column for every figure that any row has."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = [[_text(row.get(name, "")) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *texts, strict=True)]
    for line in (names, *texts):
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
