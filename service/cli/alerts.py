"""``recount alerts``: what stands open, and what people do about it; every change is a turn and a link of
the chain. What is typed is sealed before it is kept, and never shown here."""

import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import typer
from msgspec import Struct

from schemas.words import CancellationCode, Grade, NotRecordedReason, Role
from service.alerts import words
from service.alerts.actors import Actor, ActorRole
from service.alerts.handling import HoldReason
from service.alerts.lifecycle import Stage
from service.alerts.mutes import Matchers
from service.cli.terminal import AsJson, complain, out, print_json, table
from service.effects import (
    AcceptCancellation,
    Acknowledge,
    ApproveHold,
    Asked,
    AskHold,
    Assign,
    ConfirmMatch,
    Decide,
    EndMute,
    LinkRecord,
    MuteAlerts,
    QueryCancellation,
    RefuseHold,
    RefuseMatch,
    Reopen,
    UnlinkRecord,
)
from service.hosts import acting
from service.hosts.acting import Filters, Open, Shown
from service.hosts.files import NotGiven
from service.hosts.opened import current_ledger
from service.ledger import opening
from service.ledger.given import Act
from service.settings import read_settings

app = typer.Typer(no_args_is_help=True)

Force = Annotated[str, typer.Argument(help="Force code.", show_default=False)]
Ref = Annotated[str, typer.Argument(help="Reference of the report.", show_default=False)]
Record = Annotated[str, typer.Argument(help="Reference of the record.", show_default=False)]
Ledger = Annotated[
    str, typer.Option("--ledger", metavar="URL", help="Ledger; default: DATABASE_URL.")
]
Rules = Annotated[str, typer.Option(help="Rule pack; default: RECOUNT_RULES.")]
Sources = Annotated[
    list[str],
    typer.Option("--source", help="Mapping or MAPPING/SIDE; default: those of RECOUNT_TOPICS."),
]
Comment = Annotated[str, typer.Option(help="Kept encrypted; '-' reads it from standard input.")]


@app.callback()
def group(
    context: typer.Context,
    ledger: Ledger = "",
    rules: Rules = "",
    source: Sources = [],  # noqa: B006 - read only
) -> None:
    """Open reports, and what people do about them.

    Example: recount alerts list --force 33 --harm --nobody
    """
    context.obj = (ledger, rules, tuple(source))


def _opened(context: typer.Context) -> AbstractContextManager[opening.Ledger]:
    """The ledger that was named, or the settings' own."""
    settings = read_settings()
    return current_ledger(context.obj[0] or settings.ledger_url(), settings.probe_within)


# -- reading --------------------------------------------------------------------------------------


