"""Words in a narrative: one pass finds every phrase, a second look tells what is denied.

Phrases match whole words, ignoring case; where phrases overlap the longest from the left wins, so a
harmless phrase shields the word inside it. A term is negated by a cue a few words before it in the same
clause, or by one right behind it. Text goes in, ids come out, the text is let go.
"""

import re
from typing import Any

import ahocorasick_rs
from msgspec import Struct

from service.ingest.lined import Fault, convert, line_of, load

LONGEST = 20_000
"""Characters read of one entry; what a person typed is shorter, and no input may make reading slow."""

HARMLESS = "harmless."
"""Ids that begin so shield what they contain and are never reported."""

AFFIRMED, NEGATED = "affirmed", "negated"


class LexiconTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: its id, ``category.name``, and the phrases that show it."""

    id: str
    phrases: tuple[str, ...]


class Negations(Struct, frozen=True, forbid_unknown_fields=True):
    """Cues that deny what stands near them."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reach: int = 5
    """Words between a cue and the term it denies, at most."""
    breaks: tuple[str, ...] = ()
    """Words that end a clause, beside punctuation."""


class _Written(Struct, frozen=True, forbid_unknown_fields=True):
    terms: tuple[LexiconTerm, ...]
    negations: Negations = Negations()


class Lexicon:
    """A compiled lexicon; safe to share, holds no state."""

    def __init__(self, terms: tuple[LexiconTerm, ...], negations: Negations) -> None:
        self.terms = terms
        phrases = {_fold(p): term.id for term in terms for p in term.phrases}
        self._ids = list(phrases.values())
        self._find = ahocorasick_rs.AhoCorasick(
            list(phrases), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        ).find_matches_as_indexes
        cues = "|".join(re.escape(_fold(cue)) for cue in sorted(negations.before, key=len)[::-1])
        ends = "|".join(re.escape(_fold(word)) for word in negations.breaks)
        words = rf"(?:[\s,]+[\w'’-]+){{0,{negations.reach}}}"
        clause = rf"(?!.*\b(?:{ends})\b)" if ends else ""
        self._denied_before = (
            re.compile(rf"\b(?:{cues})\b{clause}{words}[\s,]*\Z") if cues else None
        )
        behind = "|".join(re.escape(_fold(cue)) for cue in negations.after)
        self._denied_behind = (
            re.compile(rf"\s*(?:was|is|were|are|has been)?\s*(?:{behind})\b") if behind else None
        )
        self._window = 12 * (negations.reach + 4)

    def read(self, text: str) -> tuple[tuple[str, str], ...]:
        """Term ids found, each once and in order of id, as ``affirmed`` or ``negated``; a term that is
        affirmed anywhere in the text is affirmed."""
        folded = text[:LONGEST].lower()
        found: dict[str, str] = {}
        for index, start, end in self._find(folded):
            term = self._ids[index]
            if found.get(term) == AFFIRMED or term.startswith(HARMLESS):
                continue
            if _is_word(folded, start, end):
                found[term] = NEGATED if self._denied(folded, start, end) else AFFIRMED
        return tuple(sorted(found.items()))

    def _denied(self, text: str, start: int, end: int) -> bool:
        if self._denied_before is not None:
            before = _CLAUSE_END.split(text[max(0, start - self._window) : start])[-1]
            if self._denied_before.search(before):
                return True
        return bool(self._denied_behind and self._denied_behind.match(text, end, end + 40))


_CLAUSE_END = re.compile(r"[.;:!?()\n]")


def _is_word(text: str, start: int, end: int) -> bool:
    """A phrase counts only where no letter or digit adjoins it."""
    return not (
        (start > 0 and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum())
    )


def _fold(phrase: str) -> str:
    return " ".join(phrase.lower().split())


def parse_lexicon(text: str, origin: str) -> Lexicon:
    """Compile a lexicon from YAML. Raises ``Fault`` with line and remedy."""
    table = load(text, origin)
    written = convert(table, origin, _Written)
    seen: dict[str, str] = {}
    for index, term in enumerate(written.terms):
        line = line_of(table, f"$.terms[{index}]")
        if "." not in term.id:
            raise Fault(origin, line, f"'{term.id}' names no category", "write it as category.name")
        for phrase in map(_fold, term.phrases):
            if not phrase or phrase in seen:
                held: Any = seen.get(phrase, "nothing")
                message = f"phrase '{phrase}' of {term.id} is also in {held}"
                raise Fault(origin, line, message, "a phrase shows one thing; remove one")
            seen[phrase] = term.id
    return Lexicon(written.terms, written.negations)
