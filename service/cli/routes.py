"""``recount routes``: who would be told of what, when and why."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer

from schemas.words import AlertType, Grade
from service.alerts.escalation import A_SHIFT, AN_HOUR, FLOOD, Tell, rehearse
from service.alerts.messages import time_left
from service.alerts.routes import Frozen, Route, Routed, Routes, StepKind, When
from service.alerts.shifts import next_digest
from service.alerts.words import plain
from service.cli.terminal import AsJson, out, print_json, table
from service.hosts.files import NotGiven, read_pack
from service.hosts.planning import default_text, faults_of_routes, read_routes

app = typer.Typer(help="Who is told of what: copy, check, show, test.", no_args_is_help=True)

FILE_HELP = "A file of routes, or 'default' for those that are shipped."
File = Annotated[str, typer.Argument(help=FILE_HELP)]
FileOption = Annotated[str, typer.Option("--routes", help=FILE_HELP)]

KEYS = ("force", "area", "category", "harm", "grade", "report", "alert", "due")


@app.command(epilog="Example: recount routes copy my-routes.yaml")
def copy(target: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Write the shipped routes to a file, to put in your own addresses."""
    if target.exists():
        raise NotGiven(f"{target} is there already; say another name")
    target.write_text(default_text(), encoding="utf-8")
    out.print(f"wrote {target}", markup=False)


@app.command(epilog="Example: recount routes check my-routes.yaml")
def check(
    file: File,
    rules: Annotated[str, typer.Option(help="Rule pack whose categories are meant.")] = (
        "england_and_wales"
    ),
    as_json: AsJson = False,
) -> None:
    """Is a file of routes sound? Everything found wrong, with line and remedy. Exit code 1 where
    something is to be mended."""
    faults = faults_of_routes(file)
    said = [str(fault) for fault in faults]
    if not faults:
        said += _unknown_categories(read_routes(file), rules)
    if as_json:
        told = [{"line": f.line, "message": f.message, "remedy": f.remedy} for f in faults]
        print_json({"routes": file, "sound": not said, "faults": told or said})
    for line in [] if as_json else said or [f"{file} is sound"]:
        out.print(line, markup=False)
    if said:
        raise typer.Exit(1)


def _unknown_categories(routes: Routes, rules: str) -> list[str]:
    known = read_pack(rules).written.categories
    named = {*routes.written.reference_only, *_categories(routes.written.route)}
    return [
        f"category '{name}' is not in rule pack {rules}; mend it, or name your pack by --rules"
        for name in sorted(named - known.keys())
    ]


def _categories(node: Route) -> Iterator[str]:
    yield from node.match.category
    for branch in node.routes:
        yield from _categories(branch)


@app.command(epilog="Example: recount routes show")
def show(file: File = "default", as_json: AsJson = False) -> None:
    """Print the tree, the escalations and the receivers of a file of routes."""
    written = read_routes(file).written
    if as_json:
        print_json(written)
        return
    out.print(f"{written.name}: {written.title}", markup=False)
    for line in _tree(written.route, ""):
        out.print(line, markup=False)
    for name, steps in written.escalations.items():
        shown = table("step", "when", "how", "tells", title=f"\nescalation {name}")
        for step in steps:
            shown.add_row(step.step, _when(step.when, step.hours), step.kind, ", ".join(step.tell))
        out.print(shown, markup=False)
    shown = table("receiver", "role", "channel", "shifts", "interrupts", title="\nreceivers")
    for name, receiver in written.receivers.items():
        budget = {"staff": f"{AN_HOUR} an hour", "inspector": f"{A_SHIFT} a shift"}
        none = receiver.digest_only or receiver.rank not in budget
        may = "none, digests only" if none else budget[receiver.rank]
        shown.add_row(name, receiver.role, receiver.channel, receiver.shifts, may)
    out.print(shown, markup=False)
    out.print(
        f"\nMore than {FLOOD} interrupts in ten minutes become one digest. Off shift, and round the clock: "
        f"{written.desk}.",
        markup=False,
    )


def _tree(node: Route, indent: str) -> Iterator[str]:
    held = msgspec.to_builtins(node.match)
    wants = [f"{name}: {_said(value)}" for name, value in held.items() if value or value is False]
    goes_on = ", then on" if node.continue_ else ""
    by = f" by {node.escalation}" if node.escalation else ""
    parts = f" ({', '.join(f'{p}: {r}' for p, r in node.parts.items())})" if node.parts else ""
    yield f"{indent}{node.name}{' if ' + '; '.join(wants) if wants else ''}{by}{parts}{goes_on}"
    for branch in node.routes:
        yield from _tree(branch, f"{indent}  ")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " or ".join(value)


