"""Match levels: an ordered list, strongest first; the first that holds is the link's level.

``crime_ref`` the report names the record · ``incident_ref`` the record names the report ·
``by_hand`` a person linked it, or confirmed a match ·
``repaired_ref`` the record's reference is one slip away from the report's, and time and place agree ·
``same_incident`` linked through a log of the same incident. ``probable`` and ``possible`` come after
these. Blank matches nothing: facts hold no blank references.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from math import cos, hypot, radians

from msgspec import Struct

from service.rules.facts import RecordFacts, ReportFacts

BY_HAND = "by_hand"

LEVELS = (
    "crime_ref",
    "incident_ref",
    BY_HAND,
    "repaired_ref",
    "same_incident",
    "probable",
    "possible",
)

CERTAIN = frozenset({"crime_ref", "incident_ref", "same_incident"})
"""Levels stated by the feeds themselves: nobody need confirm such a link, or can refuse it."""

REPAIR_WINDOW = timedelta(days=3)
"""A repaired reference needs receipt and report time this close: two slips are not one."""
REPAIR_METRES = 500
"""... and the same area, or places this close."""


class Link(Struct, frozen=True, gc=False):
    """That a record belongs to a report, how strongly, and by what."""

    record: str
    level: str
    evidence: str


def link(report: ReportFacts, record: RecordFacts) -> Link | None:
    """The strongest direct reference level between a report and a record, or None."""
    if record.ref in report.crime_refs:
        return Link(record.ref, "crime_ref", record.ref)
    if report.ref in record.incident_refs:
        return Link(record.ref, "incident_ref", report.ref)
    return None


def repaired(report: ReportFacts, record: RecordFacts) -> Link | None:
    """A link through a reference one slip away, time and place agreeing. Exact ones come first."""
    if not (_same_time(report, record) and _same_place(report, record)):
        return None
    for ref in record.incident_refs:
        if report.ref in slips(ref):
            return Link(record.ref, "repaired_ref", f"{ref}>{report.ref}")
    return None


_DIGITS = re.compile(r"\d+")


def slips(ref: str) -> frozenset[str]:
    """References one slip of the pen away: a zero lost or gained, a year off by one, digits swapped."""
    runs = list(_DIGITS.finditer(ref))
    if not runs:
        return frozenset()
    found = set(_padded(ref, runs[-1])) | set(_swapped(ref, runs[-1]))
    if len(runs) > 1:
        found |= set(_other_year(ref, runs[0]))
    found.discard(ref)
    return frozenset(found)


def _replace(ref: str, run: re.Match[str], digits: str) -> str:
    return ref[: run.start()] + digits + ref[run.end() :]


def _padded(ref: str, serial: re.Match[str]) -> Iterator[str]:
    bare = serial.group().lstrip("0") or "0"
    for width in range(len(bare), 10):
        yield _replace(ref, serial, bare.zfill(width))


def _swapped(ref: str, serial: re.Match[str]) -> Iterator[str]:
    digits = serial.group()
    for i in range(len(digits) - 1):
        if digits[i] != digits[i + 1]:
            yield _replace(ref, serial, digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :])


def _other_year(ref: str, run: re.Match[str]) -> Iterator[str]:
    digits = run.group()
    width = 4 if len(digits) in (4, 8) else 2 if len(digits) in (2, 6) else 0
    if width:
        year = int(digits[:width])
        for other in (year - 1, year + 1):
            if 0 <= other < 10**width:
                yield _replace(ref, run, str(other).zfill(width) + digits[width:])


def _same_time(report: ReportFacts, record: RecordFacts) -> bool:
    said = record.reported_at or record.recorded_at
    return abs(said - report.received_at) <= REPAIR_WINDOW


def _same_place(report: ReportFacts, record: RecordFacts) -> bool:
    if report.area and report.area == record.area:
        return True
    if None in (report.latitude, report.longitude, record.latitude, record.longitude):
        return False
    return _metres(report, record) <= REPAIR_METRES


def _metres(report: ReportFacts, record: RecordFacts) -> float:
    lat1, lon1 = report.latitude or 0.0, report.longitude or 0.0
    lat2, lon2 = record.latitude or 0.0, record.longitude or 0.0
    metres_per_degree = 111_195.0
    east = (lon2 - lon1) * cos(radians((lat1 + lat2) / 2))
    return hypot(lat2 - lat1, east) * metres_per_degree
