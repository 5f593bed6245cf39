"""What is counted where verdicts are laid beside the truth."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

NO_TRACE = " (no trace)"
"""Behind a cause: those of its crimes that no stream shows."""


class Score:
    """Counts over one or more runs; ``+=`` adds another's."""

    def __init__(self) -> None:
        self.seeds = 0
        self.days = 0
        self.seconds = 0.0
        self.said: Counter[str] = Counter()
        """Clear misses said: ``true`` or ``false``."""
        self.signs: dict[str, Counter[str]] = defaultdict(Counter)
        """The same by the most harmful way of going unrecorded that the report looks like."""
        self.false: Counter[str] = Counter()
        """False ones by what the report truly was, and the reason given for the miss."""
        self.found: dict[str, Counter[str]] = defaultdict(Counter)
        """Crimes missed by their cause, by how it was answered; causes without a trace apart."""
        self.unfound: Counter[str] = Counter()
        """Crimes missed with a trace and not said to be, by kind and what was said."""
        self.no_crime: Counter[str] = Counter()
        """Reports that tell of no crime, by the grade of what was expected of them."""
        self.links: Counter[str] = Counter()
        """Pairs of report and record: ``right``, ``wrong``, ``unfound``."""
        self.alerts: Counter[str] = Counter()
        self.told: dict[str, Counter[str]] = defaultdict(Counter)
        """What the shipped routes would bring each receiver, by kind of step, were nothing acted on."""

    def __iadd__(self, other: "Score") -> "Score":
        self.seeds += other.seeds
        self.days += other.days
        self.seconds += other.seconds
        for name in ("said", "false", "unfound", "no_crime", "links", "alerts"):
            getattr(self, name).update(getattr(other, name))
        for name in ("signs", "found", "told"):
            for key, counts in getattr(other, name).items():
                getattr(self, name)[key].update(counts)
        return self

    def traced(self) -> Counter[str]:
        """Answers over every cause that leaves a trace."""
        whole: Counter[str] = Counter()
        for cause, answers in self.found.items():
            if not cause.endswith(NO_TRACE):
                whole.update(answers)
        return whole


def read_back(held: Mapping[str, Any]) -> Score:
    """A score as it was written down."""
    score = Score()
    for name, value in held.items():
        if name in ("seeds", "days", "seconds"):
            setattr(score, name, value)
        elif name in ("signs", "found", "told"):
            getattr(score, name).update({key: Counter(counts) for key, counts in value.items()})
        else:
            getattr(score, name).update(value)
    return score
