"""One history and one model trained on it, for every test of linkage."""

import msgspec
import pytest

from service.insight.training import term_counts, train
from service.matching.linkage_model import Model, ModelWritten, Thresholds, parse_model
from service.rules.pack import Pack
from tests.matching.generated import History, accounts, generate, profiles
from tests.timeline import shipped_pack


@pytest.fixture(scope="session")
def pack() -> Pack:
    return shipped_pack("england_and_wales")


@pytest.fixture(scope="session")
def history(pack: Pack) -> History:
    return generate(pack, reports=2500, days=12, seed=1)


@pytest.fixture(scope="session")
def content(pack: Pack, history: History) -> bytes:
    """A model file, trained blind to the links."""
    rarity = term_counts(accounts(history))
    reports, records = profiles(pack, history, rarity)
    chance = len(records) / (len(reports) * len(records))
    learnt = train(reports, records, chance, max_pairs=400_000)
    return msgspec.json.encode(
        ModelWritten(
            pack="england_and_wales",
            splink=msgspec.Raw(msgspec.json.encode(learnt.splink)),
            term_frequencies=learnt.term_frequencies,
            term_counts=rarity,
            thresholds=Thresholds(probable=6_000_000, possible=0, hidden_miss_costs=10),
        )
    )


@pytest.fixture(scope="session")
def model(content: bytes) -> Model:
    return parse_model(content, "model.json")
