"""``recount alerts`` over a ledger, as people type it."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from service.effects import RecordSeen, ReportSeen
from service.hosts.acting import rulebook
from service.ledger.opening import Ledger, open_ledger
from service.ledger.sealed import new_key, open_text, read_keys
from service.ledger.upgrading import upgrade
from service.settings import read_settings
from service.turn import Batch, turn
from tests.hosts.command import recount
from tests.ledger.story import at, heartbeat, record, report

CANARY = "quinceberry-lane"
ME = ("--as", "p-17", "--role", "registrar")
NOW = ("--until", "2999-01-01T00:00+00:00")
"""The stories of these tests lie in 2024; commands are given by today's clock."""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """R1 missed, R2 recorded, C9 linked to nobody."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    made = open_ledger(url)
    upgrade(made.engine)
    log, crimes = "native/incidents", "native/records"
    code: dict[str, Any] = {"code": "assault"}
    inputs = (
        from_source(record("C0", -10), crimes),
        from_source(report("R1", 1, **code), log),
        from_source(report("R2", 2, crime_refs=("C2",), **code), log),
        from_source(record("C2", 3, code="008/06"), crimes),
        from_source(record("C9", 3), crimes),
        heartbeat(log, 30),
        heartbeat(crimes, 30),
    )
    settings = read_settings()
    turn(made, rulebook(settings, "", ()), Batch(inputs=inputs))
    (tmp_path / "keys").write_text(new_key())
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("RECOUNT_TEXT_KEY_FILE", str(tmp_path / "keys"))
    yield made
    made.close()


Seen = TypeVar("Seen", ReportSeen, RecordSeen)


