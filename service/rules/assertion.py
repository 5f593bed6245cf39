"""What a narrative says of a term: it happened, or it is denied, feared, recalled, taken back.

In the tradition of NegEx and ConText: a cue changes the terms near it in its own clause, ahead of it or
behind. All cues are data. One walk over the automaton's finds, in order of place, decides everything;
each find looks back over a bounded number of earlier ones, so the work is linear in the text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

AFFIRMED, ATTEMPTED = "affirmed", "attempted"

WEIGHT = {
    "negated": 7,
    "retracted": 6,
    "accidental": 5,
    "hypothetical": 4,
    "someone_else": 3,
    "historic": 2,
    ATTEMPTED: 1,
    AFFIRMED: 0,
}
"""Every assertion; where several cues reach one term the heaviest holds."""

SHOWS = frozenset({AFFIRMED, ATTEMPTED})
"""Assertions under which a term shows its crime: an attempt is one."""

Hit = tuple[str, str, int, int]
"""A mention: term, assertion, start and end in the folded text."""

LOOKS_BACK = 12
"""Earlier finds that one cue may change; more stand in no sentence a person wrote."""


class Cues(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that change what stands near them, on one side of them."""

    reach: int
    """Words between a cue and the term it changes, at most."""
    phrases: tuple[str, ...]


class Assertion(Struct, frozen=True, forbid_unknown_fields=True):
    """The cues of one assertion, by where the term stands."""

    before: Cues = Cues(0, ())
    """Cues that come before the term."""
    after: Cues = Cues(0, ())
    """Cues that come after it."""
    account: tuple[str, ...] = ()
    """Cues that change every term before them in the whole entry."""


class Compound(Struct, frozen=True, forbid_unknown_fields=True):
    """Two terms near each other that together mean a third."""

    id: str
    first: tuple[str, ...]
    then: tuple[str, ...]
    within: int = 6
    """Words between the two, at most; both stand in one clause."""


class Cue(NamedTuple):
    """What one phrase does to the terms around it."""

    ahead: tuple[tuple[str, int], ...] = ()
    """Assertion and reach for terms that follow."""
    behind: tuple[tuple[str, int], ...] = ()
    account: str = ""
    ends: bool = False
    """Ends a clause."""


class Phrase(NamedTuple):
    """What one phrase of the automaton stands for."""

    term: str
    """Term shown; blank: none, or one that only shields the words in it."""
    cue: Cue | None
    length: int
    shorter: int
    """Number of the longest phrase that this one begins with, for where its own end is inside a word;
    -1: none."""


NOTHING = Phrase("", None, 0, -1)
"""A find that is none after all."""


class Joined(NamedTuple):
    """A compound as the walk uses it: reached from its second term."""

    first: tuple[str, ...]
    within: int
    id: str


def assess(
    text: str,
    found: Iterable[tuple[int, int, int]],
    phrases: Sequence[Phrase],
    joins: Mapping[str, Sequence[Joined]],
) -> list[Hit]:
    """Each mention of a term, in order of place, with its assertion; compounds behind their parts.
    ``found`` are (number of the phrase, start, end) in folded text."""
    hits: list[Hit] = []
    ahead: dict[str, tuple[int, int]] = {}
    latest: dict[str, int] = {}
    clause = 0
    for number, start, end in found:
        phrase = phrases[number]
        if text[end].isalnum():
            phrase, end = _shortened(text, phrase, phrases, start, end)
        term, cue = phrase[0], phrase[1]
        if cue is not None:
            if cue.ends:
                ahead.clear()
                latest.clear()
                clause = len(hits)
                continue
            for assertion, reach in cue.ahead:
                ahead[assertion] = (end, reach)
            if cue.behind or cue.account:
                _look_back(text, cue, start, hits, clause)
        if term:
            how = AFFIRMED
            for assertion, (since, reach) in ahead.items():
                if WEIGHT[assertion] > WEIGHT[how] and text.count(" ", since, start) <= reach:
                    how = assertion
            hits.append((term, how, start, end))
            if latest and term in joins:
                _join(text, joins[term], hits, latest)
            latest[term] = len(hits) - 1
    return hits


def _shortened(
    text: str, phrase: Phrase, phrases: Sequence[Phrase], start: int, end: int
) -> tuple[Phrase, int]:
    """The longest phrase beginning here that ends where a word ends, and its end."""
    while not is_whole(text, end):
        if phrase.shorter < 0:
            return NOTHING, end
        phrase = phrases[phrase.shorter]
        end = start + phrase.length
    return phrase, end


def _look_back(text: str, cue: Cue, start: int, hits: list[Hit], clause: int) -> None:
    nearest = max(0, len(hits) - LOOKS_BACK)
    for assertion, reach in cue.behind:
        for at in range(len(hits) - 1, max(clause, nearest) - 1, -1):
            if text.count(" ", hits[at][3], start) > reach:
                break
            hits[at] = _changed(hits[at], assertion)
    if cue.account:
        for at in range(nearest, len(hits)):
            hits[at] = _changed(hits[at], cue.account)


def _join(text: str, compounds: Sequence[Joined], hits: list[Hit], latest: dict[str, int]) -> None:
    """Add what the last term means together with one before it in its clause."""
    _, how, start, end = hits[-1]
    for compound in compounds:
        nearest = -1
        for term in compound.first:
            nearest = max(nearest, latest.get(term, -1))
        if nearest >= 0:
            _, before, began, ended = hits[nearest]
            if text.count(" ", ended, start) <= compound.within:
                hits.append(_changed((compound.id, how, began, end), before))
                latest[compound.id] = len(hits) - 1


def _changed(hit: Hit, assertion: str) -> Hit:
    term, how, start, end = hit
    return hit if WEIGHT[how] >= WEIGHT[assertion] else (term, assertion, start, end)


def is_whole(text: str, end: int) -> bool:
    """Does a phrase end where a word ends? A plural stands for its singular."""
    after = text[end]
    if after == "s":
        after = text[end + 1]
    return not after.isalnum()
