"""Recording rates with their intervals: how sure one may be of a share of so many crimes.

A rate counts crimes, names its routes, and is recorded / (recorded + missed): late records count as
recorded (timeliness stands beside the rate), crimes accounted for were not due to be recorded, and
crimes of which nothing can be told are in neither part.

Intervals are Wilson's score intervals. They stay inside 0 to 1 and hold their level for small counts
and for shares near 1, where the plain ± goes past the end; at the size of an inspection audit the
two agree to the second decimal. The plain ± is here as well (``margin``, ``sample_behind``), because
published audits state it.

The statistics library is loaded where an interval is asked for: it takes two seconds, and most commands
ask for none.
"""

from math import inf, sqrt

from msgspec import Struct

LEVEL = 0.95
"""Confidence level of every interval."""


class Rate(Struct, frozen=True, kw_only=True):
    """A share of crimes (or reports), with its interval."""

    hits: int
    of: int
    share: float
    """``hits / of``, 0 to 1."""
    low: float
    high: float
    routes: tuple[str, ...] = ()
    """Routes that it counts, sorted: ``log``, ``referral``, ``direct``."""


class Estimate(Struct, frozen=True):
    """A number with its interval."""

    value: float
    low: float
    high: float


class Timeliness(Struct, frozen=True, kw_only=True):
    """How soon recorded crimes were recorded: the aim (same day) and the limit (the deadline)."""

    same_day: Rate
    in_time: Rate


def rate(hits: int, of: int, routes: tuple[str, ...] = (), level: float = LEVEL) -> Rate:
    """The share ``hits / of`` with Wilson's interval. Raises ``ValueError`` where there is none."""
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no share")
    from scipy.stats import binomtest

    interval = binomtest(hits, of).proportion_ci(confidence_level=level, method="wilson")
    return Rate(
        hits=hits,
        of=of,
        share=hits / of,
        low=float(interval.low),
        high=float(interval.high),
        routes=tuple(sorted(routes)),
    )


def unrecorded(recorded: int, routes: tuple[str, ...], measured: Rate) -> Estimate | None:
    """Crimes not recorded, beside ``recorded`` ones: U = R(1 - p) / p, with the interval of p.

    None where R and p are of different routes: then the formula says nothing.
    """
    if tuple(sorted(routes)) != measured.routes:
        return None

    def lost(share: float) -> float:
        return recorded * (1 - share) / share if share else inf

    return Estimate(lost(measured.share), lost(measured.high), lost(measured.low))


def difference(before: Rate, after: Rate) -> Estimate:
    """``after - before`` of two independent rates, with Newcombe's interval: the two Wilson intervals
    squared and added (Statistics in Medicine 17, 1998, method 10)."""
    gap = after.share - before.share
    down = sqrt((after.share - after.low) ** 2 + (before.high - before.share) ** 2)
    up = sqrt((after.high - after.share) ** 2 + (before.share - before.low) ** 2)
    return Estimate(gap, gap - down, gap + up)


def bounds(recorded: int, missed: int, untold: int) -> tuple[float, float]:
    """The rate if nothing, and if everything, of which one cannot tell was recorded."""
    of = recorded + missed + untold
    if of == 0:
        raise ValueError("no crimes, no rate")
    return recorded / of, (recorded + untold) / of


def timeliness(same_day: int, in_time: int, recorded: int) -> Timeliness | None:
    """Shares of the recorded crimes made on the day of receipt and by the deadline; None of none."""
    if recorded == 0:
        return None
    return Timeliness(same_day=rate(same_day, recorded), in_time=rate(in_time, recorded))


def margin(share: float, sample: float, level: float = LEVEL) -> float:
    """The plain ± of a published rate: z·sqrt(p(1 - p) / n)."""
    return z_of(level) * sqrt(share * (1 - share) / sample)


def sample_behind(share: float, plus_minus: float, level: float = LEVEL) -> float:
    """How many crimes were looked at, judging by a published rate and its ±."""
    return z_of(level) ** 2 * share * (1 - share) / plus_minus**2


def z_of(level: float) -> float:
    """How many standard deviations either side hold this share of a normal distribution."""
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))
