"""What two packs decide differently, as JSON values and as a page in the style of the report."""

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from msgspec import Struct, to_builtins

from schemas.words import Verdict
from service.alerts import words
from service.figures import charts, tables
from service.insight.changes import Changes
from service.insight.differences import ABSENT, NOTHING, TOGETHER, Differences, Kind
from service.insight.printed import template

KINDS_SHOWN = 60
"""Kinds of difference on the page; JSON has them all."""

EXAMPLES_SHOWN = 100

SECTIONS = {
    "codes": "code rule",
    "categories": "kind of crime",
    "limits": "recording limit",
    "eras": "counting era",
    "carve_outs": "crimes not due",
    "decisions": "decision not to record",
    "cancellations": "cancellation",
    "rules": "rule",
}
"""Sections of a pack as people say them."""


class PackShown(Struct, frozen=True):
    """A pack by what it says of itself."""

    name: str
    title: str
    digest: str


class About(Struct, frozen=True, kw_only=True):
    """What was compared."""

    title: str
    zone: str
    as_of: datetime | None
    before: PackShown
    after: PackShown
    changed: Changes


def as_json(found: Differences, about: About) -> dict[str, Any]:
    """Everything but the examples' full lines, as JSON values."""
    return {"about": to_builtins(about), **counted(found)}


def counted(found: Differences) -> dict[str, Any]:
    """The counts, as JSON values; kinds of difference with another verdict first, then the most
    frequent."""
    return {
        "reports": found.reports,
        "differing": found.differing,
        "other_verdict": found.other_verdict,
        "newly_missed": found.newly_missed,
        "no_longer_missed": found.no_longer_missed,
        "crimes_before": _by_word(found.before),
        "crimes_after": _by_word(found.after),
        "verdicts": [
            {"before": old, "after": new, "n": n} for (old, new), n in _ranked(found.verdicts)
        ],
        "causes": [{"cause": cause, "n": n} for cause, n in _ranked(found.causes)],
        "crimes": [
            {**to_builtins(kind), "n": n, "examples": [e.ref for e in found.examples.get(kind, ())]}
            for kind, n in kinds(found)
        ],
    }


def kinds(found: Differences) -> list[tuple[Kind, int]]:
    """Kinds of difference with their counts: another verdict first, then the most frequent."""
    return sorted(
        found.kinds.items(),
        key=lambda pair: (
            pair[0].before == pair[0].after,
            -pair[1],
            pair[0].before,
            pair[0].after,
            pair[0].category,
            pair[0].cause,
        ),
    )


def render(found: Differences, about: About) -> str:
    """The whole page."""
    ranked = kinds(found)
    examples = [(kind, example) for kind, _ in ranked for example in found.examples.get(kind, ())]
    page: str = template("diff.html.j2").render(
        about=about,
        found=found,
        zone=ZoneInfo(about.zone),
        words=words,
        patterns=charts.PATTERNS,
        sides=[
            _side("Before", about.before, found.before),
            _side("After", about.after, found.after),
        ],
        verdicts=sorted(_ranked(found.verdicts), key=lambda pair: pair[0][0] == pair[0][1]),
        causes=_ranked(found.causes),
        kinds=ranked[:KINDS_SHOWN],
        kinds_left_out=max(len(ranked) - KINDS_SHOWN, 0),
        examples=examples[:EXAMPLES_SHOWN],
        forces=len({example.force for _, example in examples}),
        verdict=verdict,
        category=category,
        cause=cause,
    )
    return page


class Shown(Struct, frozen=True):
    """One side's crimes, drawn."""

    label: str
    pack: PackShown
    bar: Markup
    parts: list[tuple[charts.Part, Markup]]
    pending: int


def _side(label: str, pack: PackShown, counts: Counter[Verdict]) -> Shown:
    total = tables.tally(label, label, counts)
    parts = tables.parts(total)
    bar = charts.stacked(f"{label}: what became of the crimes due", parts)
    return Shown(label, pack, bar, [(p, charts.swatch(p.shade)) for p in parts], total.pending)


def verdict(word: str) -> str:
    """A verdict of either side as people read it."""
    possible = word.startswith("possible ")
    bare = word.removeprefix("possible ")
    told = {NOTHING: "Not expected", ABSENT: "Not there"}.get(bare) or words.VERDICTS[Verdict(bare)]
    return f"Possible: {told.lower()}" if possible else told


def category(word: str) -> str:
    """A kind of crime, or how it changed."""
    return " → ".join(words.category(each) for each in word.split(" > "))


def cause(word: str) -> str:
    """The part of a pack, or the evidence, behind a difference."""
    told = []
    for each in word.split(" + "):
        section, _, name = each.partition(":")
        if each == TOGETHER:
            told.append("the packs as wholes")
        elif section == "evidence":
            told.append(words.evidence(name))
        elif name:
            told.append(f"{SECTIONS.get(section, words.plain(section))} {name}")
        else:
            told.append(words.plain(each))
    return "; ".join(told)


def _ranked(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _by_word(counts: Counter[Verdict]) -> dict[str, int]:
    return {word.value: counts[word] for word in Verdict if counts[word]}
