"""Words in a narrative: one pass finds every phrase, one walk tells what is said of it.

Phrases match whole words, ignoring case and plurals; where phrases overlap the longest from the left
wins, so a harmless phrase shields the word inside it. Text goes in, ids come out, the text is let go.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import ahocorasick_rs
from msgspec import Struct, field

from service.ingest.lined import Fault, Table, convert, line_of, load
from service.rules.assertion import (
    WEIGHT,
    Assertion,
    Compound,
    Cue,
    Joined,
    Phrase,
    assess,
    is_whole,
)
from service.rules.text import CLAUSE_END, fold

HARMLESS = "harmless"
"""Terms of this group shield the words in them and are never reported."""


class LexiconTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: its id, ``group.name``, and the phrases that show it."""

    id: str
    phrases: tuple[str, ...]


class Example(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sentence and what is said in it of a term."""

    says: str
    term: str
    expected: str = field(name="is")
    """An assertion, or ``absent``: the term is not there, or shielded."""


class _Written(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sets: dict[str, tuple[str, ...]] = {}
    """Words that ``<name>`` stands for in a phrase, each of them."""
    terms: tuple[LexiconTerm, ...]
    compounds: tuple[Compound, ...] = ()
    assertions: dict[str, Assertion] = {}
    breaks: tuple[str, ...] = ()
    """Words that end a clause, beside punctuation."""
    examples: tuple[Example, ...] = ()


class Lexicon:
    """A compiled lexicon; safe to share, holds no state."""

    def __init__(self, written: _Written, groups: Iterable[str] | None) -> None:
        self.examples = written.examples
        named = [each.id for each in written.terms] + [each.id for each in written.compounds]
        self.ids = frozenset(named)
        self.phrases = {term.id: len(term.phrases) for term in written.terms}
        self._kept = frozenset(
            [each for each in self.ids if groups is None or group_of(each) in groups]
        )
        self.looked_for = needed = _needed(self._kept, written.compounds)
        terms = {
            phrase: term.id for term in written.terms for phrase in _all(term.phrases, written)
        }
        cues = _cues(written)
        keys = sorted({*terms, *cues}, key=len)
        # Only the space in front stays: it keeps a find from beginning inside a word.
        texts = [key.rstrip() for key in keys]
        numbers = {text: number for number, text in enumerate(texts)}
        self._phrases = [
            Phrase(
                terms[key] if terms.get(key) in needed else "",
                cues.get(key),
                len(text),
                _shorter(text, numbers),
            )
            for key, text in zip(keys, texts, strict=True)
        ]
        joins: defaultdict[str, list[Joined]] = defaultdict(list)
        for each in written.compounds:
            for term in each.then if each.id in needed else ():
                joins[term].append(Joined(each.first, each.within, each.id))
        self._joins = dict(joins)
        self._find = ahocorasick_rs.AhoCorasick(
            texts, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        ).find_matches_as_indexes

    def read(self, text: str) -> tuple[tuple[str, str], ...]:
        """Term ids found, each once and in order of id, with what is said of it; of several mentions
        the one that says most plainly that it happened counts."""
        return tuple([each for each in self.read_all(text) if each[0] in self._kept])

    def read_all(self, text: str) -> list[tuple[str, str]]:
        """As ``read``, with the parts of compounds that no rule names."""
        folded = fold(text)
        found: dict[str, str] = {}
        for term, how, _, _ in assess(folded, self._find(folded), self._phrases, self._joins):
            if WEIGHT[how] <= WEIGHT[found.get(term, "negated")]:
                found[term] = how
        return sorted(found.items())


def group_of(term: str) -> str:
    """The group of a term id: what stands before the full stop."""
    return term.partition(".")[0]


def _needed(kept: frozenset[str], compounds: Sequence[Compound]) -> frozenset[str]:
    """Terms that are reported, and the parts of what is; all others only shield the words in them."""
    needed = {term for term in kept if group_of(term) != HARMLESS}
    for each in reversed(compounds):
        if each.id in needed:
            needed.update(each.first, each.then)
    return frozenset(needed)


def _cues(written: _Written) -> dict[str, Cue]:
    """What each phrase does, by folded phrase; one phrase may be a cue on both sides."""
    cues: dict[str, Cue] = {CLAUSE_END: Cue(ends=True)}
    cues |= {fold(word): Cue(ends=True) for word in written.breaks}
    for name, assertion in written.assertions.items():
        for phrase in _all(assertion.before.phrases, written):
            held = cues.get(phrase, Cue())
            cues[phrase] = held._replace(ahead=(*held.ahead, (name, assertion.before.reach)))
        for phrase in _all(assertion.after.phrases, written):
            held = cues.get(phrase, Cue())
            cues[phrase] = held._replace(behind=(*held.behind, (name, assertion.after.reach)))
        for phrase in _all(assertion.account, written):
            cues[phrase] = cues.get(phrase, Cue())._replace(account=name)
    return cues


def _all(phrases: Iterable[str], written: _Written) -> list[str]:
    return [spelt for phrase in phrases for spelt in spelt_out(phrase, written.sets)]


def spelt_out(phrase: str, sets: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A phrase folded, once for each word that its sets stand for."""
    spelt = [phrase]
    for name, words in sets.items():
        if f"<{name}>" in phrase:
            spelt = [each.replace(f"<{name}>", word) for each in spelt for word in words]
    return [fold(each) for each in spelt]


def _shorter(text: str, numbers: dict[str, int]) -> int:
    """Number of the longest other phrase that a phrase begins with, whole words."""
    for end in range(len(text) - 1, 0, -1):
        if text[:end] in numbers and is_whole(f"{text}  ", end):
            return numbers[text[:end]]
    return -1


def parse_lexicon(text: str, origin: str, groups: Iterable[str] | None = None) -> Lexicon:
    """Compile a lexicon from YAML; ``read`` reports terms of these groups (absent: of all). Raises
    ``Fault`` with line and remedy."""
    table = load(text, origin)
    written = convert(table, origin, _Written)
    _check(written, table, origin)
    return Lexicon(written, None if groups is None else frozenset(groups))


def _check(written: _Written, table: Table, origin: str) -> None:
    seen: dict[str, str] = {}
    for index, term in enumerate(written.terms):
        line = line_of(table, f"$.terms[{index}]")
        if "." not in term.id:
            raise Fault(origin, line, f"'{term.id}' names no group", "write it as group.name")
        for folded in _all(term.phrases, written):
            held = seen.setdefault(folded, term.id)
            if not folded.strip(" .,") or held != term.id:
                message = f"phrase '{folded.strip()}' of {term.id} is also in {held}"
                raise Fault(origin, line, message, "a phrase shows one thing; remove one")
    ids = {term.id for term in written.terms} | {each.id for each in written.compounds}
    for index, compound in enumerate(written.compounds):
        line = line_of(table, f"$.compounds[{index}]")
        for part in (*compound.first, *compound.then):
            if part not in ids:
                raise Fault(origin, line, f"'{part}' is no term", "name one that is, or add it")
    for index, example in enumerate(written.examples):
        line = line_of(table, f"$.examples[{index}]")
        if example.term not in ids:
            raise Fault(origin, line, f"'{example.term}' is no term", "name one that is, or add it")
        if example.expected not in (*WEIGHT, "absent"):
            remedy = f"say absent, or one of {', '.join(WEIGHT)}"
            raise Fault(origin, line, f"'{example.expected}' is no assertion", remedy)
    for name in written.assertions:
        if name not in WEIGHT:
            line = line_of(table, f"$.assertions.{name}")
            remedy = f"assertions are {', '.join(WEIGHT)}"
            raise Fault(origin, line, f"'{name}' is no assertion", remedy)
