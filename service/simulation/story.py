"""The parts of a story as it unfolds: versions of a log or record, each the whole as it then stands."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Feed(StrEnum):
    """The three streams; the value is the name of the topic."""

    INCIDENTS = "incident-log"
    RECORDS = "crime-record"
    REFERRALS = "public-protection-referral"


class Version(Struct, frozen=True):
    """A document as it stands from ``at`` on, to be brought by ``feed``."""

    at: datetime
    feed: Feed
    document: dict[str, Any]


class Change(Struct, frozen=True):
    """What changes at one moment: fields, and an entry where one is written."""

    at: datetime
    fields: dict[str, Any]
    entry: dict[str, Any] | None = None


def entry(at: datetime, writer: str, category: str, text: str) -> dict[str, Any]:
    """One narrative entry, as the contracts hold it."""
    return {"at": at, "writer": writer, "category": category, "text": text}


def versions(feed: Feed, document: dict[str, Any], changes: list[Change]) -> Iterator[Version]:
    """Each change makes the next version; changes of one moment make one."""
    narrative: list[dict[str, Any]] = []
    state, number = document, 0
    ordered = sorted(changes, key=lambda change: change.at)
    for n, change in enumerate(ordered):
        state = {**state, **change.fields}
        if change.entry is not None:
            narrative = [*narrative, change.entry]
        if n + 1 < len(ordered) and ordered[n + 1].at == change.at:
            continue
        number += 1
        state["version"] = number
        state["updated_at"] = change.at
        if narrative:
            state["narrative"] = narrative
        yield Version(change.at, feed, state)
