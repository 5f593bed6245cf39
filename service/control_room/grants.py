"""What the identity provider says of somebody, as roles, forces and named rights here.

Claims hold lists of words, or one string of words. A word means itself (``supervisor``, ``33``,
``referrals``), unless the settings say what it stands for; a word that means nothing here is passed
over, so that a provider may list every group that somebody is in.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from service.alerts.actors import EVERY_FORCE, Actor, ActorRole
from service.control_room.gate import Kept
from service.control_room.viewers import Special
from service.settings import Settings

_OPAQUE = re.compile(r"[A-Za-z0-9._:|~+/=-]{1,128}")
_FORCE = re.compile(r"[A-Za-z0-9_-]{1,20}")


class SignInRefused(Exception):
    """Nobody is signed in; ``reason`` is a word for the log, the message says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def granted(claims: Mapping[str, Any], settings: Settings) -> Kept:
    """Who somebody is here. Raises ``SignInRefused`` where they have no role, or no force."""
    said = {
        claim: {settings.oidc_words.get(word, word) for word in _words(claims, claim)}
        for claim in (
            settings.oidc_roles_claim,
            settings.oidc_forces_claim,
            settings.oidc_rights_claim,
        )
    }
    roles = tuple(role for role in ActorRole if role in said[settings.oidc_roles_claim])
    forces = _forces(said[settings.oidc_forces_claim])
    special = tuple(right for right in Special if right in said[settings.oidc_rights_claim])
    actor_id = next(_words(claims, settings.oidc_id_claim, split=False), "")
    if not _OPAQUE.fullmatch(actor_id):
        raise SignInRefused(
            "id_not_opaque",
            f"claim {settings.oidc_id_claim} is absent, or looks like a name or an address: "
            "name an opaque one in RECOUNT_OIDC_ID_CLAIM",
        )
    if not roles or not forces:
        raise SignInRefused(
            "no_role" if not roles else "no_force",
            "you have no role or no force here; ask your administrator",
        )
    officer = next(_words(claims, settings.oidc_officer_claim, split=False), "")
    actor = Actor(id=actor_id, roles=roles, forces=forces, via="page", officer_hash=officer)
    return Kept(actor, special)


def _forces(words: set[str]) -> tuple[str, ...]:
    if EVERY_FORCE in words:
        return (EVERY_FORCE,)
    others = frozenset(ActorRole) | frozenset(Special)
    return tuple(sorted(word for word in words - others if _FORCE.fullmatch(word)))


def _words(claims: Mapping[str, Any], path: str, *, split: bool = True) -> Iterator[str]:
    """Words at a dotted path; a claim whose own name has dots is found first."""
    found: Any = claims.get(path)
    if found is None and path:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        yield from found.split() if split else [found]
    elif isinstance(found, list) and split:
        yield from (word for word in found if isinstance(word, str))
