"""Forces spread over processes: each reads the same files and keeps the rows of its own forces.

A force belongs to whoever has the fewest when it first appears. Lanes never read each other, so who
decides for which force changes nothing but the time it takes.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from msgspec import Struct

from service.hosts.files import NotGiven
from service.hosts.replay import Request, Share, run_share
from service.ingest.fields import ColumnMissing
from service.ingest.lined import Fault


class Whose(Struct, frozen=True):
    """A process asks whether a force is its own; answered with yes or no."""

    force: str | None


class Ended(Struct, frozen=True):
    """A process has read everything; answered with the moment at which the data of all ends."""

    at: datetime | None


class Read(Struct, frozen=True):
    """So many inputs were applied."""

    inputs: int


class Done(Struct, frozen=True):
    """What became of a process's forces."""

    share: Share


class Failed(Struct, frozen=True):
    """What people gave cannot be used."""

    message: str


def run_shares(
    request: Request, folder: Path, processes: int, tell: Callable[[int], None]
) -> tuple[Share, ...]:
    """Replay in so many processes (1: this one). Raises what ``run_share`` raises."""
    if processes == 1:
        return (run_share(request, folder, None, lambda end: end, tell),)
    # Forked, as nothing else runs here yet: no thread, no connection; and nothing is imported again.
    context = get_context("fork")
    with ExitStack() as stack:
        pipes: list[Connection] = []
        for n in range(processes):
            ours, theirs = context.Pipe()
            (folder / str(n)).mkdir()
            process = context.Process(target=_work, args=(theirs, request, folder / str(n)))
            with _deaf():
                process.start()
                stack.callback(_stop, process)
            theirs.close()
            pipes.append(ours)
        return _lead(pipes, tell)


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started here never hears Ctrl-C (the leading process stops the others); one that comes
    meanwhile is heard afterwards."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            raise KeyboardInterrupt


def _stop(process: BaseProcess) -> None:
    process.terminate()
    process.join()


# -- the leading process --------------------------------------------------------------------------


def _lead(pipes: Sequence[Connection], tell: Callable[[int], None]) -> tuple[Share, ...]:
    owners: dict[str | None, int] = {None: 0}
    ends: dict[int, datetime | None] = {}
    shares: dict[int, Share] = {}
    while len(shares) < len(pipes):
        for ready in wait([pipe for n, pipe in enumerate(pipes) if n not in shares]):
            n = pipes.index(ready)
            match _receive(pipes[n]):
                case Whose(force):
                    if force not in owners:
                        loads = [sum(o == p for o in owners.values()) for p in range(len(pipes))]
                        owners[force] = loads.index(min(loads))
                    pipes[n].send(owners[force] == n)
                case Ended(at):
                    ends[n] = at
                    if len(ends) == len(pipes):
                        for pipe in pipes:
                            pipe.send(max((end for end in ends.values() if end), default=None))
                case Read(inputs):
                    tell(inputs)
                case Done(share):
                    shares[n] = share
                case Failed(message):
                    raise NotGiven(message)
    return tuple(shares[n] for n in range(len(pipes)))


def _receive(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        raise RuntimeError("a process of the replay ended before its work was done") from None


# -- the others -----------------------------------------------------------------------------------


def _work(pipe: Connection, request: Request, folder: Path) -> None:
    answers: dict[str | None, bool] = {}

    def ask(question: Whose | Ended) -> Any:
        pipe.send(question)
        return pipe.recv()

    def is_mine(force: str | None) -> bool:
        mine = answers.get(force)
        if mine is None:
            mine = answers[force] = ask(Whose(force))
        return mine

    try:
        share = run_share(
            request, folder, is_mine, lambda end: ask(Ended(end)), lambda n: pipe.send(Read(n))
        )
    except (Fault, NotGiven, ColumnMissing) as wrong:
        pipe.send(Failed(str(wrong)))
    else:
        pipe.send(Done(share))
