"""Combinations of terms: what they show, how surely, and what they take away."""

from typing import Any

import pytest

from schemas.words import Grade, Result, Role
from service.hosts.files import shipped
from service.rules.examples import try_examples
from service.rules.facts import ReportFacts, Term
from service.rules.lexicon import parse_lexicon
from service.rules.pack import PackError, parse_pack
from service.rules.wording import Combination, Telling, TextRule, judged, worded
from tests.rules.facts import crimes, log, pack, unconfirmed
from tests.timeline import shipped_pack


def told(text: str, writer: Role = Role.CALL_HANDLER, first: bool = True) -> tuple[Term, ...]:
    """Terms of one entry under the shipped lexicon."""
    lexicon = pack().lexicon
    assert lexicon is not None
    return tuple(Term(term, writer, first, how) for term, how in lexicon.read(text))


def report(text: str, **more: Any) -> ReportFacts:
    """A log with one entry, the first account."""
    return log(terms=told(text), **more)


def shown(found: ReportFacts) -> dict[str, str]:
    return {crime.category: crime.grade.value for crime in crimes(found)}


@pytest.mark.parametrize("name", shipped("packs"))
def test_every_sentence_beside_a_rule_still_holds(name: str) -> None:
    assert try_examples(shipped_pack(name)).failed == ()


@pytest.mark.parametrize("name", shipped("packs"))
def test_every_combination_has_a_sentence_of_either_kind(name: str) -> None:
    rule = shipped_pack(name).written.text
    for each in rule.combinations if rule else ():
        assert each.examples.fires, each.id
        assert each.examples.silent, each.id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Somebody jemmied the door of the house and stole a watch.",
            {"burglary": "clear"},
            id="unlawful entry and taking",
        ),
        pytest.param(
            "He pulled out a knife and took her purse.",
            {"robbery": "clear"},
            id="a weapon and taking from a person",
        ),
        pytest.param(
            "She was punched and her phone was taken.",
            {"robbery": "possible", "violence": "clear"},
            id="force and taking: an assault, and perhaps a robbery",
        ),
        pytest.param(
            "He hit her, her eye is swollen.",
            {"violence": "clear"},
            id="somebody hurt by somebody",
        ),
        pytest.param(
            "Her brother was slashed across the arm and is bleeding.",
            {"violence": "clear"},
            id="somebody hurt with a weapon",
        ),
        pytest.param("There was a theft.", {"theft": "possible"}, id="one word is a hint"),
        pytest.param("His moped was stolen.", {"vehicle": "clear"}, id="a vehicle taken"),
        pytest.param(
            "Tools were stolen from the van.", {"vehicle": "clear"}, id="taken from a vehicle"
        ),
        pytest.param("She lost her purse on a bus.", {}, id="lost is not stolen"),
        pytest.param("He was not punched and nothing was stolen.", {}, id="denied"),
        pytest.param("Wants advice about being stalked.", {}, id="advice"),
        pytest.param(
            "They tried to rob him at knifepoint.", {"robbery": "clear"}, id="an attempt is a crime"
        ),
        pytest.param("Cannabis smell.", {"drugs": "possible"}, id="state-based: only possible"),
    ],
)
def test_what_words_show(text: str, expected: dict[str, str]) -> None:
    assert shown(report(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A stranger slapped her on the tram.", {"violence": "clear"}),
        ("A man squared up to the guard.", {"public_fear": "clear"}),
        ("Her car was keyed.", {"damage_arson": "clear"}),
        ("Told to pay up or his shop will burn.", {"theft": "clear"}),
        (
            "A woman from work keeps turning up, been told to stop.",
            {"harassment_stalking": "clear"},
        ),
        ("Baby left alone all night.", {"child_cruelty": "clear"}),
        ("Lads play fighting on the green.", {}),
        ("Seller will not refund, threatening to take him to court.", {}),
        ("Bag left unattended at the station.", {}),
        ("Wants an update on her assault, crime number quoted.", {"violence": "possible"}),
    ],
)
def test_one_act_plainly_named_is_enough(text: str, expected: dict[str, str]) -> None:
    assert shown(report(text)) == expected


@pytest.mark.parametrize(
    ("results", "grade"),
    [((), "possible"), ((Result.ARREST,), "clear"), ((Result.SEIZURE,), "clear")],
)
def test_an_arrest_or_seizure_makes_out_what_a_caller_told(
    results: tuple[Result, ...], grade: str
) -> None:
    assert shown(report("Dealing drugs on the corner.", results=results)) == {"drugs": grade}


