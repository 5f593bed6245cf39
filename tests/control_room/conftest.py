"""A running service, shared by what only asks it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

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


@pytest.fixture(scope="session")
def client(shared: Running) -> Iterator[httpx.Client]:
    """Asks the shared service, signed in."""
    made = shared.client()
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped, and listed, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("Chromium is not on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
