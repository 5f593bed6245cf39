"""Which crimes happen: the mix of a real force, grossed up by what it left out."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from msgspec import Struct

from service.simulation.draws import Weighted
from service.simulation.parameters import Parameters, Setting, data_rows

CONDUCT_AND_NEXT = (date(2017, 4, 1), date(2023, 5, 15))
"""Between these a conduct crime was recorded beside the next most serious one; outside, not."""
CONDUCT, VIOLENCE, REST = "conduct", "violence", "rest"


class Offence(Struct, frozen=True):
    """One class of offence as the simulated force records it."""

    name: str
    """Class."""
    kind: str
    code: str
    state_based: bool


@lru_cache(maxsize=4)
def recorded_mix() -> Mapping[Offence, float]:
    """Share of recorded crimes by class and kind, summing to 1."""
    recorded = {row["class"]: float(row["ppm"]) for row in data_rows("offence_mix.csv")}
    shares = {
        Offence(row["class"], row["kind"], row["code"], row["based"] == "S"): (
            recorded[row["class"]] * float(row["part"])
        )
        for row in data_rows("offences.csv")
    }
    total = sum(shares.values())
    return {offence: share / total for offence, share in shares.items()}


def stratum(parameters: Parameters, kind: str) -> str:
    """In which part of the inspectors' figures a kind counts: conduct, other violence, or the rest."""
    group = parameters.kinds[kind].group
    return group if group in (CONDUCT, VIOLENCE) else REST


def unrecorded(setting: Setting, conduct: float, violence: Mapping[str, float]) -> dict[str, float]:
    """Share of true crimes that goes unrecorded, by stratum.

    ``violence`` gives each stratum's share of true crimes; ``conduct`` the share of conduct crimes in
    unrecorded violence. The two published rates and that share leave nothing to choose.
    """
    whole = violence[CONDUCT] + violence[VIOLENCE]
    lost = (1 - setting.violence) * whole
    return {
        CONDUCT: conduct * lost / violence[CONDUCT],
        VIOLENCE: (1 - conduct) * lost / violence[VIOLENCE],
        REST: (1 - setting.overall - lost) / violence[REST],
    }


@lru_cache(maxsize=4)
def true_mix(parameters: Parameters) -> Mapping[Offence, float]:
    """Share of true crimes by class: what was recorded, divided by how readily it was recorded."""
    base = parameters.settings[parameters.mix_recorded_under]
    recorded: dict[str, float] = defaultdict(float)
    for offence, share in recorded_mix().items():
        recorded[stratum(parameters, offence.kind)] += share
    # With R recorded of T true crimes: violence of T is its share of R times overall / violence.
    whole = (recorded[CONDUCT] + recorded[VIOLENCE]) * base.overall / base.violence
    conduct_lost = parameters.conduct_of_unrecorded_violence * (1 - base.violence) * whole
    conduct = recorded[CONDUCT] * base.overall + conduct_lost
    true = {CONDUCT: conduct, VIOLENCE: whole - conduct, REST: 1 - whole}
    return {
        offence: share * true[part] / recorded[part]
        for offence, share in recorded_mix().items()
        for part in [stratum(parameters, offence.kind)]
    }


@lru_cache(maxsize=4)
def offences(parameters: Parameters) -> Weighted[Offence]:
    """Offences to draw from, by how often they truly happen."""
    return Weighted(true_mix(parameters))


@lru_cache(maxsize=256)
def offences_of(parameters: Parameters, kind: str) -> Weighted[Offence]:
    """Offences of one kind."""
    return Weighted({o: share for o, share in true_mix(parameters).items() if o.kind == kind})


def counted_beside(parameters: Parameters, day: date) -> frozenset[str]:
    """Kinds of further crimes that are recorded for themselves on that day; breaches always are."""
    since, until = CONDUCT_AND_NEXT
    every = {extra for kind in parameters.kinds.values() for extra in kind.extra}
    return frozenset(every if since <= day < until else every & {"breach"})
