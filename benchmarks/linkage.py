"""Pair scores a second on one core, over pairs as blocking gives them.

    python -m benchmarks.linkage --model FILE [--reports N]

The model is any that ``recount linkage train`` wrote. Pairs are generated reports and records that share
a key, so most are near in time and place, and the dear comparisons are made.
"""

import argparse
import time
from pathlib import Path

from service.hosts.files import read_pack
from service.matching.linkage_blocking import candidates, index, report_keys
from service.matching.linkage_model import parse_model
from tests.matching.generated import generate, profiles


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--model", type=Path, required=True)
    arguments.add_argument("--reports", type=int, default=5000)
    given = arguments.parse_args()
    model = parse_model(given.model.read_bytes(), str(given.model))
    pack = read_pack(model.pack)
    history = generate(pack, given.reports, days=given.reports / 400, seed=11)
    reports, records = profiles(pack, history, model.rarity)
    indexed = index(records)
    pairs = [
        (report, record)
        for report in reports
        for record in {
            each.ref: each for key in report_keys(report) for each in indexed.get(key, ())
        }.values()
    ]
    weigh = model.weigh
    start = time.perf_counter()
    for report, record in pairs:
        weigh(report, record)
    seconds = time.perf_counter() - start
    print(f"{len(pairs):,} pairs that share a key: {len(pairs) / seconds:,.0f} scores/s")
    start = time.perf_counter()
    for report in reports:
        candidates(model, report, indexed)
    seconds = time.perf_counter() - start
    print(f"{len(reports):,} reports to their candidates: {len(reports) / seconds:,.0f} reports/s")


if __name__ == "__main__":
    main()
