"""How many webhooks a second one sender brings to a receiver on this machine.

    python -m benchmarks.sending [--notices N] [--receivers R] [--postgres]

The receiver is a process of its own that answers at once; the ledger is a durable SQLite file, or a real
PostgreSQL. The time runs from the first claim to the last mark. Every message must have arrived once.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

from service.alerts.notice import Body, Channel, Notice, NoticeClass
from service.hosts.real_parts import a_postgres
from service.hosts.sending import Sending
from service.ledger.notices import Status, plan
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.settings import read_settings

SECRET = f"whsec_{b64encode(bytes(24)).decode()}"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def receive(told: Connection) -> None:
    """Answer every request; send back the port, then (when asked) how many keys came and how often."""
    keys: list[bytes] = []

    async def serve() -> None:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    fields = dict(
                        line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2]
                    )
                    await reader.readexactly(int(fields[b"content-length"]))
                    keys.append(fields[b"webhook-id"])
                    writer.write(ANSWER)
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        server = await asyncio.start_server(one, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(told.recv)
        told.send((len(keys), len(set(keys))))

    asyncio.run(serve())


def notices(n: int, receivers: int, port: int) -> list[Notice]:
    """One message about each of ``n`` reports."""
    now = datetime.now(UTC)
    return [
        Notice(
            force="33",
            alert_id=str(uuid5(NAMESPACE_URL, f"{number}")),
            subject=f"R{number}",
            n=1,
            receiver=f"receiver{number % receivers}",
            channel=Channel.WEBHOOK,
            address=f"http://127.0.0.1:{port}/{number % receivers}",
            step="missed",
            kind=NoticeClass.INTERRUPT,
            thread=f"33/R{number}",
            due_at=now,
            body=Body(title=f"Report R{number}", text="No crime record found. " * 20),
        )
        for number in range(n)
    ]


@contextmanager
def a_ledger(folder: Path, postgres: bool) -> Iterator[str]:
    """An empty database."""
    if not postgres:
        yield f"sqlite:///{folder / 'ledger.db'}"
        return
    with a_postgres() as url:
        yield url


def main() -> None:
    """Plan, send, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=int, default=5_000)
    parser.add_argument("--receivers", type=int, default=8)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    port = ours.recv()
    with TemporaryDirectory() as name, a_ledger(Path(name), given.postgres) as url:
        folder = Path(name)
        for number in range(given.receivers):
            (folder / f"receiver{number}").write_text(SECRET)
        settings = read_settings(receiver_secrets=folder, receiver_networks=["127.0.0.0/8"])
        ledger = open_ledger(url)
        upgrade(ledger.engine)
        with ledger.writing() as connection:
            planned = notices(given.notices, given.receivers, port)
            began = time.perf_counter()
            plan(connection, planned, datetime.now(UTC))
        took = time.perf_counter() - began
        print(f"planned {given.notices:,} in {took:.1f} s", flush=True)
        began = time.perf_counter()
        cpu = time.process_time()
        done = Sending(settings, ledger).round()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        ledger.close()
    ours.send(None)
    came, different = ours.recv()
    receiver.join()
    assert done.statuses == {Status.SENT: given.notices}
    assert came == different == given.notices
    print(
        f"{'PostgreSQL' if given.postgres else 'SQLite'}: {given.notices / took:,.0f} webhooks/s to "
        f"{given.receivers} receivers ({took:.1f} s, {cpu:.1f} s of processor; load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()
