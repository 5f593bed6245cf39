"""Estimates from a stratified random sample, with intervals that follow from how it was drawn.

A share is a ratio of two weighted sums. Its variance is that of the linearised ratio, stratum by
stratum, less what was read in full (Cochran, Sampling Techniques, 3rd ed., 1977, sections 5 and 6.11).
Its interval is the exact binomial one (Clopper and Pearson) for the number of crimes that a plain random
sample would have needed to be as sure, lowered where few reports were drawn (Korn and Graubard, Survey
Methodology 24, 1998): the plain ± runs past 1 and covers too little for shares near it.

What is missing is rare, and where the system is blind each find stands for many reports: such a stratum
mostly shows none, and its own spread would say that it is known. So the spread of each stratum is drawn
towards what the ratio itself would make of the crimes in it, with the weight of ``BORROWED`` crimes.
In simulated audits the true rate lay inside in 94 to 99 of 100 (100 to 500 reports of 1,000, recording
75.8 to 94.8 %); with spreads drawn towards the common one, and Wilson's interval, in 85 to 96.
"""

from collections.abc import Callable, Sequence
from math import sqrt

from msgspec import Struct

from service.figures.rate import LEVEL, Estimate, z_of

BORROWED = 12
"""Crimes' weight of the spread that the ratio gives, in each stratum's own; chosen by simulation."""


class Drawn(Struct, frozen=True):
    """One report of the sample: its stratum, and how many reports were drawn of how many there."""

    stratum: str
    drawn: int
    of: int

    @property
    def weight(self) -> float:
        """How many reports it stands for."""
        return self.of / self.drawn


class Share(Struct, frozen=True, kw_only=True):
    """A weighted share."""

    share: float
    low: float
    high: float
    hits: float
    """Estimated in all reports, not counted in the sample."""
    of: float
    sampled: int
    """Units of ``of`` that the sample holds."""
    effective: float
    """Units that a plain random sample would have needed to be as sure."""


Measure = Callable[[int], float]
"""A value of the n-th report drawn."""


def share(
    reports: Sequence[Drawn], hits: Measure, of: Measure, level: float = LEVEL
) -> Share | None:
    """The ratio of two totals; None where the sample holds nothing of the second."""
    places = range(len(reports))
    numerator = sum(reports[i].weight * hits(i) for i in places)
    denominator = sum(reports[i].weight * of(i) for i in places)
    sampled = int(sum(of(i) for i in places))
    if denominator <= 0:
        return None
    ratio = numerator / denominator
    variance = _variance(reports, lambda i: hits(i) - ratio * of(i), of, _inward(ratio, sampled))
    variance /= denominator**2
    read_in_full = all(report.drawn == report.of for report in reports)
    if read_in_full or ratio > 1:  # more than one each is no share, and ``total`` sees to it
        low = high = ratio
        effective = float(sampled)
    else:
        effective = ratio * (1 - ratio) / variance if 0 < ratio < 1 and variance > 0 else 0.0
        effective = effective or _kish(reports, of)
        low, high = _exact(ratio, _lowered(effective, reports, level), level)
    return Share(
        share=ratio,
        low=low,
        high=high,
        hits=numerator,
        of=denominator,
        sampled=sampled,
        effective=effective,
    )


def total(reports: Sequence[Drawn], value: Measure, level: float = LEVEL) -> Estimate:
    """A total over all reports, with its interval; never below what the sample itself holds.

    Of things that a report seldom holds, it is their share of reports that bears the interval: totals
    of rare things are skewed, and the plain ± covers too little.
    """
    seen = sum(value(i) for i in range(len(reports)))
    of_reports = share(reports, value, lambda i: 1, level)
    if of_reports is None:
        return Estimate(0.0, 0.0, 0.0)
    if of_reports.share < 1:
        low, high = of_reports.low * of_reports.of, of_reports.high * of_reports.of
    else:
        spread = _quantile(reports, level) * sqrt(_variance(reports, value))
        low, high = of_reports.hits - spread, of_reports.hits + spread
    return Estimate(of_reports.hits, max(low, seen), high)


def _kish(reports: Sequence[Drawn], of: Measure) -> float:
    """Units that equal weights would have needed, where the sample shows no spread (Kish)."""
    places = range(len(reports))
    whole = sum(reports[i].weight * of(i) for i in places)
    return whole**2 / sum(reports[i].weight ** 2 * of(i) for i in places)


def _inward(ratio: float, sampled: int) -> float:
    """A ratio drawn a little towards the middle: all or none in a sample is not all or none."""
    return (ratio * sampled + 2) / (sampled + 4)


def _variance(
    reports: Sequence[Drawn], value: Measure, of: Measure | None = None, ratio: float = 0.0
) -> float:
    """Of the weighted total of a value. Where it is what a ratio leaves of ``of``, the spread within a
    stratum is drawn towards that of crimes each met with the chance ``ratio``, with the weight of
    ``BORROWED`` crimes. A stratum read in full adds nothing."""
    strata: dict[str, list[int]] = {}
    for place, report in enumerate(reports):
        strata.setdefault(report.stratum, []).append(place)
    places = range(len(reports))
    whole = sum(report.weight for report in reports)
    common = sum(reports[i].weight * of(i) for i in places) / whole if of else 0.0
    variance = 0.0
    for members in strata.values():
        drawn, within = reports[members[0]].drawn, reports[members[0]].of
        middle = sum(map(value, members)) / drawn
        spread = sum((value(i) - middle) ** 2 for i in members) / max(drawn - 1, 1)
        if of is not None:
            held = sum(map(of, members))
            expected = (held + common) / (drawn + 1) * ratio * (1 - ratio)
            spread = (held * spread + BORROWED * expected) / (held + BORROWED)
        variance += within * within * (1 - drawn / within) * spread / drawn
    return variance


def _quantile(reports: Sequence[Drawn], level: float) -> float:
    """Student's t for as many degrees of freedom as reports beyond one a stratum."""
    from scipy.stats import t  # slow to load: see rate

    freedom = max(len(reports) - len({report.stratum for report in reports}), 1)
    return float(t.ppf((1 + level) / 2, freedom))


def _lowered(effective: float, reports: Sequence[Drawn], level: float) -> float:
    z = z_of(level)
    return effective * (z / _quantile(reports, level)) ** 2


def _exact(share_: float, n: float, level: float) -> tuple[float, float]:
    """The exact binomial interval for a share of ``n`` units, which need not be a whole number."""
    from scipy.stats import beta  # slow to load: see rate

    hits, tail = share_ * n, (1 - level) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if share_ > 0 else 0.0
    return low, float(beta.ppf(1 - tail, hits + 1, n - hits)) if share_ < 1 else 1.0
