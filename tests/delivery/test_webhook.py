"""Webhooks to real servers: signed, never where they must not go, every answer told apart."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from httpx import Headers
from standardwebhooks import Webhook, WebhookVerificationError

from service.alerts.notice import Channel, Notice
from service.delivery.addresses import permitted
from service.delivery.chat import send_chat
from service.delivery.outcome import Delivered, Reason, Refused, Result, Retry
from service.delivery.webhook import Webhooks, payload, retry_after
from service.settings import Settings
from tests.delivery.receivers import (
    NOON,
    SECRET,
    Answer,
    a_certificate,
    http_receiver,
    notice,
    sending_settings,
)


def send(settings: Settings, *notices: Notice, now: datetime = NOON) -> list[Result]:
    async def all_of_them() -> list[Result]:
        webhooks = Webhooks(settings, settings.receiver_secret)
        try:
            return [await webhooks.send(each, now) for each in notices]
        finally:
            await webhooks.close()

    return asyncio.run(all_of_them())


def test_a_message_is_signed_and_carries_its_key(tmp_path: Path) -> None:
    settings = sending_settings(tmp_path)
    other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    (tmp_path / "secrets" / "bureau").write_text(f"{SECRET}\n{other}\n")
    now = datetime.now(UTC)
    with http_receiver() as receiver:
        sent = notice(address=receiver.url("/hooks?a=1"))
        assert send(settings, sent, sent, now=now) == [Delivered(204), Delivered(204)]
    assert receiver.keys == [sent.notice_id] * 2
    came = receiver.taken[0]
    assert came.path == "/hooks?a=1"
    assert came.headers["host"] == f"127.0.0.1:{receiver.server.server_port}"
    assert came.body == receiver.taken[1].body == payload(sent)
    for secret in (SECRET, other):
        said = Webhook(secret).verify(came.body, came.headers)
    assert said["timestamp"] == "2025-03-01T12:00:00Z"
    assert said["data"]["subject"] == "R1"
    assert said["data"]["over_hours"] == 2
    changed = came.body.replace(b"R1", b"R2")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(changed, came.headers)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (200, Delivered(200)),
        (400, Refused(Reason.REJECTED, 400)),
        (404, Refused(Reason.REJECTED, 404)),
        (410, Refused(Reason.GONE, 410)),
        (408, Retry(Reason.BUSY, 408, timedelta(seconds=30))),
        (425, Retry(Reason.BUSY, 425, timedelta(seconds=30))),
        (429, Retry(Reason.BUSY, 429, timedelta(seconds=30))),
        (500, Retry(Reason.SERVER_ERROR, 500, timedelta(seconds=30))),
        (503, Retry(Reason.SERVER_ERROR, 503, timedelta(seconds=30))),
    ],
)
def test_answers_are_told_apart(tmp_path: Path, code: int, result: Result) -> None:
    with http_receiver(lambda _: Answer(code, {"Retry-After": "30"})) as receiver:
        sent = notice(address=receiver.url())
        assert send(sending_settings(tmp_path), sent) == [result]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(tmp_path: Path, code: int) -> None:
    with http_receiver() as elsewhere:
        to = {"Location": elsewhere.url()}
        with http_receiver(lambda _: Answer(code, to)) as receiver:
            sent = notice(address=receiver.url())
            assert send(sending_settings(tmp_path), sent) == [Refused(Reason.REDIRECTED, code)]
        assert elsewhere.taken == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0"),
        *("2130706433", "100.64.0.1"),
        *("[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "[64:ff9b::7f00:1]"),
    ],
)
def test_private_addresses_are_refused_unless_allowed(tmp_path: Path, host: str) -> None:
    settings = sending_settings(tmp_path, receiver_networks=[])
    sent = notice(address=f"https://{host}/in")
    assert send(settings, sent) == [Refused(Reason.ADDRESS_PRIVATE)]


def test_the_address_that_was_looked_at_is_the_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with a public address first and a private one a moment later."""
    asked: list[str] = []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        there = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (there, port))]

    with http_receiver() as receiver:
        settings = sending_settings(tmp_path)
        sent = notice(address=receiver.url(host="hooks.force.example"))
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **more: (
                resolve(host, *rest, **more)
                if "example" in str(host)
                else real(host, *rest, **more)
            ),
        )
        assert send(settings, sent) == [Delivered(204)]
        assert receiver.taken[0].headers["host"].startswith("hooks.force.example:")
        assert send(settings, sent) == [Refused(Reason.ADDRESS_PRIVATE)]
    assert asked == ["hooks.force.example"] * 2


def test_what_is_public() -> None:
    assert permitted(["93.184.216.34"], ()) == "93.184.216.34"
    assert permitted(["10.0.0.1", "2606:2800:220:1::1"], ()) == "2606:2800:220:1::1"
    for address in ("224.0.0.1", "2002:7f00:1::", "::", "::1", "fd00::1", "fe80::1%eth0"):
        assert permitted([address], ()) is None


