"""An installation of its own for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ledger.opening import Ledger
from tests.conftest import Fresh
from tests.kafka.site import Site


@pytest.fixture
def site(kafka_bootstrap: str, postgres_databases: Fresh, tmp_path: Path) -> Iterator[Site]:
    """Nothing made yet; no worker outlives the test."""
    made = Site(kafka_bootstrap, postgres_databases(), tmp_path)
    yield made
    made.end()


@pytest.fixture
def ledger(site: Site) -> Iterator[Ledger]:
    """The site's ledger, topics and tables made."""
    opened = site.set_up()
    yield opened
    opened.close()
