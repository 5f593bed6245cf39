"""From reports to the crimes expected: what is shown, how surely, how many, by when.

All logs of one incident are read together: what any of them shows counts, the earliest receipt starts
the clock. A closing code alone never removes what an opening code or the first account showed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import Grade, ReceivedVia, ReportedBy, Result, VictimConfirmed
from service.ingest.source import Blank, CodeMap, Combine, Indicates, Source
from service.rules.facts import ReportFacts, Term
from service.rules.offences import canonical
from service.rules.pack import Pack
from service.rules.values import Expectation, Expected
from service.rules.wording import Telling, victims_told, worded
from service.rules.written import Category, Indication, fold_code

_NOTHING = Expectation()


class Shown(Struct, frozen=True):
    """One category that a report shows: how surely, by which rules, on what evidence."""

    category: str
    grade: Grade
    rules: tuple[str, ...]
    evidence: tuple[str, ...]
    named: tuple[str, ...] = ()
    """Classes of the category that the codes name; empty: they say only the category."""
    any_class: bool = False
    """Will a record of any class do?"""
    beside: tuple[str, ...] = ()
    """Further categories that the same account shows as surely: a record of theirs will do too."""


class Read(Struct, frozen=True):
    """What the codes and words of one report say, whoever is in it and whenever it came."""

    shown: tuple[Shown, ...]
    unknown: tuple[str, ...]
    carve_outs: tuple[str, ...]


def expect(
    pack: Pack, sources: Mapping[str, Source], reports: Sequence[ReportFacts]
) -> Expectation:
    """Crimes expected of one incident; ``reports`` are all its logs, the first received first."""
    reads = [read_report(pack, sources[report.source].code_map, report) for report in reports]
    if len(reads) == 1:
        shown, unknown, carve_outs = reads[0].shown, reads[0].unknown, reads[0].carve_outs
    else:
        shown = _superseded(pack, _merge([each for read in reads for each in read.shown]))
        unknown = tuple(sorted({code for read in reads for code in read.unknown}))
        carve_outs = tuple(sorted({rule for read in reads for rule in read.carve_outs}))
    if not shown or carve_outs:
        if not (unknown or carve_outs):
            return _NOTHING
        return Expectation(unknown_codes=unknown, carve_outs=carve_outs)
    crimes = _crimes(pack, _counted(pack, shown, reports), sources, reports)
    return Expectation(crimes=crimes, unknown_codes=unknown)


# -- what one report shows --------------------------------------------------------------------


def read_report(pack: Pack, code_map: CodeMap | None, report: ReportFacts) -> Read:
    """What one report shows by itself."""
    unconfirmed = (
        report.reported_by is ReportedBy.OTHER_THIRD_PARTY
        and report.victim_confirmed is not VictimConfirmed.YES
    )
    return _read_codes_and_words(
        pack,
        code_map,
        pack.edition_at(report.received_at),
        report.opening,
        report.closing,
        report.results,
        report.terms,
        report.qualifiers if report.terms else (),
        unconfirmed,
        report.reported_by is ReportedBy.POLICE,
        report.recording_body,
    )


@lru_cache(maxsize=8192)
def _read_codes_and_words(
    pack: Pack,
    code_map: CodeMap | None,
    edition: int,
    opening: tuple[str, ...],
    closing: tuple[str, ...],
    results: tuple[Result, ...],
    terms: tuple[Term, ...],
    qualifiers: tuple[str, ...],
    unconfirmed: bool,
    by_police: bool,
    body: str,
) -> Read:
    """Pure in its arguments, and the same few combinations come again and again."""
    slots = {"opening": opening, "closing": closing}
    found: list[Shown] = []
    unknown: list[str] = []
    told = _Told(pack, bool(results), unconfirmed, by_police)
    if code_map is not None:
        for slot, code, word in _mapped(code_map, slots, unknown):
            category = pack.written.code_map_yes if word == Indicates.YES else word
            if category in pack.written.categories:
                found.append(
                    Shown(category, told.grade(category, slot), ("code_map",), (f"{slot}:{code}",))
                )
            else:
                unknown.append(f"{slot}:{code}")
    answered = {column.slot for column in code_map.columns} if code_map else set()
    for slot, codes in slots.items():
        if slot in answered:
            continue
        for code in codes:
            rule = pack.codes[edition].get(fold_code(code)) or _offence(pack, code)
            if rule is not None and rule.category:
                grade = told.grade(rule.category, slot, rule.call_for_service, rule.concern)
                evidence = (f"{slot}:{code}",)
                found.append(Shown(rule.category, grade, (rule.id,), evidence, rule.classes))
            elif rule is None and code_map is None:
                unknown.append(f"{slot}:{code}")
    found += _words(pack, terms, unconfirmed, (*opening, *closing), qualifiers, bool(results))
    carved = _carved(pack, (*opening, *closing), body)
    shown = _superseded(pack, _merge(found))
    return Read(shown, tuple(sorted(set(unknown))), carved)


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


class _Told(Struct, frozen=True):
    """Who says what the codes of one report say."""

    pack: Pack
    acted: bool
    """Did officers arrest or seize?"""
    unconfirmed: bool
    by_police: bool

    def grade(
        self, name: str, slot: str, call_for_service: bool = False, concern: bool = False
    ) -> Grade:
        """An opening code is a caller's words, coded; a closing code, an arrest, a seizure and what
        officers themselves report are the police's own account."""
        category = self.pack.written.categories[name]
        acted = self.acted or call_for_service
        if concern and not acted:
            return Grade.POSSIBLE
        if category.needs_results:
            return Grade.CLEAR if acted else Grade.POSSIBLE
        from_caller = slot == "opening" and not acted and not self.by_police
        if from_caller and (category.state_based or self.unconfirmed):
            return Grade.POSSIBLE
        return Grade.CLEAR


