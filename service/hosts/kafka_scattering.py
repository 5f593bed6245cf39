"""The worker's part in scattered forces: promises written down before a turn, and told once proved."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from service.hosts.kafka_topics import Topic
from service.ledger import scattering
from service.ledger.opening import Ledger
from service.ledger.scattering import Scattered, Waiting

Ends = Callable[[str], Mapping[int, int]]
"""Asks the broker for the end of every partition of a topic."""

Proved = dict[str, tuple[tuple[str, datetime], ...]]
"""By force: sources, and the moment before which nothing is still to come."""


def write_down(
    ledger: Ledger, topics: Mapping[str, Topic], said: Mapping[Scattered, datetime | None]
) -> None:
    """Before the turn that applies them: a promise noted early only counts later."""
    by_topic: dict[str, dict[Scattered, datetime | None]] = defaultdict(dict)
    names = {topic.id: name for name, topic in topics.items()}
    for each, promised in said.items():
        by_topic[names[each.topic_id]][each] = promised
    if not by_topic:
        return
    with ledger.writing() as connection:
        for topic, several in sorted(by_topic.items()):
            scattering.note(connection, topic, several)


def prove(
    ledger: Ledger, ids: Mapping[str, str], forces: Collection[str], ends: Ends
) -> tuple[Proved, list[Waiting]]:
    """What is proved of these forces by now; for the rest, the ends that must be passed are written.

    ``ids`` are the topics' ids by name; what was promised on a topic that is no more counts for nothing.
    """
    with ledger.reading() as connection:
        held = scattering.waiting(connection, forces)
        mine = [each for each in held if ids.get(each.topic) == each.of.topic_id]
        proved = scattering.passed(connection, mine)
    for each in mine:
        if each.ends is None:
            now = ends(each.topic)
            with ledger.writing() as connection:
                scattering.await_ends(connection, each, now)
    found: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for each in proved:
        if each.awaited is not None:
            found[each.of.force].append((each.of.source, each.awaited))
    return {force: tuple(several) for force, several in found.items()}, proved


def told(ledger: Ledger, proved: Collection[Waiting]) -> None:
    """The lanes know; nothing is lost where this is not reached: it is proved again."""
    if proved:
        with ledger.writing() as connection:
            for each in proved:
                scattering.count(connection, each)
