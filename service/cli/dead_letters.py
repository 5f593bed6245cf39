"""``recount dead-letters``: what could not be read, shown, read again, or given up."""

import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from service.cli.terminal import AsJson, out, print_json, table
from service.hosts.files import NotGiven
from service.hosts.letters import Outcome, Replay, Replayed
from service.hosts.opened import current_ledger
from service.ledger.letters import (
    DiscardReason,
    Letter,
    Place,
    discard,
    held_letters,
    letter_at,
    listed,
)
from service.ledger.opening import Ledger
from service.ledger.sealed import Keys, open_letter, read_keys
from service.settings import Settings, read_settings

app = typer.Typer(help="What could not be read: list, show, replay, discard.", no_args_is_help=True)

Places = Annotated[list[str], typer.Argument(metavar="PLACE", help="As `list` prints it.")]
OfSource = Annotated[str, typer.Option(help="Only of this source.")]
OfForce = Annotated[str, typer.Option(help="Only of this force.")]


@app.command("list")
def list_letters(
    status: Annotated[
        str, typer.Option(help="Only: waiting (to be relayed), kept, replayed, discarded.")
    ] = "",
    source: OfSource = "",
    force: OfForce = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What could not be read, by place; never its value.

    Example: recount dead-letters list --source log --status kept
    """
    with _ledger(read_settings()) as ledger, ledger.reading() as connection:
        found = listed(connection, status=status, source=source, force=force, limit=limit)
    if as_json:
        print_json([_told(each) for each in found])
        return
    shown = table("place", "force", "source", "reason", "field", "#tries", "status", "as it came")
    for each in found:
        as_came = "sealed" if each.sealed else "not kept"
        status = each.discarded_for or each.status
        row = (str(each.place), each.force, each.source, each.reason, each.field)
        shown.add_row(*row, str(each.attempts), status, as_came)
    out.print(shown)


@app.command()
def show(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="As `list` prints it.")],
    value: Annotated[
        bool,
        typer.Option("--value", help="The input itself; needs the keys, and may name people."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """One of them; with --value, as it came, for whoever holds RECOUNT_TEXT_KEY_FILE.

    Example: recount dead-letters show 'crime-record-id/3/41'
    """
    settings = read_settings()
    at = _place(place)
    with _ledger(settings) as ledger, ledger.reading() as connection:
        letter, sealed = letter_at(connection, at)
    if value:
        keys = _keys(settings)
        if sealed is None:
            raise NotGiven(f"{at} was not kept as it came")
        raw = open_letter(keys, at.topic_id, at.partition, at.position, sealed)
        sys.stdout.buffer.write(raw + b"\n")
        return
    if as_json:
        print_json(_told(letter))
        return
    for name, held in _told(letter).items():
        out.print(f"{name:14}{held}", markup=False)


@app.command()
def replay(
    places: Places = [],  # noqa: B006 - read only
    everything: Annotated[
        bool, typer.Option("--all", help="All that are kept as they came.")
    ] = False,
    source: OfSource = "",
    force: OfForce = "",
    mapping: Annotated[
        list[str],
        typer.Option(help="Mapping of a source that no topic of the settings has."),
    ] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Read them again, by the mappings as they are now, and apply what can be read: once each.

    Example: recount dead-letters replay --all --source log
    """
    settings = read_settings()
    if bool(places) == (everything or bool(source) or bool(force)):
        raise NotGiven("which? give places, or --all, --source or --force")
    keys, again = _keys(settings), Replay(settings, mapping)
    with _ledger(settings) as ledger:
        with ledger.reading() as connection:
            if places:
                letters = [letter_at(connection, _place(each))[0] for each in places]
            else:
                letters = held_letters(connection, source, force)
        done = again.replay(ledger, keys, letters, datetime.now(UTC))
    _show_replayed(done, as_json)
    if any(each.became in (Outcome.STILL_DEAD, Outcome.NO_VALUE) for each in done):
        raise typer.Exit(1)


@app.command("discard")
def discard_letters(
    places: Places,
    reason: Annotated[DiscardReason, typer.Option(help="Why it may be forgotten.")],
) -> None:
    """Give them up for a stated reason: the row stays and counts as dead, the value goes.

    Example: recount dead-letters discard 'crime-record-id/3/41' --reason sent_again
    """
    with _ledger(read_settings()) as ledger, ledger.writing() as connection:
        for each in places:
            discard(connection, _place(each), reason)
    out.print(f"{len(places):,} discarded: {reason.value}")


def _show_replayed(done: list[Replayed], as_json: bool) -> None:
    if as_json:
        told = [
            {"place": str(e.place), "became": str(e.became), "reason": e.reason, "field": e.field}
            for e in done
        ]
        print_json(told)
        return
    shown = table("place", "became", "reason", "field")
    for each in done:
        shown.add_row(str(each.place), each.became.replace("_", " "), each.reason, each.field)
    out.print(shown)


def _told(letter: Letter) -> dict[str, Any]:
    return {
        "place": str(letter.place),
        "force": letter.force,
        "source": letter.source,
        "known_at": letter.known_at.isoformat() if letter.known_at else None,
        "reason": letter.reason,
        "field": letter.field,
        "digest": letter.digest,
        "attempts": letter.attempts,
        "status": letter.status,
        "discarded_for": letter.discarded_for,
        "sealed": letter.sealed,
    }


def _place(text: str) -> Place:
    topic_id, _, rest = text.rpartition("/")
    topic_id, _, partition = topic_id.rpartition("/")
    if not topic_id or not partition.isdigit() or not rest.isdigit():
        raise NotGiven(f"'{text}' is no place; copy one from: recount dead-letters list")
    return Place(topic_id, int(partition), int(rest))


def _keys(settings: Settings) -> Keys:
    if settings.text_key_file is None:
        raise NotGiven("RECOUNT_TEXT_KEY_FILE is not set: what came is sealed under its keys")
    return read_keys(settings.text_key_file)


def _ledger(settings: Settings) -> AbstractContextManager[Ledger]:
    return current_ledger(settings.ledger_url(), settings.probe_within)