@lru_cache(maxsize=4096)
def _offence(pack: Pack, code: str) -> Indication | None:
    """What an offence code shows where a log is opened or closed under one; the mildest reading."""
    rule = pack.written.offence_codes
    if rule is None:
        return None
    code = code if code in pack.kinds_of else canonical(code)
    kinds = pack.kinds_of.get(code)
    if not kinds:
        return None
    category = max(kinds, key=lambda name: pack.written.categories[name].rank)
    held = pack.written.categories[category].classes
    named = tuple(each for each in pack.classes_of.get(code, (code,)) if each in held)
    return Indication(
        id="offence-code", codes=(code,), category=category, classes=named, sourced=rule.sourced
    )


def _words(
    pack: Pack,
    terms: tuple[Term, ...],
    unconfirmed: bool,
    codes: tuple[str, ...] = (),
    qualifiers: tuple[str, ...] = (),
    acted: bool = False,
) -> Iterable[Shown]:
    """What words show; what they show of a crime recorded nationally is never clear."""
    rule = pack.written.text
    if rule is None or not terms:
        return
    told = Telling(
        terms,
        unconfirmed,
        frozenset(map(fold_code, codes)),
        frozenset(map(fold_code, qualifiers)),
        acted,
    )
    for each in worded(rule, pack.state_based, told):
        national = pack.written.categories[each.category].needs_results
        grade = Grade.POSSIBLE if national else each.grade
        evidence = tuple(f"term:{term}" for term in each.terms)
        yield Shown(each.category, grade, each.rules, evidence)


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
            tuple(sorted({each for e in group for each in e.named})),
        )
        for name, group in sorted(by_category.items())
    )


