"""Statistics counted over folders of results, or over a ledger, with what they are about."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from service.hosts.files import NotGiven
from service.hosts.folders import Summary, not_connected, read_lines, read_summary
from service.hosts.opened import current_ledger
from service.ingest.source import Topic
from service.insight.statement import About
from service.insight.statistics import Chosen, Statistics
from service.ledger import outputs
from service.matching.judgement import Line, decode

ZONE = "Europe/London"
"""Where nothing says which zone a force keeps."""


class Origin(Struct, frozen=True, kw_only=True):
    """Where lines come from: folders, or a ledger."""

    folders: tuple[Path, ...]
    ledger: str
    zone: str
    """Empty: the folders' own."""


def count(origin: Origin, chosen: Chosen) -> tuple[Statistics, About]:
    """Count the chosen reports. Raises ``NotGiven``, ``InputBroken``, ``LedgerUnusable``."""
    if bool(origin.folders) == bool(origin.ledger):
        raise NotGiven("give folders that `recount replay` made, or --ledger URL, not both")
    counted, about = _ledger(origin, chosen) if origin.ledger else _folders(origin, chosen)
    if counted.left_out and not counted.reports:
        raise NotGiven(
            f"none of {counted.left_out:,} reports is of that force and period; mend --force or --period"
        )
    return counted, about


def _folders(origin: Origin, chosen: Chosen) -> tuple[Statistics, About]:
    summaries = [read_summary(folder) for folder in origin.folders]
    stated = [summary.about for summary in summaries if summary.about]
    counted = Statistics(zone=origin.zone or common_zone(summaries), chosen=chosen)
    for line in read_lines(origin.folders):
        counted.add(line)
    ends = [each.as_of for each in stated if each.as_of]
    about = About(
        title="; ".join(dict.fromkeys(each.title for each in stated)) or "Recording statistics",
        zone=counted.zone,
        as_of=max(ends, default=None),
        blind=_in_order({topic for each in stated for topic in each.blind_spots}),
        unlinked=sum(summary.records.unlinked for summary in summaries),
        packs=tuple(dict.fromkeys(each.pack_digest for each in stated)),
    )
    return counted, about


def chosen_lines(folders: Sequence[Path], zone: str, chosen: Chosen) -> Iterator[Line]:
    """The chosen lines of some folders. Raises as ``count``."""
    summaries = [read_summary(folder) for folder in folders]
    shown = ZoneInfo(zone or common_zone(summaries))
    for line in read_lines(folders):
        if chosen.takes(line.force, line.received_at.astimezone(shown).date()):
            yield line


def common_zone(summaries: Sequence[Summary]) -> str:
    """The one zone of all these results. Raises ``NotGiven`` where they differ."""
    zones = {summary.about.zone for summary in summaries if summary.about}
    if len(zones) > 1:
        raise NotGiven(f"results in {', '.join(sorted(zones))}; say in which to count with --zone")
    return zones.pop() if zones else ZONE


def _ledger(origin: Origin, chosen: Chosen) -> tuple[Statistics, About]:
    counted = Statistics(zone=origin.zone or ZONE, chosen=chosen)
    with current_ledger(origin.ledger) as ledger, ledger.reading() as connection:
        packs = set()
        for text in outputs.lines(connection):
            line = decode(text)
            packs.add(line.digests.pack)
            counted.add(line)
        for each in outputs.openings(connection):
            counted.add_wait(each.force, each.route, each.via, each.received_at, each.opened_at)
        about = About(
            title="Recording statistics",
            zone=counted.zone,
            as_of=outputs.latest(connection),
            blind=not_connected(outputs.topics(connection)),
            unlinked=outputs.record_counts(connection).unlinked,
            packs=tuple(sorted(packs)),
            opened=True,
        )
    return counted, about


def _in_order(topics: set[Topic]) -> tuple[Topic, ...]:
    return tuple(topic for topic in Topic if topic in topics)
