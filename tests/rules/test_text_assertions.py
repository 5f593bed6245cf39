"""What is said of a term: a table for each kind of assertion, and the limits that keep it honest."""

import pytest

from service.rules.assertion import SHOWS, WEIGHT
from service.rules.lexicon import Lexicon, Wanted, parse_lexicon
from tests.rules.facts import pack

CASES = {
    "affirmed": [
        ("A man punched the postman.", "violence.hit"),
        ("No doubt about it. A man punched the postman.", "violence.hit"),
        ("He was not drunk but he punched the postman.", "violence.hit"),
        ("She feared the worst and he raped her.", "rape.raped"),
        ("She was raped in 1994 and tells it now for the first time.", "rape.raped"),
        ("Not hurt / punched twice", "violence.hit"),
    ],
    "negated": [
        ("The postman was not punched.", "violence.hit"),
        ("The postman wasn't punched.", "violence.hit"),
        ("The postman denies being punched.", "violence.hit"),
        ("No sign of a burglary.", "burglary.burgled"),
        ("There is nothing to suggest fraud.", "fraud.deceived"),
        ("Robbery ruled out.", "robbery.robbed"),
        ("Neither punched nor kicked.", "violence.hit"),
    ],
    "hypothetical": [
        ("She rang in case he is stabbed.", "violence.weapon"),
        ("Wants advice about stalking.", "harassment_stalking.repeated"),
        ("They might be robbed on the way.", "robbery.robbed"),
        ("Concerned that he could be groomed.", "sexual.grooming"),
    ],
    "historic": [
        ("Known for robbery.", "robbery.robbed"),
        ("He has previous convictions for burglary.", "burglary.burgled"),
        ("Markers for stalking at this address.", "harassment_stalking.repeated"),
    ],
    "someone_else": [
        ("She heard about a burglary in another town.", "burglary.burgled"),
        ("An unrelated robbery was mentioned.", "robbery.robbed"),
    ],
    "retracted": [
        ("The burglary was made up.", "burglary.burgled"),
        ("He was robbed in the park. Admits making it up.", "robbery.robbed"),
        ("A false report of robbery.", "robbery.robbed"),
    ],
    "accidental": [
        ("Accidentally smashed a shop window with a ladder.", "damage_arson.deliberate"),
        ("The windscreen was smashed by accident.", "damage_arson.deliberate"),
    ],
    "attempted": [
        ("Somebody tried to rob the kiosk.", "robbery.robbed"),
        ("An attempted burglary next door.", "burglary.burgled"),
    ],
}


def lexicon() -> Lexicon:
    held = pack().lexicon
    assert held is not None
    return held


@pytest.mark.parametrize(
    ("assertion", "text", "term"),
    [(how, text, term) for how, rows in CASES.items() for text, term in rows],
)
def test_what_is_said_of_a_term(assertion: str, text: str, term: str) -> None:
    assert dict(lexicon().read(text))[term] == assertion


def test_every_assertion_has_its_table() -> None:
    assert set(CASES) == set(WEIGHT)
    assert {"affirmed", "attempted"} == SHOWS


def test_of_several_mentions_the_plainest_counts() -> None:
    text = "She was not punched on Monday. On Tuesday she was punched."
    assert dict(lexicon().read(text))["violence.hit"] == "affirmed"


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("A lost and found office.", "theft.taken"),
        ("He was taken to hospital.", "taking.took"),
        ("Officers on a training exercise.", "violence.hit"),
        ("The oilseed rape is in flower.", "rape.raped"),
        ("Her rape alarm went off in the drawer.", "rape.raped"),
        ("He is a therapist.", "rape.raped"),
        ("A scaffold was put up.", "fraud.deceived"),
    ],
)
def test_a_harmless_sense_shields_the_word(text: str, term: str) -> None:
    assert term not in dict(lexicon().read_all(text))


TINY = """
sets: {my: [her, his]}
terms:
  - {id: act.hit, phrases: [hit, hit <my> back]}
  - {id: thing.bag, phrases: [bag]}
  - {id: harmless.parade, phrases: [hit parade]}
compounds:
  - {id: both.hit_bag, first: [act.hit], then: [thing.bag], within: 2}
assertions:
  negated: {before: {reach: 3, phrases: [not]}, after: {reach: 1, phrases: [untrue]}}
  retracted: {account: [all invented]}
breaks: [but]
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hit", {"act.hit": "affirmed"}),
        ("hits", {"act.hit": "affirmed"}),
        ("hitting white", {}),
        ("hit her backpack", {"act.hit": "affirmed"}),
        ("hit parade", {}),
        (
            "hit the bag",
            {"act.hit": "affirmed", "thing.bag": "affirmed", "both.hit_bag": "affirmed"},
        ),
        ("hit one two three bag", {"act.hit": "affirmed", "thing.bag": "affirmed"}),
        ("hit. bag", {"act.hit": "affirmed", "thing.bag": "affirmed"}),
        ("bag hit", {"act.hit": "affirmed", "thing.bag": "affirmed"}),
        (
            "not hit a bag",
            {"act.hit": "negated", "thing.bag": "negated", "both.hit_bag": "negated"},
        ),
        ("not one two three four hit", {"act.hit": "affirmed"}),
        ("not one, two three hit", {"act.hit": "negated"}),
        ("not this but hit", {"act.hit": "affirmed"}),
        ("hit was untrue", {"act.hit": "negated"}),
        ("hit, he said, and all of it was untrue", {"act.hit": "affirmed"}),
        ("hit. Much later. All invented", {"act.hit": "retracted"}),
        (
            "hit. " + "bag. " * 50 + "All invented",
            {"act.hit": "retracted", "thing.bag": "retracted"},
        ),
        ("All invented. hit", {"act.hit": "affirmed"}),
        (
            "not\u2010hit (bag)",
            {"act.hit": "negated", "thing.bag": "negated", "both.hit_bag": "negated"},
        ),
    ],
)
def test_words_reach_and_clauses(text: str, found: dict[str, str]) -> None:
    assert dict(parse_lexicon(TINY, "tiny.yaml").read(text)) == found


def test_only_terms_that_a_pack_wants_are_reported() -> None:
    tiny = parse_lexicon(TINY, "tiny.yaml", Wanted(("both.*", "act.hit"), ("both.hit_bag",)))
    assert dict(tiny.read("hit the bag")) == {"act.hit": "affirmed", "both.hit_bag": "affirmed"}
    assert tiny.read("hit the wall") == ()
