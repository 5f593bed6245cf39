"""Erasing what need not be kept: reports long closed, their records, and what was said about them.

Of a report stays what its identity and the figures need: force, reference, when it was received, verdict
and where its alert stands (else a late version would be told anew under an old event's id). Codes, terms,
keyed hashes, places, links and every payload of the chain about it go. The chain itself stays and still
verifies: rows hold digests of salted payloads, and salt and payload are gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    select,
    update,
)

from service.alerts.identity import alert_identity
from service.effects import RecordState, ReportState
from service.ledger import outputs
from service.ledger.instants import micros
from service.ledger.load import lock
from service.ledger.opening import Ledger
from service.ledger.tables import (
    alert_events,
    chain_payloads,
    consultations,
    dead_letters,
    escalations,
    mentions,
    notifications,
    on_lists,
    operator_texts,
    outbox,
    records,
    reports,
    sessions,
)
from service.matching import judgement
from service.rules.facts import ReportFacts

KEPT_FOR = timedelta(days=365)
"""Closed reports are kept at least so long: late records and repeat history need them."""

AT_ONCE = 500
"""Reports looked at in one transaction: turns of the force wait for no more than that."""

_report = msgspec.json.Decoder(ReportState).decode
_record = msgspec.json.Decoder(RecordState).decode
_encode = msgspec.json.Encoder().encode


class Erased(Struct):
    """How much was erased."""

    reports: int = 0
    payloads: int = 0
    """Of the chain."""
    records: int = 0
    dead_letters: int = 0
    """Refused inputs whose kept value went."""
    texts: int = 0
    """What people typed with a command."""
    messages: int = 0
    """To people, ended."""
    looks: int = 0
    """Entries of the log of who looked."""
    sessions: int = 0
    """Ended."""


class Rule(StrEnum):
    """What can be kept for a time of its own."""

    REPORTS = "reports"
    """Closed reports, their records, and everything said, done and typed about them."""
    LETTERS = "letters"
    """Values that could not be read."""
    TYPED = "typed"
    """What people typed, whatever it was about."""
    MESSAGES = "messages"
    """Messages to people that have ended."""
    LOOKS = "looks"
    """The log of who looked."""


def erase_by_rule(ledger: Ledger, days: Mapping[Rule, int], now: datetime) -> Erased:
    """Erase what is older than its rule keeps it; what has no rule is kept. Sessions that have ended go."""
    done = Erased()
    for rule, kept in days.items():
        before = now - timedelta(days=kept)
        match rule:
            case Rule.REPORTS:
                _erase_closed(ledger, before, done)
            case Rule.LETTERS:
                _erase_letters(ledger, before, done)
            case Rule.TYPED:
                done.texts += _erase_typed(ledger, before)
            case Rule.MESSAGES:
                done.messages += _delete(ledger, notifications, _ended_before(before))
            case Rule.LOOKS:
                old = consultations.c.at < micros(before)
                done.looks += _delete(ledger, consultations, old)
            case _:
                assert_never(rule)
    done.sessions += _delete(ledger, sessions, sessions.c.ends_at <= micros(now))
    return done


def erase(ledger: Ledger, before: datetime) -> Erased:
    """Erase what was received and recorded before a moment and is closed, and values kept since before it.

    Reports with a deadline, a claim or anything still to look at stay whole, and so do their records.
    """
    done = Erased()
    _erase_closed(ledger, before, done)
    _erase_letters(ledger, before, done)
    return done


def _delete(ledger: Ledger, table: Table, here: ColumnElement[bool]) -> int:
    with ledger.writing() as connection:
        return connection.execute(delete(table).where(here)).rowcount


def _ended_before(before: datetime) -> ColumnElement[bool]:
    """Messages of alerts that still escalate stay: a planner would look for them."""
    goes_on = select(escalations.c.alert_id).where(escalations.c.open == 1)
    held = notifications.c
    return and_(
        held.next_try_at.is_(None),
        held.created_at < micros(before),
        held.alert_id.not_in(goes_on),
    )


def _erase_typed(ledger: Ledger, before: datetime) -> int:
    """The chain holds a digest of what was typed, salted, and is whole without it."""
    texts = operator_texts.c
    said = and_(alert_events.c.force == texts.force, alert_events.c.seq == texts.seq)
    old = exists().where(said, alert_events.c.at < micros(before))
    return _delete(ledger, operator_texts, old)


def _erase_closed(ledger: Ledger, before: datetime, done: Erased) -> None:
    with ledger.reading() as connection:
        forces = outputs.forces(connection)
    for force in forces:
        for kind in (_erase_reports, _erase_records):
            after: str | None = ""
            while after is not None:
                with ledger.writing() as connection:
                    lock(connection, [force])
                    after = kind(connection, force, after, before, done)


def _erase_letters(ledger: Ledger, before: datetime, done: Erased) -> None:
    with ledger.writing() as connection:
        old = and_(
            dead_letters.c.known_at < micros(before), dead_letters.c.raw_encrypted.is_not(None)
        )
        gone = connection.execute(update(dead_letters).where(old).values(raw_encrypted=None))
        done.dead_letters += gone.rowcount


def _erase_reports(
    connection: Connection, force: str, after: str, before: datetime, done: Erased
) -> str | None:
    """One page of closed reports; where to go on, None at the end."""
    closed = and_(
        reports.c.force == force,
        reports.c.ref > after,
        reports.c.received_at < micros(before),
        reports.c.deadline.is_(None),
        reports.c.claim.is_(None),
        reports.c.next_by_watermark.is_(None),
        reports.c.next_by_clock.is_(None),
    )
    query = select(reports.c.ref, reports.c.state, reports.c.line).where(closed)
    page = connection.execute(query.order_by(reports.c.ref).limit(AT_ONCE)).tuples().all()
    unsent = _unsent(connection, force)
    trimmed = []
    for ref, state, line in page:
        whole = _report(state)
        bare = _bare(whole)
        alert_id = str(alert_identity(force, ref))
        if bare != whole and alert_id not in unsent:
            text = judgement.encode(_bare_line(judgement.decode(line.encode()))).decode()
            row = {"a_ref": ref, "a_state": _encode(bare).decode(), "a_line": text}
            trimmed.append((row, alert_id))
    if trimmed:
        here = and_(reports.c.force == force, reports.c.ref == bindparam("a_ref"))
        change = update(reports).where(here)
        change = change.values(state=bindparam("a_state"), line=bindparam("a_line"))
        connection.execute(change, [row for row, _ in trimmed])
        refs = [row["a_ref"] for row, _ in trimmed]
        _forget(connection, force, "report", refs)
        alert_ids = [alert_id for _, alert_id in trimmed]
        done.texts += _erase_of(connection, operator_texts, force, alert_ids)
        done.payloads += _erase_of(connection, chain_payloads, force, alert_ids)
        done.messages += _erase_messages(connection, alert_ids)
        done.reports += len(trimmed)
    return page[-1][0] if len(page) == AT_ONCE else None


def _erase_records(
    connection: Connection, force: str, after: str, before: datetime, done: Erased
) -> str | None:
    """One page of records that settle nothing still kept; where to go on, None at the end."""
    old = and_(
        records.c.force == force, records.c.ref > after, records.c.recorded_at < micros(before)
    )
    query = select(records.c.ref, records.c.state).where(old)
    page = connection.execute(query.order_by(records.c.ref).limit(AT_ONCE)).tuples().all()
    tied = {ref: _tied(_record(state)) for ref, state in page}
    kept = set(_whole(connection, force, sorted({each for refs in tied.values() for each in refs})))
    gone = [ref for ref, refs in tied.items() if not kept.intersection(refs)]
    for refs in _slices(gone):
        here = and_(records.c.force == force, records.c.ref.in_(refs))
        connection.execute(delete(records).where(here))
    _forget(connection, force, "record", gone)
    done.records += len(gone)
    return page[-1][0] if len(page) == AT_ONCE else None


def _tied(state: RecordState) -> tuple[str, ...]:
    taken = (state.taken_by,) if state.taken_by else ()
    return (*state.linked_to, *state.facts.incident_refs, *taken)


def _whole(connection: Connection, force: str, refs: Sequence[str]) -> Iterator[str]:
    """Which of these reports are there and not erased."""
    for some in _slices(refs):
        query = select(reports.c.ref, reports.c.state).where(
            reports.c.force == force, reports.c.ref.in_(some)
        )
        for ref, text in connection.execute(query):
            state = _report(text)
            if _bare(state) != state:
                yield ref


def _bare(state: ReportState) -> ReportState:
    """What is kept of an erased report."""
    whole = state.facts
    facts = ReportFacts(
        force=whole.force,
        ref=whole.ref,
        source=whole.source,
        version=whole.version,
        updated_at=whole.updated_at,
        digest=whole.digest,
        received_at=whole.received_at,
        referral=whole.referral,
        closed_at=whole.closed_at,
    )
    return replace(state, facts=facts, same_as="", takes=())


def _bare_line(line: judgement.Line) -> judgement.Line:
    return judgement.Line(
        force=line.force,
        ref=line.ref,
        route=line.route,
        received_at=line.received_at,
        verdict=line.verdict,
        grade=line.grade,
        digests=line.digests,
    )


def _erase_of(connection: Connection, table: Table, force: str, alert_ids: Sequence[str]) -> int:
    """Rows of a table beside the chain that belong to what was said or done about these alerts."""
    gone = 0
    for some in _slices(alert_ids):
        about = select(alert_events.c.seq).where(
            alert_events.c.force == force, alert_events.c.subject_id.in_(some)
        )
        here = and_(table.c.force == force, table.c.seq.in_(about))
        gone += connection.execute(delete(table).where(here)).rowcount
    return gone


def _erase_messages(connection: Connection, alert_ids: Sequence[str]) -> int:
    """Ended ones, and where the alerts stood on people's lists."""
    gone = 0
    for some in _slices(alert_ids):
        held = notifications.c
        ended = and_(held.alert_id.in_(some), held.next_try_at.is_(None))
        gone += connection.execute(delete(notifications).where(ended)).rowcount
        listed = and_(on_lists.c.alert_id.in_(some), on_lists.c.ended == 1)
        connection.execute(delete(on_lists).where(listed, on_lists.c.digest_at.is_(None)))
    return gone


def _unsent(connection: Connection, force: str) -> set[str]:
    """Alerts with an event that no relay has sent: erasing it would empty the message."""
    same = and_(outbox.c.force == alert_events.c.force, outbox.c.seq == alert_events.c.seq)
    query = select(alert_events.c.subject_id).select_from(outbox.join(alert_events, same))
    waits = and_(outbox.c.force == force, outbox.c.status == "waiting")
    return set(connection.scalars(query.where(waits)))


def _forget(connection: Connection, force: str, kind: str, refs: Sequence[str]) -> None:
    for some in _slices(refs):
        here = and_(mentions.c.force == force, mentions.c.kind == kind, mentions.c.ref.in_(some))
        connection.execute(delete(mentions).where(here))


def _slices(given: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(given), AT_ONCE):
        yield given[start : start + AT_ONCE]