def from_source(seen: Seen, name: str) -> Seen:
    """The same, brought by another source."""
    return replace(seen, facts=replace(seen.facts, source=name))


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_open_reports_are_listed_and_filtered(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recount("alerts", "list") == 0
    shown = capsys.readouterr().out
    assert "R1" in shown
    assert "R2" not in shown
    assert "missed" in shown
    assert "nobody" in shown
    for options, found in [
        (["--force", "33", "--nobody", "--due-within", "4"], ["R1"]),
        (["--state", "missed"], ["R1"]),
        (["--force", "34"], []),
        (["--state", "acknowledged"], []),
        (["--harm"], []),
    ]:
        assert recount("alerts", "list", "--json", *options) == 0
        assert [row["ref"] for row in told(capsys)["reports"]] == found
    assert recount("alerts", "list", "--json", "--limit", "1") == 0
    shortened = told(capsys)
    assert (shortened["open"], len(shortened["reports"])) == (1, 1)
    assert recount("alerts", "acknowledge", "33", "R1", *ME) == 0
    capsys.readouterr()
    assert recount("alerts", "list", "--json", "--nobody") == 0
    assert told(capsys) == {"open": 0, "reports": []}


def test_a_command_is_given_answered_and_shown(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert recount("alerts", "acknowledge", "33", "R1", *ME, "--comment", CANARY) == 0
    assert "done: no. 3 in the chain of 33" in capsys.readouterr().out
    assert recount("alerts", "show", "33", "R1", "--json") == 0
    shown = told(capsys)
    assert shown["stage"] == "acknowledged"
    assert shown["handling"]["acknowledged_by"] == "p-17"
    assert [step["what"] for step in shown["history"]] == ["due_soon", "missed", "acknowledge"]
    assert shown["history"][2]["typed"] == ["comment"]
    assert recount("alerts", "show", "33", "R1") == 0
    assert CANARY not in capsys.readouterr().out + json.dumps(shown)
    with ledger.reading() as connection:
        keys = read_keys(tmp_path / "keys")
        assert open_text(connection, keys, "33", 3) == {"comment": CANARY}
    assert recount("alerts", "show", "33", "R9") == 1
    assert "not known" in capsys.readouterr().err


def test_a_refused_command_says_what_it_lacks_and_ends_with_one(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    decide = ("alerts", "decide", "33", "R1", "balance_not_met", *ME)
    assert recount(*decide, "--told-at", at(20).isoformat()) == 1
    assert "Something is missing: a rationale" in capsys.readouterr().err
    given = (*decide, "--told-at", at(20).isoformat(), "--rationale", CANARY)
    assert recount(*given, "--json", "--command-id", "c-1", "--expected", "0") == 0
    first = told(capsys)
    assert first == {
        "command_id": "c-1",
        "accepted": True,
        "seq": 3,
        "refused": None,
        "lacks": [],
        "see": "",
        "version": 1,
    }
    assert recount(*given, "--json", "--command-id", "c-1", "--expected", "0") == 0
    assert told(capsys) == first
    assert recount("alerts", "acknowledge", "33", "R1", *ME, "--expected", "0") == 1
    assert "Somebody else acted first" in capsys.readouterr().err
    assert recount("alerts", "reopen", "33", "R1", *ME) == 0
    ops = ("--as", "p-1", "--role", "ops")
    assert recount("alerts", "acknowledge", "33", "R1", *ops) == 1
    assert "Your role does not do this" in capsys.readouterr().err


def test_records_are_linked_matches_refused_holds_asked_and_mutes_made(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in [
        ("match", "33", "R1", "C9", "--refuse"),
        ("link", "33", "R1", "C9"),
        ("link", "33", "R1", "C9", "--undo"),
        ("assign", "33", "R1", "bureau-2"),
        ("hold", "33", "R1", "--ask", "victim_unfit", *NOW, "--comment", "x"),
        ("hold", "33", "R1", "--refuse"),
        (
            "mute",
            "33",
            "--category",
            "any_crime",
            "--harm",
            *NOW,
            "--comment",
            "x",
            "--command-id",
            "M1",
        ),
        ("mute", "33", "--end", "M1"),
    ]:
        assert recount("alerts", *given, *ME) == 0, capsys.readouterr().err
    assert recount("alerts", "cancellation", "33", "R2", "C2", "--query", *ME) == 1
    assert "This record is not cancelled" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO(CANARY))
    assert recount("alerts", "acknowledge", "33", "R1", "--comment", "-", *ME) == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("match", "33", "R1", "C9"), "give one of --confirm, --refuse"),
        (("hold", "33", "R1", "--ask", "victim_unfit"), "--ask goes with --until"),
        (("mute", "33"), "a mute goes with --until"),
        (("mute", "33", "--until", "tomorrow"), "--until 'tomorrow' is no time"),
        (("mute", "33", "--until", "2024-01-16T10:00"), "has no offset"),
        (("acknowledge", "33", "R1", "--comment", "x" * 4001), "--comment: 4,001 characters"),
        (("acknowledge", "33", "R1", "--command-id", "a b"), "--command-id: a command's id is"),
        (("acknowledge", "33", "R1", "--as", f"{CANARY} 2"), "--as takes one word"),
    ],
)
def test_what_is_given_wrongly_is_told_and_ends_with_two(
    ledger: Ledger,
    capsys: pytest.CaptureFixture[str],
    given: tuple[str, ...],
    told: str,
) -> None:
    assert recount("alerts", given[0], *ME, *given[1:]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert CANARY not in said


def test_without_a_key_nothing_can_be_typed(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECOUNT_TEXT_KEY_FILE")
    assert recount("alerts", "acknowledge", "33", "R1", *ME, "--comment", CANARY) == 2
    said = capsys.readouterr().err
    assert "set RECOUNT_TEXT_KEY_FILE" in said
    assert CANARY not in said
    assert recount("alerts", "acknowledge", "33", "R1", *ME) == 0


def test_other_rules_than_the_ledgers_are_refused(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    umd = ("alerts", "--source", "umd", "acknowledge", "33", "R1", *ME)
    assert recount(*umd) == 2
    assert "fed by native/incidents, native/records, which" in capsys.readouterr().err
    assert recount("alerts", "--rules", "umd", "acknowledge", "33", "R1", *ME) == 2
    assert "was decided by another rule pack" in capsys.readouterr().err
    assert recount("alerts", "--source", "native/nobody", "reopen", "33", "R1", *ME) == 2
    assert "there is no 'native/nobody'" in capsys.readouterr().err


def test_keys_are_changed_and_what_was_typed_still_opens(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert recount("alerts", "acknowledge", "33", "R1", *ME, "--comment", CANARY) == 0
    old = (tmp_path / "keys").read_text()
    (tmp_path / "keys").write_text(new_key())
    assert recount("db", "reseal") == 1
    assert "which is not in the key file; nothing was changed" in capsys.readouterr().err
    fresh = new_key()
    (tmp_path / "keys").write_text(f"{fresh}\n{old}\n")
    assert recount("db", "reseal") == 0
    assert "1 sealed anew under key" in capsys.readouterr().out
    (tmp_path / "keys").write_text(fresh)
    with ledger.reading() as connection:
        opened = open_text(connection, read_keys(tmp_path / "keys"), "33", 3)
    assert opened == {"comment": CANARY}