def test_tls_is_checked_against_the_name(tmp_path: Path) -> None:
    ours, theirs = a_certificate(tmp_path), a_certificate(tmp_path, "elsewhere.example")
    with http_receiver(tls=ours.context) as receiver:
        sent = notice(address=receiver.url(host="localhost", scheme="https"))
        trusting = sending_settings(tmp_path, receiver_ca=ours.file)
        assert send(trusting, sent) == [Delivered(204)]
        assert send(sending_settings(tmp_path), sent) == [Retry(Reason.NOT_SECURED)]
    with http_receiver(tls=theirs.context) as receiver:
        sent = notice(address=receiver.url(host="localhost", scheme="https"))
        trusting = sending_settings(tmp_path, receiver_ca=theirs.file)
        assert send(trusting, sent) == [Retry(Reason.NOT_SECURED)]


def test_nothing_goes_unsecured_to_a_public_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: there)
    sent = notice(address="http://hooks.force.example/in")
    assert send(sending_settings(tmp_path), sent) == [Refused(Reason.NOT_SECURED)]


def test_a_receiver_that_hangs_answers_late_or_is_gone_is_tried_again(tmp_path: Path) -> None:
    settings = sending_settings(tmp_path, sending_within=0.3)
    with http_receiver(lambda n: Answer(hangs=n == 1)) as receiver:
        sent = notice(address=receiver.url())
        assert send(settings, sent, sent) == [Retry(Reason.TIMED_OUT), Delivered(204)]
        assert receiver.keys == [sent.notice_id] * 2
    assert send(settings, sent) == [Retry(Reason.UNREACHABLE)]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = notice(address=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        assert send(settings, there) == [Retry(Reason.TIMED_OUT)]


def test_without_a_secret_nothing_goes(tmp_path: Path) -> None:
    settings = sending_settings(tmp_path)
    for name, held in {"empty": "", "wrong": "whsec_!!"}.items():
        (tmp_path / "secrets" / name).write_text(held)
    with http_receiver() as receiver:
        for name in ("empty", "wrong", "unknown", "../secrets/bureau"):
            sent = notice(receiver=name, address=receiver.url())
            assert send(settings, sent) == [Retry(Reason.NOT_SET_UP)], name
        assert receiver.taken == []


@pytest.mark.parametrize("address", ["", "ftp://a.example/", "nowhere", "http://", "http://[::"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    sent = notice(address=address)
    assert send(sending_settings(tmp_path), sent) == [Refused(Reason.ADDRESS_WRONG)]


def test_how_long_to_wait_is_read_as_seconds_or_as_a_date() -> None:
    for given, wait in {
        "30": timedelta(seconds=30),
        "Sat, 01 Mar 2025 12:05:00 GMT": timedelta(minutes=5),
        "Sat, 01 Mar 2025 11:00:00 GMT": timedelta(0),
        "soon": None,
        "-3": None,
        "": None,
    }.items():
        assert retry_after(Headers({"retry-after": given}), NOON) == wait, given


def test_chat_goes_through_apprise_with_the_key_in_its_text(tmp_path: Path) -> None:
    sent = notice(channel=Channel.CHAT)
    with http_receiver() as receiver:
        url = receiver.url(scheme="json")
        assert send_chat(sending_settings(tmp_path), sent, f"{url}\n") == Delivered()
        public_only = sending_settings(tmp_path, receiver_networks=[])
        assert send_chat(public_only, sent, url) == Refused(Reason.ADDRESS_PRIVATE)
    (came,) = receiver.taken
    said = json.loads(came.body)
    assert said["title"] == "Report R1"
    assert said["message"].startswith("No crime record found.")
    assert said["message"].endswith(sent.notice_id)


@pytest.mark.parametrize("answer", [Answer(500), Answer(404), Answer(307), Answer(hangs=True)])
def test_chat_that_is_not_taken_is_tried_again_and_not_elsewhere(
    tmp_path: Path, answer: Answer
) -> None:
    settings = sending_settings(tmp_path, sending_within=0.4)
    with http_receiver() as elsewhere:
        to = answer._replace(headers={"Location": elsewhere.url()})
        with http_receiver(lambda _: to) as receiver:
            taken = send_chat(settings, notice(channel=Channel.CHAT), receiver.url(scheme="json"))
            assert taken == Retry(Reason.NOT_TAKEN)
        assert elsewhere.taken == []


@pytest.mark.parametrize("secret", ["", "nosuch://a", "not a url"])
def test_chat_without_a_url_waits(tmp_path: Path, secret: str) -> None:
    taken = send_chat(sending_settings(tmp_path), notice(channel=Channel.CHAT), secret)
    assert taken == Retry(Reason.NOT_SET_UP)
