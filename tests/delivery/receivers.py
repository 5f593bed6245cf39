"""Real servers that receive messages, each as ill-behaved as it is told to be."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.alerts.notice import Body, Channel, Notice, NoticeClass
from service.settings import Settings, read_settings

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = ["127.0.0.0/8", "::1/128"]


def notice(
    report: str = "R1",
    n: int = 1,
    *,
    receiver: str = "bureau",
    channel: Channel = Channel.WEBHOOK,
    address: str = "",
    step: str = "first",
    due_at: datetime = NOON,
    body: Body | None = None,
) -> Notice:
    """A message about a report."""
    said = Body(
        title=f"Report {report}",
        text="No crime record found.\n",
        html="<p>No crime record found.</p>",
        data={"over_hours": 2},
    )
    return Notice(
        force="33",
        alert_id=str(uuid5(NAMESPACE_URL, report)),
        subject=report,
        n=n,
        receiver=receiver,
        channel=channel,
        address=address,
        step=step,
        kind=NoticeClass.INTERRUPT,
        thread=f"33/{report}",
        due_at=due_at,
        body=body or said,
    )


def sending_settings(folder: Path, **given: Any) -> Settings:
    """Settings with short waits, receivers on this machine allowed, and a secret for each of some."""
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    for name in ("bureau", "inspector"):
        if not (secrets / name).exists():
            (secrets / name).write_text(SECRET)
    usual = {
        "receiver_secrets": secrets,
        "receiver_networks": LOOPBACK,
        "sending_within": 5,
        "relay_every": 0.05,
    }
    return read_settings(**{**usual, **given})


class Taken(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What a receiver answers."""

    code: int = 204
    headers: dict[str, str] = {}  # noqa: RUF012
    hangs: bool = False
    """It does not answer before the test is over."""


class HttpReceiver:
    """A web server that keeps what it was sent."""

    def __init__(self, answer: Callable[[int], Answer]) -> None:
        self.taken: list[Taken] = []
        self.over = threading.Event()
        self.came = threading.Condition()
        receiver = self

        class Here(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver.came:
                    receiver.taken.append(Taken(self.path, headers, body))
                    n = len(receiver.taken)
                    receiver.came.notify_all()
                given = answer(n)
                if given.hangs:
                    receiver.over.wait()
                    self.close_connection = True
                    return
                self.send_response(given.code)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Here)
        self.server.daemon_threads = True

    @property
    def keys(self) -> list[str]:
        """The keys of what came, in order."""
        return [each.headers["webhook-id"] for each in self.taken]

    def url(self, path: str = "/in", host: str = "127.0.0.1", scheme: str = "http") -> str:
        """Where it listens."""
        return f"{scheme}://{host}:{self.server.server_port}{path}"

    def await_requests(self, n: int) -> None:
        """Until so many have come."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.taken) >= n, timeout=60)


@contextmanager
def http_receiver(
    answer: Callable[[int], Answer] = lambda _: Answer(), tls: ssl.SSLContext | None = None
) -> Iterator[HttpReceiver]:
    """A receiver; ``answer`` is given the number of the request, from 1."""
    receiver = HttpReceiver(answer)
    if tls is not None:
        receiver.server.socket = tls.wrap_socket(receiver.server.socket, server_side=True)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


class Certificate(NamedTuple):
    """A certificate for localhost, signed by itself."""

    file: Path
    context: ssl.SSLContext


def a_certificate(folder: Path, host: str = "localhost") -> Certificate:
    """One that a client can be told to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = [x509.DNSName(host), x509.IPAddress(IPv4Address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return Certificate(file, context)


class MailServer:
    """A mail server that keeps what it was sent, and refuses by mailbox or by subject."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.secured: list[bool] = []
        self.port = 0
        self.refuses: dict[str, str] = {}
        """Answers by mailbox."""
        self.answers_data = "250 taken"
        self.accepts_login = True

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers_data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.messages.append(message_from_bytes(envelope.content, policy=default))
            self.secured.append(session.ssl is not None)
        return self.answers_data

    def login(self, *_: Any) -> AuthResult:
        return AuthResult(success=self.accepts_login, handled=False)


class _AnyPort(Controller):
    """Its own way to see that the server is up needs the port that it was given."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(
    starttls: ssl.SSLContext | None = None, login: bool = False
) -> Iterator[MailServer]:
    """A mail server on a free port of this machine."""
    kept = MailServer()
    extra: dict[str, Any] = {}
    if starttls is not None:
        extra = {"tls_context": starttls, "require_starttls": True}
    if login:
        extra |= {"authenticator": kept.login, "auth_required": True}
    controller = _AnyPort(kept, hostname="127.0.0.1", port=0, **extra)
    controller.start()
    kept.port = controller.port
    try:
        yield kept
    finally:
        controller.stop()
