"""People and places: known by a number, told apart by a keyed hash, never named.

Coordinates are made up: each district has a made centre and its areas lie around it in a spiral, so that
distances are plausible and no real address can be met.
"""

from functools import lru_cache
from hashlib import blake2b
from math import cos, radians, sin
from typing import Any

from msgspec import Struct

from schemas.words import AgeBand
from service.simulation.draws import number
from service.simulation.parameters import Parameters, data_rows

_CENTRES = {
    "Leicester UA": (52.63, -1.13, 0.0035),
    "Rutland UA": (52.66, -0.63, 0.02),
    "Blaby": (52.57, -1.19, 0.009),
    "Charnwood": (52.76, -1.17, 0.01),
    "Harborough": (52.5, -0.95, 0.018),
    "Hinckley and Bosworth": (52.58, -1.38, 0.012),
    "Melton": (52.79, -0.87, 0.018),
    "North West Leicestershire": (52.74, -1.37, 0.013),
    "Oadby and Wigston": (52.59, -1.09, 0.004),
}
"""Made up, roughly where each district lies: latitude, longitude, spacing of its areas in degrees."""

_STREETS = (
    "Station Road", "Church Lane", "Mill Lane", "The Crescent", "Park View", "High Street",
    "Meadow Close", "Queens Road", "Wharf Street", "Orchard Way", "Grange Avenue", "Castle Street",
)  # fmt: skip
_ADULTS = 2
"""Of each household: numbers 0 and 1; higher numbers are children."""


class Somewhere(Struct, frozen=True):
    """A place as both systems may write it."""

    area: str
    latitude: float
    longitude: float
    text: str

    def document(self) -> dict[str, Any]:
        """As the contracts hold it."""
        return {
            "area": self.area,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "text": self.text,
        }


class Someone(Struct, frozen=True):
    """A person: a keyed hash and an age."""

    key: str
    age: AgeBand


class Population:
    """Everybody who lives in the simulated force's area, and every place in it."""

    def __init__(self, parameters: Parameters, seed: int) -> None:
        self._figures = parameters.people
        self._secret = number(seed, "people", 0).to_bytes(8, "big")
        self._areas = _areas()

    def household(self, u: float, repeats: bool) -> int:
        """A household; one of the few behind repeat reports where ``repeats``."""
        if repeats:
            return int(u * u * self._figures.troubled)
        return int(u * self._figures.households)

    def person(self, household: int, which: int) -> Someone:
        """Adults are 0 and 1, children 2 and above."""
        name = f"{household}.{which}".encode()
        digest = blake2b(name, key=self._secret, digest_size=16).hexdigest()
        ages = (AgeBand.UNDER_13, AgeBand.AGE_13_TO_15, AgeBand.AGE_16_TO_17)
        age = AgeBand.ADULT if which < _ADULTS else ages[(household + which) % 3]
        return Someone(f"sim1:{digest}", age)

    def officer(self, which: int) -> str:
        """The keyed hash of an officer."""
        return self.person(-1 - which, 0).key

    def place(self, household: int) -> Somewhere:
        """Where a household lives, or what stands nearest."""
        return _place(self._areas[household * 7919 % len(self._areas)], household)


@lru_cache(maxsize=8192)
def _place(area: tuple[str, float, float], household: int) -> Somewhere:
    code, latitude, longitude = area
    turn = household * 2.39996
    street = _STREETS[household // 5 % len(_STREETS)]
    return Somewhere(
        code,
        round(latitude + 0.002 * sin(turn), 5),
        round(longitude + 0.003 * cos(turn), 5),
        f"{household % 180 + 1} {street}",
    )


def _areas() -> list[tuple[str, float, float]]:
    made = []
    for row in data_rows("areas.csv"):
        latitude, longitude, spacing = _CENTRES[row["authority"]]
        for n, code in enumerate(area_codes(row["areas"])):
            turn, out = n * 2.39996, spacing * (n + 0.5) ** 0.5
            east = out * cos(turn) / cos(radians(latitude))
            made.append((code, latitude + out * sin(turn), longitude + east))
    return made


def area_codes(ranges: str) -> list[str]:
    """``1013600-1013643 1013646`` as the area codes it stands for."""
    codes = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        codes += [f"E0{n}" for n in range(int(first), int(last or first) + 1)]
    return codes
