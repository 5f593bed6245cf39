"""From reports to the crimes expected: what is shown, how surely, how many, by when.

All logs of one incident are read together: what any of them shows counts, the earliest receipt starts
the clock. A closing code alone never removes what an opening code or the first account showed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache

from msgspec import Struct

from schemas.words import Grade, ReportedBy, Result, Role, VictimConfirmed
from service.ingest.source import Blank, CodeMap, Combine, Indicates, Source
from service.rules.facts import ReportFacts, Term
from service.rules.pack import Category, Pack, fold_code
from service.rules.values import Expectation, Expected

OFFICERS = frozenset({Role.OFFICER, Role.OFFICER_IN_CASE, Role.INVESTIGATOR, Role.SUPERVISOR})
"""Writers whose account can make an offence against the state clear."""

_NOTHING = Expectation()


class Shown(Struct, frozen=True):
    """One category that a report shows: how surely, by which rules, on what evidence."""

    category: str
    grade: Grade
    rules: tuple[str, ...]
    evidence: tuple[str, ...]


class Read(Struct, frozen=True):
    """What the codes and words of one report say, whoever is in it and whenever it came."""

    shown: tuple[Shown, ...]
    unknown: tuple[str, ...]
    carve_outs: tuple[str, ...]


def expect(
    pack: Pack, sources: Mapping[str, Source], reports: Sequence[ReportFacts]
) -> Expectation:
    """Crimes expected of one incident; ``reports`` are all its logs, the first received first."""
    reads = [_read(pack, sources[report.source].code_map, report) for report in reports]
    if len(reads) == 1:
        shown, unknown, carve_outs = reads[0].shown, reads[0].unknown, reads[0].carve_outs
    else:
        shown = _merge([each for read in reads for each in read.shown])
        unknown = tuple(sorted({code for read in reads for code in read.unknown}))
        carve_outs = tuple(sorted({rule for read in reads for rule in read.carve_outs}))
    if not shown or carve_outs:
        if not (unknown or carve_outs):
            return _NOTHING
        return Expectation(unknown_codes=unknown, carve_outs=carve_outs)
    crimes = _crimes(pack, _counted(pack, shown, reports), sources, reports)
    return Expectation(crimes=crimes, unknown_codes=unknown)


# -- what one report shows --------------------------------------------------------------------


def _read(pack: Pack, code_map: CodeMap | None, report: ReportFacts) -> Read:
    unconfirmed = (
        report.reported_by is ReportedBy.OTHER_THIRD_PARTY
        and report.victim_confirmed is not VictimConfirmed.YES
    )
    return _read_codes_and_words(
        pack,
        code_map,
        report.opening,
        report.closing,
        report.results,
        report.terms,
        unconfirmed,
        report.recording_body,
    )


@lru_cache(maxsize=32768)
def _read_codes_and_words(
    pack: Pack,
    code_map: CodeMap | None,
    opening: tuple[str, ...],
    closing: tuple[str, ...],
    results: tuple[Result, ...],
    terms: tuple[Term, ...],
    unconfirmed: bool,
    body: str,
) -> Read:
    """Pure in its arguments, and the same few combinations come again and again."""
    slots = {"opening": opening, "closing": closing}
    found: list[Shown] = []
    unknown: list[str] = []
    if code_map is not None:
        for slot, code, word in _mapped(code_map, slots, unknown):
            category = pack.written.code_map_yes if word == Indicates.YES else word
            if category in pack.written.categories:
                grade = _grade_of_code(pack, category, slot, results, unconfirmed)
                found.append(Shown(category, grade, ("code_map",), (f"{slot}:{code}",)))
            else:
                unknown.append(f"{slot}:{code}")
    answered = {column.slot for column in code_map.columns} if code_map else set()
    for slot, codes in slots.items():
        if slot in answered:
            continue
        for code in codes:
            rule = pack.codes.get(fold_code(code))
            if rule is not None and rule.category:
                grade = _grade_of_code(pack, rule.category, slot, results, unconfirmed)
                found.append(Shown(rule.category, grade, (rule.id,), (f"{slot}:{code}",)))
            elif rule is None and code_map is None:
                unknown.append(f"{slot}:{code}")
    found += _words(pack, terms, unconfirmed)
    carved = _carved(pack, (*opening, *closing), body)
    return Read(_merge(found), tuple(sorted(set(unknown))), carved)


def _mapped(
    code_map: CodeMap, slots: Mapping[str, tuple[str, ...]], unknown: list[str]
) -> Iterable[tuple[str, str, str]]:
    """What a mapping's own code map shows: slot, code, word. Codes it lacks go to ``unknown``."""
    for column in code_map.columns:
        codes = slots[column.slot]
        if not codes:
            if column.blank is Blank.NEXT:
                continue
            if column.blank is Blank.UNKNOWN:
                unknown.append(f"{column.slot}:")
        for code in codes:
            word = column.indicates.get(fold_code(code))
            if word is None:
                unknown.append(f"{column.slot}:{code}")
            elif word != Indicates.NO:
                yield column.slot, code, word
        if code_map.combine is Combine.FIRST_NOT_BLANK:
            return


def _grade_of_code(
    pack: Pack, name: str, slot: str, results: tuple[Result, ...], unconfirmed: bool
) -> Grade:
    """An opening code is a caller's words, coded; a closing code, an arrest or a seizure is the
    police's own account."""
    category = pack.written.categories[name]
    if category.needs_results:
        return Grade.CLEAR if results else Grade.POSSIBLE
    from_caller = slot == "opening" and not results
    if from_caller and (category.state_based or unconfirmed):
        return Grade.POSSIBLE
    return Grade.CLEAR


