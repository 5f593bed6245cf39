"""``recount notifications``: messages to people: which went, which did not, and again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from sqlalchemy import Connection

from service.alerts.notice import Body, Notice, NoticeClass
from service.alerts.routing_file import parse_routes
from service.cli.terminal import AsJson, out, print_json, table
from service.hosts.files import NotGiven
from service.hosts.opened import current_ledger
from service.ledger.notices import (
    Choice,
    Held,
    Standing,
    Status,
    listed,
    put_back,
    standings,
)
from service.log import set_up_log
from service.settings import read_settings

app = typer.Typer(help="Messages to people: list, retry, test.", no_args_is_help=True)

OfReceiver = Annotated[str | None, typer.Option(help="Of this receiver only.")]
OfForce = Annotated[str | None, typer.Option(help="Of this force only.")]


@app.command("list")
def list_(
    status: Annotated[list[Status] | None, typer.Option(help="Of this status only.")] = None,
    receiver: OfReceiver = None,
    force: OfForce = None,
    alert: Annotated[str | None, typer.Option(help="About this alert (its id) only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Messages shown, at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Messages, newest due first, and how many of each receiver's stand where.

    Example: recount notifications list --status refused --status expired
    """
    chosen = Choice(
        force=force, receiver=receiver, alert_id=alert, statuses=frozenset(status or ())
    )
    with _ledger(writes=False) as connection:
        messages = list(listed(connection, chosen, limit))
        receivers = standings(connection)
    if as_json:
        print_json(
            {
                "notifications": [_told(held) for held in messages],
                "receivers": [_counted(each) for each in receivers],
            }
        )
        return
    rows = table("due", "receiver", "channel", "about", "step", "status", "#tries", "outcome", "id")
    rows.columns[-1].min_width = 36  # to be copied whole
    for held in messages:
        notice = held.notice
        outcome = f"{held.outcome} {held.code or ''}".strip()
        rows.add_row(
            f"{notice.due_at:%Y-%m-%d %H:%M}",
            notice.receiver,
            notice.channel,
            f"{notice.force} {notice.subject}",
            notice.step,
            held.status,
            str(held.attempts),
            outcome,
            notice.notice_id,
        )
    out.print(rows)
    for each in receivers:
        counts = ", ".join(f"{n} {word}" for word, n in each.statuses.items())
        due = each.oldest_due_at
        oldest = f"; oldest open: due {due:%Y-%m-%d %H:%M}" if due else ""
        out.print(f"{each.receiver}: {counts}{oldest}", markup=False)


@app.command()
def retry(
    notices: Annotated[list[str] | None, typer.Argument(help="Ids of messages.")] = None,
    receiver: OfReceiver = None,
    force: OfForce = None,
    every: Annotated[bool, typer.Option("--all", help="All that ended unsent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let messages that were refused, expired or failed wait again, for a day.

    One stays as it is where a newer one about the same alert has been planned for the same receiver.

    Example: recount notifications retry --receiver bureau
    """
    if not (notices or receiver or force or every):
        raise NotGiven("which messages? give their ids, --receiver, --force or --all")
    chosen = Choice(notice_ids=tuple(notices or ()), receiver=receiver, force=force)
    with _ledger(writes=True) as connection:
        done = put_back(connection, chosen, datetime.now(UTC))
    if as_json:
        print_json({"waiting": done.waiting, "overtaken": done.overtaken})
        return
    out.print(f"{done.waiting} wait again; {done.overtaken} overtaken by a newer message")


@app.command("test")
def send_test(
    receiver: Annotated[str, typer.Argument(help="Its name in the file of routes.")],
    routes: Annotated[Path, typer.Option(help="File of routes that names it.")],
    force: Annotated[str, typer.Option(help="Code for {force} in its address.")] = "00",
    as_json: AsJson = False,
) -> None:
    """Send one message marked as a test to a receiver, by its own channel; exit code 1 where it did
    not arrive. Needs no ledger.

    Example: recount notifications test bureau --routes routes.yaml
    """
    from service.delivery.outcome import Delivered
    from service.delivery.sending import Channels  # its libraries take a while to load

    settings = read_settings()
    set_up_log(settings.log_level)
    notice = _test_notice(receiver, routes, force)

    async def send() -> Any:
        channels = Channels(settings)
        try:
            return await channels.send(notice, notice.due_at)
        finally:
            await channels.close()

    result = asyncio.run(send())
    arrived = isinstance(result, Delivered)
    outcome = "delivered" if arrived else result.reason.value
    if as_json:
        answer = {"receiver": receiver, "channel": notice.channel, "outcome": outcome}
        print_json({**answer, "code": result.code, "notice_id": notice.notice_id})
    else:
        code = f" ({result.code})" if result.code else ""
        out.print(f"{receiver} by {notice.channel}: {outcome}{code}", markup=False)
    if not arrived:
        raise typer.Exit(1)


def _test_notice(receiver: str, routes: Path, force: str) -> Notice:
    try:
        text = routes.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise NotGiven(f"{routes}: cannot be read ({type(error).__name__})") from None
    receivers = parse_routes(text, str(routes)).written.receivers
    if receiver not in receivers:
        raise NotGiven(
            f"{routes} has no receiver '{receiver}'; it has {', '.join(sorted(receivers))}"
        )
    to = receivers[receiver]
    alert_id = str(uuid4())
    return Notice(
        force=force,
        alert_id=alert_id,
        subject="test",
        n=1,
        receiver=receiver,
        channel=to.channel,
        address=to.address.replace("{force}", force),
        step="test",
        kind=NoticeClass.THREAD,
        thread=f"test/{alert_id}",
        due_at=datetime.now(UTC),
        body=Body(
            title="TEST: message from Recount",
            text=f"This is a test of messages to {to.role}. Nothing needs to be done.",
            html="<p>This is a test of messages. Nothing needs to be done.</p>",
            data={"test": True},
        ),
    )


@contextmanager
def _ledger(*, writes: bool) -> Iterator[Connection]:
    settings = read_settings()
    with (
        current_ledger(settings.ledger_url(), settings.probe_within) as ledger,
        ledger.writing() if writes else ledger.reading() as connection,
    ):
        yield connection


def _told(held: Held) -> dict[str, Any]:
    """A message as listed: without its words."""
    notice = held.notice
    return {
        "notice_id": notice.notice_id,
        "force": notice.force,
        "alert_id": notice.alert_id,
        "subject": notice.subject,
        "n": notice.n,
        "receiver": notice.receiver,
        "channel": notice.channel,
        "step": notice.step,
        "class": notice.kind,
        "due_at": notice.due_at,
        "status": held.status,
        "attempts": held.attempts,
        "next_try_at": held.next_try_at,
        "sent_at": held.sent_at,
        "outcome": held.outcome,
        "code": held.code,
    }


def _counted(standing: Standing) -> dict[str, Any]:
    return {
        "receiver": standing.receiver,
        "statuses": standing.statuses,
        "oldest_due_at": standing.oldest_due_at,
    }
