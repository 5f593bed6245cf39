"""The log of who looked, and sessions at rest, on either database."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from service.ledger.consulted import (
    Consulted,
    Look,
    Purpose,
    read_consulted,
    write_consulted,
)
from service.ledger.opening import Ledger
from service.ledger.sessions import Held, find, keep, see, take

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def look(n: int, **changed: object) -> Consulted:
    made = Consulted(
        at=NOW + timedelta(seconds=n),
        force="33",
        ref=f"r{n}",
        view="report",
        actor_id="a",
        roles=("registrar", "supervisor"),
        via="page",
        purpose=Purpose.ASSURANCE,
    )
    return replace(made, **changed)


def test_looks_come_back_as_written_the_newest_first(ledger: Ledger) -> None:
    looks = [
        look(1),
        look(2, look=Look.DISCLOSURE, recipient="receiver-7"),
        look(3, allowed=False, purpose=None),
    ]
    with ledger.writing() as connection:
        write_consulted(connection, looks)
    with ledger.reading() as connection:
        found = read_consulted(connection, forces=None)
    assert [replace(each, id="") for each in found] == looks[::-1]


def test_looks_are_read_by_force_report_and_person_page_by_page(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        write_consulted(connection, [look(0, ref="same") for _ in range(7)])
        write_consulted(connection, [look(9, force="44", actor_id="b"), look(8, actor_id="b")])
    with ledger.reading() as connection:
        assert len(read_consulted(connection, forces=frozenset({"33"}))) == 8
        assert [each.force for each in read_consulted(connection, forces=frozenset({"44"}))] == [
            "44"
        ]
        assert read_consulted(connection, forces=frozenset()) == []
        assert len(read_consulted(connection, forces=None, actor_id="b")) == 2
        assert len(read_consulted(connection, forces=None, ref="same")) == 7
        paged: list[Consulted] = []
        last: Consulted | None = None
        while page := read_consulted(connection, forces=None, before=last, limit=2):
            paged, last = [*paged, *page], page[-1]
        assert paged == read_consulted(connection, forces=None)
        assert len({each.id for each in paged}) == 9


def test_a_session_is_found_seen_and_taken_once(ledger: Ledger) -> None:
    held = Held(
        kind="link", state="{}", begun_at=NOW, seen_at=NOW, ends_at=NOW + timedelta(minutes=1)
    )
    with ledger.writing() as connection:
        keep(connection, "k", held)
        see(connection, "k", NOW + timedelta(seconds=5))
        assert find(connection, "k", "signed_in") is None
        assert find(connection, "k", "link") == replace(held, seen_at=NOW + timedelta(seconds=5))
        assert take(connection, "k", "signed_in") is None
        assert take(connection, "k", "link") is not None
        assert take(connection, "k", "link") is None


def test_keeping_one_lets_go_of_those_that_have_ended(ledger: Ledger) -> None:
    ends = NOW + timedelta(minutes=1)
    held = Held(kind="link", state="{}", begun_at=NOW, seen_at=NOW, ends_at=ends)
    with ledger.writing() as connection:
        keep(connection, "old", held)
        keep(connection, "new", replace(held, begun_at=ends, ends_at=ends + timedelta(minutes=1)))
        assert find(connection, "old", "link") is None
        assert find(connection, "new", "link") is not None
