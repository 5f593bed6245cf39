"""Sentences that stand beside the rules, and whether the rules still do with them what they say."""

from msgspec import Struct

from schemas.words import Role
from service.rules.facts import Term
from service.rules.pack import Pack
from service.rules.wording import Telling, judged


class Failed(Struct, frozen=True):
    """A sentence with which a rule, or the lexicon, does not do what stands beside it."""

    rule: str
    """Id of the combination; of the term, where the sentence stands in the lexicon."""
    number: int
    """Which of its sentences, from 1."""
    expected: str
    found: str


class Tried(Struct, frozen=True):
    """How many sentences were tried, and those that failed."""

    sentences: int
    failed: tuple[Failed, ...]


def try_examples(pack: Pack) -> Tried:
    """Try every sentence of a pack and of its lexicon."""
    if pack.lexicon is None:
        return Tried(0, ())
    tried, failed = 0, []
    for number, example in enumerate(pack.lexicon.examples, start=1):
        if example.term not in pack.lexicon.looked_for:
            continue
        tried += 1
        found = dict(pack.lexicon.read_all(example.says)).get(example.term, "absent")
        if found != example.expected:
            failed.append(Failed(example.term, number, example.expected, found))
    rule = pack.written.text
    for each in rule.combinations if rule else ():
        sentences = [(text, True) for text in each.examples.fires]
        sentences += [(text, False) for text in each.examples.silent]
        for number, (text, fires) in enumerate(sentences, start=1):
            tried += 1
            telling = tell(pack, text, each.codes, each.qualifiers, each.writers or (Role.OFFICER,))
            if (each.id in fired(pack, telling)) is not fires:
                failed.append(Failed(each.id, number, *_fires(fires)))
    return Tried(tried, tuple(failed))


def tell(
    pack: Pack,
    text: str,
    codes: tuple[str, ...] = (),
    qualifiers: tuple[str, ...] = (),
    writers: tuple[Role, ...] = (Role.OFFICER,),
) -> Telling:
    """A text as the first account of a report, under the codes and qualifiers a rule asks for."""
    found = pack.lexicon.read(text) if pack.lexicon else ()
    terms = tuple([Term(term, writers[0], True, how) for term, how in found])
    return Telling(terms, False, frozenset(codes), frozenset(qualifiers))


def fired(pack: Pack, told: Telling) -> tuple[str, ...]:
    """Combinations that a telling fires."""
    if pack.written.text is None:
        return ()
    return judged(pack.written.text, pack.state_based, told)[1]


def _fires(wanted: bool) -> tuple[str, str]:
    return ("fires", "silent") if wanted else ("silent", "fires")
