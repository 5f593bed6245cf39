"""From which weight on a link may settle: chosen on links that references already prove.

The model is blind to references, so reports whose record is known by reference are an examination. A
share of them loses its record first: those are true misses, and a link of one of them hides a miss. The
threshold is the one at which hidden misses, each worth so many false misses, and false misses together
cost least. It is chosen on the first half of the time and told on the second.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import log2

from markupsafe import Markup
from msgspec import Struct

from service.figures.charts import INK, PALE
from service.matching.linkage_blocking import BOUND, Candidate, assign, candidates, index
from service.matching.linkage_model import Model, Thresholds
from service.matching.linkage_profile import Profile

STEP = 500_000
"""Thresholds tried, in 1e-6: every half bit."""
LEAST, MOST = -10_000_000, 30_000_000
ENOUGH = 100
"""Reports with a known record needed in each half."""
WORTH_A_LOOK = 5
"""A pair is possible, and shown to a person, where at least one in so many is true."""


class TooFewLinks(Exception):
    """History that cannot say where a threshold lies; the message says what is missing."""


class Point(Struct, frozen=True, kw_only=True):
    """What one threshold does."""

    threshold: int
    """In 1e-6."""
    links: int
    right: int
    hidden: int
    """Links of reports whose record was withheld: misses that would have been hidden."""
    missed: int
    """Reports with a record that got none: false misses."""
    reports: int
    """Reports with a record."""

    @property
    def precision(self) -> float:
        """Share of links that are right."""
        return self.right / self.links if self.links else 1.0

    @property
    def recall(self) -> float:
        """Share of reports with a record that got the right one."""
        return self.right / self.reports if self.reports else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


class Looked(Struct, frozen=True, kw_only=True):
    """What blocking and the bound on candidates lose of true pairs."""

    pairs: int
    """True pairs."""
    blocked: int
    """Of these, pairs that share a key."""
    kept: dict[int, int]
    """By bound: pairs whose record is among so many best."""
    candidates: float
    """Candidates a report, on average, before the bound."""


class Calibration(Struct, frozen=True, kw_only=True):
    """Thresholds, and the second half of history under every threshold."""

    thresholds: Thresholds
    chosen: Point
    """The second half at the probable threshold."""
    points: tuple[Point, ...]
    looked: Looked


class _Half(Struct, frozen=True):
    reports: list[Profile]
    known: Mapping[str, str]
    """Record by report, the withheld left out."""
    wishes: dict[str, list[Candidate]]
    """Every candidate of every report, best first, unbounded."""


def calibrate(
    model: Model,
    reports: Sequence[Profile],
    records: Sequence[Profile],
    known: Mapping[str, str],
    hidden_miss_costs: float,
    withheld: float,
) -> Calibration:
    """Choose thresholds. ``known``: record by report, from references; ``withheld``: the share of
    reports that are to be true misses. Raises ``TooFewLinks``."""
    labelled = examinable(reports, known)
    middle = len(labelled) // 2
    first = _half(model, labelled[:middle], records, known, withheld)
    second = _half(model, labelled[middle:], records, known, withheld)
    tried = range(LEAST, MOST + 1, STEP)
    probable = min(
        (_point(first, threshold) for threshold in tried),
        key=lambda p: (p.hidden * hidden_miss_costs + p.missed, -p.threshold),
    ).threshold
    points = tuple(_point(second, threshold) for threshold in tried)
    return Calibration(
        thresholds=Thresholds(
            probable=probable,
            possible=_possible(probable, hidden_miss_costs),
            hidden_miss_costs=hidden_miss_costs,
        ),
        chosen=next(point for point in points if point.threshold == probable),
        points=points,
        looked=_looked(second),
    )


def examinable(reports: Sequence[Profile], known: Mapping[str, str]) -> list[Profile]:
    """Reports whose record is known, in order of receipt. Raises ``TooFewLinks``."""
    labelled = sorted(
        (each for each in reports if each.ref in known and each.told is not None),
        key=lambda each: (each.told, each.ref),
    )
    if len(labelled) < 2 * ENOUGH:
        raise TooFewLinks(
            f"references tie {len(labelled)} reports that show a crime to a record; "
            f"{2 * ENOUGH} are needed to choose a threshold"
        )
    return labelled


def _half(
    model: Model,
    reports: list[Profile],
    records: Sequence[Profile],
    known: Mapping[str, str],
    withheld: float,
) -> _Half:
    left = {each.ref: known[each.ref] for each in reports if _share(each.ref) >= withheld}
    there = set(left.values())
    indexed = index(each for each in records if each.ref in there)
    every = {r.ref: candidates(model, r, indexed, least=-(10**12), bound=10**9) for r in reports}
    return _Half(reports, left, every)


def _share(ref: str) -> float:
    """A number from 0 to 1 that depends on the reference alone."""
    return int.from_bytes(blake2b(ref.encode(), digest_size=4).digest(), "big") / 2**32


def _point(half: _Half, threshold: int) -> Point:
    wishes = {
        ref: [each for each in found[:BOUND] if each.weight >= threshold]
        for ref, found in half.wishes.items()
    }
    links = assign([(each.told or 0, each.ref) for each in half.reports], wishes)
    return Point(
        threshold=threshold,
        links=len(links),
        right=sum(half.known.get(report) == record for report, record in links.items()),
        hidden=sum(report not in half.known for report in links),
        missed=sum(report not in links for report in half.known),
        reports=len(half.known),
    )


def _possible(probable: int, hidden_miss_costs: float) -> int:
    """Weights are odds in powers of two: at probable the odds pay for a hidden miss, at possible one
    pair in five is true."""
    return probable - max(0, round(log2(hidden_miss_costs * (WORTH_A_LOOK - 1)) * 1e6))


def _looked(half: _Half) -> Looked:
    ranks = [
        next((n for n, each in enumerate(half.wishes[ref], start=1) if each.record == record), 0)
        for ref, record in half.known.items()
    ]
    return Looked(
        pairs=len(ranks),
        blocked=sum(rank > 0 for rank in ranks),
        kept={bound: sum(0 < rank <= bound for rank in ranks) for bound in (1, 2, 4, 8, BOUND)},
        candidates=sum(map(len, half.wishes.values())) / max(1, len(half.wishes)),
    )


# -- the curve --------------------------------------------------------------------------------

_WIDE, _TALL, _LEFT, _TOP = 480, 360, 52, 24


def curve(calibration: Calibration) -> str:
    """Precision over recall as a standing SVG document, the chosen threshold marked."""
    points = [point for point in calibration.points if point.links]
    path = " ".join(f"{_x(p.recall):.1f},{_y(p.precision):.1f}" for p in points)
    chosen = calibration.chosen
    told = (
        f"precision {chosen.precision:.1%}, recall {chosen.recall:.1%} "
        f"at weight {chosen.threshold / 1e6:.1f}"
    )
    ticks = Markup("").join(_tick(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    drawn = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" role="img" '
        'font-family="sans-serif" font-size="12" fill="{ink}">'
        "<title>Links without a reference: precision over recall</title><desc>{told}</desc>"
        '{ticks}<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>'
        '<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#fff" stroke="{ink}" stroke-width="2"/>'
        '<text x="{left}" y="14">{told}</text>'
        '<text x="{middle}" y="{bottom}" text-anchor="middle">recall</text>'
        '<text transform="translate(12 {half}) rotate(-90)" text-anchor="middle">precision</text>'
        "</svg>\n"
    )
    return str(
        drawn.format(
            wide=_WIDE,
            tall=_TALL,
            ink=INK,
            told=told,
            ticks=ticks,
            path=path,
            x=_x(chosen.recall),
            y=_y(chosen.precision),
            left=_LEFT,
            middle=(_LEFT + _WIDE) // 2,
            bottom=_TALL - 6,
            half=_TALL // 2,
        )
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDE - _LEFT - 20)


def _y(share: float) -> float:
    return _TALL - 44 - share * (_TALL - 44 - _TOP)


def _tick(share: float) -> Markup:
    return Markup(
        '<path d="M{x:.1f} {top:.1f}V{low:.1f}M{left:.1f} {y:.1f}H{right:.1f}" stroke="{pale}"/>'
        '<text x="{x:.1f}" y="{under:.1f}" text-anchor="middle">{share}</text>'
        '<text x="{beside:.1f}" y="{y:.1f}" dy="4" text-anchor="end">{share}</text>'
    ).format(
        x=_x(share),
        y=_y(share),
        top=_y(1),
        low=_y(0),
        left=_x(0),
        right=_x(1),
        pale=PALE,
        under=_y(0) + 16,
        beside=_x(0) - 6,
        share=f"{share:g}",
    )
