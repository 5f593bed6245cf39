"""Who looks: an actor, and which reports the law lets them read."""

from enum import StrEnum

from msgspec import Struct

from service.alerts.actors import EVERY_FORCE, Actor, ActorRole, for_force


class Special(StrEnum):
    """Rights that no role brings: somebody was given them by name."""

    REFERRALS = "referrals"
    """Referrals to a protection team."""
    SEXUAL = "sexual"
    """Reports of rape and sexual offences."""
    CHILD = "child"
    """Reports in which a child is harmed."""


class Viewer(Struct, frozen=True):
    """Somebody who is signed in."""

    actor: Actor
    special: frozenset[Special] = frozenset()
    csrf: str = ""
    """What every form and unsafe request of this session carries."""

    @property
    def id(self) -> str:
        """Opaque, the same for the same person always."""
        return self.actor.id

    @property
    def roles(self) -> frozenset[ActorRole]:
        """What they are here."""
        return frozenset(self.actor.roles)

    @property
    def forces(self) -> frozenset[str] | None:
        """Forces they may see; None: every force."""
        return None if EVERY_FORCE in self.actor.forces else frozenset(self.actor.forces)

    @property
    def protected(self) -> bool:
        """May they see referrals, and sexual and child offences? (all of the named rights)"""
        return self.special == frozenset(Special)

    def sees(self, force: str, *, protected: bool) -> bool:
        """May they see something of this force, protected or not?"""
        return for_force(self.actor, force) and (self.protected or not protected)

    def may_read(self, force: str, needs: frozenset[Special]) -> bool:
        """May they read a report of this force that needs these rights (``needed``)?"""
        return for_force(self.actor, force) and needs <= self.special


def needed(*, referral: bool, group: str | None) -> frozenset[Special]:
    """The named rights without which nobody reads a report, by its route and its group of harm."""
    needs = {Special(group)} if group in (Special.SEXUAL, Special.CHILD) else set()
    return frozenset(needs | ({Special.REFERRALS} if referral else set()))
