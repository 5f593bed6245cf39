"""Erasing: what is old and closed goes, what is owed stays, counts and chains still hold."""

from datetime import timedelta

from sqlalchemy import func, select

from service.ledger import erasing, outputs
from service.ledger.chain import verify
from service.ledger.opening import Ledger
from service.ledger.tables import alert_events, chain_payloads, mentions, outbox, records, reports
from service.matching import judgement
from tests.kafka.feed import FORCES, NOW, apply_to, events


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
