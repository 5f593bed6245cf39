"""A ledger in a file for each story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    upgrade(opened.engine)
    yield opened
    opened.close()
