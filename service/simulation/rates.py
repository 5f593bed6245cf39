"""From published rates to the chance that one crime goes unrecorded: nothing here is tuned by hand.

A force's rate is over all its crimes; those told straight to the crime bureau are nearly all recorded,
so what comes by log must be recorded less well than the rate says. These chances are solved so that
the published figures come out.
"""

from collections import defaultdict
from collections.abc import Mapping

from msgspec import Struct

from service.simulation.offences import REST, stratum, true_mix, unrecorded
from service.simulation.parameters import Parameters, Setting, SettingUnknown

MOST = 0.97
"""No kind of crime is missed more surely than this."""


class Rates(Struct, frozen=True, kw_only=True):
    """What follows from the figures and a setting."""

    crime_incidents: float
    """A day, referrals apart."""
    other_incidents: float
    """Incidents a day that are no crime and have a log."""
    missed_in_log: Mapping[str, float]
    """Chance that a crime in a log goes unrecorded, by kind."""
    missed_in_referral: float
    late: float
    """Chance that a recorded crime of a log or referral is recorded late."""


class _Expected(Struct):
    """Crimes a day that are due, by stratum or kind."""

    direct: dict[str, float]
    log: dict[str, float]
    referral: dict[str, float]
    by_kind: dict[str, float]
    """In logs."""

    def total(self) -> float:
        """All of them."""
        return sum(sum(part.values()) for part in (self.direct, self.log, self.referral))


def rates(parameters: Parameters, setting: Setting, counted: frozenset[str]) -> Rates:
    """Solve the chances. ``counted``: further crimes that are recorded for themselves on that day."""
    volumes = parameters.volumes
    incidents = _incidents(parameters, counted)
    due = _expected(parameters, incidents, counted)
    part = {s: due.direct[s] + due.log[s] + due.referral.get(s, 0) for s in due.log}
    whole = due.total()
    lost = unrecorded(
        setting,
        parameters.conduct_of_unrecorded_violence,
        {s: each / whole for s, each in part.items()},
    )
    in_log = {}
    for s, share in lost.items():
        elsewhere = parameters.direct_missed * due.direct[s]
        elsewhere += (1 - setting.referral) * due.referral.get(s, 0)
        in_log[s] = (share * part[s] - elsewhere) / due.log[s]
        if not 0 <= in_log[s] <= MOST:
            raise SettingUnknown(
                f"crimes in logs would have to be missed with chance {in_log[s]:.2f}; "
                "give rates that the routes allow"
            )
    recorded = setting.overall * whole
    direct = (1 - parameters.direct_missed) * sum(due.direct.values())
    late = recorded * (1 - setting.in_time) - direct * parameters.recording.direct_late
    logs = 1 - _share_direct(parameters)
    callers = 1 + volumes.more_callers * 1.2
    return Rates(
        crime_incidents=incidents,
        other_incidents=volumes.logs_a_day - incidents * logs * callers,
        missed_in_log=_by_kind(parameters, in_log, due.by_kind),
        missed_in_referral=1 - setting.referral,
        late=late / (recorded - direct),
    )


def _share_direct(parameters: Parameters) -> float:
    return sum(
        share * parameters.kinds[offence.kind].direct
        for offence, share in true_mix(parameters).items()
    )


def _incidents(parameters: Parameters, counted: frozenset[str]) -> float:
    """Incidents a day that make the crimes a day that are due."""
    one = _expected(parameters, 1.0, counted)
    referral = sum(one.referral.values())
    return (parameters.volumes.crimes_a_day - referral) / (one.total() - referral)


def _expected(parameters: Parameters, incidents: float, counted: frozenset[str]) -> _Expected:
    direct: dict[str, float] = defaultdict(float)
    log: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    told = 1 - parameters.recording.accounted
    for offence, share in true_mix(parameters).items():
        kind = parameters.kinds[offence.kind]
        crimes = {offence.kind: 1 + kind.second}
        for extra, chance in kind.extra.items():
            if extra in counted:
                crimes[extra] = crimes.get(extra, 0) + chance
        for name, many in crimes.items():
            s = stratum(parameters, name)
            direct[s] += incidents * share * kind.direct * many
            log[s] += incidents * share * (1 - kind.direct) * told * many
            by_kind[name] += incidents * share * (1 - kind.direct) * told * many
    volumes = parameters.volumes
    weights = parameters.referrals.kinds
    referral: dict[str, float] = defaultdict(float)
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        many = volumes.referrals_a_day * volumes.referrals_with_crime * share * told
        referral[stratum(parameters, name)] += many
    return _Expected(dict(direct), dict(log), dict(referral), dict(by_kind))


def _by_kind(
    parameters: Parameters, in_log: Mapping[str, float], due: Mapping[str, float]
) -> dict[str, float]:
    """Within what is not violence, kinds differ by weight around the same mean."""
    rest = {k: n for k, n in due.items() if stratum(parameters, k) == REST}
    weight = sum(n * parameters.kinds[k].weight for k, n in rest.items()) / sum(rest.values())
    made = {}
    for name, kind in parameters.kinds.items():
        s = stratum(parameters, name)
        made[name] = in_log[s] * (kind.weight / weight if s == REST else 1)
    if max(made.values()) > MOST:
        raise SettingUnknown("a kind of crime would always be missed; even out the weights")
    return made
