"""Sending as a whole, with real receivers: once marked it is over, never lost, in order, never in the way
of others."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.alerts.notice import Body, Channel, Notice
from service.cli import main
from service.delivery.breaker import OPENS_AFTER, PAUSE
from service.hosts.sending import Sending
from service.ledger.notices import TRIED_FOR, Choice, Held, Status, listed, plan, put_back
from service.ledger.opening import Ledger, open_ledger
from service.ledger.upgrading import upgrade
from tests.conftest import Fresh
from tests.delivery.receivers import (
    LOOPBACK,
    NOON,
    Answer,
    HttpReceiver,
    http_receiver,
    mail_server,
    notice,
    sending_settings,
)

CANARY = "Zebedee Quillfeather"


class Clock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = open_ledger(url)
    upgrade(opened.engine)
    yield opened
    opened.close()


def planned(ledger: Ledger, *notices: Notice) -> None:
    with ledger.writing() as connection:
        plan(connection, notices, NOON)


def held(ledger: Ledger) -> dict[str, Held]:
    """By what they are about, event and step."""
    with ledger.reading() as connection:
        found = listed(connection, Choice())
        return {f"{h.notice.subject}.{h.notice.n}.{h.notice.step}": h for h in found}


def stand(ledger: Ledger) -> dict[str, str]:
    return {key: each.status.value for key, each in held(ledger).items()}


def hooks(receiver: HttpReceiver, *reports: str, to: str = "bureau") -> list[Notice]:
    return [notice(report, receiver=to, address=receiver.url(f"/{report}")) for report in reports]


def test_every_channel_is_sent_by_and_marked(tmp_path: Path, ledger: Ledger) -> None:
    with http_receiver() as receiver, mail_server() as mail:
        settings = sending_settings(
            tmp_path, smtp_host="127.0.0.1", smtp_port=mail.port, smtp_security="none"
        )
        (tmp_path / "secrets" / "room").write_text(receiver.url("/chat", scheme="json"))
        planned(
            ledger,
            *hooks(receiver, "R1"),
            notice("R2", channel=Channel.EMAIL, address="bureau@force.example"),
            notice("R3", channel=Channel.CHAT, receiver="room"),
        )
        sending = Sending(settings, ledger, Clock())
        assert sending.round().statuses == {Status.SENT: 3}
        assert sending.round().idle
    assert set(stand(ledger).values()) == {"sent"}
    assert {each.sent_at for each in held(ledger).values()} == {NOON}
    assert sorted(each.path for each in receiver.taken) == ["/R1", "/chat"]
    assert [message["Subject"] for message in mail.messages] == ["Report R2"]


def test_with_nobody_to_tell_there_is_nothing_to_do(tmp_path: Path, ledger: Ledger) -> None:
    assert Sending(sending_settings(tmp_path), ledger).round().idle


def test_a_receiver_is_told_of_one_report_in_order_and_newer_replaces_older(
    tmp_path: Path, ledger: Ledger
) -> None:
    clock = Clock()
    steps = [NOON - timedelta(minutes=minutes) for minutes in (3, 2, 1)]
    with http_receiver() as receiver:
        to = receiver.url()
        planned(
            ledger,
            *(notice("R1", step=f"s{n}", due_at=at, address=to) for n, at in enumerate(steps)),
            notice("R2", n=1, address=to),
            notice("R2", n=2, address=to),
        )
        Sending(sending_settings(tmp_path), ledger, clock).round()
    told = [json.loads(each.body)["data"] for each in receiver.taken]
    assert [each["step"] for each in told if each["subject"] == "R1"] == ["s0", "s1", "s2"]
    assert [each["n"] for each in told if each["subject"] == "R2"] == [2]
    assert stand(ledger)["R2.1.first"] == "replaced"


def test_what_fails_is_tried_again_under_the_same_key_and_the_next_step_waits(
    tmp_path: Path, ledger: Ledger
) -> None:
    clock = Clock()
    with http_receiver(lambda n: Answer(503 if n < 3 else 204)) as receiver:
        to = receiver.url()
        first = notice("R1", step="a", due_at=NOON - timedelta(minutes=1), address=to)
        second = notice("R1", step="b", address=to)
        planned(ledger, first, second)
        sending = Sending(sending_settings(tmp_path), ledger, clock)
        for attempt in (1, 2):
            assert sending.round().statuses == {Status.WAITING: 1}
            waiting = held(ledger)["R1.1.a"]
            assert (waiting.attempts, waiting.outcome, waiting.code) == (
                attempt,
                "server_error",
                503,
            )
            assert waiting.next_try_at is not None
            assert waiting.next_try_at > clock.now
            assert sending.round().idle
            clock.now = waiting.next_try_at
        assert sending.round().statuses == {Status.SENT: 2}
    assert receiver.keys == [first.notice_id] * 3 + [second.notice_id]
    assert first.notice_id != second.notice_id


def test_a_receiver_that_answers_twice_over_the_time_is_told_again_under_one_key(
    tmp_path: Path, ledger: Ledger
) -> None:
    """It takes the message and answers too late: a repeat, which the key gives away."""
    clock = Clock()
    with http_receiver(lambda n: Answer(hangs=n == 1)) as receiver:
        planned(ledger, *hooks(receiver, "R1"))
        sending = Sending(sending_settings(tmp_path, sending_within=0.3), ledger, clock)
        assert sending.round().statuses == {Status.WAITING: 1}
        clock.now += timedelta(minutes=1)
        assert sending.round().statuses == {Status.SENT: 1}
    assert len(receiver.keys) == 2
    assert len(set(receiver.keys)) == 1


def test_what_is_refused_can_be_seen_and_put_back(tmp_path: Path, ledger: Ledger) -> None:
    with http_receiver(lambda n: Answer(410 if n == 1 else 204)) as receiver:
        planned(ledger, *hooks(receiver, "R1"))
        sending = Sending(sending_settings(tmp_path), ledger, Clock())
        assert sending.round().statuses == {Status.REFUSED: 1}
        refused = held(ledger)["R1.1.first"]
        assert (refused.outcome, refused.code, refused.next_try_at) == ("gone", 410, None)
        assert sending.round().idle
        with ledger.writing() as connection:
            assert put_back(connection, Choice(receiver="bureau"), NOON).waiting == 1
        assert sending.round().statuses == {Status.SENT: 1}
    assert len(set(receiver.keys)) == 1


def test_after_a_day_it_expires_and_says_so(tmp_path: Path, ledger: Ledger) -> None:
    clock = Clock()
    with http_receiver(lambda _: Answer(500)) as receiver:
        planned(ledger, *hooks(receiver, "R1"))
        sending = Sending(sending_settings(tmp_path), ledger, clock)
        sending.round()
        clock.now = NOON + TRIED_FOR - timedelta(seconds=1)
        assert sending.round().statuses == {Status.EXPIRED: 1}  # no time for another attempt
    expired = held(ledger)["R1.1.first"]
    assert (expired.status, expired.outcome, expired.attempts) == (
        Status.EXPIRED,
        "server_error",
        2,
    )
    clock.now += timedelta(days=2)
    assert sending.round().idle


def test_a_receiver_that_fails_is_left_alone_and_tried_by_one_message(
    tmp_path: Path, ledger: Ledger
) -> None:
    clock = Clock()
    broken = threading.Event()
    broken.set()
    reports = [f"R{n}" for n in range(12)]
    with (
        http_receiver(lambda _: Answer(503 if broken.is_set() else 204)) as receiver,
        http_receiver() as well,
    ):
        planned(ledger, *hooks(receiver, *reports), *hooks(well, "W1", "W2", to="inspector"))
        sending = Sending(sending_settings(tmp_path, sending_at_once=4), ledger, clock)
        done = sending.round().statuses
        assert done == {Status.WAITING: OPENS_AFTER, Status.SENT: 2}
        assert len(receiver.taken) == OPENS_AFTER
        assert sending.round().idle
        clock.now += PAUSE
        assert sending.round().statuses == {Status.WAITING: 1}
        assert len(receiver.taken) == OPENS_AFTER + 1
        broken.clear()
        clock.now += 2 * PAUSE
        assert sending.round().statuses == {Status.SENT: len(reports)}


def test_a_receiver_that_hangs_does_not_hold_up_others(tmp_path: Path, ledger: Ledger) -> None:
    with http_receiver() as well:
        # It answers once the other has everything: were that held up, both would fail.
        def wait(_: int) -> Answer:
            well.await_requests(20)
            return Answer()

        with http_receiver(wait) as slow:
            planned(
                ledger,
                *hooks(slow, *(f"S{n}" for n in range(30))),
                *hooks(well, *(f"W{n}" for n in range(20)), to="inspector"),
            )
            settings = sending_settings(tmp_path, sending_at_once=8, sending_within=30)
            assert Sending(settings, ledger, Clock()).round().statuses == {Status.SENT: 50}


def test_a_sender_told_to_stop_marks_what_is_under_way(tmp_path: Path, ledger: Ledger) -> None:
    stop = threading.Event()

    def answer(_: int) -> Answer:
        stop.set()
        return Answer()

    with http_receiver(answer) as receiver:
        planned(ledger, *hooks(receiver, *(f"R{n}" for n in range(40))))
        settings = sending_settings(tmp_path, sending_at_once=4)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(Sending(settings, ledger, Clock()).run, stop).result(60)
    standing = list(stand(ledger).values())
    assert set(standing) == {"sent", "waiting"}
    assert standing.count("sent") == len(receiver.taken)


def test_one_that_breaks_a_library_is_no_harm_to_the_others(tmp_path: Path, ledger: Ledger) -> None:
    with http_receiver() as receiver, mail_server() as mail:
        settings = sending_settings(
            tmp_path, smtp_host="127.0.0.1", smtp_port=mail.port, smtp_security="none"
        )
        body = Body(title="two\nlines", text="x")
        planned(
            ledger,
            *hooks(receiver, "R1"),
            notice("R2", channel=Channel.EMAIL, address="bureau@force.example", body=body),
            notice("R3", receiver="inspector", address="http://xn--\u2603:1/"),
        )
        Sending(settings, ledger, Clock()).round()
    status = stand(ledger)
    assert (status["R1.1.first"], status["R2.1.first"]) == ("sent", "failed")
    assert status["R3.1.first"] in ("refused", "waiting")


def test_two_senders_on_one_ledger_share_the_work(
    tmp_path: Path, postgres_databases: Fresh
) -> None:
    url = postgres_databases()
    both = [open_ledger(url), open_ledger(url)]
    upgrade(both[0].engine)
    settings = sending_settings(tmp_path, sending_at_once=4)

    def answer(n: int) -> Answer:
        if n == 1:  # one sender has one message on its way to a receiver: the next is the other's
            receiver.await_requests(2)
        return Answer()

    with http_receiver(answer) as receiver:
        reports = [f"R{n}" for n in range(60)]
        planned(both[0], *hooks(receiver, *reports))
        with ThreadPoolExecutor(2) as pool:
            rounds = list(pool.map(lambda each: Sending(settings, each, Clock()).round(), both))
    shares = [each.statuses.get(Status.SENT, 0) for each in rounds]
    assert sum(shares) == len(reports) == len(receiver.keys) == len(set(receiver.keys))
    assert all(shares)
    assert set(stand(both[0]).values()) == {"sent"}
    for each in both:
        each.close()


def environment(tmp_path: Path, url: str, **given: str) -> dict[str, str]:
    sending_settings(tmp_path)  # makes the secrets
    usual = {
        "DATABASE_URL": url,
        "RECOUNT_RECEIVER_SECRETS": str(tmp_path / "secrets"),
        "RECOUNT_RECEIVER_NETWORKS": json.dumps(LOOPBACK),
        "RECOUNT_SENDING_WITHIN": "1",
        "RECOUNT_RELAY_EVERY": "0.05",
    }
    return {**os.environ, **usual, **given}


Relay = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def relay() -> Iterator[Relay]:
    """Starts a relay that sends to people; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(env: dict[str, str], *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "service.cli", "relay", "--only", "people", *options]
        started.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def test_killed_between_sending_and_marking_it_is_sent_again_under_the_same_key(
    tmp_path: Path, url: str, ledger: Ledger, relay: Relay
) -> None:
    running: list[subprocess.Popen[str]] = []
    env = environment(tmp_path, url)

    def answer(n: int) -> Answer:
        if n == 1:
            running[0].kill()  # it has arrived, and nobody will say so
        return Answer()

    with http_receiver(answer) as receiver:
        running.append(relay(env))
        planned(ledger, *hooks(receiver, "R1"))
        running[0].communicate(timeout=60)
        assert running[0].returncode == -signal.SIGKILL
        assert stand(ledger) == {"R1.1.first": "claimed"}
        successor = relay(env)
        receiver.await_requests(2)
        successor.terminate()
        successor.communicate(timeout=60)
        assert successor.returncode == 0
    assert len(receiver.keys) == 2
    assert len(set(receiver.keys)) == 1
    sent = held(ledger)["R1.1.first"]
    assert (sent.status, sent.attempts) == (Status.SENT, 2)


