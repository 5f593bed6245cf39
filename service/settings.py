"""Settings of a service that runs: from the environment, secrets also from files; never printed.

``KAFKA_...`` and ``DATABASE_URL`` are named as the field names them; everything else begins with
``RECOUNT_``. A secret may stand in a file instead: the same name with ``_FILE`` holds its path.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0)]


class SettingsWrong(Exception):
    """A setting that cannot be used; the message names it and what it wants, never its value."""


class Settings(BaseSettings):
    """Every setting with its meaning, unit and default."""

    model_config = SettingsConfigDict(
        env_prefix="RECOUNT_", hide_input_in_errors=True, extra="ignore", frozen=True
    )

    # -- the broker -----------------------------------------------------------------------------
    kafka_bootstrap: str = Field("127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP")
    """Brokers to ask first: host:port, several with commas."""
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", validation_alias="KAFKA_SECURITY"
    )
    """How connections are secured; SASL means SCRAM with user and password."""
    kafka_sasl: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", validation_alias="KAFKA_SASL"
    )
    """The SASL mechanism."""
    kafka_user: str = Field("", validation_alias="KAFKA_USER")
    """SASL user."""
    kafka_password: SecretStr = Field(SecretStr(""), validation_alias="KAFKA_PASSWORD")
    """SASL password."""
    kafka_password_file: Path | None = Field(None, validation_alias="KAFKA_PASSWORD_FILE")
    """File that holds the SASL password."""
    kafka_ca: Path | None = Field(None, validation_alias="KAFKA_CA")
    """File of certificates that vouch for the brokers; absent: the system's."""
    kafka_certificate: Path | None = Field(None, validation_alias="KAFKA_CERTIFICATE")
    """File of this client's own certificate, where brokers ask for one."""
    kafka_key: Path | None = Field(None, validation_alias="KAFKA_KEY")
    """File of the private key of that certificate."""

    # -- the ledger -----------------------------------------------------------------------------
    database_url: SecretStr = Field(SecretStr(""), validation_alias="DATABASE_URL")
    """The ledger: postgresql://HOST/NAME."""
    database_url_file: Path | None = Field(None, validation_alias="DATABASE_URL_FILE")
    """File that holds the ledger's URL."""
    database_patience: Seconds = 30.0
    """Seconds for which a turn is tried again while the database is gone."""

    # -- what is read -----------------------------------------------------------------------------
    topics: dict[str, str] = {
        "incident-log": "native/incidents",
        "crime-record": "native/records",
        "public-protection-referral": "native/referrals",
    }
    """Input topics, each with the mapping (shipped or .yaml) and its side that read it."""
    alerts_topic: str = "recording-alerts"
    """Where alerts go, as CloudEvents."""
    dead_letters_topic: str = "recount-dead-letters"
    """Where dead letters go, without their values."""
    rules: str = "england_and_wales"
    """Rule pack: the name of a shipped one, or a .yaml file."""
    group: str = "recount"
    """Consumer group; also the prefix of client ids."""
    person_key_file: Path | None = None
    """File that holds the key by which people are hashed, where a mapping names people."""

    # -- what people type -------------------------------------------------------------------------
    text_key_file: Path | None = None
    """File of the keys that seal what operators type and dead letters as they came, one a line, the
    first of which seals; absent: nothing can be typed, and no dead letter is kept as it came."""

    # -- turns ------------------------------------------------------------------------------------
    turn_inputs_max: Annotated[int, Field(ge=1)] = 2000
    """Records read into one turn, at most."""
    tick_every: Seconds = 5.0
    """Seconds between two ticks of the forces a worker owns."""
    settle_after: Seconds = 900.0
    """Seconds for which a force's time may stand still; after longer, what fell due meanwhile is
    settled without single messages."""
    relay_at_once: Annotated[int, Field(ge=1)] = 500
    """Messages that the relay sends and marks in one transaction, at most."""
    relay_every: Seconds = 0.5
    """Seconds between two looks of the relay while nothing waits."""
    clock_skew: Annotated[float, Field(ge=0)] = 300.0
    """Seconds by which a version may be made after this machine's now before it is refused."""
    unreadable_share_max: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of recent records that may be unreadable before the worker stops; 1: it never does."""

    # -- life -------------------------------------------------------------------------------------
    probe_within: Seconds = 10.0
    """Seconds in which broker, topics and database must answer when the worker starts."""
    ready_within: Seconds = 90.0
    """Seconds from start to reading, else the worker ends."""
    stall_after: Seconds = 60.0
    """Seconds with something to read and nothing read before the worker ends."""
    stop_within: Seconds = 25.0
    """Seconds in which a worker told to stop has finished its turn and left the group."""
    session_timeout: Seconds = 45.0
    """Seconds without a sign of life before the broker gives a worker's partitions away."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""

    def password(self) -> str:
        """The SASL password, from its file or the environment."""
        return _secret("KAFKA_PASSWORD", self.kafka_password, self.kafka_password_file)

    def ledger_url(self) -> str:
        """The ledger's URL, from its file or the environment."""
        url = _secret("DATABASE_URL", self.database_url, self.database_url_file)
        if not url:
            raise SettingsWrong("DATABASE_URL is not set; give postgresql://HOST/NAME")
        return url


def read_settings(**given: object) -> Settings:
    """The environment's settings, save those given. Raises ``SettingsWrong``."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = _environment_name(str(first["loc"][0]) if first["loc"] else "")
        raise SettingsWrong(f"{name}: {first['msg']}") from None


def _environment_name(field: str) -> str:
    return field if field.isupper() else f"RECOUNT_{field}".upper()


def _secret(name: str, given: SecretStr, file: Path | None) -> str:
    if file is None:
        return given.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsWrong(f"{name}_FILE: {file}: {error.strerror}") from None
