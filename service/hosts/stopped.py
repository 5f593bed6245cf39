"""How a running service is told to end, and why else it ends: each names what is wrong and the remedy."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WorkerStopped(Exception):
    """The worker must not begin, or not go on."""


class BrokerUnreachable(Exception):
    """No broker answered, or it refused."""


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """SIGINT and SIGTERM set the event, and do nothing else, while this lasts."""
    told = threading.Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, lambda *_: told.set())
    try:
        yield told
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
