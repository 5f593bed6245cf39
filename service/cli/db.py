"""``recount db``: the ledger's tables, copies of them, and what is erased."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import asdict

from service.cli.terminal import AsJson, complain, out, print_json
from service.hosts.files import NotGiven, read_person_key
from service.ledger import copying, erasing, outputs
from service.ledger.carrying import carry_over
from service.ledger.chain import ChainProof, verify
from service.ledger.opening import Ledger, open_ledger
from service.ledger.sealed import KeysUnusable, NotOpened, read_keys
from service.ledger.sealed import reseal as seal_again
from service.ledger.upgrading import Revision, revision
from service.ledger.upgrading import upgrade as upgrade_tables
from service.settings import SettingsWrong, read_settings

app = typer.Typer(
    help="The ledger: upgrade, check, backup, restore, erase, change keys. DATABASE_URL names it.",
    no_args_is_help=True,
)


class Checked(Struct, frozen=True):
    """What a check found."""

    revision: Revision
    conservation: outputs.Conservation | None
    chains: tuple[ChainProof, ...]

    @property
    def sound(self) -> bool:
        """Is everything as it should be?"""
        adds_up = self.conservation is not None and self.conservation.holds
        return self.revision.current and adds_up and all(not c.fault for c in self.chains)


@app.command()
def upgrade() -> None:
    """Make the ledger's tables, or bring them to what this program works with.

    Example: DATABASE_URL=postgresql://db/recount recount db upgrade
    """
    with closing(open_ledger(read_settings().ledger_url())) as ledger:
        before = revision(ledger.engine)
        upgrade_tables(ledger.engine)
        out.print(f"revision {before.wanted}" + (" already" if before.current else ""))


@app.command()
def check(
    chains: Annotated[
        bool, typer.Option(help="Walk every force's chain; the longest part.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Is the ledger what this program works with, do its counts add up, do its chains hold?

    Exit code 1 where anything is wrong.

    Example: DATABASE_URL=postgresql://db/recount recount db check
    """
    with closing(open_ledger(read_settings().ledger_url(), create=False)) as ledger:
        found = _check(ledger, chains)
    if as_json:
        print_json({"sound": found.sound, **asdict(found)})
    else:
        _print(found)
    if not found.sound:
        raise typer.Exit(1)


@app.command()
def reseal() -> None:
    """Bring what operators typed, and dead letters kept as they came, under the first key of
    RECOUNT_TEXT_KEY_FILE; after that the older keys may go. Exit code 1 where a key is missing.

    Example: RECOUNT_TEXT_KEY_FILE=/etc/recount/keys recount db reseal
    """
    settings = read_settings()
    if settings.text_key_file is None:
        raise SettingsWrong("RECOUNT_TEXT_KEY_FILE is not set; nothing can be opened without keys")
    try:
        keys = read_keys(settings.text_key_file)
    except KeysUnusable as wrong:
        raise SettingsWrong(str(wrong)) from None
    with closing(open_ledger(settings.ledger_url(), create=False)) as ledger:
        try:
            with ledger.writing() as connection:
                done = seal_again(connection, keys)
        except NotOpened as missing:
            complain(f"{missing}; nothing was changed")
            raise typer.Exit(1) from None
    out.print(f"{done:,} sealed anew under key {keys.first}")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    as_json: AsJson = False,
) -> None:
    """Copy the whole ledger, as it is at one moment, while it is written to.

    The copy is a ledger itself, a SQLite file, whatever database it came from; the person key and the
    keys of sealed text are not in it. Keep it where the ledger may be kept.

    Example: DATABASE_URL=postgresql://db/recount recount db backup /backup/recount-monday.db
    """
    with closing(open_ledger(read_settings().ledger_url(), create=False)) as ledger:
        copied = copying.back_up(ledger, file)
    _print_copied(copied, as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `recount db backup` made.")],
    as_json: AsJson = False,
) -> None:
    """Fill an empty database from a copy, and bring it to what this program works with.

    Workers then begin where the copy stands; what the topics still hold is read again, and events keep
    their ids.

    Example: DATABASE_URL=postgresql://db/recount_new recount db restore /backup/recount-monday.db
    """
    with closing(open_ledger(read_settings().ledger_url())) as ledger:
        copied = copying.restore(file, ledger)
    _print_copied(copied, as_json)