def _when(when: When, hours: float) -> str:
    if when is When.BEFORE_DEADLINE:
        return f"{hours:g} h before the deadline"
    after = f"{hours:g} h after " if hours else ""
    return f"{after}{plain(when)}"


@app.command("test", epilog="Example: recount routes test category=violence harm=yes grade=clear")
def try_out(
    alert: Annotated[
        list[str] | None, typer.Argument(help=f"key=value: {', '.join(KEYS)} (a time)")
    ] = None,
    routes: FileOption = "default",
    ledger: Annotated[
        bool, typer.Option(help="Count what would be told of all that stands open in the ledger.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say who would be told of an alert on which nobody acts, when and why; or, with --ledger, how many
    messages would go out at once were these routes put to work now. Nothing is sent or written."""
    read = read_routes(routes)
    if ledger:
        _count(read, as_json)
        return
    given = _given(alert or [])
    routed, due_at = _asked(given)
    frozen = read.freeze(routed)
    raised = timedelta(hours=12 if routed.alert is AlertType.CLOSED_WITHOUT_REASON else 4)
    grade = routed.grade or Grade.CLEAR
    told = list(
        rehearse(frozen, due_at, harm=routed.harm, grade=grade, raised=raised, upto=routed.alert)
    )
    if as_json:
        print_json({"routes": frozen.paths, "due_at": due_at, "told": told})
        return
    _print(frozen, told, due_at)


def _given(pairs: list[str]) -> dict[str, str]:
    given = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in KEYS:
            raise NotGiven(f"'{pair}' is not one of {', '.join(f'{k}=...' for k in KEYS)}")
        given[key] = value
    return given


def _asked(given: dict[str, str]) -> tuple[Routed, datetime]:
    if given.get("harm", "no") not in ("yes", "no"):
        raise NotGiven("say harm=yes or harm=no")
    try:
        routed = Routed(
            force=given.get("force", ""),
            alert=AlertType(given.get("alert", "missed")),
            area=given.get("area", ""),
            category=given.get("category", ""),
            harm=given.get("harm") == "yes",
            grade=Grade(given.get("grade", "clear")),
            report=given.get("report", "log"),
        )
        due_at = datetime.fromisoformat(given["due"]) if "due" in given else None
    except ValueError as error:
        raise NotGiven(f"{error}; see recount routes test --help") from None
    if due_at is None:
        due_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=24)
    return routed, due_at if due_at.tzinfo else due_at.replace(tzinfo=UTC)


def _print(frozen: Frozen, told: list[Tell], due_at: datetime) -> None:
    zone = ZoneInfo(frozen.zone)
    out.print(f"route: {'; '.join(frozen.paths)}", markup=False)
    out.print(f"due {due_at.astimezone(zone):%a %d %b %Y %H:%M %Z}; nobody acts:", markup=False)
    shown = table("when", "time left", "receiver", "how", "why")
    for tell in told:
        receiver = frozen.receivers[tell.receiver]
        how = str(tell.kind)
        if tell.kind is StepKind.DIGEST:
            how = f"worklist; digest {next_digest(receiver.shifts, tell.at).astimezone(zone):%a %H:%M}"
        step = tell.step.removesuffix(".desk")
        why = f"{step}: {plain(tell.why)}" if tell.why else step
        when = f"{tell.at.astimezone(zone):%a %d %b %H:%M}"
        shown.add_row(when, time_left(due_at, tell.at), receiver.role, how, plain(why))
    out.print(shown, markup=False)


def _count(routes: Routes, as_json: bool) -> None:
    from service.delivery.dry_run import would_tell
    from service.hosts.opened import current_ledger
    from service.settings import read_settings

    settings = read_settings()
    with (
        current_ledger(settings.ledger_url(), settings.probe_within) as ledger,
        ledger.reading() as connection,
    ):
        found = would_tell(connection, routes, datetime.now(UTC))
    if as_json:
        print_json({**msgspec.to_builtins(found), "messages": found.messages})
        return
    out.print(
        f"{found.alerts:,} alerts stand open, {found.quiet:,} of them settled quietly: would tell "
        f"{len(found.receivers):,} receivers {found.messages:,} messages",
        markup=False,
    )
    shown = table("receiver", "#interrupts", "#digests", "#on the worklist")
    for name, load in found.receivers.items():
        shown.add_row(name, f"{load.interrupts:,}", f"{load.digests:,}", f"{load.on_worklist:,}")
    out.print(shown, markup=False)
