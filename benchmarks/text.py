"""How many narratives a second one core reads, and what they cost under each pack.

    python -m benchmarks.text [--narratives N] [--words N]

Narratives are drawn from the sentences of ``benchmarks.events``, joined to the length asked for. The
figure is that of the whole step: folding, finding, assertions, compounds.
"""

import argparse
import time
from random import Random

from benchmarks.events import CLOSINGS, OPENINGS
from service.hosts.files import read_pack

PACKS = ("england_and_wales", "us_campus")


def narratives(count: int, words: int, seed: int = 1) -> list[str]:
    """Different narratives of about so many words each."""
    chance = Random(seed)
    sentences = [text for _, text in OPENINGS] + list(CLOSINGS)
    made = []
    for number in range(count):
        told: list[str] = [f"Log {number}."]
        while len(told) < words:
            told += f"{chance.choice(sentences)}.".split()
        made.append(" ".join(told[:words]))
    return made


def rate(pack: str, texts: list[str]) -> float:
    """Narratives a second under one pack's lexicon."""
    lexicon = read_pack(pack).lexicon
    if lexicon is None:
        raise SystemExit(f"{pack} has no lexicon")
    read = lexicon.read
    start = time.perf_counter()
    for text in texts:
        read(text)
    return len(texts) / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--narratives", type=int, default=40_000)
    arguments.add_argument("--words", type=int, default=60)
    given = arguments.parse_args()
    texts = narratives(given.narratives, given.words)
    for pack in PACKS:
        best = max(rate(pack, texts) for _ in range(3))
        print(f"{pack:<20}{best:>10,.0f} narratives/s{1e6 / best:>8.1f} us each")


if __name__ == "__main__":
    main()
