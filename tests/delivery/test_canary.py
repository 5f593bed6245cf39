"""A name and a phrase go in through everything that is sent and typed, and come out nowhere: no message by
any channel, no page, no answer to a program, no log line, no metric, nothing readable in the ledger."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import update

from service.hosts.planning import default_text
from service.ledger.tables import lanes
from tests.control_room.running import NDJSON, SOURCES, Running, bearer
from tests.control_room.story import READ_TO, RECEIVED, heartbeat, record, report
from tests.delivery.receivers import (
    LOOPBACK,
    HttpReceiver,
    MailServer,
    http_receiver,
    mail_server,
    sending_settings,
)

NAME, PHRASE = "Zephyrine Quillfeather", "the marmalade heron"
WORDS = {*NAME.split(), PHRASE, "marmalade", "heron"}
TOLD = f"{NAME} said: {PHRASE}; he follows her home"
FORCE = "33"


def routes(port: int) -> str:
    """Everybody is there round the clock, each by another channel; sexual and plain alike interrupt."""
    text = default_text().replace("shifts: every_day", "shifts: round_the_clock")
    channel = 'channel: email, address: "duty-inspector-{force}@localhost"'
    assert channel in text
    text = text.replace(channel, "channel: chat")
    hook = f'channel: webhook, address: "http://127.0.0.1:{port}/hook"'
    text = text.replace('channel: email, address: "crime-bureau-{force}@localhost"', hook)
    step = "step: missed, when: missed, kind: interrupt, tell: ["
    assert step in text
    return text.replace(step, f"{step}supervisor, ")


class Chain:
    """A running service, and the receivers of what it tells people."""

    def __init__(self, running: Running, mail: MailServer, receiver: HttpReceiver) -> None:
        self.running, self.mail, self.receiver = running, mail, receiver
        self.client = running.client()
        self.answers: list[str] = []

    def sends(self, side: str, *rows: dict[str, Any] | bytes) -> None:
        """What a feed sends; it alone is told which value of its own could not be read."""
        path = {"log": "incidents", "crimes": "crimes", "referrals": "referrals"}[side]
        body = b"\n".join(
            row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows
        )
        token = bearer(self.running.token(SOURCES[side], FORCE))
        answer = self.client.post(f"/v1/{path}", content=body, headers={**token, **NDJSON})
        assert answer.status_code == 200, answer.text

    def has_long_been_live(self) -> None:
        """What has just happened is no history of a force that is read for the first time."""
        ledger = self.running.ledger()
        with ledger.writing() as connection:
            connection.execute(update(lanes).values(alert_from=None))
        ledger.close()

    def does(self, path: str, **body: Any) -> httpx.Response:
        answer = self.client.post(
            f"/v1/{path}", json={"command_id": str(uuid4()), **body}, headers={"If-Match": "*"}
        )
        self.answers.append(answer.text)
        return answer

    def messages(self) -> list[tuple[str, str]]:
        """Channel and text of everything that people got."""
        hooks = [
            ("hook" if each.path == "/hook" else "chat", repr(each)) for each in self.receiver.taken
        ]
        return [*hooks, *(("email", each.as_string()) for each in self.mail.messages)]

    def await_that(self, holds: Callable[[], bool], what: str) -> None:
        self.running.await_that(holds, what)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with http_receiver() as receiver, mail_server() as mail:
        sending_settings(tmp_path)
        (tmp_path / "secrets" / "inspector").write_text(receiver.url("/chat", scheme="json"))
        (tmp_path / "routes.yaml").write_text(routes(receiver.server.server_port))
        running = Running(
            tmp_path,
            RECOUNT_ROUTES=str(tmp_path / "routes.yaml"),
            RECOUNT_RECEIVER_SECRETS=str(tmp_path / "secrets"),
            RECOUNT_RECEIVER_NETWORKS=json.dumps(LOOPBACK),
            RECOUNT_SMTP_HOST="127.0.0.1",
            RECOUNT_SMTP_PORT=str(mail.port),
            RECOUNT_SMTP_SECURITY="none",
            RECOUNT_PLAN_EVERY="0.2",
            RECOUNT_RELAY_EVERY="0.1",
            RECOUNT_LOG_LEVEL="debug",
        )
        made = Chain(running, mail, receiver)
        yield made
        made.client.close()
        running.end()


def poisoned(ref: str, **fields: Any) -> dict[str, Any]:
    """A report with canaries wherever it has room for words."""
    entry = {"at": RECEIVED.isoformat(), "text": TOLD, "writer": "call_handler"}
    place = {"area": "B12", "text": TOLD}
    return report(FORCE, ref, narrative=[entry], place=place, **fields)


def test_names_and_phrases_reach_nobody(chain: Chain) -> None:
    chain.sends("crimes", record(FORCE, "C0", "R0", -2))
    chain.has_long_been_live()
    chain.sends(
        "log",
        poisoned("PLAIN", opening_codes=["harassment"]),
        poisoned("GRAVE", opening_codes=["rape"]),
        # What cannot be read, in every way that it may come.
        {**poisoned("R3"), "received_at": NAME},
        {**poisoned("R4"), "people": [{"role": NAME, "key": [PHRASE]}]},
        {**poisoned("R5"), NAME: PHRASE},
        {**poisoned("R6"), "kind": NAME},
        f'{{"text": "{TOLD}'.encode(),
        TOLD.encode(),
        heartbeat(FORCE, READ_TO),
    )
    chain.sends("crimes", heartbeat(FORCE, READ_TO))
    told = 2 * 3  # two misses to three receivers
    chain.await_that(lambda: len(chain.messages()) >= told, "told of two misses")
    # People type, rightly and wrongly.
    assert chain.does(f"reports/{FORCE}/PLAIN/acknowledge", typed={"comment": TOLD}).is_success
    refused = {"reason": "balance_not_met", "typed": {"rationale": TOLD, "comment": TOLD}}
    assert chain.does(f"reports/{FORCE}/PLAIN/decide", **refused).is_client_error
    assert chain.does(f"reports/{FORCE}/PLAIN/decide", reason=NAME).is_client_error
    assert chain.does(f"reports/{FORCE}/PLAIN/assign", to=NAME).is_client_error
    assert chain.does(f"reports/{FORCE}/PLAIN/link", record=NAME).is_client_error
    assert chain.does(f"reports/{FORCE}/PLAIN/assign", typed={NAME: PHRASE}).is_client_error
    until = (READ_TO + timedelta(days=400)).isoformat()
    named = {"matchers": {"subject": NAME}, "until": until, "typed": {"comment": TOLD}}
    assert chain.does(f"mutes/{FORCE}", **named).is_client_error
    muted = {**named, "matchers": {"subject": "R9"}}
    assert chain.does(f"mutes/{FORCE}", **muted).is_success
    # A record comes late: everybody who was told is told.
    late = {**record(FORCE, "C1", "PLAIN", 28), "offence_code": "8Q", "mo_text": TOLD}
    chain.sends("crimes", {**late, "place": {"text": TOLD}})
    chain.await_that(lambda: len(chain.messages()) >= told + 3, "told of the record")
    assert {channel for channel, _ in chain.messages()} == {"email", "hook", "chat"}
    assert not found_in(chain)


def found_in(chain: Chain) -> set[tuple[str, str]]:
    """Where a canary was seen, and which."""
    running, client = chain.running, chain.client
    where = running.log().partition('"address": "')[2].partition('"')[0]
    pages = ("/", "/worklist", "/sources", "/notifications", "/statistics", "/audit")
    shown = [client.get(page, params={"force": FORCE}).text for page in pages]
    told = [
        client.get("/v1/alerts", params={"force": FORCE}).text,
        *(client.get(f"/v1/reports/{FORCE}/{ref}").text for ref in ("PLAIN", "GRAVE")),
        *(client.get(f"/reports/{FORCE}/{ref}").text for ref in ("PLAIN", "GRAVE")),
    ]
    metrics = httpx.get(f"{where}/metrics").text
    assert "recount_notifications" in metrics
    time.sleep(0.5)  # whatever is still being written to the log
    assert running.stop() == 0
    files = running.ledger_file.parent.glob("recount.db*")
    out = {
        "answers": repr(chain.answers),
        "pages": repr(shown),
        "for programs": repr(told),
        "metrics": metrics,
        "log": running.log(),
        "ledger": repr([each.read_bytes() for each in files]),
    }
    messages = [("message", text) for _, text in chain.messages()]
    return {(name, w) for name, text in [*out.items(), *messages] for w in WORDS if w in text}
