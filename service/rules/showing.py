"""What a pack says, and what it makes of one report, as plain values for people and machines.

Nothing is decided here: the answers are those of ``expect``, ``decisions`` and the pack itself, laid out
with the mark of each rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from service.ingest.source import Source
from service.rules.decisions import decision, elsewhere
from service.rules.expect import expect
from service.rules.facts import ReportFacts
from service.rules.pack import Pack
from service.rules.values import Expected
from service.rules.written import Mark, ReportedIncident


class Marked(Struct, frozen=True, kw_only=True):
    """One rule: its id, what it says, and where it comes from."""

    id: str
    says: str
    mark: str
    """``sourced``, ``inference`` or ``unsourced``."""
    source: str
    """Paragraph, reasoning, or why it is believed."""


class Showing(Struct, frozen=True, kw_only=True):
    """A whole pack, laid out."""

    name: str
    title: str
    digest: str
    parts: dict[str, tuple[Marked, ...]]
    terms: dict[str, int]
    """Words it listens for, by category: how many lexicon ids."""

    @property
    def unsourced(self) -> int:
        """How many rules have no source."""
        return sum(rule.mark == "unsourced" for rules in self.parts.values() for rule in rules)


class CrimeExplained(Struct, frozen=True, kw_only=True):
    """One crime expected of a report, and what would settle it."""

    id: str
    category: str
    grade: str
    harm: bool
    due_at: datetime
    evidence: tuple[str, ...]
    rules: tuple[Marked, ...]
    settled_by: tuple[str, ...]
    """In words: classes, more serious ones, an earlier course of conduct."""
    decisions: tuple[str, ...]
    """Reasons under which it may be decided not to record it."""
    closure: str
    """What the report's own closure comes to; empty where it has none."""


class Explained(Struct, frozen=True, kw_only=True):
    """One report as the rules read it; no text, no person."""

    force: str
    ref: str
    received_at: datetime
    read: dict[str, tuple[str, ...]]
    """Codes, qualifiers, results, who reports, and lexicon ids with how they stand."""
    unknown_codes: tuple[str, ...]
    carve_outs: tuple[str, ...]
    crimes: tuple[CrimeExplained, ...]


# -- a pack ---------------------------------------------------------------------------------------


def showing(pack: Pack) -> Showing:
    """Lay a pack out, part by part, each rule with its mark."""
    written = pack.written
    parts = {
        "limits": [
            _marked(each.id, f"{each.hours} hours{_span(each.since, each.until)}", each)
            for each in written.limits
        ],
        "eras": [
            _marked(each.id, f"{_spaced(each.counts)}{_span(each.since, each.until)}", each)
            for each in written.eras
        ],
        "categories": [
            _marked(name, ", ".join(_category(each)), each)
            for name, each in sorted(written.categories.items(), key=lambda pair: pair[1].rank)
        ],
        "codes": [
            _marked(
                each.id,
                f"{each.category or 'no crime'}{_span(each.since, each.until)}: "
                f"{', '.join(each.codes)}",
                each,
            )
            for each in written.codes
        ],
        "qualifiers": [
            _marked(
                each.id,
                f"{'high harm' if each.harm else 'no harm'}{_span(each.since, each.until)}: "
                f"{', '.join(each.names)}",
                each,
            )
            for each in written.qualifiers
        ],
        "reported incidents": [
            _marked(each.id, ", ".join(_reported(each)), each)
            for each in written.reported_incidents
        ],
        "carve-outs": [
            _marked(each.id, ", ".join((*each.codes, *each.bodies)), each)
            for each in written.carve_outs
        ],
        "decisions not to record": [
            _marked(reason.value, ", ".join(map(_spaced, each.demands)), each)
            for reason, each in pack.reasons.decisions.items()
        ],
        "cancellations": [
            _marked(code.value, ", ".join(map(_spaced, each.demands)), each)
            for code, each in pack.reasons.cancellations.items()
        ],
        "other": list(_others(pack)),
    }
    terms: dict[str, int] = {}
    for term in pack.lexicon.terms if pack.lexicon else ():
        category = term.id.partition(".")[0]
        terms[category] = terms.get(category, 0) + 1
    return Showing(
        name=pack.name,
        title=pack.title,
        digest=pack.digest,
        parts={part: tuple(rules) for part, rules in parts.items() if rules},
        terms=terms,
    )


def _category(each: Any) -> Iterator[str]:
    yield f"rank {each.rank}"
    yield f"one per {each.per}"
    for name, per in each.per_class.items():
        yield f"of {name} one per {per}"
    for flag in (
        "state_based",
        "conduct",
        "additional",
        "harm",
        "firm",
        "needs_results",
        "registrar_only",
    ):
        if getattr(each, flag):
            yield _spaced(flag)
    yield f"classes {' '.join(each.classes)}" if each.classes else "any class settles it"
    if each.offences:
        yield f"of those only {' '.join(each.offences)}"


