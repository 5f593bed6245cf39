"""Whatever is typed: no crash, no slow path, and nothing of it in what is kept."""

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fields import NarrativeEntry
from schemas.reports import IncidentLog
from service.ingest.source import Source, Topic
from service.rules.assertion import WEIGHT
from service.rules.lexicon import Lexicon
from service.rules.observe import Observer
from service.rules.text import LONGEST, fold
from tests.rules.facts import pack

RECEIVED = datetime(2025, 3, 3, 9, tzinfo=UTC)

HOSTILE = {
    "empty": "",
    "blank": " \t\r\n ",
    "one megabyte": "he punched her and " * 55_000,
    "one word of a megabyte": "x" * 1_000_000,
    "full stops": "." * 100_000,
    "cues alone": "not if may tried to previously " * 5_000,
    "terms alone": "punched " * 20_000,
    "first halves of phrases": "threatened to threatened to " * 5_000,
    "emoji": "\U0001f44a\U0001f3fd he punched her \U0001f62d" * 50,
    "upper case": "HE PUNCHED HER IN THE FACE",
    "typos": "he puncehd her adn tok teh phoen",
    "Welsh": "Mae'r dyn wedi taro'r ddynes ar y stryd; dywedodd hi ei fod wedi dwyn ei ffôn",
    "HTML": "<script>alert('he punched her')</script><b>not</b> &lt;hit&gt;",
    "control characters": "he\x00punched\x07her\x1b[31m\u202e\u200b\ufeff",
    "formula": '=HYPERLINK("http://example.invalid","he punched her")',
    "lone surrogate": "he punched her \ud800",
    "slashes": "he punched her / " * 2_000 + "a/b/c",
    "letters that grow when lowered": "\u0130" * 500 + " punched",
    "curly quotes": "she wasn\u2019t punched",
}


def lexicon() -> Lexicon:
    held = pack().lexicon
    assert held is not None
    return held


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_only_known_ids_come_out(text: str) -> None:
    found = lexicon().read(text)
    assert {term for term, _ in found} <= lexicon().ids
    assert {how for _, how in found} <= set(WEIGHT)
    assert list(found) == sorted(found)


@given(st.text(max_size=300))
@settings(max_examples=60)
def test_any_text_at_all(text: str) -> None:
    folded = fold(text)
    assert fold(folded.strip()) == folded or not folded.strip()
    assert {term for term, _ in lexicon().read(text)} <= lexicon().ids


def work(text: str) -> int:
    """Calls made to read a text: the same on every machine."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        lexicon().read(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "unit",
    [
        "punched ",
        "not punched ",
        "not ",
        ". ",
        "threatened to ",
        "took the ",
        "he took the bicycle and the wallet was taken ",
        "denied ",
        "punched denied ",
        "report unfounded punched ",
        "broke window ",
        "\u00e9 punched ",
        "grabbed her purse 's ",
    ],
)
def test_twice_the_text_is_at_most_about_twice_the_work(unit: str) -> None:
    few, many = unit * (4_000 // len(unit)), unit * (16_000 // len(unit))
    assert len(many) < LONGEST
    assert work(many) < 5 * work(few) + 200


def test_beyond_the_longest_nothing_more_is_read() -> None:
    assert work("punched " * 200_000) == work(("punched " * 200_000)[:LONGEST])


def test_nothing_that_was_typed_is_kept() -> None:
    secret = "Zyxwvut Quillfeather of 12 Nowhere Lane"
    entry = NarrativeEntry(text=f"{secret} punched her, she is not hurt. {secret}")
    log = IncidentLog(force="33", ref="R1", received_at=RECEIVED, narrative=(entry,))
    observer = Observer(pack(), Source(name="log", topic=Topic.INCIDENT_LOG))
    facts = observer.report(log)
    assert any(term.id == "violence.hit" for term in facts.terms)
    kept = msgspec.json.encode(facts).decode().lower()
    assert not [word for word in secret.lower().split() if len(word) > 3 and word in kept]
    assert "punched" not in kept
