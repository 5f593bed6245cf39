"""Worker, relay and commands over TLS and SCRAM, on a real listener with certificates made here."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.hosts.real_parts import Guard, RealKafka, scratch
from tests.conftest import Fresh
from tests.kafka.feed import events
from tests.kafka.site import Running, Site, await_that
from tests.kafka.test_relay import read, waits

PASSWORD = "a-password-of-this-test"


def certified(folder: Path) -> tuple[Path, Path]:
    """An authority's certificate, and a server's certificate and key in one file."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("ca", "127.0.0.1")
    ]

    def made(of: int, *extensions: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[of])
            .issuer_name(names[0])
            .public_key(keys[of].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(keys[0], hashes.SHA256())

    authority = made(0, x509.BasicConstraints(ca=True, path_length=None))
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    server = made(1, here)
    pem = serialization.Encoding.PEM
    key = keys[1].private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(exist_ok=True)
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(key + server.public_bytes(pem))
    return folder / "ca.pem", folder / "server.pem"


@pytest.fixture
def secured(postgres_databases: Fresh, tmp_path: Path) -> Iterator[Site]:
    """A site on a broker of its own, whose commands use the guarded listener."""
    authority, server = certified(tmp_path / "certificates")
    with scratch() as folder:
        kafka = RealKafka(folder, Guard(server, "recount", PASSWORD))
        kafka.start()
        site = Site(kafka.bootstrap, postgres_databases(), tmp_path)
        site.set_up().close()
        password = tmp_path / "password"
        password.write_text(PASSWORD + "\n", encoding="utf-8")
        site.environment |= {
            "KAFKA_BOOTSTRAP": kafka.guarded,
            "KAFKA_SECURITY": "SASL_SSL",
            "KAFKA_CA": str(authority),
            "KAFKA_USER": "recount",
            "KAFKA_PASSWORD_FILE": str(password),
        }
        yield site
        site.end()
        kafka.stop()


def test_everything_works_over_tls_and_scram_and_nothing_without(
    secured: Site, tmp_path: Path
) -> None:
    from service.ledger.opening import open_ledger

    told = events(300)
    secured.produce(told)
    ledger = open_ledger(secured.database)
    worker, relay = secured.start(), secured.start(command="relay")
    refused = _refused(secured, tmp_path)
    assert secured.run("topics", "check", "--dev").code == 0
    secured.await_applied(ledger, len(told), worker)
    secured.await_ticked(ledger, worker)
    assert worker.stop() == 0
    await_that(lambda: not waits(ledger), "all sent", relay)
    assert relay.stop() == 0
    ledger.close()
    assert read(secured, secured.environment["RECOUNT_ALERTS_TOPIC"])
    assert PASSWORD not in worker.log.read_text(encoding="utf-8")
    for each in refused:
        assert each.ended() == 1
        told_why = each.log.read_text(encoding="utf-8")
        assert "check KAFKA_BOOTSTRAP" in told_why
        assert PASSWORD not in told_why


def _refused(secured: Site, folder: Path) -> list[Running]:
    """Workers with another password, another authority, no protection."""
    wrong = folder / "wrong"
    wrong.write_text("another\n", encoding="utf-8")
    return [
        secured.start(**change, RECOUNT_PROBE_WITHIN="4")
        for change in (
            {"KAFKA_PASSWORD_FILE": str(wrong)},
            {"KAFKA_CA": str(certified(folder / "others")[0])},
            {"KAFKA_SECURITY": "PLAINTEXT"},
        )
    ]
