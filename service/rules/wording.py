"""What the words of a report show: terms by their group, and combinations of terms, as data.

A term shows the category its group is named after, or the one the pack says. Then each combination is
tried in the order written: it may show another category and take away those it explains better (what
was taken after an unlawful entry is burglary, not theft and damage).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct, field

from schemas.words import Grade, Role
from service.rules.assertion import SHOWS
from service.rules.facts import ReportFacts, Term
from service.rules.lexicon import Wanted
from service.rules.marks import Mark

OFFICERS = frozenset({Role.OFFICER, Role.OFFICER_IN_CASE, Role.INVESTIGATOR, Role.SUPERVISOR})
"""Writers whose account can make an offence against the state clear."""

EVERY = "*"


class Examples(Struct, frozen=True, forbid_unknown_fields=True):
    """Sentences that stand beside a rule: it must fire on the first kind and not on the second."""

    fires: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


class Combination(Mark, frozen=True, kw_only=True):
    """Terms that together show more than each alone. All conditions given must hold."""

    id: str
    all: tuple[tuple[str, ...], ...] = ()
    """Of each list at least one term: an id, or ``group.*``."""
    none: tuple[str, ...] = ()
    """None of these terms."""
    shown: tuple[str, ...] = ()
    """At least one of these categories shown so far."""
    not_shown: tuple[str, ...] = ()
    """None of these categories shown so far."""
    codes: tuple[str, ...] = ()
    """At least one of these opening or closing codes."""
    qualifiers: tuple[str, ...] = ()
    """At least one of these qualifiers."""
    writers: tuple[Role, ...] = ()
    """Only terms that these wrote count."""
    first_account: bool = False
    """Only terms of the first account count, and only where its teller needs no confirming."""
    category: str = ""
    """Category shown; empty: only takes away."""
    replaces: tuple[str, ...] = ()
    """Categories taken away; ``*``: every other."""
    grade: Grade | None = None
    """At most this grade."""
    examples: Examples = Examples()


class TextRule(Mark, frozen=True, kw_only=True):
    """What words show, and when words alone make a crime clear rather than possible."""

    distinct_terms: int = 2
    """Different terms of one category in the first account (or by one officer) that make it clear."""
    shows: dict[str, str] = field(default_factory=dict)
    """Category that a group or a term shows, where it is not named after it; blank: none."""
    victims: dict[str, int] = field(default_factory=dict)
    """How many victims a term tells of."""
    victims_by_qualifier: dict[str, int] = field(default_factory=dict)
    """How many victims a qualifier tells of."""
    keeps: tuple[str, ...] = ()
    """Groups of terms to keep beside those that rules name: for links and signatures."""
    combinations: tuple[Combination, ...] = ()
    scored_as: dict[str, str] = field(default_factory=dict)
    """Category under which labels know one of the pack's, where it has another name."""


class Telling(Struct, frozen=True):
    """What is known of one report beside its categories: its words, and what stands with them."""

    terms: tuple[Term, ...]
    unconfirmed: bool = False
    """Told by a third party whose victim has not confirmed it."""
    codes: frozenset[str] = frozenset()
    """Opening and closing codes, folded."""
    qualifiers: frozenset[str] = frozenset()
    acted: bool = False
    """Did officers arrest or seize? Then the points to prove of an offence against the state that was
    told are made out, whoever told it (rules §1)."""


class Worded(Struct, frozen=True):
    """One category that words show: how surely, by which rules, from which terms."""

    category: str
    grade: Grade
    rules: tuple[str, ...]
    terms: tuple[str, ...]


class Words(Struct, frozen=True):
    """The terms of one report that happened, by who told them."""

    every: frozenset[str]
    first: frozenset[str]
    """Terms of the first account; empty where its teller must first be confirmed."""
    police: frozenset[str]


def grouped(terms: Iterable[Term], unconfirmed: bool) -> Words:
    """Terms that happened or were attempted; what a later entry denies takes nothing from them."""
    told = [term for term in terms if term.assertion in SHOWS]
    return Words(
        frozenset(term.id for term in told),
        frozenset(term.id for term in told if term.first and not unconfirmed),
        frozenset(term.id for term in told if term.writer in OFFICERS),
    )


def worded(rule: TextRule, categories: Mapping[str, bool], told: Telling) -> list[Worded]:
    """What the words show. ``categories`` tells of each whether it is state-based: then only an
    officer's account makes it clear."""
    return list(judged(rule, categories, told)[0].values())


def judged(
    rule: TextRule, categories: Mapping[str, bool], told: Telling
) -> tuple[dict[str, Worded], tuple[str, ...]]:
    """What the words show, by category, and the combinations that fired, in order."""
    words = grouped(told.terms, told.unconfirmed)
    shown = _by_term(rule, categories, words, told.acted)
    fired = []
    for each in rule.combinations:
        of = words
        if each.writers:
            theirs = [term for term in told.terms if term.writer in each.writers]
            of = grouped(theirs, told.unconfirmed)
        if each.first_account:
            of = Words(of.first, of.first, of.first & of.police)
        if _holds(each, of.every, shown, told):
            _apply(each, of, shown, categories, told.acted)
            fired.append(each.id)
    return shown, tuple(fired)


