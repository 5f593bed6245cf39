"""What people say and write: a small grammar, and the habits of typists."""

import re
from collections.abc import Callable
from functools import cache
from random import Random

import yaml

from service.simulation.draws import one_of
from service.simulation.parameters import TextHabits, data_text

_SLOT = re.compile(r"\{(\w+)\}")

_SHORT = {
    "caller": "clr",
    "informant": "inft",
    "approx": "apx",
    "approximately": "c.",
    "police": "pol",
    "officers": "offs",
    "vehicle": "veh",
    "female": "F",
    "male": "M",
    "and": "&",
    "with": "w/",
    "address": "addy",
    "please": "pls",
    "about": "abt",
    "because": "bc",
    "number": "no.",
    "phone": "mob",
    "outside": "o/s",
}
_WORD = re.compile(r"\b(" + "|".join(_SHORT) + r")\b")

Text = Callable[[Random], str]


class Narrator:
    """Writes entries as their writers would."""

    def __init__(self, habits: TextHabits) -> None:
        self._habits = habits

    def first_account(self, kind: str, domestic: bool, rng: Random) -> str:
        """What the call taker typed."""
        name = f"{kind}.domestic"
        symbol = name if domestic and name in _grammar() else kind
        text = self.say("prefix", rng) + self.say(symbol, rng) + self.say("suffix", rng)
        return self._typed(text, rng)

    def beside(self, kind: str, rng: Random) -> str:
        """The part of an account that tells of a further crime; of a further victim: ``victim``."""
        if kind == "victim":
            return self.say("also.victim", rng)
        return self.say("also.other", rng).replace("{extra}", self.say(kind, rng))

    def entry(self, symbol: str, rng: Random) -> str:
        """A later entry."""
        return self._typed(self.say(symbol, rng), rng)

    def say(self, symbol: str, rng: Random) -> str:
        """One sentence of the grammar, as it would be said."""
        return one_of(rng, _grammar()[symbol])(rng)

    def _typed(self, text: str, rng: Random) -> str:
        habits = self._habits
        if rng.random() < habits.abbreviated:
            text = _WORD.sub(lambda found: _SHORT[found.group()], text)
        if rng.random() < habits.misspelt:
            for _ in range(1 + len(text) // 90):
                text = _slip(text, rng)
        u = rng.random()
        if u < habits.upper:
            return text.upper()
        return text.lower() if u < habits.upper + habits.lower else text


def _slip(text: str, rng: Random) -> str:
    """Two letters swapped, one lost or one typed twice."""
    at = int(rng.random() * (len(text) - 2))
    if at < 0 or not text[at : at + 2].isalpha():
        return text
    match int(rng.random() * 3):
        case 0:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case 1:
            return text[:at] + text[at + 1 :]
        case _:
            return text[:at] + text[at] + text[at:]


@cache
def _grammar() -> dict[str, list[Text]]:
    """Every symbol's alternatives, ready to be said."""
    written: dict[str, list[str]] = yaml.safe_load(data_text("narratives.yaml"))
    grammar: dict[str, list[Text]] = {}
    for symbol, alternatives in written.items():
        grammar[symbol] = [_text(alternative, grammar) for alternative in alternatives]
    return grammar


def _text(template: str, grammar: dict[str, list[Text]]) -> Text:
    parts = _SLOT.split(template)
    if len(parts) == 1:
        return lambda rng: template
    literals, slots = parts[::2], parts[1::2]

    def said(rng: Random) -> str:
        made = [literals[0]]
        for slot, literal in zip(slots, literals[1:], strict=True):
            choices = grammar.get(slot)
            made.append(one_of(rng, choices)(rng) if choices else "{" + slot + "}")
            made.append(literal)
        return "".join(made)

    return said
