"""A stratified random sample of reports for people to read: who is drawn, and with what weight.

Strata are verdict (possible ones apart) by route by headline group: what the system said is what most
tells how likely it is to be wrong. Reports without a sign of a crime are strata too, since that is
where it is blind. Places go by the square root of a stratum's size (power allocation, Bankier, The
American Statistician 42, 1988), at least two and at most all: small strata are read well, large ones
not crowded out.

A report is drawn where its keyed hash is among the lowest of its stratum: the same seed draws the same
reports whatever their order, and anybody can check that nothing else chose them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from heapq import heappush, heapreplace
from math import sqrt

from msgspec import Struct

from schemas.words import Grade, Verdict
from service.figures.crimes import clear
from service.insight.statistics import group
from service.insight.survey import Drawn
from service.matching.judgement import Line

AT_LEAST = 2
"""Reports of a stratum: one alone has no spread, so no interval could follow from it."""

ALLOCATION = "by the square root of the stratum's size, at least two and at most all"


class TooFew(ValueError):
    """The sample cannot hold two reports of each stratum."""

    def __init__(self, asked: int, needed: int, strata: int) -> None:
        super().__init__(
            f"{asked} reports cannot hold {AT_LEAST} of each of {strata} strata; give {needed} or more"
        )


class Picked(Struct, frozen=True):
    """One report of the sample, with what the system said of it."""

    drawn: Drawn
    force: str
    ref: str
    line: Line

    @property
    def crimes_due(self) -> int:
        """Crimes of clear grade that the system says were due."""
        return sum(
            c.grade is Grade.CLEAR and c.verdict is not Verdict.PENDING for c in self.line.crimes
        )

    @property
    def crimes_missed(self) -> int:
        """Crimes of clear grade of which the system says that no record was found."""
        return len(clear(self.line, Verdict.MISSED))


class Sample(Struct, frozen=True):
    """The reports drawn, by stratum then by force and ref, and the strata's sizes."""

    seed: int
    picked: tuple[Picked, ...]
    strata: dict[str, tuple[int, int]]
    """Reports drawn, of how many, by stratum."""


def stratum(line: Line) -> str:
    """``verdict/route/group``; ``possible`` stands before a verdict that rests on possible crimes."""
    word = line.verdict.value
    if line.grade is Grade.POSSIBLE:
        word = f"possible {word}"
    elif line.same_as:
        word = "further log"
    groups = {group(crime.category) for crime in line.crimes}
    headline = next((name for name in ("sexual", "violence", "other") if name in groups), "none")
    return f"{word}/{line.route}/{headline}"


def draw(lines: Iterable[Line], n: int, seed: int) -> Sample:
    """Draw ``n`` reports (all, where there are fewer). Raises ``TooFew``."""
    sizes: Counter[str] = Counter()
    lowest: dict[str, list[tuple[int, str, str, Line]]] = {}
    for line in lines:
        name = stratum(line)
        sizes[name] += 1
        held = lowest.setdefault(name, [])
        # Negated, as the heap gives up its smallest and the lowest hashes are to stay.
        entry = (-_place(seed, line.force, line.ref), line.force, line.ref, line)
        if len(held) < n:
            heappush(held, entry)
        elif entry[:3] > held[0][:3]:
            heapreplace(held, entry)
    places = allocate(sizes, n)
    picked = []
    for name in sorted(sizes):
        chosen = sorted(lowest[name], key=lambda e: (-e[0], e[1], e[2]))[: places[name]]
        of = Drawn(name, places[name], sizes[name])
        picked += [Picked(of, e[1], e[2], e[3]) for e in sorted(chosen, key=lambda e: (e[1], e[2]))]
    return Sample(
        seed, tuple(picked), {name: (places[name], sizes[name]) for name in sorted(sizes)}
    )


def allocate(sizes: Counter[str], n: int) -> dict[str, int]:
    """Places by stratum: as many as ``n``, or all reports. Raises ``TooFew``."""
    places = {name: min(AT_LEAST, size) for name, size in sizes.items()}
    if sum(places.values()) > n:
        raise TooFew(n, sum(places.values()), len(sizes))
    wanted = min(n, sizes.total())
    for _ in range(wanted - sum(places.values())):
        # One place at a time to whoever is furthest below its share: fair, and never past its size.
        open_ = (name for name in sorted(sizes) if places[name] < sizes[name])
        neediest = min(open_, key=lambda name: places[name] / sqrt(sizes[name]))
        places[neediest] += 1
    return places


def _place(seed: int, force: str, ref: str) -> int:
    keyed = hashlib.blake2b(f"{force}\n{ref}".encode(), key=str(seed).encode()[:64], digest_size=16)
    return int.from_bytes(keyed.digest())
