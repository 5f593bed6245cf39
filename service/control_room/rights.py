"""Who asks, and what they may see and do: the one place in which rights are decided.

Every route depends on ``require``; what comes back is the viewer, by which it filters what it shows.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request
from msgspec import Struct


class Viewer(Struct, frozen=True):
    """Somebody who looks."""

    id: str
    roles: frozenset[str]
    forces: frozenset[str] | None
    """Forces they may see; None: every force."""
    protected: bool
    """May they see referrals, and sexual and child offences?"""

    def sees(self, force: str, *, protected: bool) -> bool:
        """May they see something of this force, protected or not?"""
        return (self.forces is None or force in self.forces) and (self.protected or not protected)


LOOPBACK = Viewer("loopback", frozenset({"admin"}), None, protected=True)
"""Whoever sits at the machine on which the service runs alone."""


def require(view: str) -> Callable[[Request], Awaitable[Viewer]]:
    """A dependency: the viewer, where they may have this view or do this action."""

    async def viewer(request: Request) -> Viewer:
        return LOOPBACK

    viewer.__name__ = f"require_{view}"
    return viewer
