"""A mapping in plain words: where every value comes from and how far its sources may be believed."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from service.ingest.coverage import is_declared
from service.ingest.mapping import Feed, SourceMapping
from service.ingest.source import Blank, Combine, Source
from service.ingest.written import Condition, Expression, MappingWritten

Line = tuple[str, str]
"""What is spoken of, and what is said of it."""


def explain(mapping: SourceMapping) -> list[tuple[str, list[Line]]]:
    """Parts of the explanation, each with its title and its lines."""
    written = mapping.feeds[0].mapping
    parts = [(f"{mapping.name}: {mapping.title or 'no title'}", list(_whole(written)))]
    sides = [
        (f"{each.side} (source {each.source.name})", list(_side(each))) for each in mapping.feeds
    ]
    return parts + sides


def _whole(written: MappingWritten) -> Iterator[Line]:
    yield "force", written.force or "as each row says"
    yield "times", f"{', '.join(written.formats)}, local to {written.zone}"
    yield (
        "clock changes",
        f"an hour that happens twice: {written.ambiguous}; one that does not happen: "
        f"{written.nonexistent}",
    )
    if written.blank:
        yield "means nothing", ", ".join(written.blank)
    if written.fold_case:
        yield "case", "all text is read in capitals"
    if written.drop:
        yield "never read", ", ".join(written.drop)
    yield "limit", written.limit or "the rule pack's"
    if written.coordinates.system != "wgs84" or written.coordinates.within:
        yield "coordinates", f"{written.coordinates.system}, within {written.coordinates.within}"


def _side(feed: Feed) -> Iterator[Line]:
    written = feed.written
    kind = "contracts, one JSON object a line" if written.native else written.format.upper()
    if written.format == "csv" and not written.native:
        kind = f"CSV separated by {written.delimiter!r}, {written.encoding}"
    yield "file", kind if feed.files == feed.side else f"that of {feed.files}, read once more"
    order = "in order of arrival" if feed.ordered else "in any order; sorted on disk first"
    yield "rows", order
    if written.where:
        yield "only where", " and ".join(_condition(each) for each in written.where)
    for name, given in feed.fields.items():
        yield name, _value(given)
    for person in written.people:
        yield person.role, f"keyed hash of {_value(list(person.identity))}"
    if written.officer:
        yield "officer", f"keyed hash of {_value(list(written.officer))}"
    for entry in written.narrative:
        yield "narrative", f"{_value(entry.text)}, read for its terms and let go"
    for link in written.linked_logs:
        yield "linked log", f"{_value(link.ref)} is {link.relation}"
    yield from _versions(feed)
    yield from _codes(feed.source)
    yield "covers", coverage(feed)
    yield from _belief(feed.source)


def _versions(feed: Feed) -> Iterator[Line]:
    version, unique = feed.written.version, feed.written.unique
    if version == "file_order":
        yield "several rows of a ref", "the last row stands"
    elif version == "first_row":
        yield "several rows of a ref", "the first row stands"
    elif version is not None:
        yield "several rows of a ref", f"the highest {version} stands"
    elif unique:
        yield "several rows of a ref", f"one each, told apart by {', '.join(unique)}"


_BLANK = {
    Blank.NO_CRIME: "an empty one says no crime",
    Blank.UNKNOWN: "an empty one is unknown",
    Blank.NEXT: "an empty one leaves the answer to the next",
}


def _codes(source: Source) -> Iterator[Line]:
    if source.code_map is None:
        if source.reports:
            yield "codes", "what they show is for the rule pack to say"
        return
    for column in source.code_map.columns:
        counts = Counter(column.indicates.values())
        said = ", ".join(f"{n} say {word}" for word, n in sorted(counts.items()))
        yield f"{column.slot} codes", f"{said}; {_BLANK[column.blank]}; one not listed is unknown"
    if source.code_map.combine is Combine.FIRST_NOT_BLANK:
        order = ", then ".join(column.slot for column in source.code_map.columns)
        yield "codes decide", f"the first that is not empty: {order}"
    else:
        yield "codes decide", "any that says yes shows a crime"


def _belief(source: Source) -> Iterator[Line]:
    if source.lateness:
        yield "lateness", f"rows may come {hours(source.lateness)} out of order"
    if source.believable_silence:
        yield "silence", f"counts as stopped after {hours(source.believable_silence)}"
    if source.idle_advance:
        yield "idle", "read to its end it moves with the clock; such misses rest on silence"
    yield "match levels", ", ".join(source.levels)


def coverage(feed: Feed) -> str:
    """What a feed's mapping declares of its coverage."""
    source = feed.source
    since = "the first time seen" if source.covers_from is None else at(source.covers_from)
    if source.covers_until is not None:
        until = at(source.covers_until)
    elif feed.complete_to is not None:
        until = f"the newest {_value(feed.complete_to.at)}"
        if feed.complete_to.minus:
            until += f" less {hours(feed.complete_to.minus)}"
    else:
        until = "the last time seen"
    declared = "" if is_declared(feed) or feed.written.native else " (its end is not declared)"
    return f"{since} to {until}, cut by the time {source.cut_by.value}{declared}"


def at(instant: datetime) -> str:
    """An instant as people read it."""
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def hours(span: timedelta) -> str:
    """A duration as people read it."""
    whole = span / timedelta(hours=1)
    return f"{whole:g} h" if whole < 72 else f"{whole / 24:g} days"


def _condition(given: Condition) -> str:
    said = []
    if given.equals is not None:
        said.append(f"is {given.equals}")
    if given.not_equals is not None:
        said.append(f"is not {given.not_equals}")
    if given.among:
        said.append(f"is one of {', '.join(given.among)}")
    if given.not_among:
        said.append(f"is none of {', '.join(given.not_among)}")
    if given.matches is not None:
        said.append(f"matches {given.matches}")
    if given.blank is not None:
        said.append("is empty" if given.blank else "is not empty")
    return f"{given.column} {' and '.join(said)}"


def _value(given: Any) -> str:
    if isinstance(given, list | tuple):
        return " and ".join(_value(each) for each in given)
    assert isinstance(given, Expression)
    said = _from(given)
    if given.pattern:
        said += f", the part {given.pattern}"
    if given.values is not None:
        said += f", translated ({len(given.values)} words)"
    if given.split:
        said += f", split at {given.split!r}"
    if given.formats:
        said += f", written {' or '.join(given.formats)}"
    if given.zone:
        said += f", local to {given.zone}"
    return said


def _from(given: Expression) -> str:
    if given.constant is not None:
        return f"always {given.constant}"
    if given.file_name:
        return "the file's name"
    if given.join:
        return f"columns {' + '.join(given.join)}"
    if given.first_of:
        return "the first that is not empty of " + ", ".join(
            _value(each) for each in given.first_of
        )
    return f"column {given.column}"
