"""The simulated force's figures, read from one file in which each names its source."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources

import msgspec
import yaml
from msgspec import Struct

_DATA = resources.files("service.simulation") / "data"


class SettingUnknown(ValueError):
    """A setting, a force or a date that the simulation does not have; the message says which it has."""


class Volumes(Struct, frozen=True, forbid_unknown_fields=True):
    """How much happens a day, and when."""

    logs_a_day: float
    crimes_a_day: float
    referrals_a_day: float
    referrals_with_crime: float
    more_callers: float
    weekday: tuple[float, ...]
    hours: tuple[float, ...]


class Setting(Struct, frozen=True, forbid_unknown_fields=True, rename={"starts": "from"}):
    """How well the force records, as one inspection found it."""

    starts: date
    overall: float
    """Crimes recorded of those that should be."""
    violence: float
    in_time: float
    """Recorded within 24 hours, of those recorded."""
    referral: float
    """Recorded, of crimes in reports straight to protection teams."""


class Recording(Struct, frozen=True, forbid_unknown_fields=True):
    """Habits of recording that do not depend on the setting."""

    accounted: float
    several: float
    direct_late: float
    before_call: float
    other_class: float
    backdated: float
    reclassified: float
    continuing: float
    late_limit_days: float
    hidden: float
    never_typed: float
    no_coordinates: float
    other_coordinates: float
    prompt_hours: tuple[float, float]


class LogHabits(Struct, frozen=True, forbid_unknown_fields=True):
    """How logs are kept."""

    further_entries: float
    open_hours: float
    reopened: float
    written_back: float
    named_by_record: float
    unidentified: float
    unidentified_record: float
    victim_as_reporter: float
    victim_in_matter: float
    coarse_opening: float
    unknown_code: float
    closed_as_crime: float
    related: float


class PeopleFigures(Struct, frozen=True, forbid_unknown_fields=True):
    """Who lives there."""

    households: int
    troubled: int
    repeat: float


class FeedFigures(Struct, frozen=True, forbid_unknown_fields=True):
    """How one feed brings what happened."""

    least_seconds: float
    mean_seconds: float
    outages_a_day: float
    outage_hours: tuple[float, float]


class Feeds(Struct, frozen=True, forbid_unknown_fields=True):
    """All feeds."""

    heartbeat_minutes: int
    duplicates: float
    incidents: FeedFigures
    records: FeedFigures
    referrals: FeedFigures


class TextHabits(Struct, frozen=True, forbid_unknown_fields=True):
    """How people type."""

    upper: float
    lower: float
    abbreviated: float
    misspelt: float


class Kind(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of crime: how it is reported, and how readily it is misread."""

    category: str
    group: str
    """``conduct``, ``violence`` (these two are the inspectors' violence), ``sexual``, ``other``."""
    direct: float
    """Share told straight to the crime bureau, with no log."""
    opening: tuple[str, ...]
    vague: float
    """Share of logs opened under an incident category that names no crime."""
    domestic: float = 0
    professional: float = 0
    """Share reported by a professional."""
    second: float = 0
    """Share with a second victim."""
    extra: dict[str, float] = {}
    """Further crimes of another kind in the same report, with their share."""
    online: float = 1
    """How much likelier than usual to be reported online."""
    weight: float = 1
    """How much likelier than usual to go unrecorded, among kinds that are not violence."""
    child: bool = False
    per: str = "person"
    """Whom it is counted by: ``person``, ``household``, ``organisation``, or ``state``."""


class Matter(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of incident that is no crime."""

    share: float
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    people: bool = False
    domestic: bool = False


class ReferralFigures(Struct, frozen=True, forbid_unknown_fields=True):
    """Reports straight to protection teams."""

    kinds: dict[str, float]
    bodies: tuple[str, ...]


class Parameters(Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """Everything in the file. Compared by identity: what follows from it is remembered by it."""

    zone: str
    volumes: Volumes
    settings: dict[str, Setting]
    conduct_of_unrecorded_violence: float
    mix_recorded_under: str
    direct_missed: float
    recording: Recording
    missed: dict[str, float]
    late: dict[str, float]
    routes: dict[str, float]
    log: LogHabits
    people: PeopleFigures
    feeds: Feeds
    text: TextHabits
    kinds: dict[str, Kind]
    vague: dict[str, tuple[str, ...]]
    confused: dict[str, tuple[str, ...]]
    matters: dict[str, Matter]
    referrals: ReferralFigures
    force: str = "33"
    """Code to write."""


@cache
def parameters() -> Parameters:
    """The shipped figures."""
    return msgspec.convert(yaml.safe_load(data_text("parameters.yaml")), Parameters)


def data_text(name: str) -> str:
    """A file of the simulation's own data."""
    return (_DATA / name).read_text(encoding="utf-8")


def data_rows(name: str) -> list[Mapping[str, str]]:
    """Rows of one of its tables, without the comment that names its source."""
    lines = [line for line in data_text(name).splitlines() if not line.startswith("#")]
    header = lines[0].split(",")
    return [dict(zip(header, line.split(","), strict=True)) for line in lines[1:]]
