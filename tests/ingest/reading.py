"""A mapping and a few rows, written in the test, to what the decoder makes of them."""

import csv
import json
from textwrap import dedent, indent
from typing import Any

from schemas.feeds import Heartbeat
from service.ingest.decode import Contract, Decoder, Refused
from service.ingest.mapping import Feed, SourceMapping, parse_mapping
from service.ingest.people import PersonKey

KEY = PersonKey("k1", b"a secret of no meaning at all, 32+")


def log(fields: str = "", below: str = "", top: str = "zone: Europe/London") -> str:
    """A mapping of incidents: further fields, keys beside them, keys on top."""
    return _side("incidents", f"ref: id, received_at: at, {fields}", below, top)


def records(fields: str = "", below: str = "", top: str = "zone: Europe/London") -> str:
    """A mapping of records."""
    kind = "" if "kind:" in fields else "kind: {constant: crime}, "
    return _side("records", f"ref: id, recorded_at: at, {kind}{fields}", below, top)


def _side(side: str, fields: str, below: str, top: str) -> str:
    under = indent(dedent(below).strip(), "  ")
    return (
        f"name: my\nforce: '33'\n{dedent(top).strip()}\n{side}:\n  fields: {{{fields}}}\n{under}\n"
    )


Read = Contract | Heartbeat | Refused | None


def mapped(text: str, **beside: str) -> SourceMapping:
    """A mapping from its text, with the files beside it by name (``codes`` is codes.csv)."""

    def include(name: str) -> str:
        return beside[name.removesuffix(".csv")]

    return parse_mapping(text, "my.yaml", include)


def feed_of(mapping: SourceMapping, side: str | None = None) -> Feed:
    """One side of a mapping; the only one where none is named."""
    (feed,) = [each for each in mapping.feeds if side in (None, each.side)]
    return feed


def read(
    mapping: str | SourceMapping,
    rows: str | list[dict[str, Any]],
    side: str | None = None,
    file_name: str = "log.csv",
    **beside: str,
) -> list[Read]:
    """Every row decoded: CSV text with a header row (where the mapping names no columns), or objects."""
    whole = mapped(mapping, **beside) if isinstance(mapping, str) else mapping
    feed = feed_of(whole, side)
    given: list[Any]
    if isinstance(rows, str):
        lines = list(csv.reader(dedent(rows).strip().splitlines()))
        header = feed.written.header or tuple(lines.pop(0))
        given, decoder = lines, Decoder(feed, file_name, header, person_key=KEY)
    else:
        given = [json.dumps(row).encode() for row in rows]
        decoder = Decoder(feed, file_name, None, person_key=KEY)
    return [decoder.decode(row, number) for number, row in enumerate(given)]


def one(mapping: str, rows: str | list[dict[str, Any]], **more: Any) -> Any:
    """The only row's contract, for tests that look into it."""
    (found,) = read(mapping, rows, **more)
    assert not isinstance(found, Refused), found
    return found


def refused(mapping: str, rows: str | list[dict[str, Any]], **more: Any) -> Refused:
    """The only row's refusal."""
    (found,) = read(mapping, rows, **more)
    assert isinstance(found, Refused), found
    return found
