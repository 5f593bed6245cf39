"""Reports of some files, one by one, as a pack reads them: nothing is joined and nothing is kept."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from schemas.reports import IncidentLog, Referral
from service.hosts.files import BadRow, NotGiven, open_rows
from service.hosts.review import sort_out
from service.ingest.decode import Decoder, Refused
from service.ingest.mapping import Feed, SourceMapping
from service.ingest.people import PersonKey
from service.rules.explaining import Explained, explained
from service.rules.observe import Observer
from service.rules.pack import Pack


class At(Struct, frozen=True):
    """Where a report stands, and what is made of it."""

    file: str
    line: int
    said: Explained | Refused


def explain_files(
    mapping: SourceMapping,
    pack: Pack,
    paths: Sequence[Path],
    ref: str | None = None,
    person_key: PersonKey | None = None,
) -> Iterator[At]:
    """Every report of the files, or every row of one; rows that cannot be read are refused. Raises
    ``NotGiven`` where a file holds no reports or none is called so, ``InputBroken`` where one ends
    early."""
    feeds = {feed.side: feed for feed in mapping.feeds if feed.source.reports}
    found = False
    for side, given in sort_out(mapping, paths).items():
        if side not in feeds:
            raise NotGiven(f"{given[0]} holds {side}; give a file of {' or '.join(feeds)}")
        for path in given:
            for at in _explain(feeds[side], pack, path, ref, person_key):
                found = True
                yield at
    if ref is not None and not found:
        raise NotGiven(f"no report is called '{ref}' in these files; look at --ref")


def _explain(
    feed: Feed, pack: Pack, path: Path, ref: str | None, person_key: PersonKey | None
) -> Iterator[At]:
    opened = open_rows(path, feed)
    decoder = Decoder(feed, path.name, opened.header, person_key=person_key)
    observer = Observer(pack, feed.source)
    feeds = {feed.source.name: feed.source}
    for number, (line, row) in enumerate(opened.rows):
        if isinstance(row, BadRow):
            read: object = Refused(reason=row.reason, remedy=row.remedy)
        else:
            read = decoder.decode(row, number)
        if isinstance(read, Refused) and ref is None:
            yield At(str(path), line, read)
        elif isinstance(read, IncidentLog | Referral) and ref in (None, read.ref):
            yield At(str(path), line, explained(pack, feeds, observer.report(read)))
