"""One simulated month, read once by every test that counts things in it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pytest

from service.simulation.feeds import Event
from service.simulation.generate import Settings, simulate
from service.simulation.story import Feed
from service.simulation.truth import CrimeTruth, OutageTruth, ReportTruth


class Simulated:
    """A run, taken apart."""

    def __init__(self, settings: Settings, seed: int) -> None:
        run = list(simulate(settings, seed))
        self.events = [each for each in run if isinstance(each, Event)]
        self.crimes = [each for each in run if isinstance(each, CrimeTruth)]
        self.reports = [each for each in run if isinstance(each, ReportTruth)]
        self.outages = [each for each in run if isinstance(each, OutageTruth)]

    @property
    def due(self) -> list[CrimeTruth]:
        """Crimes that should be recorded."""
        return [crime for crime in self.crimes if crime.fate != "accounted"]

    def of(self, feed: Feed) -> list[dict[str, Any]]:
        """Documents of one feed in order of arrival, heartbeats left out."""
        return [
            event.document
            for event in self.events
            if event.feed is feed and event.document.get("kind") != "heartbeat"
        ]

    @cached_property
    def last(self) -> Mapping[str, dict[str, Any]]:
        """Last version of every document by reference."""
        found: dict[str, dict[str, Any]] = {}
        for feed in Feed:
            for document in self.of(feed):
                held = found.get(document["ref"])
                if held is None or held["version"] < document["version"]:
                    found[document["ref"]] = document
        return found


@pytest.fixture(scope="session")
def month() -> Simulated:
    """Thirty days at the rates of 2017."""
    return Simulated(Settings(days=30), seed=11)


@pytest.fixture(scope="session")
def days() -> Simulated:
    """Three days: enough to look at every message."""
    return Simulated(Settings(days=3, references_missing=0.3), seed=5)