@app.command()
def erase(
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Closed reports received before this day (UTC) go."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase what RECOUNT_KEEP_DAYS no longer keeps; or closed reports older than the day given, with their
    records and what was said of them.

    Identity, verdict and figures stay, and the chain still proves that nothing else was taken out.
    Reports on which anything is owed stay whole. It cannot be undone, save from a copy.

    Example: recount db erase --before 2024-04-01
    """
    now, settings = datetime.now(UTC), read_settings()
    rules = {erasing.Rule(kind): days for kind, days in settings.keep_days.items()}
    day = before.replace(tzinfo=UTC) if before is not None else None
    latest, at_least = now - erasing.KEPT_FOR, erasing.KEPT_FOR.days
    if day is None and not rules:
        raise NotGiven("nothing says what is to go; give --before, or set RECOUNT_KEEP_DAYS")
    if day is not None and day > latest:
        raise NotGiven(
            f"--before {day:%Y-%m-%d}: closed reports are kept for {at_least} days; "
            f"{latest:%Y-%m-%d} at the latest"
        )
    if day is None and rules.get(erasing.Rule.REPORTS, at_least) < at_least:
        raise NotGiven(f"RECOUNT_KEEP_DAYS: reports are kept for {at_least} days at least")
    if not yes:
        told = ", ".join(f"{rule} after {days} days" for rule, days in rules.items())
        typer.confirm(
            f"Erase what was closed and received before {day:%Y-%m-%d}?"
            if day
            else f"Erase {told}?",
            abort=True,
        )
    with closing(open_ledger(settings.ledger_url(), create=False)) as ledger:
        if day is not None:
            done = erasing.erase(ledger, day)
        else:
            done = erasing.erase_by_rule(ledger, rules, now)
    if as_json:
        print_json(asdict(done))
        return
    out.print(
        f"erased: {done.reports:,} reports, {done.records:,} records, {done.payloads:,} payloads of "
        f"the chain, {done.dead_letters:,} values that could not be read, {done.texts:,} texts, "
        f"{done.messages:,} messages, {done.looks:,} entries of the log of who looked, "
        f"{done.sessions:,} sessions"
    )


@app.command()
def carry(as_json: AsJson = False) -> None:
    """Bring hashes of people under the newest key of RECOUNT_PERSON_KEY_FILE, without their names.

    Stop what reads, add the new key as the file's last line, carry over, start again. Safe to run twice.
    A row sent again that was read before the change counts as another content of its version.

    Example: RECOUNT_PERSON_KEY_FILE=/run/secrets/person-key recount db carry
    """
    settings = read_settings()
    if settings.person_key_file is None:
        raise NotGiven("RECOUNT_PERSON_KEY_FILE is not set: no key, no hash of a person")
    key = read_person_key(settings.person_key_file)
    with closing(open_ledger(settings.ledger_url(), create=False)) as ledger:
        rows = carry_over(ledger, key)
    if as_json:
        print_json({"key": key.id, "rows": rows})
    else:
        out.print(f"{rows:,} rows now hold hashes under key {key.id}")


def _check(ledger: Ledger, walk: bool) -> Checked:
    at = revision(ledger.engine)
    if not at.current:
        return Checked(at, None, ())
    with ledger.reading() as connection:
        summed = outputs.conservation(connection)
        forces = outputs.forces(connection) if walk else ()
        return Checked(at, summed, tuple(verify(connection, force) for force in forces))


def _print(found: Checked) -> None:
    at, summed = found.revision, found.conservation
    out.print(f"revision {at.held or 'none'}; this program works with {at.wanted}")
    if summed is not None:
        out.print(
            "counts add up"
            if summed.holds
            else f"counts do not add up: {summed.inputs} inputs and {summed.reports} reports are missing"
        )
    for proof in found.chains:
        if proof.fault:
            out.print(f"chain of force {proof.force}: row {proof.fault.seq} is {proof.fault.what}")
    if found.chains and not any(proof.fault for proof in found.chains):
        rows, erased = (sum(c.rows for c in found.chains), sum(c.erased for c in found.chains))
        out.print(f"{len(found.chains)} chains hold: {rows:,} rows, {erased:,} with payload erased")


def _print_copied(copied: copying.Copied, as_json: bool) -> None:
    if as_json:
        print_json(asdict(copied))
        return
    out.print(f"revision {copied.revision}, {sum(copied.rows.values()):,} rows:")
    for table, n in sorted(copied.rows.items()):
        out.print(f"  {table} {n:,}")
