"""Commands through the turn, on either database: once, chained, sealed, told to no topic."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from sqlalchemy import select

from schemas.words import Grade, NotRecordedReason, Verdict
from service.alerts.actors import Actor, ActorRole
from service.alerts.handling import HoldReason
from service.alerts.identity import alert_identity
from service.alerts.mutes import Matchers
from service.delivery.numbers import give_numbers
from service.delivery.topics import waiting_alerts
from service.effects import (
    Acknowledge,
    Answer,
    ApproveHold,
    Asked,
    AskHold,
    Assign,
    CommandGiven,
    Decide,
    EndMute,
    Input,
    LinkRecord,
    MuteAlerts,
    Refusal,
    Reopen,
)
from service.ledger import acts, outputs, trail
from service.ledger.chain import verify
from service.ledger.opening import Ledger
from service.ledger.sealed import Keys, erase_text, open_text, seal_text
from service.ledger.tables import (
    alert_events,
    chain_payloads,
    operator_texts,
    outbox,
    published,
    reports,
)
from service.ledger.worklist import Choice, Filters, queue
from service.turn import Batch, turn
from tests.ledger.dump import dump
from tests.ledger.story import at, heartbeat, record, report, rulebook, tick
from tests.ledger.test_crashes import survives

Fresh = Callable[[], Ledger]
RULES = rulebook()
KEYS = Keys([bytes(range(32))])
CANARY = "quinceberry-lane"


def command(
    asked: Asked,
    when: float,
    ref: str = "R1",
    *,
    role: str = "registrar",
    typed: str = "",
    command_id: str = "",
    expected: int | None = None,
    **fields: str,
) -> CommandGiven:
    """A command of a person, with a comment and other typed fields sealed as the commands do."""
    name = command_id or f"{type(asked).__name__}-{when}"
    filled = {"comment": typed, **fields}
    return CommandGiven(
        force="33",
        command_id=name,
        actor=Actor(id="p-17", roles=(ActorRole(role),), forces=("33",), via="test"),
        known_at=at(when),
        asked=asked,
        ref=ref,
        expected=expected,
        text=seal_text(KEYS, "33", name, filled),
    )


def decided(when: float) -> CommandGiven:
    reason = NotRecordedReason.NOT_NOTIFIABLE
    asked = Decide(reason=reason, told_at=at(20))
    return command(asked, when, rationale=f"because of {CANARY}")


def acted() -> list[list[Input]]:
    """A story with one of everything, batch by batch."""
    mute = MuteAlerts(matchers=Matchers(area="B1", harm=True, grade=Grade.CLEAR), until=at(90))
    return [
        [report("R1", 1), report("R2", 2), record("C9", 3)],
        [heartbeat("log", 22), heartbeat("crimes", 22)],
        [command(Acknowledge(), 22.5, typed=CANARY), command(Assign("desk-1"), 22.6, "R2")],
        [command(mute, 23, "", typed=CANARY, command_id="M1"), command(EndMute("M1"), 23.5, "")],
        [command(AskHold(reason=HoldReason.EXCEPTIONAL, until=at(40)), 24, typed=CANARY)],
        [command(ApproveHold(), 24.5)],
        [heartbeat("log", 30), heartbeat("crimes", 30), tick(41)],
        [decided(42)],
        [command(Reopen(), 43), command(LinkRecord("C9"), 44, "R2")],
        [command(Acknowledge(), 45, expected=0), command(Acknowledge(), 46, role="ops")],
    ]


def batches() -> list[Batch]:
    return [Batch(inputs=tuple(each)) for each in acted()]


def tell(ledger: Ledger, *inputs: Input) -> dict[str, Answer]:
    return turn(ledger, RULES, Batch(inputs=inputs)).answers


def test_every_accepted_command_is_a_row_of_the_chain_and_none_goes_to_a_topic(
    ledger: Ledger,
) -> None:
    answers: dict[str, Answer] = {}
    for batch in batches():
        answers |= turn(ledger, RULES, batch).answers
    accepted = sorted(answer.seq for answer in answers.values() if answer.accepted)
    refused = [str(answer.refused) for answer in answers.values() if not answer.accepted]
    assert sorted(refused) == ["changed_meanwhile", "not_your_role"]
    with ledger.writing() as connection:
        give_numbers(connection)
        chain = connection.execute(select(alert_events)).mappings().all()
        by_people = {row["seq"]: row["type"] for row in chain if row["actor_id"]}
        assert sorted(by_people) == accepted
        assert set(by_people.values()) >= {"acknowledge", "decide", "mute", "end_mute", "reopen"}
        assert {row["actor_id"] for row in chain} == {"", "p-17"}
        waiting = set(connection.scalars(select(outbox.c.seq)))
        assert waiting == {row["seq"] for row in chain} - set(by_people)
        assert set(connection.scalars(select(published.c.seq))) == {row["seq"] for row in chain}
        sent = [json.loads(each.value) for each in waiting_alerts(connection, 0, 999)]
        assert not {message["type"].removeprefix("recount.") for message in sent} & {
            *by_people.values()
        }
        assert len(sent) == len(waiting)
        # Every event names what it rests on, in the chain; codes as systems wrote them go to no topic.
        said = [json.loads(each) for each in connection.scalars(select(chain_payloads.c.payload))]
        assert any(each.get("evidence") for each in said)
        assert all("evidence" not in message["data"] for message in sent)
        proof = verify(connection, "33")
        assert (proof.fault, proof.erased) == (None, 0)
        assert outputs.conservation(connection).holds
    verdicts = {line["ref"]: line["verdict"] for line in lines(ledger)}
    assert verdicts == {"R1": "missed", "R2": "recorded"}


def lines(ledger: Ledger) -> list[dict[str, str]]:
    with ledger.reading() as connection:
        return [json.loads(line) for line in outputs.lines(connection)]


def test_both_a_turn_each_and_one_turn_for_all_end_the_same(ledgers: Fresh) -> None:
    apart, together = ledgers(), ledgers()
    for batch in batches():
        turn(apart, RULES, batch)
    whole = Batch(inputs=tuple(each for batch in batches() for each in batch.inputs))
    turn(together, RULES, whole)
    # What is sealed is sealed under a fresh nonce each time.
    assert dump(apart, "version", "sealed") == dump(together, "version", "sealed")


def test_a_command_given_twice_is_answered_twice_and_done_once(ledger: Ledger) -> None:
    tell(ledger, report("R1", 1), heartbeat("log", 22), heartbeat("crimes", 22))
    first = tell(ledger, command(Acknowledge(), 22.5, typed="seen", command_id="x"))
    before = dump(ledger, "version", "now")
    again = tell(ledger, command(Acknowledge(), 22.5, typed="seen", command_id="x"))
    assert first == again
    assert dump(ledger, "version", "now") == before
    other = tell(ledger, command(Assign("desk-1"), 23, command_id="x"))
    assert other["x"].refused is Refusal.COMMAND_ID_TAKEN
    refused = tell(ledger, command(Reopen(), 23, command_id="y"))
    assert refused == tell(ledger, command(Reopen(), 24, command_id="y"))


def test_two_people_at_once_and_the_second_is_told(ledgers: Fresh) -> None:
    for _ in range(3):
        ledger = ledgers()
        tell(ledger, report("R1", 1), heartbeat("log", 22), heartbeat("crimes", 22))
        given = [command(Assign(f"desk-{n}"), 23, command_id=f"c{n}", expected=0) for n in (1, 2)]
        answers: dict[str, Answer] = {}

        def give(one: CommandGiven, into: dict[str, Answer], on: Ledger) -> None:
            into.update(tell(on, one))

        threads = [Thread(target=give, args=(one, answers, ledger)) for one in given]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [name for name, answer in answers.items() if answer.accepted]
        assert len(won) == 1
        lost = next(answer for answer in answers.values() if not answer.accepted)
        assert (lost.refused, lost.version) == (Refusal.CHANGED_MEANWHILE, 1)
        with ledger.reading() as connection:
            found = outputs.report(connection, "33", "R1")
        assert found is not None
        assert found[0].handling.assigned_to == f"desk-{won[0][1:]}"


def test_killed_anywhere_and_run_again_it_ends_the_same(ledgers: Fresh) -> None:
    survives(ledgers, batches(), kills=10)


def test_what_was_typed_is_nowhere_in_clear_and_opens_with_the_key(ledger: Ledger) -> None:
    for batch in batches():
        turn(ledger, RULES, batch)
    assert CANARY not in repr(dump(ledger))
    assert CANARY.encode() not in repr(dump(ledger)).encode()
    with ledger.writing() as connection:
        held = connection.execute(select(operator_texts.c.seq).order_by(operator_texts.c.seq))
        seqs = list(held.scalars())
        assert len(seqs) == 4
        opened = [open_text(connection, KEYS, "33", seq) for seq in seqs]
        assert opened[0] == {"comment": CANARY}
        assert opened[-1] == {"rationale": f"because of {CANARY}"}
        payloads = "".join(connection.scalars(select(chain_payloads.c.payload)))
        assert '"fields":["rationale"]' in payloads
        assert CANARY not in payloads
        assert erase_text(connection, "33", seqs[0])
        assert not erase_text(connection, "33", seqs[0])
        assert open_text(connection, KEYS, "33", seqs[0]) is None
        assert verify(connection, "33").fault is None


def test_mutes_are_held_with_what_they_match_and_their_end(ledger: Ledger) -> None:
    for batch in batches():
        turn(ledger, RULES, batch)
    with ledger.reading() as connection:
        (mute,) = acts.all_mutes(connection, "33")
    assert mute.matchers == Matchers(area="B1", harm=True, grade=Grade.CLEAR)
    assert (mute.since, mute.until, mute.ended_at) == (at(23), at(90), at(23.5))
    assert not mute.runs(at(24))
    assert mute.runs(at(23.5) - timedelta(minutes=1))


def test_a_mute_is_ended_in_a_later_turn(ledger: Ledger) -> None:
    mute = MuteAlerts(matchers=Matchers(subject="R1"), until=at(90))
    tell(ledger, command(mute, 1, "", typed="x", command_id="M1"))
    assert tell(ledger, command(EndMute("M1"), 2, "", command_id="E1"))["E1"].accepted
    assert tell(ledger, command(EndMute("M1"), 3, "", command_id="E2"))["E2"].refused == "not_now"


def test_the_history_of_a_report_says_who_did_what(ledger: Ledger) -> None:
    for batch in batches():
        turn(ledger, RULES, batch)
    with ledger.reading() as connection:
        steps = trail.of_alerts(connection, "33", (str(alert_identity("33", "R1")),))
        open_now = [each.ref for each in queue(connection, Filters(force="33", choice=Choice.ALL))]
    told = [(step.type, step.actor, step.typed) for step in steps]
    assert told == [
        ("due_soon", "", ()),
        ("acknowledge", "p-17", ("comment",)),
        ("ask_hold", "p-17", ("comment",)),
        ("approve_hold", "p-17", ()),
        ("missed", "", ()),
        ("decide", "p-17", ("rationale",)),
        ("accounted", "", ()),
        ("reopen", "p-17", ()),
        ("log_reopened", "", ()),
        ("missed", "", ()),
    ]
    assert open_now == ["R1"]


def test_canonical_lines_are_untouched_by_commands_that_decide_nothing(ledgers: Fresh) -> None:
    """Acknowledged, assigned, held or muted, the bytes are those of a report nobody touched."""
    quiet, busy = ledgers(), ledgers()
    inputs = acted()
    plain: list[list[Input]] = [
        [each for each in some if not isinstance(each, CommandGiven)] for some in inputs
    ]
    for some in plain[:7]:
        turn(quiet, RULES, Batch(inputs=tuple(some)))
    for some in inputs[:7]:
        turn(busy, RULES, Batch(inputs=tuple(some)))
    held = []
    for ledger in (quiet, busy):
        with ledger.reading() as connection:
            held.append(list(connection.scalars(select(reports.c.line).order_by(reports.c.ref))))
    assert held[0] == held[1]
    assert msgspec.json.decode(held[0][0])["verdict"] == Verdict.MISSED


def test_a_ledger_of_the_first_revision_is_brought_up(tmp_path: Path) -> None:
    from service.ledger.opening import open_ledger
    from service.ledger.upgrading import revision, upgrade

    ledger = open_ledger(f"sqlite:///{tmp_path / 'old.db'}")
    upgrade(ledger.engine, "0001")
    assert not revision(ledger.engine).current
    upgrade(ledger.engine)
    assert tell(ledger, command(Acknowledge(), 1))["Acknowledge-1"].refused == "report_unknown"
    ledger.close()


@pytest.mark.parametrize("role", ["auditor", "ops", "admin"])
def test_who_may_not_changes_nothing(ledger: Ledger, role: str) -> None:
    tell(ledger, report("R1", 1), heartbeat("log", 22), heartbeat("crimes", 22))
    before = dump(ledger, "version", "now")
    assert tell(ledger, command(Acknowledge(), 22, role=role))["Acknowledge-22"].refused
    after = dump(ledger, "version", "now")
    assert {name for name in after if after[name] != before[name]} == {"commands"}