def _superseded(pack: Pack, shown: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """What only an opening code or words name is no longer sure once the police's closing code names
    another crime: it stays, as possible, beside that one. Where the closing code says only that there
    was a crime, a record of any class will do. The gravest (``firm``) stay as they are all the same."""
    categories = pack.written.categories
    closed_as = [each for each in shown if _closed_as(each)] if len(shown) > 1 else []
    if not closed_as:
        return shown
    specific = [c for c in closed_as if categories[c.category].classes]
    change: dict[str, Any] = {"grade": Grade.POSSIBLE} if specific else {"any_class": True}
    return tuple(
        replace(each, **change)
        if not categories[each.category].firm and _unsure(pack, each, specific or closed_as)
        else each
        for each in shown
    )


def _unsure(pack: Pack, shown: Shown, closed_as: Sequence[Shown]) -> bool:
    """Does this rest on less than a closing code, where one names another crime? Words tell of a
    further crime, and not of the same one, where that is counted for itself: in addition always, or
    besides the conduct that the code names."""
    if all(evidence.startswith("opening:") for evidence in shown.evidence):
        return True
    if not _by_words(shown):
        return False
    category = pack.written.categories[shown.category]
    beside_conduct = all(pack.written.categories[each.category].conduct for each in closed_as)
    return not category.additional and not (beside_conduct and not category.conduct)


def _by_words(shown: Shown) -> bool:
    return all(evidence.startswith("term:") for evidence in shown.evidence)


def _closed_as(shown: Shown) -> bool:
    by_closing = any(evidence.startswith("closing:") for evidence in shown.evidence)
    return by_closing and shown.grade is Grade.CLEAR


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
    if any(pair[1].classes for pair in (*clear, *chosen) if pair[0].grade is Grade.CLEAR):
        # "Crime", and not which: that is the one that is shown beside it.
        clear = [pair for pair in clear if pair[1].classes]
        rest = [pair for pair in rest if pair[1].classes]
    era = pack.era_at(reports[0].received_at)
    conduct = [pair for pair in clear if pair[1].conduct]
    if (
        era is not None
        and era.counts == "conduct_and_next"
        and conduct
        and not _by_words(conduct[0][0])
    ):
        chosen += _either(conduct)[:1]
        chosen += _either([pair for pair in clear if not pair[1].conduct])[:1]
    else:
        chosen += _either(clear)[:1]
    if rest and rest[0][0].grade is Grade.POSSIBLE:
        chosen.append(rest[0])
    return sorted(chosen, key=lambda pair: (pair[1].rank, pair[0].category))


def _either(clear: Sequence[tuple[Shown, Category]]) -> list[tuple[Shown, Category]]:
    """Where one account is read in several ways, one of them by words alone, it is sure that a crime
    is owed and not which of them: a record of any will do. The gravest (``firm``) are told too plainly
    for that, and what codes name stays as it is named."""
    alike = [each.category for each, kind in clear if kind.classes]
    if len(alike) < 2 or not any(_by_words(each) for each, _ in clear):
        return list(clear)
    return [
        (each if kind.firm else replace(each, beside=tuple(alike)), kind) for each, kind in clear
    ]


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
    passed_on = pack.written.transferred_in is not None and _passed_on(reports[0])
    unsourced = (bool(rule.unsourced) and not declared) or passed_on
    harm = any([report.referral or report.child_victim for report in reports]) or _harmed(
        pack, reports
    )
    text = pack.written.text
    told = victims_told(text, reports) if text is not None else 0
    crimes = []
    for shown, category in counted:
        per = _per(category, shown.named)
        people = list(_people(per, reports))
        named = len(people)
        if per == "victim":
            # More victims than the report lists, by its words alone: possible crimes.
            people += [""] * (told - named)
        for number, person in enumerate(people, start=1):
            crimes.append(
                Expected(
                    id=f"{shown.category}:{person or number}",
                    category=shown.category,
                    classes=() if shown.any_class else category.classes,
                    beside=shown.beside,
                    named=shown.named,
                    per=per,
                    rank=category.rank,
                    grade=shown.grade if number <= named else Grade.POSSIBLE,
                    victim=person,
                    received_at=received_at,
                    due_at=due_at,
                    harm=harm or category.harm,
                    rules=shown.rules if declared else (*shown.rules, rule.id),
                    evidence=shown.evidence,
                    unsourced=unsourced or bool(category.unsourced),
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


def _passed_on(report: ReportFacts) -> bool:
    """Did another force pass it on? Then the start of its clock rests on a rule without a source."""
    by_police = report.reported_by is ReportedBy.POLICE
    return by_police and report.received_via is ReceivedVia.OTHER_AGENCY


def _harmed(pack: Pack, reports: Sequence[ReportFacts]) -> bool:
    return any(
        fold_code(qualifier) in pack.harm_qualifiers[pack.edition_at(report.received_at)]
        for report in reports
        for qualifier in report.qualifiers
    )


def _per(category: Category, named: tuple[str, ...]) -> str:
    """What the crime is counted by: as its class is, where the codes name one, or several alike."""
    if not named or not category.per_class:
        return category.per
    counted = {category.per_class.get(each, category.per) for each in named}
    return counted.pop() if len(counted) == 1 else category.per


def _people(per: str, reports: Sequence[ReportFacts]) -> Sequence[str]:
    """Whom the crimes are counted by: keyed hashes first, then a blank for each person unnamed."""
    if per == "incident":
        return ("",)
    if per == "suspect":
        return sorted({person for report in reports for person in report.suspects}) or ("",)
    if len(reports) == 1 and not reports[0].unnamed_victims:
        return reports[0].victims or ("",)
    named = sorted({person for report in reports for person in report.victims})
    most = max(len(report.victims) + report.unnamed_victims for report in reports)
    return [*named, *[""] * max(most - len(named), 0 if named else 1)]
