"""E-mail to a real server: what arrives, what is refused, what is tried again."""

import socket
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from service.alerts.notice import Body, Channel, Notice
from service.delivery.email import compose, send_email
from service.delivery.outcome import Delivered, Reason, Refused, Retry
from service.settings import Settings, SettingsWrong
from tests.delivery.receivers import (
    NOON,
    MailServer,
    a_certificate,
    mail_server,
    notice,
    sending_settings,
)

MAILBOX = "bureau@force.example"


def mail(report: str = "R1", address: str = MAILBOX, **given: Any) -> Notice:
    return notice(report, channel=Channel.EMAIL, address=address, **given)


def plain_settings(folder: Path, server: MailServer, **given: Any) -> Settings:
    usual = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    return sending_settings(folder, **{**usual, "smtp_from": "Recount <r@force.example>", **given})


def test_it_arrives_as_text_and_as_a_page_over_tls_with_a_login(tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path)
    password = tmp_path / "password"
    password.write_text("opened\n")
    with mail_server(certificate.context, login=True) as server:
        settings = plain_settings(
            tmp_path,
            server,
            smtp_host="localhost",
            smtp_security="starttls",
            smtp_ca=certificate.file,
            smtp_user="recount",
            smtp_password_file=password,
        )
        assert send_email(settings, mail(), NOON) == Delivered(250)
        assert server.secured == [True]
        server.accepts_login = False
        assert send_email(settings, mail(), NOON) == Retry(Reason.LOGIN_REFUSED, 535)
        untrusted = settings.model_copy(update={"smtp_ca": None})
        assert send_email(untrusted, mail(), NOON) == Retry(Reason.NOT_SECURED)
    (message,) = server.messages
    assert isinstance(message, EmailMessage)
    assert (message["To"], message["Subject"]) == (MAILBOX, "Report R1")
    assert message["Message-ID"] == f"<{mail().notice_id}@force.example>"
    assert (message["Importance"], message["Auto-Submitted"]) == ("high", "auto-generated")
    assert message["Date"].datetime == NOON
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


def test_one_report_is_one_thread(tmp_path: Path) -> None:
    settings = sending_settings(tmp_path)
    first, again, later, other = (
        compose(settings, each, NOON)
        for each in (mail("R1"), mail("R1"), mail("R1", n=2), mail("R2"))
    )
    assert first["References"] == later["References"] == later["In-Reply-To"]
    assert first["References"] != other["References"]
    assert first["Message-ID"] == again["Message-ID"] != later["Message-ID"]


def test_a_mailbox_refused_is_refused_and_a_busy_one_is_tried_again(tmp_path: Path) -> None:
    with mail_server() as server:
        settings = plain_settings(tmp_path, server)
        server.refuses = {MAILBOX: "550 no such mailbox"}
        assert send_email(settings, mail(), NOON) == Refused(Reason.REJECTED, 550)
        server.refuses = {MAILBOX: "451 greylisted"}
        assert send_email(settings, mail(), NOON) == Retry(Reason.BUSY, 451)
        server.refuses = {}
        server.answers_data = "554 not this one"
        assert send_email(settings, mail(), NOON) == Refused(Reason.REJECTED, 554)
        server.answers_data = "452 full"
        assert send_email(settings, mail(), NOON) == Retry(Reason.BUSY, 452)
        assert server.messages == []


def test_a_server_without_tls_gets_nothing_where_tls_is_wanted(tmp_path: Path) -> None:
    with mail_server() as server:
        settings = plain_settings(tmp_path, server, smtp_security="starttls")
        assert send_email(settings, mail(), NOON) == Retry(Reason.NOT_SECURED)
        assert server.messages == []


def test_a_server_that_hangs_or_is_gone_is_tried_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = sending_settings(
            tmp_path,
            smtp_host="127.0.0.1",
            smtp_port=silent.getsockname()[1],
            sending_within=0.2,
        )
        assert send_email(gone, mail(), NOON) == Retry(Reason.TIMED_OUT)
    assert send_email(gone, mail(), NOON) == Retry(Reason.UNREACHABLE)
    assert send_email(sending_settings(tmp_path), mail(), NOON) == Retry(Reason.NOT_SET_UP)


@pytest.mark.parametrize("address", ["", "a@b.example, c@d.example", "bür@force.example"])
def test_an_address_that_is_not_one_mailbox_is_refused(tmp_path: Path, address: str) -> None:
    with mail_server() as server:
        refused = send_email(plain_settings(tmp_path, server), mail(address=address), NOON)
        assert refused == Refused(Reason.ADDRESS_WRONG)


def test_a_subject_that_would_be_two_headers_is_not_sent(tmp_path: Path) -> None:
    body = Body(title="Report R1\nBcc: everybody@force.example", text="x")
    with mail_server() as server:
        refused = send_email(plain_settings(tmp_path, server), mail(body=body), NOON)
    assert refused == Refused(Reason.UNSENDABLE)
    assert server.messages == []


def test_a_password_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with mail_server() as server:
        settings = plain_settings(
            tmp_path, server, smtp_user="recount", smtp_password_file=tmp_path / "gone"
        )
        with pytest.raises(SettingsWrong, match="RECOUNT_SMTP_PASSWORD_FILE"):
            send_email(settings, mail(), NOON)


def test_a_file_of_certificates_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("gone", "empty"):
        settings = sending_settings(tmp_path, smtp_host="127.0.0.1", smtp_ca=tmp_path / name)
        with pytest.raises(SettingsWrong, match="RECOUNT_SMTP_CA"):
            send_email(settings, mail(), NOON)
