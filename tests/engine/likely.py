"""A small linkage model made by hand, and the whole truth under it, read off the whole log at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from schemas.words import RecordKind, RecordStatus
from service.effects import Input, RecordSeen, ReportSeen
from service.matching.linkage_blocking import record_keys, report_keys
from service.matching.linkage_model import Model, ModelWritten, Thresholds, parse_model
from service.matching.linkage_profile import of_record, of_report
from service.matching.linkage_templates import BY_NAME
from service.pointers import Rulebook
from service.rules.facts import RecordFacts, ReportFacts
from tests import oracle

BITS = {
    "receipt": (6, 4, 2, 1, 0, -4),
    "place": (5, 5, 5, 1, 4, -3),
    "victims": (8, -2),
}
"""Weight of each level, the null level left out, in powers of two."""


def model() -> Model:
    """Prior -10; probable from 4 bits, possible from 0."""
    return parse_model(model_file(), "by hand")


def model_file() -> bytes:
    """The same as a file holds it."""
    comparisons: list[dict[str, Any]] = []
    for name, bits in BITS.items():
        template = BY_NAME[name]
        levels: list[dict[str, Any]] = [
            {"sql_condition": template.levels[0].sql, "is_null_level": True}
        ]
        for level, weight in zip(template.levels[1:], bits, strict=True):
            u = 0.001
            made: dict[str, Any] = {"sql_condition": level.sql, "m_probability": u * 2**weight}
            made["u_probability"] = u
            if level.name in template.rare_levels:
                made["tf_adjustment_column"] = template.rare
            levels.append(made)
        comparisons.append({"output_column_name": name, "comparison_levels": levels})
    splink = {"comparisons": comparisons, "probability_two_random_records_match": 1 / 1025}
    written = ModelWritten(
        pack="umd",
        splink=msgspec.Raw(msgspec.json.encode(splink)),
        term_frequencies={},
        term_counts={},
        thresholds=Thresholds(probable=4_000_000, possible=0, hidden_miss_costs=10),
    )
    return msgspec.json.encode(written)


def verdicts(
    inputs: Sequence[Input], rulebook: Rulebook, lateness: timedelta, since: datetime
) -> dict[str, tuple[str, str]]:
    """Verdict and record taken, by report: what references leave missed takes, by (due, ref), the
    likeliest record that no reference ties and nobody took before."""
    words = oracle.verdicts(inputs, lateness, since)
    logs = oracle._newest(each.facts for each in inputs if isinstance(each, ReportSeen))
    made = oracle._newest(each.facts for each in inputs if isinstance(each, RecordSeen))
    named = {ref for log in logs.values() for ref in log.crime_refs}
    left = [
        record
        for record in made.values()
        if record.kind is RecordKind.CRIME
        and record.status is RecordStatus.RECORDED
        and record.ref not in named
        and not logs.keys() & {*record.incident_refs}
    ]
    incidents = {}
    for log in logs.values():
        incident = sorted(
            oracle._incident(log, logs), key=lambda each: (each.received_at, each.ref)
        )
        incidents[incident[0].ref] = incident
    order = sorted((incident[0].received_at, ref) for ref, incident in incidents.items())
    found = {ref: (word, "") for ref, word in words.items()}
    for received, head in order:
        if words[head] != "missed":
            continue
        wishes = [
            (-weight, record.ref, record)
            for record in left
            for weight in [_weight(incidents[head], record, rulebook)]
            if weight is not None and weight >= 4_000_000
        ]
        if not wishes:
            continue
        _, _, best = min(wishes, key=lambda wish: wish[:2])
        left.remove(best)
        late = best.recorded_at > received + oracle.DAY
        for log in incidents[head]:
            found[log.ref] = ("recorded_late" if late else "recorded", best.ref)
    return found


def _weight(incident: Sequence[ReportFacts], record: RecordFacts, rulebook: Rulebook) -> int | None:
    assert rulebook.linkage is not None
    right = of_record(record, rulebook.pack, {})
    weights = []
    for log in incident:
        left = of_report(log, rulebook.pack, rulebook.sources, {})
        if {*report_keys(left)} & {*record_keys(right)}:
            weights.append(rulebook.linkage.weigh(left, right))
    return max(weights, default=None)
