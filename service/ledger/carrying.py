"""A change of key for people: what the ledger holds is carried over without the names.

The new key wraps the one before: a hash made with the old one is hashed again with the new one, which is
what the new key makes of the person (``ingest.people``). States, lines and the keys by which reports are
found are rewritten force by force, as a turn would; chains hold no hash of a person and stay as they are.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

from sqlalchemy import BindParameter, Connection, Table, and_, bindparam, select, update

from service.ingest.people import PersonKey
from service.ledger import outputs
from service.ledger.load import lock
from service.ledger.opening import Ledger
from service.ledger.statements import delete, insert_once
from service.ledger.tables import mentions, records, reports

AT_ONCE = 500
"""Rows in one transaction: turns of the force wait for no more than that."""

Carry = Callable[[str], str]


def carry_over(ledger: Ledger, key: PersonKey) -> int:
    """Bring every hash of a person under this key; in how many rows there was one. May be run again."""
    carry = carrying(key)
    done = 0
    with ledger.reading() as connection:
        forces = outputs.forces(connection)
    for force in forces:
        for table in (reports, records):
            for refs in _pages(ledger, force, table):
                with ledger.writing() as connection:
                    lock(connection, [force])
                    done += _rewrite(connection, force, table, refs, carry)
        with ledger.writing() as connection:
            lock(connection, [force])
            done += _refind(connection, force, carry)
    return done


def carrying(key: PersonKey) -> Carry:
    """Text with every hash of an older key brought under this one."""
    line: list[PersonKey] = []
    each: PersonKey | None = key
    while each is not None:
        line.insert(0, each)
        each = each.wraps
    later = {old.id: line[n + 1 :] for n, old in enumerate(line[:-1])}
    if not later:
        return str
    found = re.compile(rf"\b({'|'.join(map(re.escape, later))}):([0-9a-f]{{32}})\b")

    def wrapped(hit: re.Match[str]) -> str:
        digest = hit[2]
        for newer in later[hit[1]]:
            digest = hmac.new(newer.secret, digest.encode(), hashlib.sha256).hexdigest()[:32]
        return f"{key.id}:{digest}"

    return lambda text: found.sub(wrapped, text)


def _pages(ledger: Ledger, force: str, table: Table) -> Iterator[list[str]]:
    after = ""
    while True:
        here = and_(table.c.force == force, table.c.ref > after)
        query = select(table.c.ref).where(here).order_by(table.c.ref).limit(AT_ONCE)
        with ledger.reading() as connection:
            refs = list(connection.scalars(query))
        if not refs:
            return
        yield refs
        after = refs[-1]


def _rewrite(
    connection: Connection, force: str, table: Table, refs: list[str], carry: Carry
) -> int:
    names = [name for name in ("state", "line") if name in table.c]
    here = and_(table.c.force == force, table.c.ref.in_(refs))
    changed = []
    for ref, *texts in connection.execute(
        select(table.c.ref, *(table.c[n] for n in names)).where(here)
    ):
        after = [carry(text) for text in texts]
        if after != texts:
            values = {f"a_{name}": text for name, text in zip(names, after, strict=True)}
            changed.append({"a_ref": ref, **values})
    if changed:
        one = and_(table.c.force == force, table.c.ref == bindparam("a_ref"))
        places: dict[str, BindParameter[str]] = {name: bindparam(f"a_{name}") for name in names}
        connection.execute(update(table).where(one).values(places), changed)
    return len(changed)


def _refind(connection: Connection, force: str, carry: Carry) -> int:
    """Keys of people are part of a primary key: written anew."""
    held = connection.execute(select(mentions).where(mentions.c.force == force)).tuples()
    old = [tuple(row) for row in held if carry(row.key) != row.key]
    delete(connection, mentions, old)
    insert_once(connection, mentions, [(f, carry(key), kind, ref) for f, key, kind, ref in old])
    return len(old)