def test_points_to_prove_need_an_officer() -> None:
    terms = told("Dealing drugs. Wraps of heroin.", Role.OFFICER, first=False)
    assert shown(log(terms=terms)) == {"drugs": "clear"}


def test_fraud_by_words_is_never_clear() -> None:
    assert shown(report("She was scammed, an unauthorised transaction on her account.")) == {
        "fraud": "possible"
    }


def test_the_first_account_outweighs_a_later_no_offences() -> None:
    first = told("He punched her and her lip is swollen.")
    later = told("No offences. She was not punched.", Role.OFFICER, first=False)
    assert shown(log(terms=(*first, *later))) == {"violence": "clear"}


def test_two_accounts_do_not_add_up_to_one() -> None:
    first = told("Her lip is swollen.")
    later = told("She was slashed.", Role.CALL_HANDLER, first=False)
    assert shown(log(terms=(*first, *later))) == {"violence": "possible"}


def test_a_third_party_makes_nothing_clear() -> None:
    text = "He punched her and her lip is swollen."
    assert shown(report(text, **unconfirmed())) == {"violence": "possible"}


@pytest.mark.parametrize(
    ("qualifiers", "grade"),
    [(("Domestic Abuse",), "clear"), (("racial",), "possible"), ((), "possible")],
)
def test_a_qualifier_and_a_hint(qualifiers: tuple[str, ...], grade: str) -> None:
    assert shown(report("There was a scuffle.", qualifiers=qualifiers)) == {"violence": grade}


@pytest.mark.parametrize(
    ("text", "more", "grades"),
    [
        ("He punched both women, lips swollen.", {}, ["clear", "possible"]),
        ("He punched her and her son, lips swollen.", {"victims": ("k:a",)}, ["clear", "possible"]),
        (
            "He punched both women, lips swollen.",
            {"victims": ("k:a", "k:b")},
            ["clear", "clear"],
        ),
        (
            "He punched her, lip swollen.",
            {"qualifiers": ("multiple victims",)},
            ["clear", "possible"],
        ),
        (
            "He punched all three women. All three were hit, lips swollen.",
            {},
            ["clear"] + ["possible"] * 2,
        ),
    ],
)
def test_more_victims_by_words_alone_are_possible_crimes(
    text: str, more: dict[str, Any], grades: list[str]
) -> None:
    found = crimes(report(text, **more))
    assert [crime.grade.value for crime in found] == grades
    assert len({crime.id for crime in found}) == len(found)


def test_each_hit_names_terms_and_rule() -> None:
    (crime,) = crimes(report("Door forced and a watch stolen."))
    assert "text.burglary" in crime.rules
    assert {"term:entry.forced", "term:theft.taken"} <= set(crime.evidence)


CATEGORIES = {"theft": False, "robbery": False, "drugs": True}


def rule(**fields: Any) -> TextRule:
    made = Combination(id="r", inference="x", all=(("a.one",), ("b.*",)), **fields)
    return TextRule(inference="x", combinations=(made,))


TERMS = (
    Term("a.one", Role.OFFICER, True),
    Term("b.two", Role.CALL_HANDLER, True),
    Term("theft.taken", Role.CALL_HANDLER, True),
)


