"""Chance, from one seed: each stream of decisions has its own numbers.

A stream is seeded from the seed, its name and the day, and where it matters from the incident, so that
changing one rate leaves every other decision as it was.
"""

from bisect import bisect
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


def stream(seed: int, name: str, day: int) -> Random:
    """Numbers for one stream of decisions on one day."""
    return Random(number(seed, name, day))


def number(seed: int, name: str, day: int) -> int:
    """What a stream is seeded with."""
    digest = blake2b(f"{seed}/{name}/{day}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def count(rng: Random, mean: float) -> int:
    """How many of something that happens independently: Poisson, or normal where there are many."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    left, many = rng.expovariate(1.0), 0
    while left < mean:
        left += rng.expovariate(1.0)
        many += 1
    return many


def one_of(rng: Random, choices: Sequence[T]) -> T:
    """One of several, each as likely."""
    return choices[int(rng.random() * len(choices))]


class Weighted(Generic[T]):
    """One of several, by weight."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self.choices = list(weights)
        self._upto = list(accumulate(weights.values()))

    def pick(self, u: float) -> T:
        """The choice at ``u`` of the way along, from 0 to 1."""
        return self.choices[bisect(self._upto, u * self._upto[-1], hi=len(self.choices) - 1)]
