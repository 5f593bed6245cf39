"""Which pairs are looked at at all: those that share a key. Few keys, so a decision stays small.

A key names something both sides would hold (a person, an area, a square of about a kilometre, a kind of
crime) and a time. A report lies in one slice of time; a record, of which there are fewer, is looked for
in the slices around it: reported or made up to a day before receipt and three days after.
"""

from collections.abc import Iterable, Mapping
from operator import itemgetter

from msgspec import Struct

from service.matching.linkage_model import Model
from service.matching.linkage_profile import Profile

SLICE = 2 * 86_400
"""Seconds of one slice of time."""
BEFORE, AFTER = 86_400, 3 * 86_400
"""How far a record's time may lie before and after receipt."""
HOUR = 3_600
CELL = 1_000
"""Side of a square, in 1e-5 degrees."""

BOUND = 16
"""Candidates kept for one report, the best by (weight, ref)."""


class Candidate(Struct, frozen=True, order=True):
    """A record that may belong to a report; sorts best first."""

    weight_below: int
    """Weight in 1e-6, negated: the heaviest comes first."""
    record: str

    @property
    def weight(self) -> int:
        """Weight in 1e-6."""
        return -self.weight_below


def report_keys(profile: Profile) -> tuple[str, ...]:
    """Keys under which a report is found."""
    if profile.told is None:
        return ()
    at = profile.told // SLICE
    keys = [f"{what}@{at}" for what in _whats(profile)]
    if profile.kind:
        keys.append(f"k:{profile.kind}@{profile.told // HOUR}")
    return tuple(sorted(keys))


def record_keys(profile: Profile) -> tuple[str, ...]:
    """Keys under which a record's reports are looked for."""
    known = profile.told if profile.told is not None else profile.made
    if known is None:
        return ()
    slices = range((known - AFTER) // SLICE, (known + BEFORE) // SLICE + 1)
    keys = [f"{what}@{at}" for what in _whats(profile) for at in slices]
    if profile.kind and profile.told is not None:
        hour = profile.told // HOUR
        keys += [f"k:{profile.kind}@{each}" for each in (hour - 1, hour, hour + 1)]
    return tuple(sorted(keys))


def _whats(profile: Profile) -> Iterable[str]:
    for person in profile.victims:
        yield f"v:{person}"
    for person in profile.suspects:
        yield f"s:{person}"
    if profile.area:
        yield f"a:{profile.area}"
    if profile.north is not None and profile.east is not None:
        yield f"g:{profile.north // CELL},{profile.east // CELL}"


def index(records: Iterable[Profile]) -> dict[str, list[Profile]]:
    """Records by key."""
    found: dict[str, list[Profile]] = {}
    for record in records:
        for key in record_keys(record):
            found.setdefault(key, []).append(record)
    return found


def candidates(
    model: Model,
    report: Profile,
    indexed: Mapping[str, Iterable[Profile]],
    least: int | None = None,
    bound: int = BOUND,
) -> list[Candidate]:
    """A report's candidates from weight ``least`` on (default: possible), the best ``bound`` of them."""
    floor = model.thresholds.possible if least is None else least
    near = {each.ref: each for key in report_keys(report) for each in indexed.get(key, ())}
    weigh = model.weigh
    weighed = [(weigh(report, record), ref) for ref, record in near.items()]
    found = [Candidate(-weight, ref) for weight, ref in weighed if weight >= floor]
    return sorted(found)[:bound]


def assign(
    order: Iterable[tuple[int, str]], wishes: Mapping[str, Iterable[Candidate]]
) -> dict[str, str]:
    """Record by report: in the order of (due, ref) each takes the best candidate nobody took before."""
    taken: dict[str, str] = {}
    links: dict[str, str] = {}
    for _, report in sorted(order, key=itemgetter(0, 1)):
        best = next((c.record for c in wishes.get(report, ()) if c.record not in taken), None)
        if best is not None:
            taken[best] = report
            links[report] = best
    return links
