"""A running service, shared by what only asks it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.control_room.running import Running


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service of its own."""
    made = Running(tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that several tests send to, each as a force of its own."""
    made = Running(tmp_path_factory.mktemp("service"))
    yield made
    assert made.stop() == 0


@pytest.fixture
def client(shared: Running) -> Iterator[httpx.Client]:
    """Asks the shared service."""
    with httpx.Client(base_url=shared.url) as made:
        yield made
