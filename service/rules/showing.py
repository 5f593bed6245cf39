"""A rule pack in plain words: every rule with what it says and where it comes from."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec
from msgspec import Struct

from service.rules.lexicon import HARMLESS
from service.rules.marks import Mark
from service.rules.pack import Pack
from service.rules.written import (
    CancellationRule,
    Category,
    DecisionRule,
    Era,
    ReportedIncident,
)


class Source(Struct, frozen=True):
    """Where a rule comes from."""

    mark: str
    """``sourced``, ``inference``, ``unsourced``; ``mapping`` where the mapping's own code list says it."""
    why: str = ""
    """The paragraph, the reasoning, or why it is believed."""

    def __str__(self) -> str:
        word = self.mark.upper() if self.mark == "unsourced" else self.mark
        return f"{word}: {self.why}" if self.why else word


class RuleShown(Struct, frozen=True, kw_only=True):
    """One rule."""

    kind: str
    """What it is a rule of: a limit, an era, a category and so on."""
    id: str
    says: str
    source: Source
    written: dict[str, object] = {}
    """Its keys as the pack gives them, its mark left out."""


class PackShown(Struct, frozen=True, kw_only=True):
    """A whole pack."""

    name: str
    title: str
    digest: str
    settings: dict[str, str]
    rules: list[RuleShown]
    terms: dict[str, dict[str, int]]
    """Words that show a category: term id to its number of phrases, never the phrases themselves."""
    notes: list[str]
    """What is no fault and yet may not be meant."""


def shown(pack: Pack) -> PackShown:
    """Everything a pack says, rule by rule."""
    terms = _terms(pack)
    return PackShown(
        name=pack.name,
        title=pack.title,
        digest=pack.digest,
        settings=dict(_settings(pack)),
        rules=list(_rules(pack)),
        terms=terms,
        notes=list(_notes(pack, terms)),
    )


def source_of(rule: Mark) -> Source:
    """The one mark a rule has."""
    if rule.sourced:
        return Source("sourced", rule.sourced)
    if rule.inference:
        return Source("inference", rule.inference)
    return Source("unsourced", rule.unsourced)


MAPPING = Source("mapping", "the mapping's own code list")


def sources(pack: Pack) -> dict[str, Source]:
    """Where each rule that a verdict can name comes from, by the id it is named by."""
    written = pack.written
    found = {"code_map": MAPPING}
    if written.text is not None:
        found["text"] = source_of(written.text)
    if written.offence_codes is not None:
        found["offence-code"] = source_of(written.offence_codes)
    for rules in (written.limits, written.eras, written.codes, written.carve_outs):
        found |= {rule.id: source_of(rule) for rule in rules}
    return found


# -- the rules ---------------------------------------------------------------------------------


def _rules(pack: Pack) -> Iterator[RuleShown]:
    written = pack.written
    for limit in written.limits:
        says = f"{limit.hours} h from receipt, {_span(limit.since, limit.until)}"
        yield _shown("limit", limit.id, says, limit)
    for era in written.eras:
        yield _shown("era", era.id, f"{_counting(era)}, {_span(era.since, era.until)}", era)
    ranked = sorted(written.categories.items(), key=lambda each: (each[1].rank, each[0]))
    for name, category in ranked:
        yield _shown("category", name, ". ".join(_category(category)), category)
    for rule in written.codes:
        says = f"shows {rule.category}" if rule.category else "known, shows no crime"
        says += f" of class {', '.join(rule.classes)}" if rule.classes else ""
        says += ", a call for service" if rule.call_for_service else ""
        says += ", possible at most" if rule.concern else ""
        says += f", {_span(rule.since, rule.until)}" if rule.since or rule.until else ""
        yield _shown("codes", rule.id, f"{says}: {', '.join(rule.codes)}", rule)
    if written.offence_codes is not None:
        says = "a log under an offence code shows that crime"
        yield _shown("codes", "offence-code", says, written.offence_codes)
    for qualifiers in written.qualifiers:
        says = "high harm: " if qualifiers.harm else "no harm of its own: "
        yield _shown("qualifiers", qualifiers.id, says + ", ".join(qualifiers.names), qualifiers)
    for reported in written.reported_incidents:
        yield _shown("reported incident", reported.id, _reported(reported), reported)
    if written.text is not None:
        says = f"{written.text.distinct_terms} terms that agree in one account make it clear"
        yield _shown("text", "text", says, written.text)
    if written.transferred_in is not None:
        says = f"the clock starts at {written.transferred_in.starts}"
        yield _shown("transferred in", "transferred-in", says, written.transferred_in)
    for carve_out in written.carve_outs:
        parts = [("codes", carve_out.codes), ("bodies", carve_out.bodies)]
        says = "; ".join(f"{what} {', '.join(words)}" for what, words in parts if words)
        yield _shown("carve-out", carve_out.id, says, carve_out)
    for reason, decision in pack.reasons.decisions.items():
        yield _shown("decision not to record", reason.value, _demands(decision), decision)
    for code, cancellation in pack.reasons.cancellations.items():
        yield _shown("cancellation", code.value, _demands(cancellation), cancellation)


