"""Keyed hashes of people: the columns that identify somebody become one HMAC and are let go.

Normalisation and key are the same for both sides of a force, so that the same person gives the same
hash in reports and in records; without the key nobody can go back.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence

from msgspec import Struct


class PersonKey(Struct, frozen=True):
    """A force's key for people; ``id`` names it in every hash, so that it can be changed."""

    id: str
    secret: bytes
    wraps: "PersonKey | None" = None
    """The key before it: a hash made with that one is hashed again with this, so that what is stored
    can be carried over without the names."""

    def __repr__(self) -> str:
        return f"PersonKey({self.id!r})"


def keyed_hash(key: PersonKey, identity: Sequence[str]) -> str | None:
    """``key id:digest`` of somebody's identifying values; None where all are blank."""
    parts = [normalised(part) for part in identity]
    if not any(parts):
        return None
    return f"{key.id}:{_digest(key, chr(31).join(parts))}"


def _digest(key: PersonKey, text: str) -> str:
    if key.wraps is not None:
        text = _digest(key.wraps, text)
    return hmac.new(key.secret, text.encode(), hashlib.sha256).hexdigest()[:32]


_APOSTROPHES = dict.fromkeys(map(ord, "'\u2018\u2019\u02bc`"))


def normalised(text: str) -> str:
    """Upper case, accents, apostrophes and other punctuation off, spaces collapsed: how one name is
    written twice."""
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).upper()
    kept = (c if c.isalnum() or c.isspace() else " " for c in plain if not unicodedata.combining(c))
    return " ".join("".join(kept).split())