def test_no_words_addresses_or_secrets_are_logged(
    tmp_path: Path, url: str, ledger: Ledger, relay: Relay
) -> None:
    """Whatever goes wrong: what a message says, where it goes and what signs it stay out of the log."""
    body = Body(title=CANARY, text=CANARY, html=CANARY, data={"said": CANARY})
    token = "t0ken-in-the-address"
    with http_receiver(lambda n: Answer(500 if n % 2 else 404)) as receiver, mail_server() as mail:
        mail.refuses = {f"{token}@force.example": f"550 no {token}"}
        env = environment(
            tmp_path,
            url,
            RECOUNT_SMTP_HOST="127.0.0.1",
            RECOUNT_SMTP_PORT=str(mail.port),
            RECOUNT_SMTP_SECURITY="none",
            RECOUNT_LOG_LEVEL="debug",
        )
        secrets = tmp_path / "secrets"
        (secrets / "room").write_text(receiver.url(f"/{token}", scheme="json"))
        (secrets / "closed").write_text(f"json://127.0.0.1:9/{token}")
        (secrets / "unsigned").write_text(f"whsec_{token}!")
        at = [
            ("bureau", Channel.WEBHOOK, receiver.url(f"/{token}")),
            ("inspector", Channel.WEBHOOK, f"http://127.0.0.1:9/{token}"),
            ("unsigned", Channel.WEBHOOK, receiver.url(f"/{token}")),
            ("private", Channel.WEBHOOK, f"https://10.0.0.1/{token}"),
            ("room", Channel.CHAT, ""),
            ("closed", Channel.CHAT, ""),
            ("mailbox", Channel.EMAIL, f"{token}@force.example"),
        ]
        planned(
            ledger,
            *(
                notice("R1", receiver=name, channel=channel, address=to, body=body)
                for name, channel, to in at
            ),
        )
        _, logged = relay(env, "--once").communicate(timeout=60)
    said = [json.loads(line) for line in logged.splitlines() if "notice_not_sent" in line]
    # On a slow machine some are tried a second time before all have been tried once.
    assert {each["receiver"] for each in said} == {name for name, _, _ in at}
    for secret in (CANARY, "Quillfeather", token, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "R1"):
        assert secret not in logged
    with ledger.reading() as connection:
        outcomes = " ".join(h.outcome for h in listed(connection, Choice()))
    assert token not in outcomes


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def recount(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs a command; its exit code, and all that it printed."""
    for name, value in environment(tmp_path, url).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()  # what was printed before is not its own
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out + printed.err

    return run


def test_messages_are_listed_and_put_back_by_commands(
    tmp_path: Path, ledger: Ledger, recount: Run
) -> None:
    with http_receiver(lambda _: Answer(410)) as receiver:
        planned(ledger, *hooks(receiver, "R1"), *hooks(receiver, "R2", to="inspector"))
        Sending(sending_settings(tmp_path), ledger, Clock()).round()
        code, printed = recount("notifications", "list", "--status", "refused", "--json")
        told: dict[str, Any] = json.loads(printed)
        assert code == 0
        assert {each["subject"] for each in told["notifications"]} == {"R1", "R2"}
        assert told["receivers"][0] == {
            "receiver": "bureau",
            "statuses": {"refused": 1},
            "oldest_due_at": None,
        }
        assert receiver.url() not in printed
        code, printed = recount("notifications", "list", "--receiver", "bureau")
        assert code == 0
        assert "R1" in printed
        assert "33 R2" not in printed
        assert recount("notifications", "retry")[0] == 2
        code, printed = recount("notifications", "retry", "--receiver", "bureau", "--json")
        assert (code, json.loads(printed)) == (0, {"waiting": 1, "overtaken": 0})
    assert stand(ledger) == {"R1.1.first": "waiting", "R2.1.first": "refused"}


def test_a_receiver_is_tried_by_a_command(tmp_path: Path, recount: Run) -> None:
    shipped = Path("service/alerts/default_routes.yaml").read_text(encoding="utf-8")
    answers = [Answer(), Answer(404)]
    with http_receiver(lambda n: answers[n - 1]) as receiver:
        mailbox = 'channel: email, address: "crime-bureau-{force}@localhost"'
        assert mailbox in shipped
        routes = tmp_path / "routes.yaml"
        hook = f'channel: webhook, address: "{receiver.url("/{force}")}"'
        routes.write_text(shipped.replace(mailbox, hook))
        given = ("notifications", "test", "bureau", "--routes", str(routes), "--force", "33")
        assert recount(*given) == (0, "bureau by webhook: delivered (204)\n")
        code, printed = recount(*given, "--json")
    assert (code, json.loads(printed)["outcome"]) == (1, "rejected")
    assert [each.path for each in receiver.taken] == ["/33", "/33"]
    assert json.loads(receiver.taken[0].body)["data"]["test"] is True
    code, printed = recount("notifications", "test", "nobody", "--routes", str(routes))
    assert code == 2
    assert "no receiver 'nobody'" in printed
