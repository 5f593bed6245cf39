"""Tokens of those who send reports and records: shown once, held as digests, revocable.

A token is ``recount_ID_SECRET`` and stands for one source of one force.
"""

import hmac
import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, select, update

from service.ledger.instants import instant, micros
from service.ledger.statements import insert
from service.ledger.tables import tokens

PREFIX = "recount"
"""Lets people and scanners of text tell what was left lying about."""

ID_BYTES, SECRET_BYTES = 6, 32
"""A secret of 256 bits of chance needs no slow digest: there is nothing to guess."""


class Token(Struct, frozen=True, kw_only=True):
    """What is known of a token; its secret is known to nobody here."""

    id: str
    source: str
    """As the ledger names it: mapping/side."""
    force: str
    made_at: datetime
    revoked_at: datetime | None = None


def make_token(connection: Connection, source: str, force: str, now: datetime) -> tuple[Token, str]:
    """A new token and, this once, how it is written."""
    token = Token(id=secrets.token_hex(ID_BYTES), source=source, force=force, made_at=now)
    secret = secrets.token_hex(SECRET_BYTES)
    row = (token.id, _digest(secret), source, force, micros(now), None)
    insert(connection, tokens, [row])
    return token, f"{PREFIX}_{token.id}_{secret}"


def find_token(connection: Connection, written: str) -> Token | None:
    """The token so written, revoked or not; None where there is none."""
    prefix, _, rest = written.partition("_")
    id_, _, secret = rest.partition("_")
    if prefix != PREFIX or not secret:
        return None
    row = connection.execute(select(tokens).where(tokens.c.id == id_)).first()
    if row is None or not hmac.compare_digest(row.digest, _digest(secret)):
        return None
    return _token(row)


def list_tokens(connection: Connection) -> list[Token]:
    """Every token, oldest first."""
    order = (tokens.c.made_at, tokens.c.id)
    return [_token(row) for row in connection.execute(select(tokens).order_by(*order))]


def revoke_token(connection: Connection, id_: str, now: datetime) -> bool:
    """Never take it again; False where there is no such token. One revoked before keeps its time."""
    known = connection.scalars(select(tokens.c.id).where(tokens.c.id == id_)).first()
    change = update(tokens).where(tokens.c.id == id_, tokens.c.revoked_at.is_(None))
    connection.execute(change.values(revoked_at=micros(now)))
    return known is not None


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        source=row.source,
        force=row.force,
        made_at=instant(row.made_at),
        revoked_at=instant(row.revoked_at),
    )
