"""``recount config activate``: what a ledger is decided by from now on, and first what that changes."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from service.cli.diff import print_differences
from service.cli.replay import counting
from service.cli.terminal import AsJson, out, print_json
from service.cli.tokens import LedgerFile, tended
from service.hosts import acting, activating
from service.hosts.activating import Preview
from service.hosts.files import NotGiven
from service.hosts.planning import read_routes
from service.insight.diff_page import counted
from service.ledger.active import Kind, active
from service.settings import read_settings


def activate(
    ledger: LedgerFile = None,
    rules: Annotated[str, typer.Option(help="Rule pack; default: RECOUNT_RULES.")] = "",
    source: Annotated[
        list[str],
        typer.Option(
            help="Mapping or MAPPING/SIDE; default: native with --ledger, else those of RECOUNT_TOPICS."
        ),
    ] = [],  # noqa: B006 - read only
    from_pack: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PACK",
            help="The pack active now, to name what makes a verdict differ; shipped ones are found.",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make pack, mappings, linkage model and routes the active ones; first show what that changes.

    Every report is judged again from what is held of it. What is newly missed and fell due before goes
    into one digest, not into messages of its own. Processes that were started with anything else stop,
    and go on once they are started with what is active. Stopped in the middle, it is given again.

    Example: recount config activate --rules mine.yaml --dry-run
    """
    settings = read_settings()
    book = acting.rulebook(settings, rules, source or (["native"] if ledger else []))
    routes = read_routes(settings.routes)
    with tended(ledger) as opened:
        with opened.reading() as connection:
            before = activating.active_pack(active(connection), from_pack)
        with counting("judging") as tell:
            found = activating.preview(opened, book, routes, before, datetime.now(UTC), tell)
        if not as_json:
            _print(found)
        done = not dry_run and not found.idle and (yes or _agreed())
        if done:
            with counting("activating") as tell:
                activating.activate(opened, book, routes, tell)
    if as_json:
        print_json({**_told(found), "activated": done})
    elif done:
        out.print("active")


def _agreed() -> bool:
    """What a person at the terminal says. Raises ``NotGiven`` where there is none."""
    if not sys.stdin.isatty():
        raise NotGiven("nobody is there to be asked; give --yes, or --dry-run")
    return typer.confirm("Activate?")


def _told(found: Preview) -> dict[str, Any]:
    return {
        "changes": found.changes,
        **counted(found.differences),
        "judged_by_another": found.unlike,
        "alerts": found.events,
        "told": {**msgspec.to_builtins(found.told), "messages": found.told.messages},
    }


def _print(found: Preview) -> None:
    if found.idle:
        out.print("active already")
        return
    for change in found.changes:
        before, after = change.before[:12] or "none", change.after[:12]
        out.print(f"{change.kind} {change.name}: {before} to {after}", markup=False)
    print_differences(counted(found.differences))
    if any(change.kind is Kind.LINKAGE for change in found.changes):
        out.print("what the model ties among records held already shows once it is active")
    told = found.told
    out.print(
        f"{told.alerts:,} alerts would be said, {told.quiet:,} of them settled quietly: "
        f"{told.messages:,} messages to {len(told.receivers):,} receivers",
        markup=False,
    )