@app.command("list")
def list_(
    context: typer.Context,
    force: Annotated[str, typer.Option(help="This force alone.")] = "",
    state: Annotated[Stage | None, typer.Option(help="Where it stands.")] = None,
    due_within: Annotated[
        float, typer.Option(metavar="HOURS", help="Due within so many hours, or past due.")
    ] = -1,
    harm: Annotated[bool, typer.Option("--harm", help="High harm alone.")] = False,
    nobody: Annotated[bool, typer.Option("--nobody", help="Nobody is on it.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Reports on which something is owed, by time left.

    Example: recount alerts list --force 33 --due-within 4 --nobody
    """
    now = datetime.now(UTC)
    within = timedelta(hours=due_within) if due_within >= 0 else None
    wanted = Filters(force=force, stage=state, due_within=within, harm=harm, nobody=nobody)
    with _opened(context) as ledger:
        found = acting.listed(ledger, wanted, now, limit)
    if as_json:
        print_json({"open": found.count, "reports": found.rows})
        return
    rows = table("force", "report", "#time left", "what", "stands", "kind", "harm", "with")
    for row in found.rows:
        rows.add_row(*_row(row, now))
    out.print(rows)
    if found.count > limit:
        out.print(f"and {found.count - limit:,} more; --limit shows them")


def _row(row: Open, now: datetime) -> tuple[str, ...]:
    return (
        row.force,
        words.visible(row.ref),
        _left(row.due_at, now),
        words.VERDICTS[row.verdict],
        words.plain(row.stage.value),
        words.category(row.category) if row.category else "",
        "high" if row.harm else "",
        row.assigned_to or row.acknowledged_by or "nobody",
    )


def _left(due_at: datetime | None, now: datetime) -> str:
    if due_at is None:
        return ""
    minutes = int((due_at - now).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{hours}h{rest:02}" if minutes >= 0 else f"past {hours}h{rest:02}"


@app.command()
def show(context: typer.Context, force: Force, ref: Ref, as_json: AsJson = False) -> None:
    """One report: crimes expected, records, what was refused, and everything said and done.

    Example: recount alerts show 33 0412
    """
    with _opened(context) as ledger:
        found = acting.shown(ledger, force, ref)
    if found is None:
        complain(f"report {words.visible(ref)} of force {words.visible(force)} is not known")
        raise typer.Exit(1)
    if as_json:
        alert, handling = found.state.alert, found.state.handling
        told = {"line": found.line, "stage": alert.stage, "handling": handling}
        print_json({**told, "history": found.history})
    else:
        _print(found)


def _print(found: Shown) -> None:
    line, handling = found.line, found.state.handling
    out.print(f"Report {words.visible(line.ref)}: {words.VERDICTS[line.verdict]}", markup=False)
    stage = words.plain(found.state.alert.stage.value)
    out.print(f"due {line.deadline}; stands {stage}, version {handling.version}")
    if line.same_as:
        out.print(f"answered by {words.visible(line.same_as)}", markup=False)
    rows = table("crime", "kind", "verdict", "why", "record")
    for crime in line.crimes:
        kind, verdict = words.category(crime.category), words.VERDICTS[crime.verdict]
        rows.add_row(crime.id, kind, verdict, words.reason(crime.reason), crime.record)
    out.print(rows)
    for link in line.links:
        lacks = "; lacks " + ", ".join(map(words.demand, link.lacks)) if link.lacks else ""
        level = words.level(link.level)
        out.print(f"record {words.visible(link.record)}: {level}{lacks}", markup=False)
    for refused in line.refused:
        why = words.reason(refused.reason)
        out.print(f"not counted {words.visible(refused.record)}: {why}", markup=False)
    history = table("#no.", "when", "what", "who", "role", "typed")
    for step in found.history:
        what = "erased" if step.erased else words.plain(step.what)
        typed = ", ".join(step.typed)
        history.add_row(
            str(step.seq), f"{step.at:%d %b %Y %H:%M}", what, step.actor, step.role, typed
        )
    out.print(history)


# -- doing ----------------------------------------------------------------------------------------


class Given(Struct, frozen=True):
    """What one command asks for."""

    force: str
    asked: Asked
    ref: str = ""
    typed: Mapping[str, str] = {}


def _doing(
    context: typer.Context,
    as_: Annotated[str, typer.Option("--as", metavar="ID", help="Your opaque id, never a name.")],
    role: Annotated[ActorRole, typer.Option("--role", help="The role in which you act.")],
    officer_hash: Annotated[
        str, typer.Option(help="Your keyed hash as an officer, where you have one.")
    ] = "",
    expected: Annotated[
        int | None, typer.Option(help="Version you saw; refused where it changed since.")
    ] = None,
    command_id: Annotated[
        str, typer.Option(help="Given again, a command is answered and not done twice.")
    ] = "",
    as_json: AsJson = False,
    *,
    given: Given,
) -> None:
    """Give a command and tell the answer; exit code 1 where it was refused."""
    _, rules, sources = context.obj
    settings = read_settings()
    act = Act(
        force=given.force,
        actor=Actor(
            id=as_, roles=(role,), forces=(given.force,), via="cli", officer_hash=officer_hash
        ),
        asked=given.asked,
        ref=given.ref,
        expected=expected,
        command_id=command_id or str(uuid4()),
        typed={field: _typed(text) for field, text in given.typed.items()},
    )
    book = acting.rulebook(settings, rules, sources)
    with _opened(context) as ledger:
        answer = acting.act(ledger, book, act, datetime.now(UTC), settings.text_key_file)
    if as_json:
        told = {"command_id": act.command_id, "accepted": answer.accepted, "seq": answer.seq}
        told |= {"refused": answer.refused, "lacks": answer.lacks, "see": answer.see}
        print_json({**told, "version": answer.version})
    elif answer.refused is None:
        out.print(f"done: no. {answer.seq} in the chain of {given.force}", markup=False)
    else:
        complain(words.refusal(answer.refused, answer.lacks, answer.see))
    if not answer.accepted:
        raise typer.Exit(1)


def doing(asks: Callable[..., Given]) -> Callable[..., Given]:
    """Make a command of a function that says what is asked: who asks is the same for all of them."""
    own = inspect.signature(asks).parameters
    who = [p for p in inspect.signature(_doing).parameters.values() if p.name != "given"]

    def command(**values: Any) -> None:
        shared = {each.name: values.pop(each.name) for each in who}
        _doing(**shared, given=asks(**values))

    plain = inspect.Parameter.KEYWORD_ONLY
    both = [each.replace(kind=plain) for each in (*own.values(), *who)]
    command.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in both}
    command.__doc__, command.__name__ = asks.__doc__, asks.__name__
    app.command()(command)
    return asks


def _typed(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def _instant(text: str, option: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotGiven(f"{option} '{text}' is no time; write 2024-01-16T10:00+00:00") from None
    if at.tzinfo is None:
        raise NotGiven(f"{option} '{text}' has no offset; write 2024-01-16T10:00+00:00")
    return at.astimezone(UTC)


def _one_of(**chosen: bool) -> str:
    """The one option that was given. Raises ``NotGiven``."""
    given = [name for name, is_given in chosen.items() if is_given]
    if len(given) != 1:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise NotGiven(f"give one of {names}")
    return given[0]


@doing
def acknowledge(force: Force, ref: Ref, comment: Comment = "") -> Given:
    """Say that you have seen it.

    Example: recount alerts acknowledge 33 0412 --as p-17 --role supervisor
    """
    return Given(force, Acknowledge(), ref, {"comment": comment})


@doing
def assign(
    force: Force,
    ref: Ref,
    to: Annotated[str, typer.Argument(help="Opaque id of whoever is on it.", show_default=False)],
    comment: Comment = "",
) -> Given:
    """Put somebody on it.

    Example: recount alerts assign 33 0412 bureau-2 --as p-17 --role supervisor
    """
    return Given(force, Assign(to), ref, {"comment": comment})


@doing
def link(
    force: Force,
    ref: Ref,
    record: Record,
    undo: Annotated[bool, typer.Option("--undo", help="Take a link made by hand away.")] = False,
    comment: Comment = "",
) -> Given:
    """Link a record that belongs to it; it settles what it would settle by reference.

    Example: recount alerts link 33 0412 33/4412/24 --as p-17 --role supervisor
    """
    asked: Asked = UnlinkRecord(record) if undo else LinkRecord(record)
    return Given(force, asked, ref, {"comment": comment})


@doing
def match(
    force: Force,
    ref: Ref,
    record: Record,
    confirm: Annotated[bool, typer.Option("--confirm", help="It does belong.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="It does not; ask no more.")] = False,
    comment: Comment = "",
) -> Given:
    """Confirm or refuse a likely record.

    Example: recount alerts match 33 0412 33/4412/24 --refuse --as p-17 --role supervisor
    """
    chosen = _one_of(confirm=confirm, refuse=refuse)
    asked: Asked = ConfirmMatch(record) if chosen == "confirm" else RefuseMatch(record)
    return Given(force, asked, ref, {"comment": comment})


@doing
def decide(
    force: Force,
    ref: Ref,
    reason: Annotated[NotRecordedReason, typer.Argument(show_default=False)],
    rationale: Comment = "",
    told_at: Annotated[str, typer.Option(help="When victim or reporter was told.")] = "",
    evidence_what: Comment = "",
    evidence_from: Comment = "",
    evidence_at: Annotated[str, typer.Option(help="When the evidence was given.")] = "",
    other_ref: Annotated[str, typer.Option(help="The other body's or record's reference.")] = "",
    other_body: Annotated[str, typer.Option(help="Who records it instead.")] = "",
    signed_off_by: Annotated[Role | None, typer.Option(help="Who signed it off.")] = None,
    crime: Annotated[
        list[str], typer.Option(help="Crime it is for, as `show` names it; default: all unmet.")
    ] = [],  # noqa: B006 - read only
) -> Given:
    """Decide not to record, for a reason of the closed list; refused with what it lacks.

    Example: recount alerts decide 33 0412 balance_not_met --rationale - --told-at
    2024-01-16T10:00+00:00 --as p-17 --role decision_maker
    """
    asked = Decide(
        reason=reason,
        told_at=_instant(told_at, "--told-at"),
        evidence_at=_instant(evidence_at, "--evidence-at"),
        other_ref=other_ref,
        other_body=other_body,
        signed_off_by=signed_off_by,
        crimes=tuple(crime),
    )
    typed = {"rationale": rationale, "evidence_what": evidence_what, "evidence_from": evidence_from}
    return Given(force, asked, ref, typed)


@doing
def cancellation(
    force: Force,
    ref: Ref,
    record: Record,
    accept: Annotated[bool, typer.Option("--accept", help="It is right.")] = False,
    query: Annotated[bool, typer.Option("--query", help="It is doubted.")] = False,
    code: Annotated[
        CancellationCode | None, typer.Option(help="Where the crime system gives none.")
    ] = None,
    independent: Annotated[
        bool, typer.Option("--independent", help="You are independent of the investigation.")
    ] = False,
    victim_told_at: Annotated[str, typer.Option(help="When the victim was told.")] = "",
    other_ref: Annotated[str, typer.Option(help="The other force's or record's reference.")] = "",
    what: Comment = "",
    where_from: Comment = "",
    verifiable: Comment = "",
    comment: Comment = "",
) -> Given:
    """Accept a cancellation with what the crime system did not say, or query it.

    Example: recount alerts cancellation 33 0412 33/4412/24 --accept --independent --what -
    --as p-17 --role registrar
    """
    if _one_of(accept=accept, query=query) == "query":
        return Given(force, QueryCancellation(record), ref, {"comment": comment})
    asked = AcceptCancellation(
        record=record,
        code=code,
        independent=independent,
        victim_told_at=_instant(victim_told_at, "--victim-told-at"),
        other_ref=other_ref,
    )
    typed = {"what": what, "where_from": where_from, "verifiable": verifiable}
    return Given(force, asked, ref, {**typed, "comment": comment})


@doing
def hold(
    force: Force,
    ref: Ref,
    ask: Annotated[HoldReason | None, typer.Option(help="Ask for a delay, and why.")] = None,
    until: Annotated[str, typer.Option(help="Until when.")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="The registrar approves.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="... refuses, or ends it.")] = False,
    comment: Comment = "",
) -> Given:
    """Ask for a delay, approve or refuse it. It pauses escalation, never the clock.

    Example: recount alerts hold 33 0412 --ask victim_unfit --until 2024-01-17T10:00+00:00
    --comment - --as p-17 --role supervisor
    """
    chosen = _one_of(ask=ask is not None, approve=approve, refuse=refuse)
    if chosen != "ask":
        answer: Asked = ApproveHold() if chosen == "approve" else RefuseHold()
        return Given(force, answer, ref, {"comment": comment})
    at = _instant(until, "--until")
    if at is None or ask is None:
        raise NotGiven("--ask goes with --until")
    return Given(force, AskHold(reason=ask, until=at), ref, {"comment": comment})


@doing
def mute(
    force: Force,
    until: Annotated[str, typer.Option(help="Until when.")] = "",
    since: Annotated[str, typer.Option(help="From when; default: now.")] = "",
    area: Annotated[str, typer.Option(help="This area alone.")] = "",
    category: Annotated[str, typer.Option(help="This kind of crime alone.")] = "",
    harm: Annotated[
        bool | None, typer.Option("--harm/--no-harm", help="High harm alone, or the rest alone.")
    ] = None,
    grade: Annotated[Grade | None, typer.Option(help="This grade alone.")] = None,
    subject: Annotated[str, typer.Option(help="This report, or source:NAME.")] = "",
    end: Annotated[str, typer.Option(metavar="ID", help="End this mute instead.")] = "",
    comment: Comment = "",
) -> Given:
    """Keep messages back for a time; the alerts stand. The mute's id is the command's.

    Example: recount alerts mute 33 --category vehicle --until 2024-01-17T10:00+00:00 --comment -
    --as p-17 --role supervisor
    """
    if end:
        return Given(force, EndMute(end), typed={"comment": comment})
    at = _instant(until, "--until")
    if at is None:
        raise NotGiven("a mute goes with --until, or with --end ID")
    matchers = Matchers(area=area, category=category, harm=harm, grade=grade, subject=subject)
    asked = MuteAlerts(matchers=matchers, until=at, since=_instant(since, "--since"))
    return Given(force, asked, typed={"comment": comment})


@doing
def reopen(force: Force, ref: Ref, comment: Comment = "") -> Given:
    """The victim appeals: what was decided before counts no longer.

    Example: recount alerts reopen 33 0412 --comment - --as p-17 --role supervisor
    """
    return Given(force, Reopen(), ref, {"comment": comment})
