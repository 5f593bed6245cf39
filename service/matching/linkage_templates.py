"""Comparison templates: each exists twice, as SQL for training and as Python for the stream.

A template is a ladder of levels, the null level first, the rest from closest to furthest, the last
being everything else. In SQL the first condition that holds is the level (``_l`` is the report,
``_r`` the record); in Python one measure gives the same number. Both compute in whole numbers.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from msgspec import Struct

from service.matching.linkage_profile import Profile

Measure = Callable[[Profile, Profile], int]


class Level(Struct, frozen=True):
    """One rung: its word, what people read, its SQL."""

    name: str
    label: str
    sql: str


class Template(Struct, frozen=True, kw_only=True):
    """One comparison: its rungs, and the Python that says which rung a pair stands on."""

    name: str
    levels: tuple[Level, ...]
    measure: Measure
    """Report and record to the index of a level."""
    rare: str = ""
    """Column by whose frequency agreement is weighed: agreeing on the rare says more."""
    rare_levels: frozenset[str] = frozenset()
    """Levels that are weighed so."""
    exact: str = ""
    """The level at which that column is the same on both sides: what its frequency stands for."""


MINUTE, HOUR, DAY = 60, 3600, 86400


def _ladder(null: str, rungs: Sequence[tuple[str, str, str]], rest: str) -> tuple[Level, ...]:
    return (
        Level("unknown", "not known on both sides", null),
        *(Level(*rung) for rung in rungs),
        Level("else", rest, "ELSE"),
    )


# -- time -------------------------------------------------------------------------------------

_APART = (10 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY)


def _receipt(report: Profile, record: Profile) -> int:
    if report.told is None or record.told is None:
        return 0
    return 1 + bisect_left(_APART, abs(report.told - record.told))


_MADE_AFTER = (6 * HOUR, DAY, 3 * DAY)
_MADE_LATE = 14 * DAY
_MADE_BEFORE = 2 * HOUR


def _recording(report: Profile, record: Profile) -> int:
    if report.made is None or record.made is None:
        return 0
    after = record.made - report.made
    if after >= 0:
        return 1 + bisect_left((*_MADE_AFTER, _MADE_LATE), after)
    return 4 if -after <= _MADE_BEFORE else 5


_GAPS = (0, HOUR, DAY, 7 * DAY)


def _occurrence(report: Profile, record: Profile) -> int:
    if report.since is None or record.since is None:
        return 0
    assert report.until is not None
    assert record.until is not None
    gap = max(report.since - record.until, record.since - report.until, 0)
    return 1 + bisect_left(_GAPS, gap)


# -- place ------------------------------------------------------------------------------------

_METRES = (50, 200, 500, 2000)
_METRES_PER_UNIT = 111_195.0 / 100_000
"""Metres of one 1e-5 degree of latitude, on a sphere of 6,371 km."""
_SQUARES = tuple(round(metres / _METRES_PER_UNIT * 2000) ** 2 for metres in _METRES)
"""Squared distances in units of 1e-5 degree times 2000 (twice the scale of a side)."""


def _place(report: Profile, record: Profile) -> int:
    placed = report.north is not None and record.north is not None
    same = report.area is not None and report.area == record.area
    if placed:
        rung = 1 + bisect_left(_SQUARES, _square(report, record))
        if rung <= len(_METRES):
            return rung
    elif report.area is None or record.area is None:
        return 0
    return 5 if same else 6


def _square(report: Profile, record: Profile) -> int:
    """Squared distance; whole numbers, exact in SQL's doubles wherever a bound is near."""
    assert report.north is not None
    assert report.east is not None
    assert report.scale is not None
    assert record.north is not None
    assert record.east is not None
    assert record.scale is not None
    north = (report.north - record.north) * 2000
    east = (report.east - record.east) * (report.scale + record.scale)
    return north * north + east * east


_SQUARE_SQL = (
    "CAST((north_l - north_r) * 2000 AS DOUBLE) * CAST((north_l - north_r) * 2000 AS DOUBLE) + "
    "CAST((east_l - east_r) * (scale_l + scale_r) AS DOUBLE) * "
    "CAST((east_l - east_r) * (scale_l + scale_r) AS DOUBLE)"
)

# -- kind, people, words ----------------------------------------------------------------------


def _kind(report: Profile, record: Profile) -> int:
    if report.kind is None or record.kind is None:
        return 0
    if report.kind == record.kind:
        return 1
    if not report.classes.isdisjoint(record.classes):
        return 2
    assert report.rank is not None
    assert record.rank is not None
    return 3 if record.rank < report.rank else 4


def _victims(report: Profile, record: Profile) -> int:
    if not report.victims or not record.victims:
        return 0
    return 2 if report.victims.isdisjoint(record.victims) else 1


def _suspects(report: Profile, record: Profile) -> int:
    if not report.suspects or not record.suspects:
        return 0
    return 2 if report.suspects.isdisjoint(record.suspects) else 1


def _officer(report: Profile, record: Profile) -> int:
    if report.officer is None or record.officer is None:
        return 0
    return 1 if report.officer == record.officer else 2


