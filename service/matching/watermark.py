"""How far a source is read: watermarks, coverage, silence. Each function returns the state after.

A watermark moves by the source's own events less its lateness, by heartbeats, and at a file's end by
its coverage; it never goes back, save that what silence alone added is taken away when silence is no
longer believable. It never passes the end of what the source covers, nor the moment at which its
event became known. A source cut by incident time is not moved by events before its end is stated:
its record times run on after the cut and prove nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from service.ingest.source import Source


class Basis(StrEnum):
    """What last moved a watermark."""

    EVENT = "event"
    HEARTBEAT = "heartbeat"
    SILENCE = "silence"
    COVERAGE = "coverage"


class SourceState(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """How far one source of one force is read."""

    force: str
    source: str
    watermark: datetime | None = None
    """Time before which no more is expected."""
    basis: Basis = Basis.EVENT
    solid: datetime | None = None
    """The watermark without what silence alone added; what remains when silence is not believed."""
    since: datetime | None = None
    """Start of what it covers; None: the first time seen."""
    until: datetime | None = None
    """End of what it covers; None: still growing."""
    first_event: datetime | None = None
    last_event: datetime | None = None
    last_known: datetime | None = None
    """When anything last arrived: silence counts from here."""
    ended: bool = False
    """Read to the end of its file, coverage stated."""
    silent: bool = False
    lost_since: datetime | None = None
    """Input after this was lost before it was read."""
    unknown_codes: tuple[str, ...] = ()
    """Codes already alerted."""
    alerts: int = 0
    """Events given so far under this source's alert id."""


def connected(force: str, source: Source) -> SourceState:
    """The state of a source that has just been seen for the first time."""
    return SourceState(
        force=force, source=source.name, since=source.covers_from, until=source.covers_until
    )


def by_event(
    state: SourceState,
    source: Source,
    at: datetime | None,
    known: datetime,
    *,
    proves: bool = True,
) -> SourceState:
    """Something that happened ``at`` arrived; None where the source only bounds its time. Without
    ``proves`` it was seen, and says nothing of what else is read: no watermark moves."""
    if at is None:
        return _heard(state, known)
    first, last, heard = state.first_event, state.last_event, state.last_known
    mark = state.solid
    if proves and (not source.runs_on or state.until is not None):
        read_to = at - source.lateness if at <= known else known - source.lateness
        mark = _later(mark, _capped(read_to, state.until))
    seen: dict[str, Any] = {
        "first_event": at if first is None or at < first else first,
        "last_event": at if last is None or at > last else last,
        "last_known": known if heard is None or known > heard else heard,
        "silent": False,
    }
    return _marked(state, mark, Basis.EVENT, **seen)


def by_heartbeat(state: SourceState, until: datetime, known: datetime) -> SourceState:
    """The source promised that nothing from before ``until`` is still to come."""
    mark = _later(state.solid, _capped(min(until, known), state.until))
    return _marked(_heard(state, known), mark, Basis.HEARTBEAT)


def by_coverage(
    state: SourceState, since: datetime | None, until: datetime | None, as_of: datetime
) -> SourceState:
    """A file was read to its end. Coverage only grows; nothing stated: first to last time seen."""
    since = since or state.first_event
    until = until or state.last_event
    if until is None:
        return replace(state, ended=True)
    grown = replace(
        state,
        since=_earlier(state.since, since),
        until=_later(state.until, until),
        ended=True,
        silent=False,
    )
    mark = _later(state.solid, _capped(as_of, grown.until))
    return _marked(grown, mark, Basis.COVERAGE)


def by_idling(state: SourceState, source: Source, now: datetime) -> SourceState:
    """Read to its end with nothing new: a source that declares it moves with the clock."""
    if not source.idle_advance or state.silent or state.ended:
        return state
    mark = _capped(now - source.lateness, state.until)
    if state.watermark is not None and mark <= state.watermark:
        return state
    return replace(state, watermark=mark, basis=Basis.SILENCE)


def silent_at(state: SourceState, source: Source) -> datetime | None:
    """When this source will have been quiet for longer than is believable; None: never."""
    if source.believable_silence is None or state.ended or state.silent:
        return None
    return None if state.last_known is None else state.last_known + source.believable_silence


def next_silence(
    watched: Iterable[str], states: Mapping[str, SourceState], sources: Mapping[str, Source]
) -> tuple[datetime, str] | None:
    """Which of the watched sources will fall silent first, and when; None: none ever."""
    found = [
        (at, name)
        for name in watched
        if name in states and (at := silent_at(states[name], sources[name]))
    ]
    return min(found, default=None)


def by_silence(state: SourceState) -> SourceState:
    """Quiet for longer than is believable: what silence added no longer counts."""
    if state.basis is Basis.SILENCE:
        return replace(state, silent=True, watermark=state.solid, basis=Basis.EVENT)
    return replace(state, silent=True)


def by_loss(state: SourceState, since: datetime | None) -> SourceState:
    """Input was lost unread; everything after ``since`` (None: everything) is in doubt."""
    return replace(state, lost_since=_earlier(state.lost_since, since or state.first_event))


def reaches_back(state: SourceState, at: datetime | None) -> bool:
    """Does something that happened ``at`` make the source answer for more than it did? Where nobody
    said from when on it does, it is from the first time seen, whenever that is read."""
    if state.since is not None or at is None:
        return False
    return state.first_event is None or at < state.first_event


def covers(state: SourceState, received_at: datetime, due_at: datetime) -> bool:
    """Do receipt and deadline lie inside what a record source answers for?"""
    since = state.since or state.first_event
    return (
        since is not None
        and since <= received_at
        and (state.until is None or due_at <= state.until)
        and (state.lost_since is None or due_at < state.lost_since)
    )


def _heard(state: SourceState, known: datetime) -> SourceState:
    if not state.silent and state.last_known is not None and known <= state.last_known:
        return state
    return replace(state, last_known=_later(state.last_known, known), silent=False)


def _marked(state: SourceState, mark: datetime | None, basis: Basis, **seen: Any) -> SourceState:
    """The state with what was ``seen`` and, where it moves, its watermark."""
    if mark is None or mark == state.solid:
        return replace(state, **seen) if seen else state
    if state.watermark is not None and state.basis is Basis.SILENCE and mark < state.watermark:
        return replace(state, solid=mark, **seen)
    return replace(state, solid=mark, watermark=mark, basis=basis, **seen)


def _capped(at: datetime, until: datetime | None) -> datetime:
    return at if until is None or at <= until else until


def _later(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return a if a >= b else b


def _earlier(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return a if a <= b else b
