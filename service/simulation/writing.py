"""A simulated force as files: one a feed in order of arrival, and the truth."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from service.simulation.feeds import Event
from service.simulation.generate import Settings, as_line, simulate
from service.simulation.story import Feed
from service.simulation.truth import CrimeTruth, ReportTruth

FILES = {
    Feed.INCIDENTS: "incidents.jsonl",
    Feed.RECORDS: "records.jsonl",
    Feed.REFERRALS: "referrals.jsonl",
}
TRUTH = "truth.jsonl"


class Written(Struct, frozen=True, kw_only=True):
    """What was written, and how well the force recorded in truth."""

    events: dict[str, int]
    """By file."""
    reports: int
    crimes: int
    """Due to be recorded: without those rightly accounted for."""
    recorded: float
    """Of the crimes due, late ones included."""
    recorded_violence: float
    missed: dict[str, int]
    """By way."""


def write(
    settings: Settings, seed: int, folder: Path, heard: Callable[[int], None] = lambda many: None
) -> Written:
    """Write the four files; ``heard`` is told after every ten thousand lines how many there are.

    Raises ``SettingUnknown``, or ``OSError`` where the folder cannot be written to.
    """
    counts: Counter[str] = Counter()
    due: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    run = simulate(settings, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {
            name: stack.enter_context((folder / name).open("wb"))
            for name in (*FILES.values(), TRUTH)
        }
        for number, each in enumerate(run, start=1):
            if isinstance(each, Event):
                name = FILES[each.feed]
            else:
                name = TRUTH
                if isinstance(each, CrimeTruth):
                    _count(each, due, missed)
                counts["reports"] += isinstance(each, ReportTruth)
            counts[name] += 1
            files[name].write(as_line(each))
            if number % 10_000 == 0:
                heard(number)
    return Written(
        events={name: counts[name] for name in FILES.values()},
        reports=counts["reports"],
        crimes=due["all"],
        recorded=_share(due, "all"),
        recorded_violence=_share(due, "violence"),
        missed=dict(sorted(missed.items())),
    )


def _count(crime: CrimeTruth, due: Counter[str], missed: Counter[str]) -> None:
    if crime.fate == "accounted":
        return
    kept = crime.fate != "missed"
    due["all"] += 1
    due["all kept"] += kept
    if crime.group in ("violence", "conduct"):
        due["violence"] += 1
        due["violence kept"] += kept
    if crime.cause is not None and not kept:
        missed[crime.cause] += 1


def _share(due: Counter[str], name: str) -> float:
    return round(due[f"{name} kept"] / due[name], 4) if due[name] else 0.0
