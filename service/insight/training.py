"""Training a linkage model with Splink on DuckDB: u by random pairs, m by expectation maximisation.

Splink sees profiles alone, never a reference. What comes out is Splink's own JSON, with every level's
m and u written down: a level that no pair stood on gets the share of half a pair, so that Splink and
the stream use the same number. Needs the extra ``linkage``.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from msgspec import Struct
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.comparison_library import CustomComparison
from splink.internals.blocking_rule_library import CustomRule
from splink.internals.comparison_level_creator import ComparisonLevelCreator
from splink.internals.exceptions import EMTrainingException

from service.matching.linkage_profile import Profile
from service.matching.linkage_templates import RARE_COLUMNS, TEMPLATES, Template

NUMBERS = ("told", "made", "since", "until", "north", "east", "scale", "rank")
WORDS = ("ref", "area", "kind", "officer", "rare")
SETS = ("classes", "victims", "suspects", "terms")

SCHEMA = pa.schema(
    [
        *((name, pa.int64()) for name in NUMBERS),
        *((name, pa.string()) for name in WORDS),
        *((name, pa.list_(pa.string())) for name in SETS),
    ]
)

SESSIONS = (
    "l.victims[1] = r.victims[1]",
    "l.suspects[1] = r.suspects[1]",
    "l.area = r.area AND l.told // 900 = r.told // 900",
    "l.north // 50 = r.north // 50 AND l.east // 80 = r.east // 80",
)
"""Pairs that EM looks at, four times otherwise chosen: each says nothing of the columns it chose by.
Each is narrow, so that true pairs are many among them: in a wide block (same area and kind, same hour)
EM was seen to take busy places and hours for links."""


class Trained(Struct, frozen=True, kw_only=True):
    """What training gives."""

    splink: dict[str, Any]
    """Splink's JSON."""
    term_frequencies: dict[str, dict[str, float]]
    idle: tuple[str, ...]
    """Sessions of EM that found too few pairs to learn from."""


class Untrainable(Exception):
    """History from which nothing can be learnt; the message says what is missing."""


def table(profiles: Sequence[Profile]) -> pa.Table:
    """Profiles as Splink takes them; an empty set is unknown, as None is."""
    columns = {name: [getattr(p, name) for p in profiles] for name in (*NUMBERS, *WORDS)}
    sets = {name: [sorted(getattr(p, name)) or None for p in profiles] for name in SETS}
    return pa.table({**columns, **sets}, schema=SCHEMA)


def term_counts(terms: Iterable[Iterable[str]]) -> dict[str, int]:
    """How often each lexicon term was seen, over all accounts."""
    counts = Counter(term for each in terms for term in each)
    return dict(sorted(counts.items()))


def settings(chance: float) -> dict[str, Any]:
    """Splink's settings over all templates, untrained; ``chance``: that two random rows match."""
    creator = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="ref",
        comparisons=[_comparison(template) for template in TEMPLATES],
        probability_two_random_records_match=chance,
        blocking_rules_to_generate_predictions=[CustomRule(rule) for rule in SESSIONS],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
        linker_uid="recount",
    )
    return creator.create_settings_dict("duckdb")


def _comparison(template: Template) -> CustomComparison:
    levels: list[ComparisonLevelCreator | dict[str, Any]] = []
    for number, level in enumerate(template.levels):
        made: dict[str, Any] = {"sql_condition": level.sql, "label_for_charts": level.label}
        if number == 0:
            made["is_null_level"] = True
        if level.name in template.rare_levels:
            made["tf_adjustment_column"] = template.rare
            made["tf_adjustment_weight"] = 1.0
        levels.append(made)
    return CustomComparison(levels, output_column_name=template.name)


def train(
    reports: Sequence[Profile],
    records: Sequence[Profile],
    chance: float,
    max_pairs: int = 2_000_000,
    seed: int = 1,
) -> Trained:
    """Learn m, u and frequencies from history. Raises ``Untrainable`` where a side is empty."""
    if not reports or not records:
        raise Untrainable("history holds no reports that show a crime, or no records; give both")
    logging.getLogger("splink").setLevel(logging.ERROR)
    connection = duckdb.connect()
    try:
        connection.execute("SET threads TO 1")
        linker = open_linker(connection, reports, records, settings(chance))
        linker.training.estimate_u_using_random_sampling(max_pairs=max_pairs, seed=seed)
        idle = tuple(rule for rule in SESSIONS if not _maximise(linker, rule))
        if len(idle) == len(SESSIONS):
            raise Untrainable(
                "no report and record agree on a person, on area and time, or on a spot; "
                "give people's hashes, areas or coordinates on both sides"
            )
        found = {column: _frequencies(linker, column) for column in RARE_COLUMNS}
        learnt = linker.misc.save_model_to_json()
    finally:
        connection.close()
    return Trained(
        splink=_completed(learnt, len(reports) * len(records), max_pairs, len(records)),
        term_frequencies=found,
        idle=idle,
    )


def _maximise(linker: Linker, rule: str) -> bool:
    """One session of EM. Were there pairs enough to learn from?"""
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    except EMTrainingException:
        return False
    except ValueError:
        # Splink refuses a share that falls to nothing, as it does where hardly a pair is true.
        return False
    return True


def open_linker(
    connection: duckdb.DuckDBPyConnection,
    reports: Sequence[Profile],
    records: Sequence[Profile],
    model: Mapping[str, Any],
) -> Linker:
    """Splink over both sides; reports are its left side because their table's name comes first."""
    api = DuckDBAPI(connection)
    left = api.register(table(reports), dataset_display_name="a_reports")
    right = api.register(table(records), dataset_display_name="b_records")
    return Linker([left, right], dict(model), log_level=None)


def _frequencies(linker: Linker, column: str) -> dict[str, float]:
    rows = linker.table_management.compute_tf_table(column).as_record_list()
    return {row[column]: row[f"tf_{column}"] for row in sorted(rows, key=lambda r: str(r[column]))}


def _completed(
    learnt: dict[str, Any], all_pairs: int, max_pairs: int, records: int
) -> dict[str, Any]:
    """Every level with an m and a u. One that was seen on one side only gets the share of half a pair
    on the other; one that was never seen, or could not be learnt, weighs nothing."""
    least = {"u_probability": 0.5 / min(all_pairs, max_pairs), "m_probability": 0.5 / records}
    for comparison in learnt["comparisons"]:
        levels = [each for each in comparison["comparison_levels"] if not each.get("is_null_level")]
        taught = any("m_probability" in each for each in levels)
        for level in levels:
            if not taught or not level.keys() & least.keys():
                level["m_probability"] = level.setdefault("u_probability", 1 / len(levels))
            for key, share in least.items():
                level[key] = float(f"{max(level.get(key, 0.0), share):.9g}")
    return learnt