def _by_term(
    rule: TextRule, categories: Mapping[str, bool], words: Words, acted: bool
) -> dict[str, Worded]:
    """What the terms show each for itself."""
    by_category: dict[str, list[str]] = {}
    for term in sorted(words.every):
        category = shown_by(rule, term)
        if category in categories:
            by_category.setdefault(category, []).append(term)
    shown = {}
    for category, found in by_category.items():
        least = 1 if acted and categories[category] else rule.distinct_terms
        clear = any(
            len(account.intersection(found)) >= least
            for account in _accounts(words, categories[category], acted)
        )
        grade = Grade.CLEAR if clear else Grade.POSSIBLE
        shown[category] = Worded(category, grade, ("text",), tuple(found))
    return shown


def shown_by(rule: TextRule, term: str) -> str:
    """The category one term shows, blank where none."""
    if term in rule.shows:
        return rule.shows[term]
    group = term.partition(".")[0]
    return rule.shows.get(group, group)


def _accounts(words: Words, state_based: bool, acted: bool) -> Iterable[frozenset[str]]:
    """Accounts of which one must hold everything that makes a crime clear. An offence against the
    state has no victim whose word would be enough, or must be asked for."""
    if state_based:
        return (words.every,) if acted else (words.police,)
    return (words.first, words.police)


def _holds(
    each: Combination,
    terms: frozenset[str],
    shown: Mapping[str, Worded],
    told: Telling,
) -> bool:
    return (
        all(any_named(terms, names) for names in each.all)
        and not any_named(terms, each.none)
        and (not each.shown or any(name in shown for name in each.shown))
        and not any(name in shown for name in each.not_shown)
        and (not each.codes or any(code in told.codes for code in each.codes))
        and (not each.qualifiers or any(name in told.qualifiers for name in each.qualifiers))
    )


def _apply(
    each: Combination,
    words: Words,
    shown: dict[str, Worded],
    categories: Mapping[str, bool],
    acted: bool,
) -> None:
    used = tuple(
        sorted(
            term
            for term in words.every
            if any(any_named(frozenset({term}), names) for names in each.all)
        )
    )
    if each.replaces:
        for name in list(shown):
            if name != each.category and (name in each.replaces or EVERY in each.replaces):
                used = tuple(sorted({*used, *shown.pop(name).terms}))
    if not each.category:
        return
    clear = each.grade is not Grade.POSSIBLE and any(
        all(any_named(account, names) for names in each.all)
        for account in _accounts(words, categories[each.category], acted)
    )
    held = shown.get(each.category)
    if held is not None:
        clear = clear or held.grade is Grade.CLEAR
        used = tuple(sorted({*used, *held.terms}))
    rules = (*held.rules, each.id) if held is not None else (each.id,)
    shown[each.category] = Worded(
        each.category, Grade.CLEAR if clear else Grade.POSSIBLE, rules, used
    )


def any_named(terms: frozenset[str], names: tuple[str, ...]) -> bool:
    """Is any of the terms one of these: by id, or by ``group.*``?"""
    exact, groups = _split(names)
    if not terms.isdisjoint(exact):
        return True
    return bool(groups) and any(term.startswith(groups) for term in terms)


@lru_cache(maxsize=4096)
def _split(names: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Ids, and beginnings of ids of whole groups."""
    return (
        frozenset(name for name in names if not name.endswith(".*")),
        tuple(name[:-1] for name in names if name.endswith(".*")),
    )


def victims_told(rule: TextRule, reports: Iterable[ReportFacts]) -> int:
    """How many victims words and qualifiers tell of, at most; 0 where they tell of none."""
    most = 0
    for report in reports:
        for term in report.terms if rule.victims else ():
            if term.assertion in SHOWS:
                most = max(most, rule.victims.get(term.id, 0))
        for qualifier in report.qualifiers if rule.victims_by_qualifier else ():
            folded = " ".join(qualifier.lower().split())
            most = max(most, rule.victims_by_qualifier.get(folded, 0))
    return most


def wanted_terms(rule: TextRule | None, categories: Iterable[str]) -> Wanted:
    """Terms that show a category or that a rule names. A combination cannot fire without a term of its
    first list, so that an entry with none of those, and nothing that shows a category, says nothing."""
    shows = [f"{name}.*" for name in categories]
    if rule is None:
        return Wanted((*shows,), (*shows,))
    shows += [name if "." in name else f"{name}.*" for name, shown in rule.shows.items() if shown]
    shows += [f"{name}.*" for name in rule.keeps]
    shows += rule.victims
    begins = [name for each in rule.combinations for names in each.all[:1] for name in names]
    rest = [name for each in rule.combinations for names in each.all[1:] for name in names]
    rest += [name for each in rule.combinations for name in each.none]
    return Wanted((*shows, *begins, *rest), (*shows, *begins))
