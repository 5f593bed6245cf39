"""What a narrative says of a term: it happened, or it is denied, feared, recalled, taken back.

In the tradition of NegEx and ConText: a cue changes the terms near it in its own clause, ahead of it or
behind. All cues are data. One walk over the automaton's finds, in order of place, decides everything;
each find looks back over a bounded number of earlier ones, so the work is linear in the text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from service.rules.text import BETWEEN

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

LONG_WORD = 24
"""Letters of a long word: what lies farther than words of this length reach is not near."""

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
    withdrawn: dict[str, int] = {}
    clause = 0
    for number, start, end in found:
        term, cue = phrases[number]
        if cue is not None:
            if cue.ends:
                ahead.clear()
                latest.clear()
                clause = len(hits)
                continue
            for assertion, reach in cue.ahead:
                ahead[assertion] = (end, reach)
            if cue.behind:
                _look_back(text, cue, start, hits, clause)
            if cue.account:
                withdrawn[cue.account] = len(hits)
        if term:
            how = AFFIRMED
            for assertion, (since, reach) in ahead.items():
                if WEIGHT[assertion] > WEIGHT[how] and _near(text, since, start, reach):
                    how = assertion
            at = len(hits)
            hits.append((term, how, start, end))
            if latest and term in joins:
                _join(text, joins[term], hits, latest)
            latest[term] = at
    for assertion, until in withdrawn.items():
        hits[:until] = [_changed(hit, assertion) for hit in hits[:until]]
    return hits


def _near(text: str, since: int, until: int, words: int) -> bool:
    """Do at most so many words lie between two places? Looks at no more text than they may fill."""
    return since == until or (
        until - since <= LONG_WORD * words and text.count(BETWEEN, since, until) < words
    )


def _look_back(text: str, cue: Cue, start: int, hits: list[Hit], clause: int) -> None:
    nearest = max(0, len(hits) - LOOKS_BACK)
    for assertion, reach in cue.behind:
        for at in range(len(hits) - 1, max(clause, nearest) - 1, -1):
            if not _near(text, hits[at][3], start, reach):
                break
            hits[at] = _changed(hits[at], assertion)


def _join(text: str, compounds: Sequence[Joined], hits: list[Hit], latest: dict[str, int]) -> None:
    """Add what the last term means together with one before it in its clause."""
    _, how, start, end = hits[-1]
    for compound in compounds:
        nearest = -1
        for term in compound.first:
            nearest = max(nearest, latest.get(term, -1))
        if nearest >= 0:
            _, before, began, ended = hits[nearest]
            if _near(text, ended, start, compound.within):
                hits.append(_changed((compound.id, how, began, end), before))
                latest[compound.id] = len(hits) - 1


def _changed(hit: Hit, assertion: str) -> Hit:
    term, how, start, end = hit
    return hit if WEIGHT[how] >= WEIGHT[assertion] else (term, assertion, start, end)
