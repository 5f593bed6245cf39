"""Reports a second over HTTP into SQLite, in bulk, each answer durable: python -m benchmarks.ingest"""

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.events import write
from service.ledger import outputs
from tests.control_room.running import NDJSON, Running, bearer


def main() -> None:
    """Send so many reports of one force in bodies of a size, and say how fast they were taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=40_000)
    parser.add_argument("--a-body", type=int, default=10_000)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        logs, _ = write(folder, given.reports * 2, forces=1, open_reports=given.reports // 6)
        rows = logs.read_bytes().splitlines()[: given.reports]
        force = json.loads(rows[0])["force"]
        running = Running(folder)
        try:
            token = running.token("native/incidents", force)
            began = time.monotonic()
            for start in range(0, len(rows), given.a_body):
                answer = httpx.post(
                    f"{running.url}/v1/incidents",
                    content=b"\n".join(rows[start : start + given.a_body]),
                    headers={**bearer(token), **NDJSON},
                    timeout=120,
                )
                answer.raise_for_status()
            seconds = time.monotonic() - began
            ledger = running.ledger()
            with ledger.reading() as connection:
                counts = outputs.taken_in(connection)["native/incidents"]
                assert outputs.conservation(connection).holds
            ledger.close()
        finally:
            running.end()
    print(
        f"{len(rows):,} reports in {seconds:.1f} s: {len(rows) / seconds:,.0f} a second; {counts}"
    )


if __name__ == "__main__":
    main()
