"""Settings of a service that runs: from the environment, secrets also from files; never printed.

``KAFKA_...`` and ``DATABASE_URL`` are named as the field names them; everything else begins with
``RECOUNT_``. A secret may stand in a file instead: the same name with ``_FILE`` holds its path.
"""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[int, Field(ge=1)]

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Names that lead to no other folder."""


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
    linkage: Path | None = None
    """Linkage model trained for that pack; absent: references alone link."""
    group: str = "recount"
    """Consumer group; also the prefix of client ids."""
    person_key_file: Path | None = None
    """File that holds the key by which people are hashed, where a mapping names people."""

    # -- how long it is kept ----------------------------------------------------------------------
    keep_days: dict[Literal["reports", "letters", "typed", "messages", "looks"], Days] = {}
    """Days for which each kind is kept by `recount db erase`, at least 365 of reports; what is not named
    is kept."""

    # -- what people type -------------------------------------------------------------------------
    text_key_file: Path | None = None
    """File of the keys that seal what operators type and dead letters as they came, one a line, the
    first of which seals; absent: nothing can be typed, and no dead letter is kept as it came."""

    # -- what is to be quiet ----------------------------------------------------------------------
    outages_file: Path | None = None
    """File of declared outages of sources, for which nobody is paged; read whenever metrics are."""

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

    # -- pages ------------------------------------------------------------------------------------
    marking: str = ""
    """Protective marking printed on every page, for instance OFFICIAL-SENSITIVE."""
    zone: str = "Europe/London"
    """Time zone in which pages show times; UTC is one press away."""
    force_names: dict[str, str] = {}
    """Names of forces by code, as pages head them."""
    deep_links: dict[Literal["log", "referral", "record"], str] = {}
    """Addresses in the force's own systems with {ref} in them: no text is kept here to read instead."""
    shift_starts: tuple[str, ...] = ("07:00", "19:00")
    """Local times at which shifts begin; figures count from the last one."""

    # -- the web --------------------------------------------------------------------------------
    ingest_body_max: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    """Bytes of one request's body, unpacked, at most."""
    ingest_row_max: Annotated[int, Field(ge=1024)] = 1024 * 1024
    """Bytes of one row of it, at most."""
    ingest_turn_max: Annotated[int, Field(ge=1)] = 5000
    """Rows of it applied in one turn, at most: more are faster a row, and others wait longer."""
    ingest_at_once: Annotated[int, Field(ge=1)] = 4
    """Bodies taken in at the same time; further ones are told to come again."""
    viewers_max: Annotated[int, Field(ge=1)] = 500
    """Live streams served at the same time; further ones are told to come again."""

    # -- people who sign in -----------------------------------------------------------------------
    public_url: str = ""
    """Where people reach this service, https://HOST; needed with an identity provider."""
    tls_certificate: Path | None = None
    """File of this service's certificate, where it ends TLS itself."""
    tls_key: Path | None = None
    """File of the private key of that certificate."""
    proxy_terminates_tls: bool = False
    """Does a proxy in front end TLS, and is this service reached through it alone?"""
    proxy_addresses: str = "127.0.0.1"
    """Addresses of that proxy, with commas: only what they say of where a request came from is believed."""
    oidc_issuer: str = ""
    """The identity provider's issuer address; empty: a link printed at the start lets one in."""
    oidc_client_id: str = ""
    """What the provider calls this service."""
    oidc_client_secret: SecretStr = SecretStr("")
    """What this service shows the provider; empty: a public client, held by PKCE alone."""
    oidc_client_secret_file: Path | None = None
    """File that holds the client secret."""
    oidc_scopes: str = "openid"
    """Scopes asked for; more only where the claims below need them."""
    oidc_id_claim: str = "sub"
    """Claim with an opaque id of the person, the same always; never a name or an address."""
    oidc_roles_claim: str = "roles"
    """Claim with roles: a list, or one string of words; dots lead into nested claims."""
    oidc_forces_claim: str = "forces"
    """Claim with force codes; ``*`` means every force."""
    oidc_rights_claim: str = "rights"
    """Claim with the named rights: referrals, sexual, child."""
    oidc_officer_claim: str = "officer"
    """Claim with the keyed hash by which the feeds name this person as an officer in a case."""
    oidc_words: dict[str, str] = {}
    """What words of those claims stand for here: ``{"grp-crime-bureau": "decision_maker"}``."""
    session_idle: Seconds = 3600.0
    """Seconds without a request or a live stream before somebody must sign in again."""
    session_lasts: Seconds = 43200.0
    """Seconds after which somebody must sign in again in any case."""
    sign_ins_per_minute: Annotated[int, Field(ge=1)] = 30
    """Steps of signing in from one address in a minute, at most."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 600
    """Requests of one session, or of one address without a session, in a minute, at most."""

    # -- who is told ------------------------------------------------------------------------------
    routes: str = "default"
    """Routes by which alerts reach people: ``default`` as shipped, or a .yaml file."""
    plan_every: Seconds = 2.0
    """Seconds between two rounds of the planner."""

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

    # -- health -----------------------------------------------------------------------------------
    health_host: str = "127.0.0.1"
    """Address on which a process says how it is (/livez, /readyz, /startupz, /metrics)."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Its port; 0: any that is free, named in the log by the action ``health``."""

    # -- messages to people -----------------------------------------------------------------------
    smtp_host: str = ""
    """Mail server; empty: e-mail waits, and expires."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to it is secured."""
    smtp_ca: Path | None = None
    """File of certificates that vouch for the mail server; absent: the system's."""
    smtp_user: str = ""
    """User to log in as; empty: no login."""
    smtp_password: SecretStr = SecretStr("")
    """Password to log in with."""
    smtp_password_file: Path | None = None
    """File that holds it."""
    smtp_from: str = "recount@localhost"
    """Whom e-mail is from."""
    receiver_secrets: Path | None = None
    """Folder with a file for each receiver, named like it: of a webhook the secret its messages are
    signed with (whsec_..., a line each), of a chat its Apprise URL."""
    receiver_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private networks in which receivers may stand, also without TLS; everywhere else they are public."""
    receiver_ca: Path | None = None
    """File of certificates that vouch for webhooks' servers; absent: the system's."""
    sending_at_once: Annotated[int, Field(ge=1, le=1000)] = 64
    """Messages under way at one time, at most; to one receiver a quarter of them."""
    sending_within: Seconds = 20.0
    """Seconds in which a receiver's server must have taken a message."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""

    def password(self) -> str:
        """The SASL password, from its file or the environment."""
        return _secret("KAFKA_PASSWORD", self.kafka_password, self.kafka_password_file)

    def mail_password(self) -> str:
        """The mail server's password, from its file or the environment."""
        return _secret("RECOUNT_SMTP_PASSWORD", self.smtp_password, self.smtp_password_file)

    def receiver_secret(self, receiver: str) -> str:
        """What the folder of secrets holds for a receiver; empty: nothing. Raises ``SettingsWrong``
        where it cannot be read."""
        if self.receiver_secrets is None or not _FILE_NAME.fullmatch(receiver):
            return ""
        try:
            return (self.receiver_secrets / receiver).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeError) as error:
            raise SettingsWrong(
                f"RECOUNT_RECEIVER_SECRETS: {receiver}: {type(error).__name__}"
            ) from None

    def ledger_url(self) -> str:
        """The ledger's URL, from its file or the environment."""
        url = _secret("DATABASE_URL", self.database_url, self.database_url_file)
        if not url:
            raise SettingsWrong("DATABASE_URL is not set; give postgresql://HOST/NAME")
        return url

    def client_secret(self) -> str:
        """What is shown to the identity provider, from its file or the environment."""
        return _secret(
            "RECOUNT_OIDC_CLIENT_SECRET", self.oidc_client_secret, self.oidc_client_secret_file
        )

    def reached_by_tls(self) -> bool:
        """Do browsers reach this service over TLS?"""
        return self.tls_certificate is not None or self.proxy_terminates_tls


def read_settings(**given: object) -> Settings:
    """The environment's settings, save those given. Raises ``SettingsWrong``."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = environment_name(str(first["loc"][0]) if first["loc"] else "")
        raise SettingsWrong(f"{name}: {first['msg']}") from None


def environment_names() -> frozenset[str]:
    """Every name that stands for a setting in the environment."""
    return frozenset(map(environment_name, Settings.model_fields))


def environment_name(field: str) -> str:
    """The name that stands for a setting in the environment."""
    declared = Settings.model_fields.get(field)
    alias = declared.validation_alias if declared else None
    if isinstance(alias, str):
        return alias
    return field if field.isupper() else f"RECOUNT_{field}".upper()


def _secret(name: str, given: SecretStr, file: Path | None) -> str:
    if file is None:
        return given.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsWrong(f"{name}_FILE: {file}: {error.strerror}") from None