@pytest.mark.parametrize(
    ("fields", "more", "expected"),
    [
        pytest.param(
            {"category": "robbery"},
            {},
            {"robbery": Grade.CLEAR, "theft": Grade.POSSIBLE},
            id="adds to what the terms show",
        ),
        pytest.param(
            {"category": "robbery", "replaces": ("theft",)},
            {},
            {"robbery": Grade.CLEAR},
            id="replaces what it explains",
        ),
        pytest.param({"replaces": ("*",)}, {}, {}, id="only takes away"),
        pytest.param(
            {"category": "robbery", "grade": Grade.POSSIBLE, "replaces": ("theft",)},
            {},
            {"robbery": Grade.POSSIBLE},
            id="at most possible",
        ),
        pytest.param(
            {"category": "robbery", "none": ("theft.*",)},
            {},
            {"theft": Grade.POSSIBLE},
            id="none of these",
        ),
        pytest.param(
            {"category": "robbery", "shown": ("drugs",)},
            {},
            {"theft": Grade.POSSIBLE},
            id="not shown so far",
        ),
        pytest.param(
            {"category": "robbery", "not_shown": ("theft",)},
            {},
            {"theft": Grade.POSSIBLE},
            id="shown already",
        ),
        pytest.param(
            {"category": "robbery", "codes": ("asb",), "replaces": ("theft",)},
            {"codes": frozenset({"asb"})},
            {"robbery": Grade.CLEAR},
            id="a code",
        ),
        pytest.param(
            {"category": "robbery", "qualifiers": ("da",)},
            {},
            {"theft": Grade.POSSIBLE},
            id="no qualifier",
        ),
        pytest.param(
            {"category": "robbery", "writers": (Role.OFFICER,)},
            {},
            {"theft": Grade.POSSIBLE},
            id="terms of one writer",
        ),
        pytest.param(
            {"category": "drugs"},
            {},
            {"drugs": Grade.POSSIBLE, "theft": Grade.POSSIBLE},
            id="state-based: not all of it an officer's",
        ),
        pytest.param(
            {"category": "robbery", "first_account": True, "replaces": ("theft",)},
            {"unconfirmed": True},
            {"theft": Grade.POSSIBLE},
            id="first account not confirmed",
        ),
    ],
)
def test_conditions_of_a_combination(
    fields: dict[str, Any], more: dict[str, Any], expected: dict[str, Grade]
) -> None:
    found = worded(rule(**fields), CATEGORIES, Telling(TERMS, **more))
    assert {each.category: each.grade for each in found} == expected


def test_later_combinations_see_what_earlier_ones_showed() -> None:
    chain = TextRule(
        inference="x",
        combinations=(
            Combination(id="one", inference="x", all=(("a.one",),), category="robbery"),
            Combination(id="two", inference="x", shown=("robbery",), replaces=("theft",)),
        ),
    )
    shown_now, fired = judged(chain, CATEGORIES, Telling(TERMS))
    assert (set(shown_now), fired) == ({"robbery"}, ("one", "two"))


PACK = """
name: tiny
title: Tiny
code_map_yes: theft
lexicon: lexicon.yaml
limits: [{{id: l, hours: 24, sourced: p10}}]
categories:
  theft: {{rank: 1, inference: x}}
text:
  inference: x
  combinations:
    - {rule}
"""
LEXICON = "terms:\n  - {id: theft.taken, phrases: [stolen]}\n"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{id: r, all: [[theft.gone]], category: theft, inference: x}", "'theft.gone' is no term"),
        ("{id: r, all: [[loss.*]], category: theft, inference: x}", "'loss.*' is no term"),
        ("{id: r, all: [[theft.taken]], category: fraud, inference: x}", "'fraud' is no category"),
        ("{id: r, all: [[theft.taken]], category: theft}", "exactly one of sourced"),
        ("{id: r, al: [[theft.taken]], category: theft, inference: x}", "did you mean 'all'"),
    ],
)
def test_a_rule_that_leads_nowhere_is_refused_with_its_line(rule: str, said: str) -> None:
    with pytest.raises(PackError) as refused:
        parse_pack(PACK.format(rule=rule), "tiny.yaml", lambda name: LEXICON)
    assert said in str(refused.value)
    assert refused.value.line >= 11


@pytest.mark.parametrize(
    ("lexicon", "said"),
    [
        ("terms:\n  - {id: theft, phrases: [stolen]}", "names no group"),
        (LEXICON + "  - {id: lost.lost, phrases: [Stolen]}", "is also in theft.taken"),
        (LEXICON + "  - {id: lost.lost, phrases: ['--']}", "is also in lost.lost"),
        (
            LEXICON + "compounds:\n  - {id: a.b, first: [theft.taken], then: [thing.bag]}",
            "is no term",
        ),
        (LEXICON + "assertions:\n  denied: {account: [lie]}", "'denied' is no assertion"),
        (LEXICON + "examples:\n  - {says: x, term: a.b, is: affirmed}", "'a.b' is no term"),
        (LEXICON + "examples:\n  - {says: x, term: theft.taken, is: so}", "'so' is no assertion"),
    ],
)
def test_a_lexicon_that_cannot_work_is_refused(lexicon: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        parse_lexicon(lexicon, "lexicon.yaml")
