"""Erasing: what is old and closed goes, what is owed stays, counts and chains still hold."""

from datetime import timedelta

import msgspec
from sqlalchemy import func, select

from service.ledger import erasing, outputs, sessions
from service.ledger import statements as written
from service.ledger.chain import verify
from service.ledger.consulted import Consulted, Purpose, write_consulted
from service.ledger.erasing import Erased, Rule
from service.ledger.opening import Ledger
from service.ledger.sealed import Keys, seal_text
from service.ledger.sessions import Held
from service.ledger.tables import (
    alert_events,
    chain_payloads,
    escalations,
    mentions,
    notifications,
    operator_texts,
    outbox,
    records,
    reports,
)
from service.ledger.tokens import find_token, make_token
from service.matching import judgement
from tests.delivery.told import Story
from tests.kafka.feed import FORCES, NOW, apply_to, events

DAY = timedelta(days=1)


def sent(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.execute(outbox.update().values(status="sent"))


def test_old_and_closed_goes_and_everything_still_holds(ledger: Ledger) -> None:
    told = events(600)
    apply_to(ledger, told, NOW)
    sent(ledger)
    with ledger.reading() as connection:
        tallied, claims = outputs.tallied(connection), list(outputs.claims(connection))
        taken_in = outputs.taken_in(connection)
        owed = connection.execute(
            select(reports).where(reports.c.deadline.is_not(None)).order_by(reports.c.ref)
        ).all()
        rows = connection.scalars(select(func.count()).select_from(alert_events)).one()
    assert claims
    assert owed
    done = erasing.erase(ledger, NOW + timedelta(days=1))
    assert min(done.reports, done.records) > 50
    with ledger.reading() as connection:
        assert outputs.tallied(connection) == tallied
        assert list(outputs.claims(connection)) == claims
        assert outputs.taken_in(connection) == taken_in
        assert outputs.conservation(connection).holds
        still = connection.execute(
            select(reports).where(reports.c.deadline.is_not(None)).order_by(reports.c.ref)
        ).all()
        assert still == owed
        proofs = [verify(connection, force) for force in FORCES]
        assert all(proof.fault is None for proof in proofs)
        assert sum(proof.rows for proof in proofs) == rows
        assert sum(proof.erased for proof in proofs) == done.payloads
        held = connection.scalars(select(func.count()).select_from(chain_payloads)).one()
        assert held == rows - done.payloads
        closed = connection.execute(
            select(reports.c.ref, reports.c.line, reports.c.state).where(
                reports.c.deadline.is_(None)
            )
        ).all()
        refs = {row.ref for row in closed}
        assert all(not judgement.decode(row.line.encode()).crimes for row in closed)
        assert not any("k1:" in row.state for row in closed)
        named = connection.scalars(select(mentions.c.ref).where(mentions.c.kind == "report"))
        assert refs.isdisjoint(named)
    again = erasing.erase(ledger, NOW + timedelta(days=1))
    assert (again.reports, again.records, again.payloads) == (0, 0, 0)
    # The same inputs again are repeats or later versions; nothing breaks and nothing is told twice.
    apply_to(ledger, told, NOW)
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        assert all(verify(connection, force).fault is None for force in FORCES)


def test_what_is_recent_or_not_yet_sent_stays(ledger: Ledger) -> None:
    apply_to(ledger, events(300), NOW)
    before = erasing.erase(ledger, NOW - timedelta(days=3650))
    assert (before.reports, before.records, before.payloads) == (0, 0, 0)
    erasing.erase(ledger, NOW + timedelta(days=1))
    with ledger.reading() as connection:
        payloads = connection.scalars(select(func.count()).select_from(chain_payloads)).one()
        rows = connection.scalars(select(func.count()).select_from(alert_events)).one()
        assert payloads == rows
        assert connection.scalars(select(func.count()).select_from(records)).one() >= 0


def test_each_kind_is_kept_as_long_as_its_rule_says(ledger: Ledger) -> None:
    story = Story(ledger).at("08:00").heartbeat()
    story.at("09:00").report("R1", opening_codes=["harassment"])
    story.passes("+1 05:00")  # told that it is due soon
    keys, now = Keys([bytes(32)]), story.now
    typed = seal_text(keys, "33", "c-1", {"comment": "a"})
    assert typed is not None
    session = Held(
        kind="signed_in",
        actor_id="a",
        state="{}",
        begun_at=now - DAY,
        seen_at=now - DAY,
        ends_at=now - DAY / 2,
    )
    going_on = msgspec.structs.replace(session, ends_at=now + DAY)
    with ledger.writing() as connection:
        written.insert(connection, operator_texts, [("33", 1, "c-1", typed.key_id, typed.data)])
        look = Consulted(
            at=now, force="33", ref="R1", view="report", actor_id="a", roles=("auditor",),
            via="page", purpose=Purpose.ASSURANCE,
        )  # fmt: skip
        write_consulted(connection, [look])
        sessions.keep(connection, "going on", going_on)
        sessions.keep(connection, "ended", session)
        connection.execute(notifications.update().values(next_try_at=None, status="sent"))
        told = connection.scalars(select(func.count()).select_from(notifications)).one()
        token, secret = make_token(connection, "native/incidents", "33", now - 9 * DAY)
    assert told
    rules = dict.fromkeys((Rule.LETTERS, Rule.TYPED, Rule.MESSAGES, Rule.LOOKS), 30)
    soon = erasing.erase_by_rule(ledger, rules, now + DAY / 4)
    assert soon == Erased(sessions=1)
    # Its alert still escalates: a planner would look for what it told.
    later = erasing.erase_by_rule(ledger, rules, now + 40 * DAY)
    assert later == Erased(texts=1, looks=1, sessions=1)
    with ledger.writing() as connection:
        connection.execute(escalations.update().values(open=0))
    assert erasing.erase_by_rule(ledger, rules, now + 40 * DAY) == Erased(messages=told)
    with ledger.reading() as connection:
        assert verify(connection, "33").fault is None
        assert find_token(connection, secret) == token
        assert outputs.conservation(connection).holds


def test_what_was_typed_and_sent_about_a_report_goes_with_it(ledger: Ledger) -> None:
    story = Story(ledger).at("08:00").heartbeat()
    story.at("09:00").report("R1", opening_codes=["harassment"])
    story.passes("+1 05:00")
    with ledger.reading() as connection:
        seq = connection.scalars(select(func.min(alert_events.c.seq))).one()
    with ledger.writing() as connection:
        written.insert(connection, operator_texts, [("33", seq, "c-1", "k", b"sealed")])
        closed = {"deadline": None, "claim": None, "next_by_watermark": None, "next_by_clock": None}
        connection.execute(reports.update().values(**closed))
        connection.execute(outbox.update().values(status="sent"))
        connection.execute(notifications.update().values(next_try_at=None, status="sent"))
    done = erasing.erase_by_rule(ledger, {Rule.REPORTS: 365}, story.now + 400 * DAY)
    assert done.reports == done.texts == 1
    assert done.messages >= 1
    with ledger.reading() as connection:
        assert verify(connection, "33").fault is None
