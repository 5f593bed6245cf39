"""Every word that the data can hold has words for people."""

import re
from importlib import resources

import pytest

from schemas.words import CancellationCode, NotRecordedReason, TimeBound, Verdict
from service.alerts import words
from service.effects import Refusal
from service.ingest.source import CutBy, Topic
from service.matching import join
from service.matching.levels import LEVELS
from service.matching.watermark import Basis
from service.rules.settle import Because
from service.rules.values import CancellationDemand, DecisionDemand


def test_every_closed_vocabulary_is_covered() -> None:
    reasons = {*Because, *NotRecordedReason, "no_reason", "recorded_nationally", "not_needed"}
    reasons |= {f"cancelled_{code}" for code in CancellationCode}
    assert reasons <= set(words.REASONS)
    lacks = {"accepted_reason", "category", "in_force", "cancellation_code", "other_ref"}
    lacks |= {"registrar", "genuine_error", *DecisionDemand, *CancellationDemand}
    lacks |= {"decided_after_appeal", "answer_to_query"}
    assert lacks == set(words.DEMANDS)
    assert set(words.REFUSALS) == set(Refusal)
    assert set(words.VERDICTS) == set(Verdict)
    assert set(words.LEVELS) == set(LEVELS)
    assert set(words.TOPICS) == set(words.BLIND) == set(Topic)
    assert set(words.CUTS) == set(CutBy)
    assert set(words.BASES) == set(Basis)
    assert set(words.BOUNDS) == set(TimeBound)


def test_reasons_of_the_join_are_covered() -> None:
    source = resources.files(join.__package__ or "").joinpath("join.py").read_text("utf-8")
    said = set(re.findall(r'return "([a-z_]+)"', source)) - {"referral"}
    assert said <= set(words.REASONS) | {"log"}


def test_words_that_people_do_not_say_are_not_used() -> None:
    tables = (words.VERDICTS, words.REASONS, words.DEMANDS, words.BLIND, words.TOPICS, words.BASES)
    told = " ".join(text for table in tables for text in table.values()).lower()
    for avoided in ("obligation", "watermark", "dead letter", "offender", "refused to", "anomal"):
        assert avoided not in told


def test_what_is_in_no_table_is_shown_as_it_is() -> None:
    assert words.reason("some_new_reason") == "some new reason"
    assert words.category("my_own_kind") == "My own kind"
    assert words.demand("C9_not_accepted").endswith("(C9 is not)")
    assert words.level("probable") == "probable match"
    assert words.route("direct") == "direct"


@pytest.mark.parametrize(
    ("reason", "way"),
    [
        ("transferred", "Recorded elsewhere"),
        ("recorded_nationally", "Recorded elsewhere"),
        ("cancelled_C2", "Recorded, then cancelled as the rules demand"),
        ("schools_protocol", "Decision not to record"),
    ],
)
def test_ways_of_being_accounted_for(reason: str, way: str) -> None:
    assert words.accounted(reason) == way


def test_a_refused_closure_is_told_with_what_it_lacks() -> None:
    assert words.closure("refused:balance_not_met:rationale:told") == (
        "balance of probabilities not met",
        ("a rationale", "victim or reporter told"),
    )
    assert words.closure("refused:no_reason") == ("no reason given", ())


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("opening:assault", "opening code assault"),
        ("closing:", "closing code blank"),
        ("term:violence.hit", "words violence.hit"),
        ("code:with:colons", "code with:colons"),
        ("bare", "bare"),
    ],
)
def test_evidence_is_told_by_its_slot(item: str, told: str) -> None:
    assert words.evidence(item) == told


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert words.visible("a\u202eb\u200fc\x00") == "a<U+202E>b<U+200F>c<U+0000>"
    assert words.visible("Café № 7") == "Café № 7"
    assert words.visible("\ud800") == "<U+D800>"
