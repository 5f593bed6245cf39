"""Dead letters: kept sealed, read again once, given up for a reason; counts hold throughout."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from service.hosts.files import read_mapping
from service.ledger import outputs
from service.ledger.letters import DiscardReason, LetterGone, Place, discard, letter_at
from service.ledger.opening import Ledger
from service.ledger.sealed import new_key, read_keys, seal_letter
from service.ledger.tables import dead_letters, reports
from service.ledger.write import DeadLetter
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.kafka.feed import NOW, Event, events
from tests.kafka.site import Site
from tests.timeline import shipped_pack, sources

CANARY = "Zebulon Quagmire"


@pytest.fixture
def keyed(site: Site, tmp_path: Path) -> Site:
    """A site whose dead letters are kept as they came."""
    file = tmp_path / "keys"
    file.write_text(new_key() + "\n", encoding="ascii")
    site.environment["RECOUNT_TEXT_KEY_FILE"] = str(file)
    return site


def native() -> Rulebook:
    """What reads native contracts."""
    read = {feed.source.name: feed.source for feed in read_mapping("native").feeds}
    return Rulebook(shipped_pack("umd"), read)


def counted(ledger: Ledger, source: str) -> dict[str, int]:
    with ledger.reading() as connection:
        assert outputs.conservation(connection).holds
        return outputs.taken_in(connection)[source]


def test_what_a_better_mapping_can_read_is_applied_once_and_counted_anew(
    keyed: Site, ledger: Ledger
) -> None:
    """A worker with too strict a view of its topic, put right later."""
    told = [event for event in events(300) if event.side == "log"][:3]
    broken = Event("log", told[0].force, f"{CANARY} {{".encode(), told[0].at)
    crime = next(event for event in events(300) if event.side == "crimes")
    keyed.produce([*told, broken, crime._replace(side="log")])  # a record on the topic of logs
    worker = keyed.start(RECOUNT_UNREADABLE_SHARE_MAX="1")
    keyed.await_applied(ledger, 5, worker)
    assert worker.stop() == 0
    assert CANARY not in worker.log.read_text(encoding="utf-8")
    before = counted(ledger, "native/incidents")
    assert (before["read"], before["dead"]) == (5, 2)

    listed = json.loads(keyed.run("dead-letters", "list", "--json").out)
    assert len(listed) == 2
    assert all(each["sealed"] for each in listed)
    assert CANARY not in json.dumps(listed)
    words = next(each["place"] for each in listed if each["reason"] == "not_json")
    shown = keyed.run("dead-letters", "show", words, "--value")
    assert shown.out.startswith(CANARY)  # by whoever holds the keys
    assert keyed.run("dead-letters", "show", words, "--value", RECOUNT_TEXT_KEY_FILE="").code == 2
    with ledger.reading() as connection:
        assert CANARY.encode() not in b"".join(
            bytes(raw) for raw in connection.scalars(select(dead_letters.c.raw_encrypted))
        )

    # Read as logs both stay dead, and say so; nothing is counted twice.
    again = keyed.run("dead-letters", "replay", "--all", "--json")
    assert again.code == 1
    assert {each["became"] for each in json.loads(again.out)} == {"still_dead"}
    assert counted(ledger, "native/incidents") == before
    gone = keyed.run("dead-letters", "discard", words, "--reason", "test_data")
    assert gone.code == 0, gone.err
    assert keyed.run("dead-letters", "discard", words, "--reason", "test_data").code == 2
    assert keyed.run("dead-letters", "show", words, "--value").code == 2  # its value went
    held = json.loads(keyed.run("dead-letters", "show", words, "--json").out)
    assert (held["status"], held["discarded_for"]) == ("discarded", "test_data")


@pytest.mark.parametrize("topic_id", ["some-topic-id", "http:log:33", "log:/in/logs.csv"])
def test_a_letter_of_a_topic_of_http_or_of_a_file_is_replayed_once(
    keyed: Site, ledger: Ledger, topic_id: str
) -> None:
    line = next(e.value for e in events(300) if e.side == "log" and e.force == "03")
    assert line is not None
    keys = read_keys(Path(keyed.environment["RECOUNT_TEXT_KEY_FILE"]))
    letter = DeadLetter(
        source="native/incidents",
        topic_id=topic_id,
        partition=0,
        position=7,
        digest="d",
        reason="unknown_version",
        force="03",
        known_at=NOW,
        raw_encrypted=seal_letter(keys, topic_id, 0, 7, line),
    )
    turn(ledger, native(), Batch(dead=(letter,)))
    place = f"{topic_id}/0/7"
    done = keyed.run("dead-letters", "replay", place, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["became"] == "applied"
    again = keyed.run("dead-letters", "replay", place, "--json")
    assert json.loads(again.out)[0]["became"] == "gone"
    with ledger.reading() as connection:
        assert len(connection.scalars(select(reports.c.ref)).all()) == 1
    now = counted(ledger, "native/incidents")
    assert (now["read"], now["applied"], now["dead"]) == (1, 1, 0)
    assert json.loads(keyed.run("dead-letters", "list", "--json").out)[0]["status"] == "replayed"


def test_a_letter_taken_twice_changes_nothing_the_second_time(ledger: Ledger) -> None:
    rulebook = Rulebook(shipped_pack("umd"), sources())
    at = {"partition": 0, "position": 1, "digest": "d", "reason": "not_json", "known_at": NOW}
    turn(ledger, rulebook, Batch(dead=(DeadLetter(source="log", topic_id="t", **at),)))  # type: ignore[arg-type]
    place = Place("t", 0, 1)
    turn(ledger, rulebook, Batch(revived=(place,)))
    with pytest.raises(LetterGone):
        turn(ledger, rulebook, Batch(revived=(place,)))
    with pytest.raises(LetterGone), ledger.writing() as connection:
        discard(connection, place, DiscardReason.NOT_OURS)
    with ledger.reading() as connection:
        assert letter_at(connection, place)[0].status == "replayed"
    assert counted(ledger, "log")["dead"] == 0