def _reported(each: ReportedIncident) -> Iterator[str]:
    yield f"{' '.join(each.codes)} for {each.category}"
    if each.unless_confirmed:
        yield "unless the victim confirms"
    if each.unless_reported_by:
        yield f"unless reported by {', '.join(_spaced(who) for who in each.unless_reported_by)}"
    if each.cancelled_by:
        yield f"cancelled by {', '.join(each.cancelled_by)} only"


def _others(pack: Pack) -> Iterator[Marked]:
    written = pack.written
    if written.text is not None:
        says = f"{written.text.distinct_terms} different words of one account make a crime clear"
        yield _marked("text", says, written.text)
    if written.offence_codes is not None:
        says = "a log's code may be an offence code, and shows that crime"
        yield _marked("offence-code", says, written.offence_codes)
    if written.transferred_in is not None:
        says = f"a report passed on by another force starts at {written.transferred_in.starts}"
        yield _marked("transferred-in", says, written.transferred_in)


def _marked(id_: str, says: str, mark: Mark) -> Marked:
    kind = next(
        (word for word in ("sourced", "inference", "unsourced") if getattr(mark, word)), "unsourced"
    )
    return Marked(id=id_, says=says, mark=kind, source=getattr(mark, kind))


def _span(since: date | None, until: date | None) -> str:
    begins = f" from {since}" if since else ""
    return begins + (f" until {until}" if until else "")


def _spaced(word: str) -> str:
    return word.replace("_", " ")


# -- a report -------------------------------------------------------------------------------------


def explain(pack: Pack, sources: Mapping[str, Source], report: ReportFacts) -> Explained:
    """What the rules make of one report taken by itself."""
    found = expect(pack, sources, [report])
    rules = {rule.id: rule for rules in showing(pack).parts.values() for rule in rules}
    return Explained(
        force=report.force,
        ref=report.ref,
        received_at=report.received_at,
        read={name: held for name, held in _read(report) if held},
        unknown_codes=found.unknown_codes,
        carve_outs=found.carve_outs,
        crimes=tuple(_crime(pack, crime, report, rules) for crime in found.crimes),
    )


def _read(report: ReportFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "opening codes", report.opening
    yield "closing codes", report.closing
    yield "qualifiers", report.qualifiers
    yield "results", tuple(result.value for result in report.results)
    yield "reported by", (_spaced(report.reported_by),)
    yield "victim confirms", (_spaced(report.victim_confirmed),)
    victims = len(report.victims) + report.unnamed_victims
    yield "victims", (str(victims),) if victims else ()
    yield (
        "words",
        tuple(
            f"{term.id} ({term.assertion}, {_spaced(term.writer)}"
            f"{', first account' if term.first else ''})"
            for term in report.terms
        ),
    )


def _crime(
    pack: Pack, crime: Expected, report: ReportFacts, rules: Mapping[str, Marked]
) -> CrimeExplained:
    category = rules[crime.category]
    fired = [rules[rule] for rule in crime.rules if rule in rules]
    return CrimeExplained(
        id=f"{crime.category}:{'victim' if crime.victim else crime.id.partition(':')[2]}",
        category=crime.category,
        grade=crime.grade.value,
        harm=crime.harm,
        due_at=crime.due_at,
        evidence=crime.evidence,
        rules=(category, *fired),
        settled_by=tuple(_settled_by(pack, crime)),
        decisions=tuple(
            reason.value
            for reason, rule in pack.reasons.decisions.items()
            if not rule.excludes(crime.category, crime.named)
        ),
        closure=_closure(pack, crime, report),
    )


def _settled_by(pack: Pack, crime: Expected) -> Iterator[str]:
    category = pack.written.categories[crime.category]
    if crime.classes:
        yield f"a crime of class {', '.join(crime.classes)}"
    else:
        yield "any crime record of this report"
    every = {name for code in pack.classes_of.values() for name in code}
    serious = [name for name in every if pack.rank_of.get(name, crime.rank) < crime.rank]
    if crime.classes and serious and not category.additional:
        yield f"a more serious crime ({len(serious)} classes)"
    if category.conduct:
        yield "an earlier course of conduct against the same victim, still open"
    for each in pack.written.reported_incidents:
        if each.category == crime.category:
            yield f"accounted for by {', '.join(_reported(each))}"
    if category.needs_results:
        yield "accounted for by the national body's reference, without a call for service"


def _closure(pack: Pack, crime: Expected, report: ReportFacts) -> str:
    if reason := elsewhere(pack, crime, [report]):
        return f"accounted for: {_spaced(reason)}"
    if report.closure is None:
        return ""
    weighed = decision(pack, crime, report.closure, [report])
    if weighed.accepted:
        return f"accounted for: {_spaced(weighed.reason)}"
    lacks: Sequence[str] = [_spaced(word) for word in weighed.lacks]
    return f"refused: {_spaced(weighed.reason)}" + (f", lacks {', '.join(lacks)}" if lacks else "")
