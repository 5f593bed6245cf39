"""What operators type, and dead letters as they came: sealed before they are kept, opened by right.

Authenticated encryption (AES-256-GCM). What is sealed is bound to its place, so that one text cannot be
put in another's. Keys stand in a file, one a line: the first seals, all of them open, and ``reseal`` brings
everything under the first, after which older keys may go. Nothing here is logged.
"""

import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from service.effects import Sealed
from service.ledger.tables import dead_letters, operator_texts

KEY_BYTES = 32
NONCE_BYTES = 12
ID_BYTES = 4
"""Of a key's digest, which names it without telling it."""


class KeysUnusable(Exception):
    """The key file cannot be used; the message names the file, the line and the remedy."""


class NotOpened(Exception):
    """Sealed under a key that is not here, or altered; the message says which key is missing."""


class Keys:
    """Keys by their id; the first seals."""

    def __init__(self, keys: list[bytes]) -> None:
        """Keys of 32 bytes, at least one."""
        self._keys = {sha256(b"recount/" + key).digest()[:ID_BYTES]: key for key in keys}
        self._first = next(iter(self._keys))

    @property
    def first(self) -> str:
        """Id of the key that seals."""
        return self._first.hex()

    def seal(self, data: bytes, place: str) -> bytes:
        """Key id, nonce, and the data encrypted for one place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        made = AESGCM(self._keys[self._first]).encrypt(nonce, data, place.encode())
        return self._first + nonce + made

    def open(self, sealed: bytes, place: str) -> bytes:
        """The data again. Raises ``NotOpened``."""
        name, rest = sealed[:ID_BYTES], sealed[ID_BYTES:]
        key = self._keys.get(name)
        if key is None:
            raise NotOpened(f"sealed under key {name.hex()}, which is not in the key file")
        try:
            return AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            raise NotOpened(f"altered since it was sealed under key {name.hex()}") from None


def read_keys(path: Path) -> Keys:
    """Keys from a file: base64 of 32 bytes, one a line, the one that seals first; ``#`` begins a
    comment. Raises ``KeysUnusable``."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not plain text"
        raise KeysUnusable(f"RECOUNT_TEXT_KEY_FILE: {path}: {why}") from None
    keys = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            key = b64decode(text, validate=True)
        except NotBase64:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeysUnusable(
                f"RECOUNT_TEXT_KEY_FILE: {path}: line {number} is not base64 of {KEY_BYTES} bytes; "
                f"make one with: openssl rand -base64 {KEY_BYTES}"
            )
        keys.append(key)
    if not keys:
        raise KeysUnusable(f"RECOUNT_TEXT_KEY_FILE: {path} holds no key")
    return Keys(keys)


def new_key() -> str:
    """A fresh line for a key file."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


# -- what operators type --------------------------------------------------------------------------


def seal_text(keys: Keys, force: str, command_id: str, typed: Mapping[str, str]) -> Sealed | None:
    """What a person typed, by field, for one command; None where he typed nothing."""
    filled = {field: text.strip() for field, text in typed.items() if text.strip()}
    if not filled:
        return None
    data = keys.seal(msgspec.json.encode(filled), _text_place(force, command_id))
    return Sealed(keys.first, data, tuple(sorted(filled)))


def open_text(connection: Connection, keys: Keys, force: str, seq: int) -> dict[str, str] | None:
    """What was typed with one command, by field; None where nothing was, or where it was erased.

    Raises ``NotOpened``. Whoever shows it has checked the right to read it, and notes that it was read.
    """
    held = operator_texts.c
    query = select(held.command_id, held.sealed).where(held.force == force, held.seq == seq)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    data = keys.open(bytes(row.sealed), _text_place(force, row.command_id))
    return msgspec.json.decode(data, type=dict[str, str])


def erase_text(connection: Connection, force: str, seq: int) -> bool:
    """Erase what was typed with one command; the chain holds without it. Was there anything?"""
    held = operator_texts.c
    gone = connection.execute(delete(operator_texts).where(held.force == force, held.seq == seq))
    return gone.rowcount > 0


def _text_place(force: str, command_id: str) -> str:
    return f"text/{force}/{command_id}"


# -- dead letters ---------------------------------------------------------------------------------


def seal_letter(keys: Keys, topic_id: str, partition: int, position: int, raw: bytes) -> bytes:
    """A dead letter as it came, sealed for its place."""
    return keys.seal(raw, _letter_place(topic_id, partition, position))


def open_letter(keys: Keys, topic_id: str, partition: int, position: int, sealed: bytes) -> bytes:
    """A dead letter as it came. Raises ``NotOpened``."""
    return keys.open(sealed, _letter_place(topic_id, partition, position))


def _letter_place(topic_id: str, partition: int, position: int) -> str:
    return f"letter/{topic_id}/{partition}/{position}"


# -- rotation -------------------------------------------------------------------------------------


def reseal(connection: Connection, keys: Keys) -> int:
    """Bring everything sealed under an older key under the first; how much that was.

    Raises ``NotOpened`` where a key is missing, and then changes nothing if the transaction ends.
    """
    texts, letters = operator_texts.c, dead_letters.c
    done = 0
    query = select(texts.force, texts.seq, texts.command_id, texts.sealed)
    old = query.where(texts.key_id != keys.first)
    for force, seq, command_id, sealed in connection.execute(old).all():
        place = _text_place(force, command_id)
        again = keys.seal(keys.open(bytes(sealed), place), place)
        here = (texts.force == force) & (texts.seq == seq)
        _replace(connection, operator_texts, here, {"sealed": again, "key_id": keys.first})
        done += 1
    kept = select(*dead_letters.primary_key, letters.raw_encrypted)
    for topic_id, partition, position, sealed in connection.execute(
        kept.where(letters.raw_encrypted.is_not(None))
    ).all():
        if bytes(sealed)[:ID_BYTES].hex() == keys.first:
            continue
        place = _letter_place(topic_id, partition, position)
        again = keys.seal(keys.open(bytes(sealed), place), place)
        here = (
            (letters.topic_id == topic_id)
            & (letters.partition == partition)
            & (letters.position == position)
        )
        _replace(connection, dead_letters, here, {"raw_encrypted": again})
        done += 1
    return done


def _replace(
    connection: Connection, table: Table, here: ColumnElement[bool], values: dict[str, object]
) -> None:
    connection.execute(update(table).where(here).values(values))
