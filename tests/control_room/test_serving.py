"""``recount serve``: any number over one PostgreSQL, each with the same answers."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.delivery.numbers import give_numbers
from service.ledger import outputs
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tokens import make_token
from service.ledger.upgrading import upgrade
from tests.conftest import Fresh
from tests.control_room.running import Running, bearer, frames, said
from tests.control_room.story import report
from tests.kafka.feed import NOW


@pytest.fixture
def ledger(postgres_databases: Fresh) -> Iterator[Ledger]:
    """An empty ledger that several may share."""
    made = open_ledger(postgres_databases())
    upgrade(made.engine)
    yield made
    made.close()


def test_what_is_sent_to_one_is_seen_at_the_other(ledger: Ledger, tmp_path: Path) -> None:
    url = ledger.engine.url.render_as_string(hide_password=False)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (
        Running(tmp_path / name, command="serve", DATABASE_URL=url) for name in ("a", "b")
    )
    try:
        with ledger.writing() as connection:
            _, token = make_token(connection, "native/incidents", "P1", NOW)
        client = other.client()
        with client.stream("GET", "/v1/stream") as stream:
            events = frames(stream)
            assert next(events)[0] == "snapshot"
            for n in range(3):
                log = report("P1", f"R{n}", opening_codes=[f"a code of nobody's {n}"])
                answer = httpx.post(f"{one.url}/v1/incidents", json=log, headers=bearer(token))
                assert answer.status_code == 200
            with ledger.writing() as connection:
                assert give_numbers(connection) >= 3
            seen: list[tuple[str, int]] = []
            for _, _, data in events:
                seen += [(event["force"], event["seq"]) for event in data["events"]]
                if len(seen) >= 3:
                    break
        assert seen == said(ledger)
        assert client.get("/v1/reports/P1/R0").status_code == 200
        again = httpx.post(f"{other.url}/v1/incidents", json=log, headers=bearer(token))
        assert again.json()["repeated"] == 1
        with ledger.reading() as connection:
            assert outputs.conservation(connection).holds
        client.close()
        assert (one.stop(), other.stop()) == (0, 0)
    finally:
        one.end()
        other.end()
