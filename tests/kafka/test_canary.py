"""A name and a phrase go in through every field of every input, and come out nowhere (G9)."""

import json
from typing import Any

from sqlalchemy import select

from service.ledger.opening import Ledger
from service.ledger.tables import metadata
from tests.kafka.feed import Event, events
from tests.kafka.site import Site
from tests.kafka.test_health import address
from tests.kafka.test_relay import read
from tests.operations.test_health import asked

NAME, PHRASE = "Zephyrine Quillfeather", "the marmalade heron"
IDENTIFIERS = {"force", "kind", "ref"}
"""What a report is called by is repeated wherever it is spoken of: that a site's own systems put no name
into a reference is for the site to see to."""
CODES = {"opening_codes", "closing_codes", "offence_code"}
"""Kept as written, so that a code map that learns them can decide again; shown to people as codes."""


def poisoned(event: Event) -> list[bytes]:
    """The event with canaries in its free text; then, one by one, in place of each of its values."""
    assert event.value is not None
    held = json.loads(event.value)
    told = f"{NAME} said: {PHRASE}; windscreen smashed"
    sound = dict(held, place={"text": told}, note=told) | _narrated(held, told)
    if event.side == "crimes":
        sound = dict(held, mo_text=told, place={"text": told})
    broken = [{**held, field: NAME} for field in held if field not in IDENTIFIERS | CODES]
    made = [sound, *broken, {**held, "kind": NAME}]
    return [
        *(json.dumps(each).encode() for each in made),
        PHRASE.encode(),
        b'{"text": "' + NAME.encode(),
    ]


def _narrated(held: dict[str, Any], told: str) -> dict[str, Any]:
    entries = held.get("narrative")
    return {"narrative": [{**each, "text": told} for each in entries]} if entries else {}


def test_names_and_phrases_come_out_nowhere(site: Site, ledger: Ledger) -> None:
    every = events(60)
    firsts = [next(e for e in every if e.side == side) for side in ("log", "crimes", "referrals")]
    told = [event._replace(value=value) for event in firsts for value in poisoned(event)]
    site.produce(told)
    site.environment["RECOUNT_UNREADABLE_SHARE_MAX"] = "1"
    worker = site.start()
    site.await_applied(ledger, len(told), worker)
    site.await_ticked(ledger, worker)
    scraped = asked(f"{address(worker)}/metrics")[1] + asked(f"{address(worker)}/readyz")[1]
    assert worker.stop() == 0
    assert site.run("relay", "--once").code == 0
    alerts = read(site, site.environment["RECOUNT_ALERTS_TOPIC"])
    letters = read(site, site.environment["RECOUNT_DEAD_LETTERS_TOPIC"])
    assert len(letters) > 20
    with ledger.reading() as connection:
        rows = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
    log = worker.log.read_text(encoding="utf-8")
    assert log.count('"dead_letter"') > 20
    out = {
        "log": log,
        "metrics": scraped,
        "alerts": repr([(each.key, each.value, each.headers) for each in alerts]),
        "dead letters": repr([(each.key, each.value, each.headers) for each in letters]),
        "ledger": repr(rows),
    }
    words = {*NAME.split(), PHRASE, *PHRASE.split()[1:]}
    found = {(where, word) for where, text in out.items() for word in words if word in text}
    assert not found