def _terms(report: Profile, record: Profile) -> int:
    if not report.terms or not record.terms:
        return 0
    if report.rare == record.rare:
        return 1
    both = len(report.terms & record.terms)
    total = len(report.terms) + len(record.terms)
    if both * 3 >= total:
        return 2
    return 3 if both * 6 >= total else 4


def _shared(column: str, one: str) -> tuple[Level, ...]:
    return _ladder(
        f"{column}_l IS NULL OR {column}_r IS NULL",
        [("shared", f"a {one} in common", f"list_has_any({column}_l, {column}_r)")],
        f"no {one} in common",
    )


_BOTH = "len(list_intersect(terms_l, terms_r))"
_TOTAL = "len(terms_l) + len(terms_r)"

TEMPLATES = (
    Template(
        name="receipt",
        measure=_receipt,
        levels=_ladder(
            "told_l IS NULL OR told_r IS NULL",
            [
                (f"within_{words}", f"reported within {words.replace('_', ' ')}", sql)
                for words, bound in zip(
                    ("10_minutes", "1_hour", "6_hours", "1_day", "3_days"), _APART, strict=True
                )
                for sql in [f"abs(told_l - told_r) <= {bound}"]
            ],
            "reported more than 3 days apart",
        ),
    ),
    Template(
        name="recording",
        measure=_recording,
        levels=_ladder(
            "made_l IS NULL OR made_r IS NULL",
            [
                (f"within_{words}", f"recorded within {words.replace('_', ' ')} of receipt", sql)
                for words, bound in zip(("6_hours", "1_day", "3_days"), _MADE_AFTER, strict=True)
                for sql in [f"made_r - made_l BETWEEN 0 AND {bound}"]
            ]
            + [
                (
                    "near",
                    "recorded up to 2 hours before receipt or 14 days after",
                    f"made_r - made_l BETWEEN -{_MADE_BEFORE} AND {_MADE_LATE}",
                )
            ],
            "recorded earlier or later",
        ),
    ),
    Template(
        name="occurrence",
        measure=_occurrence,
        levels=_ladder(
            "since_l IS NULL OR since_r IS NULL",
            [
                (name, label, f"greatest(since_l - until_r, since_r - until_l, 0) <= {bound}")
                for name, label, bound in (
                    ("overlap", "times of commission overlap", 0),
                    ("within_1_hour", "committed within 1 hour", HOUR),
                    ("within_1_day", "committed within 1 day", DAY),
                    ("within_7_days", "committed within 7 days", 7 * DAY),
                )
            ],
            "committed more than 7 days apart",
        ),
    ),
    Template(
        name="place",
        measure=_place,
        levels=_ladder(
            "(north_l IS NULL OR north_r IS NULL) AND (area_l IS NULL OR area_r IS NULL)",
            [
                (f"within_{metres}_m", f"within {metres} metres", f"{_SQUARE_SQL} <= {square}")
                for metres, square in zip(_METRES, _SQUARES, strict=True)
            ]
            + [("same_area", "same area", "area_l = area_r")],
            "elsewhere",
        ),
        rare="area",
        rare_levels=frozenset({"within_50_m", "within_200_m", "within_500_m", "same_area"}),
        exact="same_area",
    ),
    Template(
        name="kind",
        measure=_kind,
        levels=_ladder(
            "kind_l IS NULL OR kind_r IS NULL",
            [
                ("same_kind", "the same kind of crime", "kind_l = kind_r"),
                ("same_class", "a class in common", "list_has_any(classes_l, classes_r)"),
                ("graver", "recorded as something graver", "rank_r < rank_l"),
            ],
            "another kind of crime",
        ),
        rare="kind",
        rare_levels=frozenset({"same_kind"}),
        exact="same_kind",
    ),
    Template(name="victims", measure=_victims, levels=_shared("victims", "victim")),
    Template(name="suspects", measure=_suspects, levels=_shared("suspects", "suspect")),
    Template(
        name="officer",
        measure=_officer,
        levels=_ladder(
            "officer_l IS NULL OR officer_r IS NULL",
            [("same_officer", "the same officer in the case", "officer_l = officer_r")],
            "another officer",
        ),
    ),
    Template(
        name="terms",
        measure=_terms,
        levels=_ladder(
            "terms_l IS NULL OR terms_r IS NULL",
            [
                ("same_rare_term", "the same rarest term", "rare_l = rare_r"),
                ("half", "half of the terms or more shared", f"{_BOTH} * 3 >= {_TOTAL}"),
                ("fifth", "a fifth of the terms or more shared", f"{_BOTH} * 6 >= {_TOTAL}"),
            ],
            "few terms shared or none",
        ),
        rare="rare",
        rare_levels=frozenset({"same_rare_term"}),
        exact="same_rare_term",
    ),
)
"""Every comparison there is, in the order in which evidence is told."""

BY_NAME = {template.name: template for template in TEMPLATES}

RARE_COLUMNS = tuple(sorted({template.rare for template in TEMPLATES if template.rare}))
"""Columns whose frequencies a model freezes. No person's hash is among them."""
