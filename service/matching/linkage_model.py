"""A linkage model: Splink's own settings, read for the stream, and the weight it gives a pair.

The file holds Splink's JSON as Splink wrote it, the frequencies frozen at training, and the two
thresholds; one digest covers all. What Splink's SQL would compute is computed here by the templates
of the same names: a comparison that is no template's, or a level whose SQL is not that template's, is
refused by name. Weights are log2 of m/u, as whole millionths (1e-6), so they compare alike everywhere.
"""

import hashlib
from collections.abc import Callable, Mapping
from math import log2
from operator import attrgetter
from typing import Any, NoReturn

import msgspec
from msgspec import Struct, field

from service.ingest.lined import Fault
from service.matching.linkage_profile import Profile
from service.matching.linkage_templates import BY_NAME, Measure, Template

FINE = 1_000_000_000
"""Parts are summed in 1e-9, so that many parts together stay within 1e-6 of Splink's sum."""


class ModelError(Fault):
    """A linkage model that cannot be used: which comparison or level, and what to do."""


# -- as written -------------------------------------------------------------------------------


class LevelWritten(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One comparison level, by Splink's names."""

    sql_condition: str
    label_for_charts: str = ""
    is_null_level: bool = False
    m_probability: float | None = None
    u_probability: float | None = None
    fix_m_probability: bool = False
    fix_u_probability: bool = False
    tf_adjustment_column: str | None = None
    tf_adjustment_weight: float = 1.0
    tf_minimum_u_value: float = 0.0
    disable_tf_exact_match_detection: bool = False


class ComparisonWritten(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One comparison, by Splink's names."""

    output_column_name: str
    comparison_levels: tuple[LevelWritten, ...]
    comparison_description: str | None = None


class SplinkWritten(Struct, frozen=True):
    """The part of Splink's settings that a weight rests on; Splink's other settings are its own."""

    comparisons: tuple[ComparisonWritten, ...]
    probability_two_random_records_match: float


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From which weight a link is probable or possible, and what that choice rested on."""

    probable: int
    """Weight, in 1e-6, from which a link may settle."""
    possible: int
    """Weight, in 1e-6, from which a person is shown the pair."""
    hidden_miss_costs: float
    """How many false misses one false link, which hides a miss, was said to be worth."""


class ModelWritten(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model file."""

    format: int = 1
    pack: str
    """Name of the rule pack whose categories the kinds are."""
    splink: msgspec.Raw
    """Splink's own JSON."""
    term_frequencies: dict[str, dict[str, float]]
    """By column and value: share of all reports and records with that value."""
    term_counts: dict[str, int]
    """How often each lexicon term was seen: decides which of a text's terms is the rarest."""
    thresholds: Thresholds
    trained: dict[str, Any] = field(default_factory=dict)
    """What it was trained and calibrated on: counts and figures, for people."""


# -- for use ----------------------------------------------------------------------------------


class Part(Struct, frozen=True):
    """One comparison ready for use."""

    template: Template
    m: tuple[float, ...]
    u: tuple[float, ...]
    weights: tuple[int, ...]
    """By level, in 1e-9; the null level weighs nothing."""
    adjustments: tuple[Mapping[str, int] | None, ...]
    """By level: by value of the rare column, what its frequency adds, in 1e-9."""


class Evidence(Struct, frozen=True, kw_only=True):
    """What one comparison says of a pair."""

    comparison: str
    level: str
    label: str
    m: float | None
    """Share of true pairs on this level; None: not known on both sides."""
    u: float | None
    """Share of other pairs on this level."""
    weight: int
    """In 1e-6."""
    rarity: int = 0
    """What the frequency of the shared value adds, in 1e-6."""


class Model(Struct, frozen=True, kw_only=True, eq=False):
    """A model ready for use."""

    digest: str
    pack: str
    prior: int
    """Weight before any evidence, in 1e-9."""
    parts: tuple[Part, ...]
    thresholds: Thresholds
    rarity: Mapping[str, int]
    trained: Mapping[str, Any]
    weigh: Callable[[Profile, Profile], int]
    """Match weight of a report and a record, in 1e-6."""


def parse_model(content: bytes, origin: str) -> Model:
    """Read a model. Raises ``ModelError`` where it is not one, or holds SQL of no template."""
    try:
        written = msgspec.json.decode(content, type=ModelWritten)
        splink = msgspec.json.decode(written.splink, type=SplinkWritten)
    except msgspec.MsgspecError as error:
        remedy = "give a file written by 'recount linkage train'"
        raise ModelError(origin, 1, f"is no linkage model ({error})", remedy) from None
    if written.format != 1:
        remedy = "train it again with this version"
        raise ModelError(origin, 1, f"has format {written.format}, this reads 1", remedy)
    chance = splink.probability_two_random_records_match
    if not 0 < chance < 1:
        remedy = "probability_two_random_records_match lies between 0 and 1"
        raise ModelError(origin, 1, f"says that {chance} of all pairs belong together", remedy)
    parts = tuple(
        _part(comparison, written.term_frequencies, origin) for comparison in splink.comparisons
    )
    prior = round(log2(chance / (1 - chance)) * FINE)
    return Model(
        digest=hashlib.sha256(content).hexdigest(),
        pack=written.pack,
        prior=prior,
        parts=parts,
        thresholds=written.thresholds,
        rarity=written.term_counts,
        trained=written.trained,
        weigh=_weigher(prior, parts),
    )


def explain(model: Model, report: Profile, record: Profile) -> tuple[Evidence, ...]:
    """What each comparison says of a pair; with the prior they sum to its weight."""
    found = []
    for part in model.parts:
        index = part.template.measure(report, record)
        level = part.template.levels[index]
        found.append(
            Evidence(
                comparison=part.template.name,
                level=level.name,
                label=level.label,
                m=part.m[index] if index else None,
                u=part.u[index] if index else None,
                weight=_millionths(part.weights[index]),
                rarity=_millionths(_rarity(part, index, report, record)),
            )
        )
    return tuple(found)


# -- weights ----------------------------------------------------------------------------------


def _weigher(prior: int, parts: tuple[Part, ...]) -> Callable[[Profile, Profile], int]:
    plain = [(p.template.measure, p.weights) for p in parts if not any(p.adjustments)]
    rare: list[tuple[Part, Measure, tuple[int, ...]]] = [
        (p, p.template.measure, p.weights) for p in parts if any(p.adjustments)
    ]

    def weigh(report: Profile, record: Profile) -> int:
        total = prior
        for measure, weights in plain:
            total += weights[measure(report, record)]
        for part, measure, weights in rare:
            index = measure(report, record)
            total += weights[index]
            if part.adjustments[index] is not None:
                total += _rarity(part, index, report, record)
        return _millionths(total)

    return weigh


def _rarity(part: Part, index: int, report: Profile, record: Profile) -> int:
    """What the frequency of the rare column adds: the commoner of the two values decides."""
    adjustments = part.adjustments[index]
    if adjustments is None:
        return 0
    value = attrgetter(part.template.rare)
    found = [
        adjustments[each]
        for each in (value(report), value(record))
        if each is not None and each in adjustments
    ]
    return min(found, default=0)


def _millionths(fine: int) -> int:
    return (fine + 500) // 1000


# -- from Splink's settings -------------------------------------------------------------------


def _part(
    written: ComparisonWritten, frequencies: Mapping[str, Mapping[str, float]], origin: str
) -> Part:
    name = written.output_column_name

    def refuse(message: str, remedy: str) -> NoReturn:
        raise ModelError(origin, 1, f"comparison '{name}' {message}", remedy)

    template = BY_NAME.get(name)
    if template is None:
        refuse("is no template's", f"templates are {', '.join(BY_NAME)}")
    levels = written.comparison_levels
    if len(levels) != len(template.levels):
        refuse(
            f"has {len(levels)} levels, its template {len(template.levels)}",
            "train it again, or write the levels as the template has them",
        )
    for level, ours in zip(levels, template.levels, strict=True):
        if level.sql_condition != ours.sql:
            refuse(
                f"has SQL that is no template's: {level.sql_condition[:200]}",
                f"its level '{ours.name}' is {ours.sql}",
            )
        if level.is_null_level is not (ours is template.levels[0]):
            refuse(f"takes '{ours.name}' for the null level", "the first level is, and no other")
        if level.is_null_level:
            continue
        for word, share in (("m", level.m_probability), ("u", level.u_probability)):
            if share is None or not 0 < share <= 1:
                refuse(f"has no {word} at level '{ours.name}'", "train it again")
        column = template.rare if ours.name in template.rare_levels else None
        if level.tf_adjustment_column != column or level.disable_tf_exact_match_detection:
            refuse(
                f"weighs frequencies at level '{ours.name}' otherwise than its template",
                f"tf_adjustment_column is {column or 'absent'} there",
            )
        if level.tf_adjustment_weight < 0:
            refuse(f"has a negative frequency weight at '{ours.name}'", "use 0 to 1")
    return _ready(template, levels, frequencies)


def _ready(
    template: Template,
    levels: tuple[LevelWritten, ...],
    frequencies: Mapping[str, Mapping[str, float]],
) -> Part:
    names = [level.name for level in template.levels]
    exact = levels[names.index(template.exact)].u_probability if template.exact else None
    weights: list[int] = []
    adjustments: list[dict[str, int] | None] = []
    for name, level in zip(names, levels, strict=True):
        m, u = level.m_probability, level.u_probability
        weights.append(round(log2(m / u) * FINE) if m and u else 0)
        if exact and name in template.rare_levels and level.tf_adjustment_weight:
            adjustments.append(
                {
                    value: round(
                        level.tf_adjustment_weight
                        * (log2(exact) - log2(max(share, level.tf_minimum_u_value)))
                        * FINE
                    )
                    for value, share in frequencies.get(template.rare, {}).items()
                }
            )
        else:
            adjustments.append(None)
    return Part(
        template,
        tuple(level.m_probability or 0.0 for level in levels),
        tuple(level.u_probability or 0.0 for level in levels),
        tuple(weights),
        tuple(adjustments),
    )