def _words(pack: Pack, terms: tuple[Term, ...], unconfirmed: bool) -> Iterable[Shown]:
    """Words show a category; they make it clear only when several in one account agree."""
    told: dict[str, list[Term]] = defaultdict(list)
    for term in terms:
        shown, _, _ = term.id.partition(".")
        if term.assertion == "affirmed" and shown in pack.written.categories:
            told[shown].append(term)
    rule = pack.written.text
    for name, found in told.items():
        category = pack.written.categories[name]
        first = {term.id for term in found if term.first and not unconfirmed}
        officer = {term.id for term in found if term.writer in OFFICERS}
        account = officer if category.state_based else max(first, officer, key=len)
        clear = rule is not None and len(account) >= rule.distinct_terms
        clear = clear and not category.needs_results
        grade = Grade.CLEAR if clear else Grade.POSSIBLE
        evidence = tuple(sorted({f"term:{term.id}" for term in found}))
        yield Shown(name, grade, ("text",), evidence)


def _carved(pack: Pack, codes: Sequence[str], body: str) -> tuple[str, ...]:
    folded, body = {fold_code(code) for code in codes}, fold_code(body)
    return tuple(
        rule.id
        for rule in pack.written.carve_outs
        if (body and body in map(fold_code, rule.bodies))
        or folded.intersection(map(fold_code, rule.codes))
    )


def _merge(found: Sequence[Shown]) -> tuple[Shown, ...]:
    """One entry a category: clear where any of them is, with everything that speaks for it."""
    if len(found) <= 1:
        return tuple(found)
    by_category: dict[str, list[Shown]] = defaultdict(list)
    for each in found:
        by_category[each.category].append(each)
    return tuple(
        Shown(
            name,
            Grade.CLEAR if any(e.grade is Grade.CLEAR for e in group) else Grade.POSSIBLE,
            tuple(sorted({rule for e in group for rule in e.rules})),
            tuple(sorted({evidence for e in group for evidence in e.evidence})),
        )
        for name, group in sorted(by_category.items())
    )


# -- how many, of which kind --------------------------------------------------------------------


def _counted(
    pack: Pack, shown: Sequence[Shown], reports: Sequence[ReportFacts]
) -> Sequence[tuple[Shown, Category]]:
    """The categories that make crimes: the principal one, conduct beside it in its era, those that
    are always in addition, and a possible one that would outrank what is clear."""
    if len(shown) == 1:
        return [(shown[0], pack.written.categories[shown[0].category])]
    ranked = sorted(
        ((each, pack.written.categories[each.category]) for each in shown),
        key=lambda pair: (pair[1].rank, pair[0].category),
    )
    chosen = [pair for pair in ranked if pair[1].additional]
    rest = [pair for pair in ranked if not pair[1].additional]
    clear = [pair for pair in rest if pair[0].grade is Grade.CLEAR]
    era = pack.era_at(reports[0].received_at)
    if era is not None and era.counts == "conduct_and_next":
        chosen += [pair for pair in clear if pair[1].conduct][:1]
        chosen += [pair for pair in clear if not pair[1].conduct][:1]
    else:
        chosen += clear[:1]
    if rest and rest[0][0].grade is Grade.POSSIBLE:
        chosen.append(rest[0])
    return sorted(chosen, key=lambda pair: (pair[1].rank, pair[0].category))


def _crimes(
    pack: Pack,
    counted: Sequence[tuple[Shown, Category]],
    sources: Mapping[str, Source],
    reports: Sequence[ReportFacts],
) -> tuple[Expected, ...]:
    received_at = reports[0].received_at
    rule = pack.limit_at(received_at)
    declared = [limit for r in reports if (limit := sources[r.source].limit) is not None]
    due_at = received_at + (min(declared) if declared else timedelta(hours=rule.hours))
    harm = any([report.referral or report.child_victim for report in reports]) or _harmed(
        pack, reports
    )
    crimes = []
    for shown, category in counted:
        for number, person in enumerate(_people(category, reports), start=1):
            crimes.append(
                Expected(
                    id=f"{shown.category}:{person or number}",
                    category=shown.category,
                    classes=category.classes,
                    rank=category.rank,
                    grade=shown.grade,
                    victim=person,
                    received_at=received_at,
                    due_at=due_at,
                    harm=harm or category.harm,
                    rules=shown.rules if declared else (*shown.rules, rule.id),
                    evidence=shown.evidence,
                    unsourced=bool(category.unsourced or (rule.unsourced and not declared)),
                )
            )
    return tuple(crimes)


def is_domestic(pack: Pack, reports: Sequence[ReportFacts]) -> bool:
    """Does a qualifier or code of any log mark the incident as domestic abuse?"""
    marks = pack.domestic_abuse
    return bool(marks) and any(
        fold_code(code) in marks
        for report in reports
        for code in (*report.qualifiers, *report.opening, *report.closing)
    )


def _harmed(pack: Pack, reports: Sequence[ReportFacts]) -> bool:
    return any(
        fold_code(qualifier) in pack.harm_qualifiers
        for report in reports
        for qualifier in report.qualifiers
    )


def _people(category: Category, reports: Sequence[ReportFacts]) -> Sequence[str]:
    """Whom the crimes are counted by: keyed hashes first, then a blank for each person unnamed."""
    if category.per == "incident":
        return ("",)
    if category.per == "suspect":
        return sorted({person for report in reports for person in report.suspects}) or ("",)
    if len(reports) == 1 and not reports[0].unnamed_victims:
        return reports[0].victims or ("",)
    named = sorted({person for report in reports for person in report.victims})
    most = max(len(report.victims) + report.unnamed_victims for report in reports)
    return [*named, *[""] * max(most - len(named), 0 if named else 1)]