def _shown(kind: str, name: str, says: str, rule: Mark) -> RuleShown:
    written = msgspec.to_builtins(rule)
    for key in ("sourced", "inference", "unsourced", "id"):
        written.pop(key, None)
    return RuleShown(kind=kind, id=name, says=says, source=source_of(rule), written=written)


def _reported(rule: ReportedIncident) -> str:
    says = f"{', '.join(rule.codes)} accounts for {rule.category}"
    says += ", unless the victim confirms" if rule.unless_confirmed else ""
    if rule.unless_reported_by:
        says += f", unless reported by {' or '.join(rule.unless_reported_by).replace('_', ' ')}"
    if rule.cancelled_by:
        says += f"; cancelled under {', '.join(rule.cancelled_by)} only"
    return says


def _span(since: date | None, until: date | None) -> str:
    if since is None and until is None:
        return "always"
    parts = [f"from {since}" if since else "", f"until {until}" if until else ""]
    return "received " + " ".join(part for part in parts if part)


def _counting(era: Era) -> str:
    if era.counts == "conduct_and_next":
        return "a conduct crime and the next most serious count"
    return "the most serious crime counts"


def _category(category: Category) -> Iterator[str]:
    yield f"rank {category.rank}, one per {category.per}"
    traits = [
        (category.conduct, "conduct"),
        (category.additional, "always in addition"),
        (category.state_based, "state-based"),
        (category.needs_results, "clear only with an arrest or seizure"),
        (category.harm, "high harm"),
        (category.firm, "stays clear whatever the closing code"),
        (category.registrar_only, "cancelled as no crime by the registrar alone"),
    ]
    if any(holds for holds, _ in traits):
        yield ", ".join(said for holds, said in traits if holds)
    if category.per_class:
        yield ", ".join(f"{held} one per {per}" for held, per in category.per_class.items())
    yield f"classes {', '.join(category.classes)}" if category.classes else "any crime record"
    if category.offences:
        yield f"of those only {', '.join(category.offences)}"


def _demands(rule: DecisionRule | CancellationRule) -> str:
    said = f"needs {', '.join(rule.demands)}" if rule.demands else "needs nothing"
    if rule.categories:
        said += f"; only for {', '.join(rule.categories)}"
    if isinstance(rule, DecisionRule) and rule.not_classes:
        said += f", but not {', '.join(rule.not_classes)}"
    if isinstance(rule, CancellationRule) and rule.offences:
        said += f"; of {', '.join(rule.offences)}"
    if rule.since:
        said += f"; since {rule.since}"
    return said


# -- around the rules --------------------------------------------------------------------------


def _settings(pack: Pack) -> Iterator[tuple[str, str]]:
    written, times = pack.written, pack.written.timing
    yield "grace", f"{times.grace_minutes} minutes after the deadline"
    yield "due soon", f"{times.due_soon_hours} h before the deadline"
    yield "read past receipt", f"{times.read_past_receipt_minutes} minutes, before due soon is said"
    yield "'yes' in a code list", written.code_map_yes
    earlier = written.earlier_record_hours
    yield (
        "earlier records",
        "of whatever age settle" if earlier is None else f"settle up to {earlier} h before receipt",
    )
    yield "conduct gap", f"{written.conduct_gap_days} days"
    yield "days begin in", written.zone
    if written.national_fraud_bodies:
        yield "record fraud nationally", ", ".join(written.national_fraud_bodies)
    if written.domestic_abuse:
        yield "marked domestic abuse", ", ".join(written.domestic_abuse)
    offences = len(pack.classes_of)
    yield "offence list", f"{offences:,} codes of {written.offences}" if offences else "none"


def _terms(pack: Pack) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for term, phrases in pack.lexicon.phrases.items() if pack.lexicon else ():
        category, _, _ = term.partition(".")
        found.setdefault(category, {})[term] = phrases
    return found


def _notes(pack: Pack, terms: Iterable[str]) -> Iterator[str]:
    known, named = {*pack.written.categories, HARMLESS.removesuffix(".")}, set(terms)
    for category in sorted(named - known):
        yield f"terms of '{category}' are kept and show no crime: no category has that name"
    yield from _out_of_reach(pack)
    shows = {rule.category for rule in pack.written.codes} | named
    for name in pack.written.categories:
        if name not in shows and name != pack.written.code_map_yes:
            yield f"'{name}' is shown by no code and no term here: only a mapping's code list can"


def _out_of_reach(pack: Pack) -> Iterator[str]:
    for reason, rule in pack.reasons.decisions.items():
        if rule.categories and pack.written.categories.keys().isdisjoint(rule.categories):
            yield f"'{reason.value}' accounts for nothing here: the pack has none of its categories"


def counts(pack: Pack) -> str:
    """A pack in one line."""
    marks = Counter(rule.source.mark for rule in _rules(pack))
    said = ", ".join(f"{n} {mark}" for mark, n in sorted(marks.items(), key=lambda m: -m[1]))
    codes, categories = len(pack.codes[-1]), len(pack.written.categories)
    terms = len(pack.lexicon.ids) if pack.lexicon else 0
    return (
        f"{pack.name} is sound: {sum(marks.values())} rules ({said}), {categories} "
        f"{'category' if categories == 1 else 'categories'}, {codes} codes, {terms} terms"
    )
