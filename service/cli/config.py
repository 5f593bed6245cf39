"""``recount config``: the settings in force, where each comes from, and whether they can be used."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import typer
from msgspec import Struct
from msgspec.structs import asdict
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from service.cli.activate import activate
from service.cli.terminal import AsJson, out, print_json, table
from service.hosts.files import NotGiven, named_feed, read_pack, read_person_key
from service.ingest.lined import Fault
from service.outages import declared
from service.settings import Settings, SettingsWrong, environment_name, read_settings

app = typer.Typer(
    help="Settings, which come from the environment: show, check; what a ledger is decided by: activate.",
    no_args_is_help=True,
)
app.command()(activate)

SECRET = "(set, not shown)"  # noqa: S105 - what is shown in place of one
OURS = "RECOUNT_"


class Setting(Struct, frozen=True):
    """One setting as it is in force."""

    name: str
    value: Any
    origin: str
    """``default``, ``environment``, or ``file`` and its path."""


class Wrong(Struct, frozen=True):
    """One thing that a check found."""

    name: str
    what: str


@app.command()
def show(as_json: AsJson = False) -> None:
    """Every setting, its value (secrets masked), and where it comes from.

    Example: recount config show --json
    """
    shown = list(in_force(read_settings(), os.environ))
    if as_json:
        print_json([asdict(each) for each in shown])
        return
    made = table("setting", "value", "from")
    for each in shown:
        made.add_row(each.name, "" if each.value is None else str(each.value), each.origin)
    out.print(made)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Can the service run with these settings? Exit code 1 where it cannot, or one is misspelt.

    Looks at the settings, and at the files, mappings and pack that they name; `recount topics check` and
    `recount db check` ask broker and database.

    Example: recount config check
    """
    found = list(faults(os.environ))
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        for each in found:
            out.print(f"{each.name}: {each.what}", markup=False)
    else:
        out.print("settings can be used")
    if found:
        raise typer.Exit(1)


def in_force(settings: Settings, environment: Mapping[str, str]) -> Iterator[Setting]:
    """Every setting, in the order in which they are declared."""
    for field in Settings.model_fields:
        name, value = environment_name(field), getattr(settings, field)
        file = getattr(settings, f"{field}_file", None)
        origin = "environment" if name in environment else "default"
        if file is not None:
            origin = f"file {file}"
        if isinstance(value, SecretStr):
            held = bool(value.get_secret_value()) or file is not None
            value = SECRET if held else ""
        elif value is not None and not isinstance(value, bool | int | float | str | dict):
            value = str(value)
        yield Setting(name, value, origin)


def faults(environment: Mapping[str, str]) -> Iterator[Wrong]:
    """Everything that is wrong, as far as can be told without asking broker or database."""
    yield from misspelt(environment)
    try:
        settings = read_settings()
    except SettingsWrong as wrong:
        name, _, what = str(wrong).partition(": ")
        yield Wrong(name, what)
        return
    yield from _secrets(settings)
    for topic, named in settings.topics.items():
        try:
            named_feed(named)
        except (Fault, NotGiven) as wrong:
            yield Wrong("RECOUNT_TOPICS", f"{topic}: {wrong}")
    try:
        declared(settings.outages_file)
    except SettingsWrong as wrong:
        name, _, what = str(wrong).partition(": ")
        yield Wrong(name, what)
    try:
        read_pack(settings.rules)
        if settings.person_key_file:
            read_person_key(settings.person_key_file)
    except (Fault, NotGiven) as wrong:
        yield Wrong("RECOUNT_RULES or RECOUNT_PERSON_KEY_FILE", str(wrong))


def misspelt(environment: Mapping[str, str]) -> Iterator[Wrong]:
    """Names that look like settings and are none: they would be passed over in silence."""
    known = [environment_name(field) for field in Settings.model_fields]
    for name in sorted(environment):
        if name.startswith(OURS) and name not in known:
            near = get_close_matches(name, known, n=1)
            yield Wrong(
                name, f"is no setting; perhaps {near[0]}" if near else "is no setting; unset it"
            )


def _secrets(settings: Settings) -> Iterator[Wrong]:
    try:
        url = settings.ledger_url()
        make_url(url)
        password = settings.password()
    except SettingsWrong as wrong:
        name, _, what = str(wrong).partition(" ")
        yield Wrong(name.removesuffix(":"), what)
        return
    except ArgumentError:
        yield Wrong("DATABASE_URL", "is no database URL; give postgresql://HOST/NAME")
        return
    if settings.kafka_security.startswith("SASL") and not (settings.kafka_user and password):
        yield Wrong("KAFKA_SECURITY", "SASL needs KAFKA_USER and KAFKA_PASSWORD (or its file)")
    for path in (settings.kafka_ca, settings.kafka_certificate, settings.kafka_key):
        if path is not None and not path.is_file():
            yield Wrong("KAFKA_CA, KAFKA_CERTIFICATE or KAFKA_KEY", f"{path} is not there")
