"""The narratives: everything is said, nothing is left unsaid, and no two typists are alike."""

from collections import Counter
from random import Random

import pytest

from service.simulation.generate import Settings, events
from service.simulation.narratives import Narrator
from service.simulation.parameters import parameters

NARRATOR = Narrator(parameters().text)


@pytest.mark.parametrize("kind", [*parameters().kinds, *parameters().matters])
def test_every_kind_of_incident_can_be_told(kind: str) -> None:
    rng = Random(1)
    told = {NARRATOR.first_account(kind, domestic, rng) for domestic in (False, True) * 20}
    assert len(told) > 15
    assert not [text for text in told if "{" in text or len(text) < 10]


def test_accounts_differ_from_log_to_log() -> None:
    accounts = Counter(
        event.document["narrative"][0]["text"].lower()
        for event in events(Settings(days=2), 1)
        if event.document.get("version") == 1 and "narrative" in event.document
    )
    assert len(accounts) > 0.6 * accounts.total()


def test_typists_shout_shorten_and_slip() -> None:
    rng = Random(2)
    said = [NARRATOR.entry("close.crime", rng) for _ in range(300)]
    assert 0.1 < sum(text.isupper() for text in said) / 300 < 0.4
    assert len(set(said)) > 40
