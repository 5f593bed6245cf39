"""A change of key for people: everything held follows, and new rows find the old."""

from collections.abc import Callable

from sqlalchemy import select

from schemas.words import Verdict
from service.effects import Input
from service.ingest.people import PersonKey, keyed_hash
from service.ledger import outputs
from service.ledger.carrying import carry_over, carrying
from service.ledger.chain import verify
from service.ledger.opening import Ledger
from service.ledger.tables import mentions, records, reports
from service.turn import Batch, turn
from tests.ledger.story import record, report, rulebook

ONE = PersonKey("k1", b"a secret of no meaning, 32 bytes")
TWO = PersonKey("k2", b"another secret of no meaning, 32", wraps=ONE)
THREE = PersonKey("k3", b"a third secret of no meaning, 32", wraps=TWO)
NAME = ["Example", "1980-01-01"]


def hashed(key: PersonKey) -> str:
    made = keyed_hash(key, NAME)
    assert made is not None
    return made


def everything(ledger: Ledger) -> str:
    with ledger.reading() as connection:
        texts = [
            *connection.scalars(select(reports.c.state)),
            *connection.scalars(select(reports.c.line)),
        ]
        texts += [
            *connection.scalars(select(records.c.state)),
            *connection.scalars(select(mentions.c.key)),
        ]
    return "\n".join(texts)


def test_whatever_an_older_key_made_the_newest_one_would_make() -> None:
    carry = carrying(THREE)
    assert carry(f'["{hashed(ONE)}"]') == f'["{hashed(THREE)}"]'
    assert carry(hashed(TWO)) == hashed(THREE)
    assert carry(hashed(THREE)) == hashed(THREE)
    assert carry("k1:of no person") == "k1:of no person"
    assert carrying(ONE)(hashed(ONE)) == hashed(ONE)


def test_everything_held_is_carried_over_and_the_chain_still_verifies(
    ledgers: Callable[[], Ledger],
) -> None:
    ledger, old, new = ledgers(), hashed(ONE), hashed(TWO)
    seen: list[Input] = [
        report("R1", 1, victims=(old,)),
        report("R2", 2, victims=(old,)),
        record("C1", 3, incident_refs=("R1",), victims=(old,)),
    ]
    turn(ledger, rulebook(), Batch(inputs=tuple(seen)))
    before = everything(ledger)
    assert before.count(old) >= 4
    with ledger.reading() as connection:
        lines = list(outputs.lines(connection))
    assert carry_over(ledger, TWO) >= 3
    after = everything(ledger)
    assert old not in after
    assert after.count(new) == before.count(old)
    assert carry_over(ledger, TWO) == 0
    with ledger.reading() as connection:
        assert verify(connection, "33").fault is None
        assert outputs.conservation(connection).holds
        assert [
            line.replace(new.encode(), old.encode()) for line in outputs.lines(connection)
        ] == lines
    # What arrives under the new key goes with what was there.
    turn(
        ledger, rulebook(), Batch(inputs=(record("C2", 4, incident_refs=("R2",), victims=(new,)),))
    )
    with ledger.reading() as connection:
        verdicts = set(connection.scalars(select(reports.c.verdict)))
    assert verdicts == {Verdict.RECORDED}
