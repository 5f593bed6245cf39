"""How well words alone tell what a report is, against labels that people gave.

One main category a row: of what the words show, the one of the lowest rank, clear or possible alike;
``none`` where they show nothing. Intervals are Wilson's; that of F1 is Wilson's for
tp / (tp + fp + fn), of which F1 is a rising function.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from schemas.words import Role
from service.figures.rate import Estimate, Rate, rate
from service.rules.facts import Term
from service.rules.pack import Pack
from service.rules.wording import Telling, worded

NONE = "none"
LEFT_OUT = frozenset({"ambiguous", "drop"})
"""Categories of labels that do not decide; their rows are not scored."""

CATEGORIES = (
    "violence",
    "sexual",
    "robbery",
    "burglary",
    "theft",
    "vehicle",
    "damage_arson",
    "drugs",
    "weapons",
    "public_order",
    "fraud",
    "other_crime",
    NONE,
)


class Pattern(Struct, frozen=True):
    """One line of a label map: labels that match belong to the category."""

    pattern: re.Pattern[str]
    category: str


class Scored(Struct, frozen=True):
    """One row: what its label says and what its words show."""

    row: int
    """Number of the row in its file, from 1."""
    label: str
    shown: str
    rules: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


class Measure(Struct, frozen=True):
    """Precision, recall and F1 of one category, or of crime against none."""

    rows: int
    """Rows so labelled."""
    shown: int
    right: int
    precision: Rate | None
    recall: Rate | None
    f1: Estimate | None


class Score(Struct, frozen=True):
    """Everything measured on one file with one pack."""

    rows: int
    """Rows scored."""
    left_out: dict[str, int]
    """Rows not scored, by the category of their label; ``unmapped`` where the map knows it not."""
    crime: Measure
    micro: Rate | None
    """Share of rows given the right category."""
    categories: dict[str, Measure]
    confused: tuple[tuple[str, str, int], ...]
    """Label, category shown instead, rows; the most first."""


def category_of(label: str, patterns: Sequence[Pattern]) -> str:
    """Category of a label: the first pattern that it matches, lower-cased, spaces collapsed; blank
    where none does."""
    folded = " ".join(label.lower().split())
    return next((each.category for each in patterns if each.pattern.search(folded)), "")


def shown_in(pack: Pack, text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Main category that a text shows, with rules and terms; read as an officer's first account."""
    if pack.lexicon is None or pack.written.text is None:
        return NONE, (), ()
    found = pack.lexicon.read(text)
    terms = tuple([Term(term, Role.OFFICER, True, how) for term, how in found])
    told = worded(pack.written.text, pack.state_based, Telling(terms))
    if not told:
        return NONE, (), tuple([term.id for term in terms])
    main = min(told, key=lambda each: (pack.written.categories[each.category].rank, each.category))
    return pack.written.text.scored_as.get(main.category, main.category), main.rules, main.terms


def score(rows: Iterable[Scored], left_out: Counter[str]) -> Score:
    """Measure every category. Rows must be labelled with one of ``CATEGORIES``."""
    pairs: Counter[tuple[str, str]] = Counter()
    for row in rows:
        pairs[row.label, row.shown] += 1
    total, right = pairs.total(), sum(pairs[name, name] for name in CATEGORIES)
    crimes: Counter[tuple[str, str]] = Counter()
    for (label, shown), count in pairs.items():
        crimes[_crime(label), _crime(shown)] += count
    wrong = [(label, shown, count) for (label, shown), count in pairs.items() if label != shown]
    return Score(
        rows=total,
        left_out=dict(sorted(left_out.items())),
        crime=_measure("crime", crimes),
        micro=rate(right, total) if total else None,
        categories={name: _measure(name, pairs) for name in CATEGORIES},
        confused=tuple(sorted(wrong, key=lambda each: (-each[2], each[0], each[1]))),
    )


def _crime(category: str) -> str:
    return NONE if category == NONE else "crime"


def _measure(name: str, pairs: Counter[tuple[str, str]]) -> Measure:
    rows = sum(count for (label, _), count in pairs.items() if label == name)
    shown = sum(count for (_, given), count in pairs.items() if given == name)
    right = pairs[name, name]
    return Measure(
        rows=rows,
        shown=shown,
        right=right,
        precision=rate(right, shown) if shown else None,
        recall=rate(right, rows) if rows else None,
        f1=_f1(right, rows + shown - right),
    )


def _f1(right: int, either: int) -> Estimate | None:
    """F1 from hits and from all rows that are labelled so, shown so, or both."""
    if not either:
        return None
    share = rate(right, either)
    return Estimate(*[2 * each / (1 + each) for each in (share.share, share.low, share.high)])
