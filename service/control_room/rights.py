"""Who asks, and what they may see and do: the one place in which rights are decided.

Every route depends on ``require``; what comes back is the viewer, by which it filters what it shows.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request
from msgspec import Struct

from service.alerts.actors import EVERY_FORCE, Actor, ActorRole, for_force


class Viewer(Struct, frozen=True):
    """Somebody who looks, and may act."""

    actor: Actor
    restricted: bool
    """May they see referrals, and sexual and child offences?"""

    def sees(self, force: str, *, restricted: bool = False) -> bool:
        """May they see something of this force, restricted or not?"""
        return for_force(self.actor, force) and (self.restricted or not restricted)

    @property
    def forces(self) -> frozenset[str] | None:
        """Forces they may see; None: every one."""
        return None if EVERY_FORCE in self.actor.forces else frozenset(self.actor.forces)


LOOPBACK = Viewer(
    Actor(id="loopback", roles=tuple(ActorRole), forces=(EVERY_FORCE,), via="page"), True
)
"""Whoever sits at the machine on which the service runs alone."""


def require(view: str) -> Callable[[Request], Awaitable[Viewer]]:
    """A dependency: the viewer, where they may have this view or do this action."""

    async def viewer(request: Request) -> Viewer:
        return LOOPBACK

    viewer.__name__ = f"require_{view}"
    return viewer
