"""Something that runs in a thread while something else goes on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def beside(
    run: Callable[[threading.Event], None], told: threading.Event, name: str
) -> Iterator[None]:
    """Run it, until ``told``, beside what happens here; whichever ends first ends the other."""
    with ThreadPoolExecutor(1, name) as thread:
        running = thread.submit(run, told)
        running.add_done_callback(lambda _: told.set())
        try:
            yield
        finally:
            told.set()
        running.result()
