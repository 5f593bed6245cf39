"""Mutes: messages about some alerts kept back for a time. The alerts stand, and are counted."""

from datetime import datetime

from msgspec import Struct

from schemas.words import Grade


class Matchers(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Which alerts of a force; every one that is given must agree."""

    area: str = ""
    category: str = ""
    harm: bool | None = None
    grade: Grade | None = None
    subject: str = ""
    """Reference of one report, or ``source:NAME``."""


class Mute(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One mute; whatever it matches is not sent between its two moments."""

    id: str
    force: str
    matchers: Matchers
    since: datetime
    until: datetime
    author: str
    """Opaque id of whoever made it."""
    seq: int
    """Chain number of the command that made it."""
    ended_at: datetime | None = None
    ended_by: str = ""

    def runs(self, at: datetime) -> bool:
        """Is it in force at this moment?"""
        end = self.until if self.ended_at is None else min(self.until, self.ended_at)
        return self.since <= at < end


class Subject(Struct, frozen=True, kw_only=True):
    """What a mute is held against."""

    subject: str
    area: str = ""
    category: str = ""
    harm: bool = False
    grade: Grade | None = None


def matches(mute: Mute, what: Subject) -> bool:
    """Is this alert one of those muted?"""
    wanted = mute.matchers
    return (
        wanted.area in ("", what.area)
        and wanted.category in ("", what.category)
        and wanted.subject in ("", what.subject)
        and wanted.harm in (None, what.harm)
        and wanted.grade in (None, what.grade)
    )
